/* dimple-capture-table.c: how capture reads the rows of one table
 *
 * The statements that run inside the preupdate hook read the table itself and never an index: SQLite has removed a row
 * from its indexes by then.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-capture-table-private.h"

#include <math.h>
#include <string.h>

#include "dimple-error.h"

#define MAX_OLD_VALUES 64

static const DimpleColumn *
column_at (const DimpleTable *table,
           guint              column)
{
  return g_ptr_array_index (table->columns, column);
}

static sqlite3_stmt *
prepare (DimpleConnection  *connection,
         const char        *sql,
         GError           **error)
{
  sqlite3_stmt *statement = NULL;
  int result = sqlite3_prepare_v3 (dimple_connection_get_handle (connection), sql, -1, SQLITE_PREPARE_PERSISTENT,
                                   &statement, NULL);

  if (result != SQLITE_OK)
    dimple_connection_set_error (connection, result, error);
  return statement;
}

/* "SELECT "a", "b" FROM main."t"", as far as all statements begin alike */
static GString *
begin_select (const DimpleTable *table,
              const char        *more_columns)
{
  GString *sql = g_string_new ("SELECT ");
  g_autofree char *name = dimple_quote (table->name);

  for (guint i = 0; i < table->columns->len; i++)
    {
      g_autofree char *column = dimple_quote (column_at (table, i)->name);

      if (!column_at (table, i)->generated)
        g_string_append_printf (sql, "%s, ", column);
    }
  if (more_columns != NULL)
    g_string_append (sql, more_columns);
  else
    g_string_truncate (sql, sql->len - strlen (", "));
  g_string_append_printf (sql, " FROM main.%s", name);
  return sql;
}

static gboolean
prepare_for_rowids (DimpleCaptureTable  *self,
                    DimpleConnection    *connection,
                    GError             **error)
{
  const char *rowid = self->table->rowid_name;
  g_autoptr(GString) one = NULL;
  g_autoptr(GString) range = NULL;

  if (rowid == NULL)
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_UNTRACKABLE,
                   "The columns of table “%s” hide its rowid: call one of “rowid”, “_rowid_” and “oid” something else",
                   self->table->name);
      return FALSE;
    }

  one = begin_select (self->table, NULL);
  g_string_append_printf (one, " NOT INDEXED WHERE %s = ?", rowid);
  self->select_one = prepare (connection, one->str, error);

  range = begin_select (self->table, rowid);
  g_string_append_printf (range, " NOT INDEXED WHERE %s BETWEEN ? AND ? ORDER BY %s", rowid, rowid);
  self->select_range = self->select_one != NULL ? prepare (connection, range->str, error) : NULL;
  return self->select_range != NULL;
}

/* The collations of the PRIMARY KEY, which need not be those of its columns */
static char **
read_key_collations (DimpleConnection  *connection,
                     const char        *index,
                     GError           **error)
{
  g_autoptr(DimpleStatement) statement =
    dimple_connection_prepare (connection,
                               "SELECT coll FROM pragma_index_xinfo (?) WHERE \"key\" ORDER BY seqno", error);
  g_autoptr(GStrvBuilder) collations = g_strv_builder_new ();

  if (statement == NULL)
    return NULL;
  sqlite3_bind_text (statement, 1, index, -1, SQLITE_STATIC);
  while (dimple_statement_step (statement, error))
    g_strv_builder_add (collations, (const char *) sqlite3_column_text (statement, 0));
  return g_strv_builder_end (collations);
}

static const char *
find_key_index (const DimpleTable *table)
{
  for (guint i = 0; i < table->unique_indexes->len; i++)
    {
      const DimpleUniqueIndex *index = g_ptr_array_index (table->unique_indexes, i);

      if (index->is_primary_key)
        return index->name;
    }
  g_assert_not_reached ();
}

static gboolean
prepare_for_keys (DimpleCaptureTable  *self,
                  DimpleConnection    *connection,
                  GError             **error)
{
  const char *index = find_key_index (self->table);
  g_autofree char *quoted_index = dimple_quote (index);
  g_auto(GStrv) collations = read_key_collations (connection, index, error);
  g_autoptr(GString) one = begin_select (self->table, NULL);
  g_autoptr(GString) all = begin_select (self->table, NULL);

  if (collations == NULL || g_strv_length (collations) < self->table->key->len)
    return FALSE;

  g_string_append_printf (one, " INDEXED BY %s WHERE ", quoted_index);
  for (guint i = 0; i < self->table->key->len; i++)
    {
      guint column = g_array_index (self->table->key, guint, i);
      g_autofree char *name = dimple_quote (column_at (self->table, column)->name);
      g_autofree char *collation = dimple_quote (collations[i]);

      g_string_append_printf (one, "%s%s = ? COLLATE %s", i > 0 ? " AND " : "", name, collation);
    }
  self->select_one = prepare (connection, one->str, error);

  g_string_append_printf (all, " INDEXED BY %s", quoted_index);
  self->select_range = self->select_one != NULL ? prepare (connection, all->str, error) : NULL;
  return self->select_range != NULL;
}

/* -- What SQLite's preupdate interface gives ----------------------------------------------------------------------- */

static void
note_updated_key (void         *user_data,
                  sqlite3      *db,
                  int           operation,
                  const char   *database,
                  const char   *table,
                  sqlite3_int64 old_rowid,
                  sqlite3_int64 new_rowid)
{
  gboolean *counts_virtual = user_data;
  sqlite3_value *value = NULL;

  if (operation == SQLITE_UPDATE && sqlite3_preupdate_new (db, 1, &value) == SQLITE_OK)
    *counts_virtual = sqlite3_value_int (value) == 2;
}

/* Whether sqlite3_preupdate_new() of an UPDATE counts VIRTUAL columns, which are not stored: newer versions of SQLite
 * do, older ones, against their documentation, do not.  So it is tried, once. */
static gboolean
preupdate_counts_virtual_columns (void)
{
  static gsize tried;

  if (g_once_init_enter (&tried))
    {
      gboolean counts = FALSE;
      sqlite3 *db = NULL;

      if (sqlite3_open_v2 (":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
        {
          sqlite3_preupdate_hook (db, note_updated_key, &counts);
          sqlite3_exec (db,
                        "CREATE TABLE t (v AS (0), k PRIMARY KEY, x) WITHOUT ROWID;"
                        "INSERT INTO t VALUES (1, 3); UPDATE t SET k = 2", NULL, NULL, NULL);
        }
      sqlite3_close (db);
      g_once_init_leave (&tried, counts ? 2 : 1);
    }
  return tried == 2;
}

static gboolean
has_real_affinity (const DimpleColumn *column)
{
  g_autofree char *type = g_ascii_strup (column->declared_type, -1);

  if (strstr (type, "INT") != NULL || strstr (type, "CHAR") != NULL || strstr (type, "CLOB") != NULL ||
      strstr (type, "TEXT") != NULL || strstr (type, "BLOB") != NULL)
    return FALSE;
  return strstr (type, "REAL") != NULL || strstr (type, "FLOA") != NULL || strstr (type, "DOUB") != NULL;
}

static void
find_values (DimpleCaptureTable *self)
{
  self->bits = g_new0 (guint64, self->table->columns->len);
  for (guint i = 0; i < self->table->columns->len; i++)
    {
      const DimpleColumn *column = column_at (self->table, i);

      self->has_virtual |= column->is_virtual;
      self->has_default |= column->default_sql != NULL;
      if (column->generated)
        self->generated_bits |= DIMPLE_COLUMN_BIT (i);
      else
        self->bits[self->n_values++] = DIMPLE_COLUMN_BIT (i);
    }
}

/* Where a column of the key stands in records, and how the preupdate interface counts it */
static DimpleCaptureKey
locate_key_column (const DimpleTable *table,
                   guint              column)
{
  DimpleCaptureKey key = { .column = (int) column };
  gboolean counts_virtual = TRUE;

  for (guint i = 0; i < column; i++)
    if (column_at (table, i)->is_virtual)
      counts_virtual = preupdate_counts_virtual_columns ();
  for (guint i = 0; i < column; i++)
    {
      if (!column_at (table, i)->generated)
        key.value++;
      if (!column_at (table, i)->is_virtual || counts_virtual)
        key.updated_column++;
    }
  return key;
}

static void
find_key (DimpleCaptureTable *self)
{
  const DimpleTable *table = self->table;

  for (guint i = 0; i < table->key->len; i++)
    {
      guint column = g_array_index (table->key, guint, i);
      DimpleCaptureKey key = locate_key_column (table, column);

      self->key_bits |= DIMPLE_COLUMN_BIT (column);
      g_array_append_val (self->key, key);

      /* sqlite3_preupdate_old() of a WITHOUT ROWID table makes a REAL of the n-th value of the key if the n-th column
       * of the table is REAL (seen in 3.40): beyond 2^53 an INTEGER is then no longer what it was. */
      if (table->without_rowid && has_real_affinity (column_at (table, i)) &&
          !has_real_affinity (column_at (table, column)))
        self->has_doubtful_key = TRUE;
    }
}

DimpleCaptureTable *
dimple_capture_table_new (DimpleConnection   *connection,
                          const DimpleTable  *table,
                          GError            **error)
{
  g_autoptr(DimpleCaptureTable) self = g_new0 (DimpleCaptureTable, 1);

  self->table = table;
  self->key = g_array_new (FALSE, FALSE, sizeof (DimpleCaptureKey));
  dimple_touched_init (&self->touched);
  find_values (self);
  find_key (self);
  if (table->without_rowid ? !prepare_for_keys (self, connection, error)
                           : !prepare_for_rowids (self, connection, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
dimple_capture_table_free (DimpleCaptureTable *self)
{
  sqlite3_finalize (self->select_one);
  sqlite3_finalize (self->select_range);
  dimple_touched_clear (&self->touched);
  g_array_unref (self->key);
  g_free (self->bits);
  g_free (self);
}

/* -- Records and keys ---------------------------------------------------------------------------------------------- */

void
dimple_capture_table_read (DimpleCaptureTable *self,
                           sqlite3_stmt       *select,
                           GByteArray         *record)
{
  dimple_record_append_row (record, select, self->n_values);
}

/* sqlite3_preupdate_old() costs a third of a SELECT inside the hook, but is wrong (before 3.51) in tables with VIRTUAL
 * columns and for rows that are older than a column with a DEFAULT.  A row that has a value in its last column is
 * complete. */
gboolean
dimple_capture_table_read_old (DimpleCaptureTable *self,
                               sqlite3            *handle,
                               GByteArray         *record)
{
  sqlite3_value *values[MAX_OLD_VALUES];
  guint n_columns = self->table->columns->len, n = 0;

  if (self->has_virtual || n_columns > MAX_OLD_VALUES || sqlite3_preupdate_blobwrite (handle) >= 0)
    return FALSE;

  for (guint i = 0; i < n_columns; i++)
    {
      if (sqlite3_preupdate_old (handle, (int) i, &values[n]) != SQLITE_OK)
        return FALSE;
      if (i == n_columns - 1 && self->has_default && sqlite3_value_type (values[n]) == SQLITE_NULL)
        return FALSE;
      if (!column_at (self->table, i)->generated)
        n++;
    }
  dimple_record_append_values (record, values, n);
  return TRUE;
}

/* Whether a REAL is an INTEGER to SQLite's comparisons */
static gboolean
is_integral (double  real,
             gint64 *integer)
{
  if (!(real >= -0x1p63 && real < 0x1p63) || real != trunc (real))
    return FALSE;
  *integer = (gint64) real;
  return TRUE;
}

void
dimple_capture_append_key_value (GByteArray        *key,
                                 const DimpleValue *value)
{
  DimpleValue number = { .type = SQLITE_INTEGER };

  if (value->type == SQLITE_FLOAT && is_integral (value->real, &number.integer))
    value = &number;
  dimple_record_append (key, value);
}

void
dimple_capture_table_append_key (DimpleCaptureTable *self,
                                 const guint8       *record,
                                 GByteArray         *key)
{
  for (guint i = 0; i < self->key->len; i++)
    {
      const DimpleCaptureKey *part = &g_array_index (self->key, DimpleCaptureKey, i);
      DimpleValue value;

      dimple_record_read (dimple_record_skip (record, (guint) part->value), &value);
      dimple_capture_append_key_value (key, &value);
    }
}
