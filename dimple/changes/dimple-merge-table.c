/* dimple-merge-table.c: what the merge does to one table
 *
 * SQLite itself says whether a row fits: UNIQUE with its partial and expression indexes and collations, NOT NULL, CHECK
 * and STRICT types.  OR ABORT is written out each time, as it overrides an ON CONFLICT REPLACE of the schema, which
 * would delete the rival unseen.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-merge-table-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-parent-check-private.h"

/* -- SQL ----------------------------------------------------------------------------------------------------------- */

static const DimpleColumn *
get_column (const DimpleTable *table,
            guint              number)
{
  return g_ptr_array_index (table->columns, number);
}

static void
append_name (GString    *sql,
             const char *name)
{
  g_autofree char *quoted = dimple_quote (name);

  g_string_append (sql, quoted);
}

static void
append_column (GString           *sql,
               const DimpleTable *table,
               guint              number)
{
  append_name (sql, get_column (table, number)->name);
}

/* 1 and 1.0 are equal to SQLite, and two keys to the merge; columns with an affinity hold only one of them. */
static gboolean
has_any_type (const DimpleColumn *column)
{
  g_autofree char *type = g_ascii_strup (column->declared_type, -1);

  return *type == '\0' || strstr (type, "BLOB") != NULL || strcmp (type, "ANY") == 0;
}

/* Keys are equal byte by byte; the column's own collation comes first, for the index to be used. */
static void
append_key_condition (GString           *sql,
                      const DimpleTable *table,
                      guint              first_parameter)
{
  for (guint i = 0; i < table->key->len; i++)
    {
      guint number = g_array_index (table->key, guint, i);

      g_string_append (sql, i == 0 ? " WHERE " : " AND ");
      append_column (sql, table, number);
      g_string_append_printf (sql, " = ?%u", first_parameter + i);
      if (g_ascii_strcasecmp (get_column (table, number)->collation, "BINARY") != 0)
        {
          g_string_append (sql, " AND ");
          append_column (sql, table, number);
          g_string_append_printf (sql, " = ?%u COLLATE BINARY", first_parameter + i);
        }
      if (has_any_type (get_column (table, number)))
        {
          g_string_append (sql, " AND typeof (");
          append_column (sql, table, number);
          g_string_append_printf (sql, ") = typeof (?%u)", first_parameter + i);
        }
    }
}

static void
append_table (GString          *sql,
              DimpleMergeTable *self)
{
  g_string_append_printf (sql, "%s.", self->database);
  append_name (sql, self->table->name);
}

static char *
make_insert_sql (DimpleMergeTable *self,
                 gboolean          upsert)
{
  const DimpleTable *table = self->table;
  g_autoptr(GString) sql = g_string_new ("INSERT OR ABORT INTO ");
  g_autoptr(GString) marks = g_string_new (NULL);
  guint n_columns = 0;

  append_table (sql, self);
  for (guint i = 0; i < table->columns->len; i++)
    {
      if (get_column (table, i)->generated)
        continue;
      g_string_append (sql, n_columns == 0 ? " (" : ", ");
      append_column (sql, table, i);
      g_string_append (marks, n_columns++ == 0 ? "?" : ",?");
    }
  g_string_append_printf (sql, ") VALUES (%s)", marks->str);
  if (upsert)
    {
      guint key = g_array_index (table->key, guint, 0);

      g_string_append (sql, " ON CONFLICT DO UPDATE SET ");
      append_column (sql, table, key);
      g_string_append (sql, " = ");
      append_name (sql, table->name);
      g_string_append_c (sql, '.');
      append_column (sql, table, key);
      for (guint i = 0; i < table->key->len; i++)
        {
          g_string_append (sql, i == 0 ? " RETURNING " : ", ");
          append_column (sql, table, g_array_index (table->key, guint, i));
        }
    }
  g_string_append (sql, " /* merge */");
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static char *
make_find_sql (DimpleMergeTable *self)
{
  const DimpleTable *table = self->table;
  g_autoptr(GString) sql = g_string_new ("SELECT ");

  g_string_append (sql, table->rowid_name != NULL ? table->rowid_name : "0");
  for (guint i = 0; i < table->columns->len; i++)
    if (!get_column (table, i)->generated)
      {
        g_string_append (sql, ", ");
        append_column (sql, table, i);
      }
  g_string_append (sql, " FROM ");
  append_table (sql, self);
  append_key_condition (sql, table, 1);
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static char *
make_delete_sql (DimpleMergeTable *self)
{
  g_autoptr(GString) sql = g_string_new ("DELETE FROM ");

  append_table (sql, self);
  append_key_condition (sql, self->table, 1);
  g_string_append (sql, " /* merge */");
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

static char *
make_update_sql (DimpleMergeTable *self,
                 GArray           *numbers)
{
  const DimpleTable *table = self->table;
  g_autoptr(GString) sql = g_string_new ("UPDATE OR ABORT ");

  append_table (sql, self);
  for (guint i = 0; i < numbers->len; i++)
    {
      g_string_append (sql, i == 0 ? " SET " : ", ");
      append_column (sql, table, (guint) g_array_index (numbers, int, i));
      g_string_append_printf (sql, " = ?%u", i + 1);
    }
  if (table->rowid_name != NULL)
    g_string_append_printf (sql, " WHERE %s = ?%u", table->rowid_name, numbers->len + 1);
  else
    append_key_condition (sql, table, numbers->len + 1);
  g_string_append (sql, " /* merge */");
  return g_string_free (g_steal_pointer (&sql), FALSE);
}

/* A row lacks a parent. */
static char *
make_orphan_condition (DimpleSchema      *schema,
                       const DimpleTable *table,
                       GPtrArray         *except,
                       gboolean           as_parameters)
{
  g_autoptr(GString) sql = g_string_new (NULL);

  for (guint i = 0; i < table->foreign_keys->len; i++)
    {
      const DimpleForeignKey *key = g_ptr_array_index (table->foreign_keys, i);
      const DimpleTable *parent = dimple_schema_find (schema, key->parent);

      if (parent == NULL || !parent->tracked || (except != NULL && g_ptr_array_find (except, parent, NULL)))
        continue;
      g_string_append (sql, sql->len == 0 ? "(" : " OR (");
      dimple_append_misses_parent (sql, table, key, parent, as_parameters);
      g_string_append_c (sql, ')');
    }
  return sql->len > 0 ? g_string_free (g_steal_pointer (&sql), FALSE) : NULL;
}

static void
make_orphan_sql (DimpleMergeTable *self,
                 DimpleSchema     *schema,
                 GPtrArray        *except)
{
  g_autofree char *condition = make_orphan_condition (schema, self->table, except, FALSE);
  g_autofree char *of_values = make_orphan_condition (schema, self->table, except, TRUE);
  g_autoptr(GString) keys = g_string_new (NULL);
  g_autoptr(GString) where = g_string_new (NULL);
  g_autofree char *name = dimple_quote (self->table->name);

  if (condition == NULL)
    return;
  for (guint i = 0; i < self->table->key->len; i++)
    {
      if (i > 0)
        g_string_append (keys, ", ");
      append_column (keys, self->table, g_array_index (self->table->key, guint, i));
    }
  append_key_condition (where, self->table, 1);
  self->parents_sql = g_strdup_printf ("SELECT 1 WHERE %s", of_values);
  self->orphans_sql = g_strdup_printf ("SELECT %s FROM main.%s AS c WHERE %s", keys->str, name, condition);
  self->orphan_sql = g_strdup_printf ("SELECT 1 FROM main.%s AS c%s AND (%s)", name, where->str, condition);
}

/* Only changes of these columns (and of whole rows) can concern a child. */
static guint64
find_referenced (DimpleSchema      *schema,
                 const DimpleTable *parent)
{
  guint64 referenced = 0;

  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *child = dimple_schema_get_table (schema, i);

      for (guint j = 0; j < child->foreign_keys->len; j++)
        {
          const DimpleForeignKey *key = g_ptr_array_index (child->foreign_keys, j);

          if (g_ascii_strcasecmp (key->parent, parent->name) != 0)
            continue;
          for (guint k = 0; key->parent_columns[k] != NULL; k++)
            {
              int number = dimple_table_find_column (parent, key->parent_columns[k]);

              if (number >= 0)
                referenced |= DIMPLE_COLUMN_BIT (number);
            }
        }
    }
  return referenced;
}

/* -- Life ---------------------------------------------------------------------------------------------------------- */

static gboolean
has_entries (DimpleConnection  *connection,
             const char        *sql,
             const char        *table,
             gboolean          *any,
             GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (connection, sql, error);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, table, -1, SQLITE_STATIC);
  return dimple_statement_has_row (statement, any, error);
}

static DimpleMergeTable *
create (DimpleConnection  *connection,
        const char        *database,
        DimpleSchema      *schema,
        const DimpleTable *table,
        GPtrArray         *except,
        GError           **error)
{
  g_autoptr(DimpleMergeTable) self = g_new0 (DimpleMergeTable, 1);

  self->connection = connection;
  self->schema = schema;
  self->table = table;
  self->database = database;
  self->defaults = g_ptr_array_new_with_free_func (g_free);
  self->scratch = g_byte_array_new ();
  dimple_changed_rows_init (&self->changed, table);
  self->updates = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  self->insert_sql = make_insert_sql (self, FALSE);
  self->upsert_sql = make_insert_sql (self, TRUE);
  self->find_sql = make_find_sql (self);
  self->delete_sql = make_delete_sql (self);
  make_orphan_sql (self, schema, except);
  self->referenced = find_referenced (schema, table);
  return dimple_merge_table_load_defaults (self, error) ? g_steal_pointer (&self) : NULL;
}

DimpleMergeTable *
dimple_merge_table_new (DimpleConnection  *connection,
                        DimpleSchema      *schema,
                        const DimpleTable *table,
                        DimpleChangeSet   *changes,
                        GError           **error)
{
  g_autoptr(DimpleMergeTable) self = create (connection, "main", schema, table, NULL, error);

  if (self == NULL ||
      !has_entries (connection, "SELECT 1 FROM dimple_tombstone WHERE \"table\" = ? LIMIT 1", table->name,
                    &self->any_tombstones, error) ||
      !has_entries (connection, "SELECT 1 FROM dimple_shelf WHERE \"table\" = ? LIMIT 1", table->name,
                    &self->any_shelved, error) ||
      !has_entries (connection, "SELECT 1 FROM dimple_wait WHERE \"table\" = ? LIMIT 1", table->name,
                    &self->any_waiting, error) ||
      !has_entries (connection, "SELECT 1 FROM dimple_wait WHERE ?1 IS NOT NULL LIMIT 1", table->name,
                    &self->any_waits, error))
    return NULL;
  if (changes != NULL)
    self->changes = dimple_change_set_add_table (changes, table->name);
  return g_steal_pointer (&self);
}

DimpleMergeTable *
dimple_merge_table_new_copy (DimpleMergeTable  *self,
                             DimpleSchema      *schema,
                             GPtrArray         *group,
                             GError           **error)
{
  return create (self->connection, "temp", schema, self->table, group, error);
}

void
dimple_merge_table_free (DimpleMergeTable *self)
{
  g_ptr_array_unref (self->defaults);
  g_byte_array_unref (self->scratch);
  dimple_changed_rows_clear (&self->changed);
  g_hash_table_unref (self->updates);
  g_free (self->insert_sql);
  g_free (self->upsert_sql);
  g_free (self->find_sql);
  g_free (self->delete_sql);
  g_free (self->parents_sql);
  g_free (self->orphan_sql);
  g_free (self->orphans_sql);
  g_free (self);
}

/* -- Telling ------------------------------------------------------------------------------------------------------- */

static void
report (DimpleMergeTable *self,
        const guint8     *key,
        gint64            rowid,
        DimpleOperation   operation,
        guint64           columns)
{
  DimpleChangedRow row = { rowid, rowid, columns, operation };

  if (operation != DIMPLE_OPERATION_UPDATE || (columns & self->referenced) != 0)
    {
      self->gained |= operation != DIMPLE_OPERATION_DELETE;
      self->lost |= operation != DIMPLE_OPERATION_INSERT;
    }
  self->freed |= operation != DIMPLE_OPERATION_INSERT;
  if (self->any_waits)
    dimple_changed_rows_add (&self->changed, key);
  if (self->changes == NULL)
    return;
  self->changes->columns |= columns;
  if (!dimple_table_changes_count (self->changes))
    return;
  if (!self->table->without_rowid)
    g_array_append_val (self->changes->rows, row);
  dimple_table_changes_add_record (self->changes, self->table, key);
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */

static void
bind_key (DimpleMergeTable *self,
          sqlite3_stmt     *statement,
          const guint8     *key,
          guint             first_parameter)
{
  for (guint i = 0; i < self->table->key->len; i++)
    {
      DimpleValue value;

      key = dimple_record_read (key, &value);
      dimple_value_bind (&value, statement, (int) (first_parameter + i));
    }
}

static void
bind_value (sqlite3_stmt *statement,
            const guint8 *record,
            int           parameter)
{
  DimpleValue value;

  dimple_record_read (record, &value);
  dimple_value_bind (&value, statement, parameter);
}

gboolean
dimple_merge_table_find (DimpleMergeTable  *self,
                         const guint8      *key,
                         gboolean          *found,
                         gint64            *rowid,
                         DimpleFold        *fold,
                         DimpleRowValues   *values,
                         GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (self->connection, self->find_sql, error);
  int column = 1;

  if (statement == NULL)
    return FALSE;
  bind_key (self, statement, key, 1);
  if (!dimple_statement_has_row (statement, found, error))
    return FALSE;
  if (!*found)
    return TRUE;

  *rowid = sqlite3_column_int64 (statement, 0);
  if (values == NULL)
    return TRUE;
  g_ptr_array_set_size (values, (int) self->table->columns->len);
  for (guint i = 0; i < self->table->columns->len; i++)
    {
      values->pdata[i] = NULL;
      if (get_column (self->table, i)->generated)
        continue;
      g_byte_array_set_size (self->scratch, 0);
      dimple_record_append_column (self->scratch, statement, column++);
      values->pdata[i] = (gpointer) dimple_fold_keep (fold, self->scratch->data, self->scratch->len);
    }
  return TRUE;
}

/* Steps a statement that writes one row. */
static gboolean
write_row (DimpleMergeTable  *self,
           sqlite3_stmt      *statement,
           DimpleRefusal     *refusal,
           GError           **error)
{
  int result = sqlite3_step (statement);

  while (result == SQLITE_ROW)
    result = sqlite3_step (statement);
  if (result != SQLITE_DONE)
    result = sqlite3_extended_errcode (dimple_connection_get_handle (self->connection));
  switch (result)
    {
    case SQLITE_DONE:
      *refusal = DIMPLE_TAKEN;
      return TRUE;
    case SQLITE_CONSTRAINT_NOTNULL:
      *refusal = DIMPLE_REFUSED_NOT_NULL;
      return TRUE;
    case SQLITE_CONSTRAINT_DATATYPE:
      *refusal = DIMPLE_REFUSED_TYPE;
      return TRUE;
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_TRIGGER:
      *refusal = DIMPLE_REFUSED_CHECK;
      return TRUE;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      *refusal = DIMPLE_REFUSED_UNIQUE;
      return TRUE;
    default:
      dimple_connection_set_error (self->connection, result, error);
      return FALSE;
    }
}

const guint8 *
dimple_merge_table_get_value (DimpleMergeTable      *self,
                              const guint8          *key,
                              const DimpleRowValues *values,
                              guint                  column)
{
  int key_position = get_column (self->table, column)->key_position;

  return key_position > 0 ? dimple_record_skip (key, (guint) key_position - 1) : g_ptr_array_index (values, column);
}

static void
bind_row (DimpleMergeTable      *self,
          sqlite3_stmt          *statement,
          const guint8          *key,
          const DimpleRowValues *values)
{
  int parameter = 1;

  for (guint i = 0; i < self->table->columns->len; i++)
    {
      const DimpleColumn *column = get_column (self->table, i);

      if (column->generated)
        continue;
      bind_value (statement, dimple_merge_table_get_value (self, key, values, i), parameter++);
    }
}

/* A BEFORE trigger that raises IGNORE leaves the row out without an error. */
static gboolean
was_ignored (DimpleMergeTable *self)
{
  return sqlite3_changes (dimple_connection_get_handle (self->connection)) == 0;
}

gboolean
dimple_merge_table_insert (DimpleMergeTable       *self,
                           const guint8           *key,
                           const DimpleRowValues  *values,
                           DimpleRefusal          *refusal,
                           GError                **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (self->connection, self->insert_sql, error);
  sqlite3 *handle = dimple_connection_get_handle (self->connection);

  if (statement == NULL)
    return FALSE;
  bind_row (self, statement, key, values);
  if (!write_row (self, statement, refusal, error))
    return FALSE;
  if (*refusal == DIMPLE_TAKEN && was_ignored (self))
    *refusal = DIMPLE_REFUSED_CHECK;
  if (*refusal == DIMPLE_TAKEN)
    report (self, key, self->table->without_rowid ? 0 : sqlite3_last_insert_rowid (handle), DIMPLE_OPERATION_INSERT,
            DIMPLE_ALL_COLUMNS);
  return TRUE;
}

static const char *
get_update_sql (DimpleMergeTable *self,
                GArray           *numbers,
                guint64           mask,
                char            **transient)
{
  char *sql;

  /* beyond 63 columns a mask does not name them */
  if (mask >> 63 != 0)
    return *transient = make_update_sql (self, numbers);
  sql = g_hash_table_lookup (self->updates, &mask);
  if (sql == NULL)
    {
      sql = make_update_sql (self, numbers);
      g_hash_table_insert (self->updates, g_memdup2 (&mask, sizeof mask), sql);
    }
  return sql;
}

gboolean
dimple_merge_table_update (DimpleMergeTable       *self,
                           const guint8           *key,
                           gint64                  rowid,
                           const DimpleRowValues  *values,
                           GArray                 *numbers,
                           DimpleRefusal          *refusal,
                           GError                **error)
{
  g_autofree char *transient = NULL;
  g_autoptr(DimpleStatement) statement = NULL;
  guint64 mask = 0;

  for (guint i = 0; i < numbers->len; i++)
    mask |= DIMPLE_COLUMN_BIT (g_array_index (numbers, int, i));
  statement = dimple_connection_prepare (self->connection, get_update_sql (self, numbers, mask, &transient), error);
  if (statement == NULL)
    return FALSE;
  for (guint i = 0; i < numbers->len; i++)
    bind_value (statement, g_ptr_array_index (values, (guint) g_array_index (numbers, int, i)), (int) i + 1);
  if (self->table->rowid_name != NULL)
    sqlite3_bind_int64 (statement, (int) numbers->len + 1, rowid);
  else
    bind_key (self, statement, key, numbers->len + 1);
  if (!write_row (self, statement, refusal, error))
    return FALSE;
  if (*refusal == DIMPLE_TAKEN && was_ignored (self))
    *refusal = DIMPLE_REFUSED_CHECK;
  if (*refusal == DIMPLE_TAKEN)
    report (self, key, rowid, DIMPLE_OPERATION_UPDATE, mask);
  return TRUE;
}

gboolean
dimple_merge_table_delete (DimpleMergeTable  *self,
                           const guint8      *key,
                           gint64             rowid,
                           GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (self->connection, self->delete_sql, error);
  gboolean deleted;

  if (statement == NULL)
    return FALSE;
  bind_key (self, statement, key, 1);
  self->deleting = key;
  deleted = dimple_statement_run (statement, error);
  self->deleting = NULL;
  if (deleted)
    report (self, key, rowid, DIMPLE_OPERATION_DELETE, DIMPLE_ALL_COLUMNS);
  return deleted;
}

static gboolean
try_upsert (DimpleMergeTable       *self,
            const guint8           *key,
            const DimpleRowValues  *values,
            DimpleRefusal          *refusal,
            GByteArray             *rival,
            GError                **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (self->connection, self->upsert_sql, error);
  gsize key_size = dimple_record_skip (key, self->table->key->len) - key;

  if (statement == NULL)
    return FALSE;
  bind_row (self, statement, key, values);
  g_byte_array_set_size (rival, 0);
  if (sqlite3_step (statement) != SQLITE_ROW)
    {
      sqlite3_reset (statement);
      bind_row (self, statement, key, values);
      if (!write_row (self, statement, refusal, error))
        return FALSE;
      if (*refusal == DIMPLE_TAKEN)
        *refusal = DIMPLE_REFUSED_CHECK;      /* nothing was returned: a trigger ignored the row */
      return TRUE;
    }

  /* what comes back is this row, or the one in its way */
  for (guint i = 0; i < self->table->key->len; i++)
    dimple_record_append_column (rival, statement, (int) i);
  *refusal = rival->len == key_size && memcmp (rival->data, key, key_size) == 0 ? DIMPLE_TAKEN : DIMPLE_REFUSED_UNIQUE;
  return TRUE;
}

gboolean
dimple_merge_table_try (DimpleMergeTable       *self,
                        const guint8           *key,
                        const DimpleRowValues  *values,
                        DimpleRefusal          *refusal,
                        GByteArray             *rival,
                        GError                **error)
{
  gboolean tried;

  if (!dimple_connection_exec (self->connection, "SAVEPOINT dimple_try", error))
    return FALSE;
  tried = try_upsert (self, key, values, refusal, rival, error);
  return dimple_connection_exec (self->connection, "ROLLBACK TO dimple_try", tried ? error : NULL) &&
         dimple_connection_exec (self->connection, "RELEASE dimple_try", tried ? error : NULL) && tried;
}

/* -- Parents ------------------------------------------------------------------------------------------------------- */

gboolean
dimple_merge_table_lacks_parent (DimpleMergeTable       *self,
                                 const guint8           *key,
                                 const DimpleRowValues  *values,
                                 gboolean               *lacks,
                                 GError                **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  guint n_parameters;

  *lacks = FALSE;
  if (self->parents_sql == NULL)
    return TRUE;
  statement = dimple_connection_prepare (self->connection, self->parents_sql, error);
  if (statement == NULL)
    return FALSE;
  n_parameters = (guint) sqlite3_bind_parameter_count (statement);
  for (guint i = 0; i < n_parameters; i++)
    if (sqlite3_bind_parameter_name (statement, (int) i + 1) != NULL && !get_column (self->table, i)->generated)
      bind_value (statement, dimple_merge_table_get_value (self, key, values, i), (int) i + 1);
  return dimple_statement_has_row (statement, lacks, error);
}

gboolean
dimple_merge_table_is_orphan (DimpleMergeTable  *self,
                              const guint8      *key,
                              gboolean          *orphan,
                              GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  *orphan = FALSE;
  if (self->orphan_sql == NULL)
    return TRUE;
  statement = dimple_connection_prepare (self->connection, self->orphan_sql, error);
  if (statement == NULL)
    return FALSE;
  bind_key (self, statement, key, 1);
  return dimple_statement_has_row (statement, orphan, error);
}

GPtrArray *
dimple_merge_table_list_orphans (DimpleMergeTable  *self,
                                 GError           **error)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  if (self->orphans_sql == NULL)
    return g_steal_pointer (&keys);
  statement = dimple_connection_prepare (self->connection, self->orphans_sql, error);
  if (statement == NULL)
    return NULL;
  while (dimple_statement_step (statement, &local_error))
    {
      g_byte_array_set_size (self->scratch, 0);
      for (guint i = 0; i < self->table->key->len; i++)
        dimple_record_append_column (self->scratch, statement, (int) i);
      g_ptr_array_add (keys, g_bytes_new (self->scratch->data, self->scratch->len));
    }
  if (local_error == NULL)
    return g_steal_pointer (&keys);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}
