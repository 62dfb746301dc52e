/* capture-oracle.h: what a transaction changed, found by comparing whole tables
 *
 * Changes are lines of text, of what capture tells as of what two dumps of all tables differ in, so the two lists can
 * be compared and shown.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <string.h>

#include "dimple-capture-private.h"
#include "dimple-record-private.h"

typedef struct
{
  DimpleConnection *connection;
  DimpleSchema     *schema;
  DimpleCapture    *capture;
} Subject;

typedef struct
{
  const DimpleTable *table;
  GByteArray        *record;
  gint64             rowid;
} DumpedRow;

/* Rows by their table and key, written out */
typedef GHashTable Dump;

static inline void
dumped_row_free (DumpedRow *row)
{
  g_byte_array_unref (row->record);
  g_free (row);
}

static inline void
append_values (GString      *line,
               const guint8 *record,
               guint         n)
{
  for (guint i = 0; i < n; i++)
    {
      DimpleValue value;

      record = dimple_record_read (record, &value);
      g_string_append_c (line, i > 0 ? ',' : ' ');
      switch (value.type)
        {
        case SQLITE_INTEGER:
          g_string_append_printf (line, "%" G_GINT64_FORMAT, value.integer);
          break;
        case SQLITE_FLOAT:
          g_string_append_printf (line, "%.17gf", value.real);
          break;
        case SQLITE_TEXT:
        case SQLITE_BLOB:
          g_string_append (line, value.type == SQLITE_TEXT ? "'" : "x'");
          for (gsize k = 0; k < value.size; k++)
            if (g_ascii_isprint (value.bytes[k]))
              g_string_append_c (line, value.bytes[k]);
            else
              g_string_append_printf (line, "\\%02x", (guint8) value.bytes[k]);
          g_string_append_c (line, '\'');
          break;
        default:
          g_string_append (line, "NULL");
          break;
        }
    }
}

static inline guint
count_stored (const DimpleTable *table)
{
  guint n = 0;

  for (guint i = 0; i < table->columns->len; i++)
    n += !((DimpleColumn *) g_ptr_array_index (table->columns, i))->generated;
  return n;
}

/* The table and key of a row; a rowid where the key does not tell rows apart. */
static inline char *
identify (const DimpleTable *table,
          const guint8      *record,
          gint64             rowid)
{
  GString *line = g_string_new (table->name);
  gboolean has_null = FALSE;

  for (guint k = 0; k < table->key->len; k++)
    {
      guint position = 0;
      const guint8 *value;

      for (guint i = 0; i < g_array_index (table->key, guint, k); i++)
        position += !((DimpleColumn *) g_ptr_array_index (table->columns, i))->generated;
      value = dimple_record_skip (record, position);
      has_null |= *value == SQLITE_NULL;
      append_values (line, value, 1);
    }
  if (table->key->len == 0 || has_null)
    g_string_append_printf (line, " @%" G_GINT64_FORMAT, rowid);
  return g_string_free (line, FALSE);
}

/* Which columns differ, as the header of capture says it */
static inline guint64
expect_changed (const DimpleTable *table,
                const guint8      *old,
                const guint8      *now)
{
  guint64 changed = 0, generated = 0;

  if (old == NULL || now == NULL)
    return DIMPLE_ALL_COLUMNS;
  for (guint i = 0; i < table->columns->len; i++)
    {
      DimpleValue a, b;

      if (((DimpleColumn *) g_ptr_array_index (table->columns, i))->generated)
        {
          generated |= DIMPLE_COLUMN_BIT (i);
          continue;
        }
      old = dimple_record_read (old, &a);
      now = dimple_record_read (now, &b);
      if (!dimple_value_equal (&a, &b))
        changed |= DIMPLE_COLUMN_BIT (i);
    }
  return changed != 0 ? changed | generated : 0;
}

static inline char *
describe_change (const DimpleTable *table,
                 const guint8      *old,
                 const guint8      *now,
                 gint64             old_rowid,
                 gint64             rowid,
                 guint64            changed)
{
  g_autofree char *identity = identify (table, now != NULL ? now : old, rowid);
  GString *line = g_string_new (identity);

  g_string_append (line, ":");
  if (old != NULL)
    append_values (line, old, count_stored (table));
  g_string_append (line, " ->");
  if (now != NULL)
    append_values (line, now, count_stored (table));
  g_string_append_printf (line, " @%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT " %" G_GINT64_MODIFIER "x",
                          old_rowid, rowid, changed);
  return g_string_free (line, FALSE);
}

static inline void
dump_table (Subject           *subject,
            const DimpleTable *table,
            Dump              *dump)
{
  g_autofree char *name = dimple_quote (table->name);
  g_autoptr(GString) sql = g_string_new ("SELECT ");
  sqlite3_stmt *select;
  int result;

  g_string_append (sql, table->without_rowid ? "0" : table->rowid_name);
  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);
      g_autofree char *quoted = dimple_quote (column->name);

      if (!column->generated)
        g_string_append_printf (sql, ", %s", quoted);
    }
  g_string_append_printf (sql, " FROM main.%s", name);

  g_assert_cmpint (sqlite3_prepare_v2 (dimple_connection_get_handle (subject->connection), sql->str, -1, &select, NULL),
                   ==, SQLITE_OK);
  while ((result = sqlite3_step (select)) == SQLITE_ROW)
    {
      DumpedRow *row = g_new0 (DumpedRow, 1);

      row->table = table;
      row->rowid = sqlite3_column_int64 (select, 0);
      row->record = g_byte_array_new ();
      for (int i = 1; i < sqlite3_column_count (select); i++)
        dimple_record_append_column (row->record, select, i);
      g_assert_true (g_hash_table_insert (dump, identify (table, row->record->data, row->rowid), row));
    }
  g_assert_cmpint (result, ==, SQLITE_DONE);
  sqlite3_finalize (select);
}

static inline Dump *
dump_all (Subject *subject)
{
  Dump *dump = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) dumped_row_free);

  for (guint i = 0; i < dimple_schema_get_n_tables (subject->schema); i++)
    dump_table (subject, dimple_schema_get_table (subject->schema, i), dump);
  return dump;
}

static inline int
compare_lines (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static inline char *
join_lines (GPtrArray *lines)
{
  g_ptr_array_sort (lines, compare_lines);
  g_ptr_array_add (lines, NULL);
  return g_strjoinv ("\n", (char **) lines->pdata);
}

/* What two dumps differ in */
static inline char *
describe_difference (Dump  *before,
                     Dump  *after,
                     guint *n_changes)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer identity, value;

  g_hash_table_iter_init (&iter, before);
  while (g_hash_table_iter_next (&iter, &identity, &value))
    {
      const DumpedRow *old = value, *now = g_hash_table_lookup (after, identity);

      if (now == NULL)
        g_ptr_array_add (lines, describe_change (old->table, old->record->data, NULL, old->rowid, old->rowid,
                                                 DIMPLE_ALL_COLUMNS));
      else if (now->rowid != old->rowid || expect_changed (old->table, old->record->data, now->record->data) != 0)
        g_ptr_array_add (lines, describe_change (old->table, old->record->data, now->record->data, old->rowid,
                                                 now->rowid,
                                                 expect_changed (old->table, old->record->data, now->record->data)));
    }
  g_hash_table_iter_init (&iter, after);
  while (g_hash_table_iter_next (&iter, &identity, &value))
    {
      const DumpedRow *now = value;

      if (!g_hash_table_contains (before, identity))
        g_ptr_array_add (lines, describe_change (now->table, NULL, now->record->data, 0, now->rowid,
                                                 DIMPLE_ALL_COLUMNS));
    }
  *n_changes = lines->len;
  return join_lines (lines);
}

static inline gboolean
collect_line (const DimpleCapturedRow  *row,
              gpointer                  user_data,
              GError                  **error)
{
  g_ptr_array_add (user_data, describe_change (row->table, row->old, row->now, row->old_rowid, row->rowid,
                                               row->changed));
  return TRUE;
}

/* What capture tells; NULL if it fails */
static inline char *
describe_captured (Subject  *subject,
                   GError  **error)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);

  if (!dimple_capture_net (subject->capture, collect_line, lines, error))
    return NULL;
  return join_lines (lines);
}

static inline void
subject_open (Subject    *subject,
              const char *path)
{
  g_autoptr(GError) error = NULL;

  *subject = (Subject) { .connection = dimple_connection_open (path, DIMPLE_CONNECTION_WRITER, &error) };
  g_assert_no_error (error);
  subject->capture = dimple_capture_new (subject->connection);
}

static inline int
subject_exec (Subject    *subject,
              const char *sql)
{
  return sqlite3_exec (dimple_connection_get_handle (subject->connection), sql, NULL, NULL, NULL);
}

static inline void
subject_must_exec (Subject    *subject,
                   const char *sql)
{
  if (subject_exec (subject, sql) != SQLITE_OK)
    g_error ("%s: %s", sql, sqlite3_errmsg (dimple_connection_get_handle (subject->connection)));
}

static inline void
subject_load_schema (Subject *subject)
{
  g_autoptr(GError) error = NULL;

  dimple_capture_set_schema (subject->capture, NULL);
  g_clear_pointer (&subject->schema, dimple_schema_unref);
  subject->schema = dimple_schema_load (subject->connection, &error);
  g_assert_no_error (error);
  dimple_capture_set_schema (subject->capture, subject->schema);
}

static inline void
subject_close (Subject *subject)
{
  g_clear_pointer (&subject->capture, dimple_capture_free);
  g_clear_pointer (&subject->schema, dimple_schema_unref);
  g_clear_pointer (&subject->connection, dimple_connection_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Subject, subject_close)
