/* bench-notes.h: the notes that benchmarks write, and raw SQLite to write them with
 *
 * The raw side is what a program would write by hand: prepared statements, and the settings that a store has.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>

G_BEGIN_DECLS

#define BENCH_NOTES_SCHEMA \
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT, folder TEXT, modified INTEGER, starred INTEGER)"

typedef struct
{
  const char *key;
  char        title[32];
  const char *body;          /* 200 bytes */
  char        folder[16];
  gint64      modified;
  gboolean    starred;
} BenchNote;

/* The same row for the same number */
void          bench_note_fill       (BenchNote    *note,
                                     guint         number);
/* What its title becomes */
void          bench_note_set_title  (BenchNote    *note,
                                     guint         version);
/* As the values of a row, `a{sv}`, floating; the second is its title alone */
GVariant     *bench_note_to_variant (const BenchNote *note);
GVariant     *bench_note_title_to_variant (const BenchNote *note);
/* As the parameters of BENCH_INSERT and BENCH_UPDATE, a tuple, floating */
GVariant     *bench_note_to_tuple   (const BenchNote *note);
GVariant     *bench_note_title_to_tuple (const BenchNote *note);

#define BENCH_INSERT "INSERT INTO note VALUES (?, ?, ?, ?, ?, ?)"
#define BENCH_UPDATE "UPDATE note SET title = ? WHERE key = ?"

typedef struct
{
  sqlite3      *db;
  sqlite3_stmt *begin;
  sqlite3_stmt *commit;
  sqlite3_stmt *insert;
  sqlite3_stmt *update;
} BenchRaw;

/* Makes a database with the table of notes. */
BenchRaw     *bench_raw_open        (const char   *path);
/* One that has its table already. */
BenchRaw     *bench_raw_open_existing (const char *path);
void          bench_raw_close       (BenchRaw     *self);
sqlite3_stmt *bench_raw_prepare     (BenchRaw     *self,
                                     const char   *sql);
void          bench_raw_execute     (BenchRaw     *self,
                                     const char   *sql);
void          bench_raw_begin       (BenchRaw     *self);
void          bench_raw_commit      (BenchRaw     *self);
void          bench_raw_insert      (BenchRaw     *self,
                                     const BenchNote *note);
void          bench_raw_set_title   (BenchRaw     *self,
                                     const BenchNote *note);
/* The same from tuples, which are sunk */
void          bench_raw_insert_tuple (BenchRaw    *self,
                                     GVariant     *tuple);
void          bench_raw_update_tuple (BenchRaw    *self,
                                     GVariant     *tuple);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchRaw, bench_raw_close)

G_END_DECLS
