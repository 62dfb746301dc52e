/* bench-notes.c: the notes that benchmarks write, and raw SQLite to write them with
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "bench-notes.h"

#include <string.h>

#define N_BODIES 1024
#define BODY_SIZE 200

/* -- Notes -------------------------------------------------------------------------------------------------------- */

/* Keys as UUIDv7s are: in the order in which they were made, ten a millisecond. */
static const char *
get_key (guint number)
{
  static GPtrArray *keys;

  if (keys == NULL)
    keys = g_ptr_array_new ();
  while (keys->len <= number)
    {
      guint n = keys->len;
      guint64 milliseconds = G_GUINT64_CONSTANT (1700000000000) + n / 10;
      guint32 mixed = n * 2654435761u;

      g_ptr_array_add (keys, g_strdup_printf ("%08x-%04x-7%03x-%04x-%04x%08x", (guint32) (milliseconds >> 16),
                                              (guint32) (milliseconds & 0xffff), (n % 10) << 8 | (mixed & 0xff),
                                              0x8000 | (mixed >> 18), mixed >> 16, mixed ^ 0x5bd1e995));
    }
  return g_ptr_array_index (keys, number);
}

static const char *
get_body (guint number)
{
  static const char * const words[] = {
    "harbour", "lamp", "meadow", "quiet", "river", "seven", "stone", "winter", "yellow", "almost"
  };
  static char *bodies[N_BODIES];
  guint n = number % N_BODIES;

  if (bodies[n] == NULL)
    {
      g_autoptr(GString) body = g_string_new (NULL);

      for (guint32 mixed = n; body->len < BODY_SIZE; mixed = mixed * 1664525u + 1013904223u)
        g_string_append_printf (body, "%s ", words[(mixed >> 16) % G_N_ELEMENTS (words)]);
      g_string_truncate (body, BODY_SIZE);
      bodies[n] = g_string_free (g_steal_pointer (&body), FALSE);
    }
  return bodies[n];
}

void
bench_note_fill (BenchNote *note,
                 guint      number)
{
  note->key = get_key (number);
  g_snprintf (note->title, sizeof note->title, "Note number %u", number);
  note->body = get_body (number);
  g_snprintf (note->folder, sizeof note->folder, "f%u", number % 10);
  note->modified = G_GINT64_CONSTANT (1700000000000) + (number * 2654435761u) % 100000000u;
  note->starred = number % 2;
}

void
bench_note_set_title (BenchNote *note,
                      guint      version)
{
  g_snprintf (note->title, sizeof note->title, "Changed title %u", version);
}

static GVariant *
new_entry (const char *name,
           GVariant   *value)
{
  return g_variant_new_dict_entry (g_variant_new_string (name), g_variant_new_variant (value));
}

/* As an app in a hurry does it: g_variant_builder_add() would take three times as long. */
GVariant *
bench_note_to_variant (const BenchNote *note)
{
  GVariant *entries[] = {
    new_entry ("key", g_variant_new_string (note->key)),
    new_entry ("title", g_variant_new_string (note->title)),
    new_entry ("body", g_variant_new_string (note->body)),
    new_entry ("folder", g_variant_new_string (note->folder)),
    new_entry ("modified", g_variant_new_int64 (note->modified)),
    new_entry ("starred", g_variant_new_boolean (note->starred)),
  };

  return g_variant_new_array (NULL, entries, G_N_ELEMENTS (entries));
}

GVariant *
bench_note_title_to_variant (const BenchNote *note)
{
  GVariant *entry = new_entry ("title", g_variant_new_string (note->title));

  return g_variant_new_array (NULL, &entry, 1);
}

GVariant *
bench_note_to_tuple (const BenchNote *note)
{
  GVariant *values[] = {
    g_variant_new_string (note->key), g_variant_new_string (note->title), g_variant_new_string (note->body),
    g_variant_new_string (note->folder), g_variant_new_int64 (note->modified), g_variant_new_boolean (note->starred),
  };

  return g_variant_new_tuple (values, G_N_ELEMENTS (values));
}

GVariant *
bench_note_title_to_tuple (const BenchNote *note)
{
  GVariant *values[] = { g_variant_new_string (note->title), g_variant_new_string (note->key) };

  return g_variant_new_tuple (values, G_N_ELEMENTS (values));
}

/* -- Raw SQLite --------------------------------------------------------------------------------------------------- */

static void
fail (BenchRaw *self)
{
  g_error ("%s", sqlite3_errmsg (self->db));
}

void
bench_raw_execute (BenchRaw   *self,
                   const char *sql)
{
  if (sqlite3_exec (self->db, sql, NULL, NULL, NULL) != SQLITE_OK)
    fail (self);
}

sqlite3_stmt *
bench_raw_prepare (BenchRaw   *self,
                   const char *sql)
{
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
    fail (self);
  return statement;
}

static BenchRaw *
open_raw (const char *path,
          const char *schema)
{
  BenchRaw *self = g_new0 (BenchRaw, 1);

  if (sqlite3_open_v2 (path, &self->db, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
      SQLITE_OK)
    fail (self);
  bench_raw_execute (self,
                     "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA journal_mode = WAL;"
                     "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON");
  bench_raw_execute (self, schema);
  self->begin = bench_raw_prepare (self, "BEGIN IMMEDIATE");
  self->commit = bench_raw_prepare (self, "COMMIT");
  self->insert = bench_raw_prepare (self, BENCH_INSERT);
  self->update = bench_raw_prepare (self, BENCH_UPDATE);
  return self;
}

BenchRaw *
bench_raw_open (const char *path)
{
  return open_raw (path, BENCH_NOTES_SCHEMA);
}

BenchRaw *
bench_raw_open_existing (const char *path)
{
  return open_raw (path, "");
}

void
bench_raw_close (BenchRaw *self)
{
  sqlite3_finalize (self->begin);
  sqlite3_finalize (self->commit);
  sqlite3_finalize (self->insert);
  sqlite3_finalize (self->update);
  if (sqlite3_close (self->db) != SQLITE_OK)
    fail (self);
  g_free (self);
}

static void
run (BenchRaw     *self,
     sqlite3_stmt *statement)
{
  if (sqlite3_step (statement) != SQLITE_DONE)
    fail (self);
  sqlite3_reset (statement);
}

void
bench_raw_begin (BenchRaw *self)
{
  run (self, self->begin);
}

void
bench_raw_commit (BenchRaw *self)
{
  run (self, self->commit);
}

void
bench_raw_insert (BenchRaw        *self,
                  const BenchNote *note)
{
  sqlite3_bind_text (self->insert, 1, note->key, -1, SQLITE_STATIC);
  sqlite3_bind_text (self->insert, 2, note->title, -1, SQLITE_STATIC);
  sqlite3_bind_text (self->insert, 3, note->body, -1, SQLITE_STATIC);
  sqlite3_bind_text (self->insert, 4, note->folder, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (self->insert, 5, note->modified);
  sqlite3_bind_int (self->insert, 6, note->starred);
  run (self, self->insert);
}

void
bench_raw_set_title (BenchRaw        *self,
                     const BenchNote *note)
{
  sqlite3_bind_text (self->update, 1, note->title, -1, SQLITE_STATIC);
  sqlite3_bind_text (self->update, 2, note->key, -1, SQLITE_STATIC);
  run (self, self->update);
}

static void
bind_variant (sqlite3_stmt *statement,
              int           position,
              GVariant     *value)
{
  gsize size;
  const char *text;

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_STRING:
      text = g_variant_get_string (value, &size);
      sqlite3_bind_text64 (statement, position, text, size, SQLITE_TRANSIENT, SQLITE_UTF8);
      break;
    case G_VARIANT_CLASS_INT64:
      sqlite3_bind_int64 (statement, position, g_variant_get_int64 (value));
      break;
    case G_VARIANT_CLASS_BOOLEAN:
      sqlite3_bind_int (statement, position, g_variant_get_boolean (value));
      break;
    default:
      g_assert_not_reached ();
    }
}

/* What a program would write that has its values as GVariants and no Dimple. */
static void
run_tuple (BenchRaw     *self,
           sqlite3_stmt *statement,
           GVariant     *tuple)
{
  g_autoptr(GVariant) sunk = g_variant_ref_sink (tuple);
  gsize n = g_variant_n_children (sunk);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) value = g_variant_get_child_value (sunk, i);

      bind_variant (statement, (int) i + 1, value);
    }
  run (self, statement);
}

void
bench_raw_insert_tuple (BenchRaw *self,
                        GVariant *tuple)
{
  run_tuple (self, self->insert, tuple);
}

void
bench_raw_update_tuple (BenchRaw *self,
                        GVariant *tuple)
{
  run_tuple (self, self->update, tuple);
}
