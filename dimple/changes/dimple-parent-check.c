/* dimple-parent-check.c: rows without a parent that SQLite lets through
 *
 * A reference is looked at from both its ends: whether a row that refers to something new finds it, and whether a row
 * that went, or has other values, leaves children behind.  Each is one statement, and an index serves it where SQLite's
 * own enforcement has one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-parent-check-private.h"

#include "dimple-error.h"

/* One end of a reference.  A row may break it if a column of `columns` changed; `sql` finds whether it did. */
typedef struct
{
  guint64   columns;
  char     *sql;
  gboolean  by_rowid;         /* ?1 is the rowid … */
  GArray   *parameters;       /* … else of guint: the row's columns whose values ?1, ?2, … are */
} Check;

typedef struct
{
  GPtrArray *of_new;          /* of Check: what the row as it is refers to */
  GPtrArray *of_old;          /* of Check: what referred to the row as it was */
} TableChecks;

struct _DimpleParentCheck
{
  DimpleConnection *connection;
  DimpleSchema     *schema;
  GHashTable       *tables;   /* of TableChecks, by DimpleTable */
};

static Check *
check_new (guint64 columns)
{
  Check *check = g_new0 (Check, 1);

  check->columns = columns;
  check->parameters = g_array_new (FALSE, FALSE, sizeof (guint));
  return check;
}

static void
check_free (Check *check)
{
  g_free (check->sql);
  g_array_unref (check->parameters);
  g_free (check);
}

static void
table_checks_free (TableChecks *checks)
{
  g_ptr_array_unref (checks->of_new);
  g_ptr_array_unref (checks->of_old);
  g_free (checks);
}

static const DimpleColumn *
get_column (const DimpleTable *table,
            guint              number)
{
  return g_ptr_array_index (table->columns, number);
}

/* -- What is asked of SQLite --------------------------------------------------------------------------------------- */

static void
append_child_column (GString           *sql,
                     const DimpleTable *child,
                     const char        *column,
                     gboolean           as_parameter)
{
  g_autofree char *quoted = dimple_quote (column);

  if (as_parameter)
    g_string_append_printf (sql, "?%d", dimple_table_find_column (child, column) + 1);
  else
    g_string_append_printf (sql, "c.%s", quoted);
}

/* The parent's column stands on the left, so its collation and affinity decide. */
void
dimple_append_misses_parent (GString                *sql,
                             const DimpleTable      *child,
                             const DimpleForeignKey *key,
                             const DimpleTable      *parent,
                             gboolean                as_parameters)
{
  for (guint i = 0; key->columns[i] != NULL; i++)
    {
      append_child_column (sql, child, key->columns[i], as_parameters);
      g_string_append (sql, " IS NOT NULL AND ");
    }
  g_string_append_printf (sql, "NOT EXISTS (SELECT 1 FROM main.%s AS p", parent->quoted);
  for (guint i = 0; key->columns[i] != NULL; i++)
    {
      g_autofree char *column = dimple_quote (key->parent_columns[i]);

      g_string_append_printf (sql, "%s p.%s = ", i == 0 ? " WHERE" : " AND", column);
      append_child_column (sql, child, key->columns[i], as_parameters);
    }
  g_string_append_c (sql, ')');
}

static guint64
find_columns (const DimpleTable  *table,
              char              **names)
{
  guint64 columns = 0;

  for (guint i = 0; names[i] != NULL; i++)
    columns |= DIMPLE_COLUMN_BIT (dimple_table_find_column (table, names[i]));
  return columns;
}

/* "c.x = ?n AND ", for one more parameter */
static void
append_equal (GString           *sql,
              GArray            *parameters,
              const char        *column,
              const char        *collation,
              guint              parameter)
{
  g_autofree char *quoted = dimple_quote (column);

  g_array_append_val (parameters, parameter);
  g_string_append_printf (sql, "c.%s%s%s = ?%u AND ", quoted, collation != NULL ? " COLLATE " : "",
                          collation != NULL ? collation : "", parameters->len);
}

/* The row itself is read: one of its columns may be generated, of which nothing is captured. */
static Check *
make_check_of_new (const DimpleTable      *table,
                   const DimpleForeignKey *key,
                   const DimpleTable      *parent)
{
  Check *check = check_new (find_columns (table, key->columns));
  g_autoptr(GString) sql = g_string_new (NULL);

  g_string_append_printf (sql, "SELECT 1 FROM main.%s AS c WHERE ", table->quoted);
  for (guint i = 0; table->without_rowid && i < table->key->len; i++)
    append_equal (sql, check->parameters, dimple_table_get_key_column (table, i)->name, NULL,
                  g_array_index (table->key, guint, i));
  check->by_rowid = !table->without_rowid;
  if (check->by_rowid)
    g_string_append_printf (sql, "c.%s = ?1 AND ", table->rowid_name);
  dimple_append_misses_parent (sql, table, key, parent, FALSE);
  check->sql = g_string_free (g_steal_pointer (&sql), FALSE);
  return check;
}

/* Without what a generated column was, all children are looked at. */
static Check *
make_check_of_old (const DimpleTable      *table,
                   const DimpleForeignKey *key,
                   const DimpleTable      *child)
{
  Check *check = check_new (find_columns (table, key->parent_columns));
  g_autoptr(GString) sql = g_string_new (NULL);

  g_string_append_printf (sql, "SELECT 1 FROM main.%s AS c WHERE ", child->quoted);
  for (guint i = 0; key->columns[i] != NULL; i++)
    {
      guint number = (guint) dimple_table_find_column (table, key->parent_columns[i]);
      const char *collation = get_column (table, number)->collation;
      int of_child = dimple_table_find_column (child, key->columns[i]);

      /* Left out where the child's column has it anyway, for its index to be used. */
      if (g_ascii_strcasecmp (collation, get_column (child, (guint) of_child)->collation) == 0)
        collation = NULL;
      if (!get_column (table, number)->generated)
        append_equal (sql, check->parameters, key->columns[i], collation, number);
    }
  dimple_append_misses_parent (sql, child, key, table, FALSE);
  check->sql = g_string_free (g_steal_pointer (&sql), FALSE);
  return check;
}

static void
collect_checks_of_old (DimpleParentCheck *self,
                       const DimpleTable *table,
                       const DimpleTable *child,
                       GPtrArray         *checks)
{
  for (guint i = 0; i < child->foreign_keys->len; i++)
    {
      const DimpleForeignKey *key = g_ptr_array_index (child->foreign_keys, i);

      if (dimple_schema_find (self->schema, key->parent) == table)
        g_ptr_array_add (checks, make_check_of_old (table, key, child));
    }
}

static TableChecks *
get_checks (DimpleParentCheck *self,
            const DimpleTable *table)
{
  TableChecks *checks = g_hash_table_lookup (self->tables, table);

  if (checks != NULL)
    return checks;
  checks = g_new0 (TableChecks, 1);
  checks->of_new = g_ptr_array_new_with_free_func ((GDestroyNotify) check_free);
  checks->of_old = g_ptr_array_new_with_free_func ((GDestroyNotify) check_free);
  for (guint i = 0; i < table->foreign_keys->len; i++)
    {
      const DimpleForeignKey *key = g_ptr_array_index (table->foreign_keys, i);
      const DimpleTable *parent = dimple_schema_find (self->schema, key->parent);

      if (parent != NULL)
        g_ptr_array_add (checks->of_new, make_check_of_new (table, key, parent));
    }
  for (guint i = 0; i < dimple_schema_get_n_tables (self->schema); i++)
    collect_checks_of_old (self, table, dimple_schema_get_table (self->schema, i), checks->of_old);
  g_hash_table_insert (self->tables, (gpointer) table, checks);
  return checks;
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */

static gboolean
run_check (DimpleParentCheck        *self,
           const Check              *check,
           const DimpleCapturedRow  *row,
           const guint8             *record,
           GError                  **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (self->connection, check->sql, error);
  gboolean misses;

  if (statement == NULL)
    return FALSE;
  if (check->by_rowid)
    sqlite3_bind_int64 (statement, 1, row->rowid);
  for (guint i = 0; i < check->parameters->len; i++)
    {
      DimpleValue value;

      dimple_captured_record_read (row->table, record, g_array_index (check->parameters, guint, i), &value);
      dimple_value_bind (&value, statement, (int) i + 1);
    }

  if (!dimple_statement_has_row (statement, &misses, error))
    return FALSE;
  /* as SQLite says it */
  if (misses)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT, "FOREIGN KEY constraint failed");
  return !misses;
}

static gboolean
run_checks (DimpleParentCheck        *self,
            GPtrArray                *checks,
            const DimpleCapturedRow  *row,
            const guint8             *record,
            GError                  **error)
{
  for (guint i = 0; record != NULL && i < checks->len; i++)
    {
      const Check *check = g_ptr_array_index (checks, i);

      if ((row->changed & check->columns) != 0 && !run_check (self, check, row, record, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_parent_check_row (DimpleParentCheck        *self,
                         const DimpleCapturedRow  *row,
                         GError                  **error)
{
  TableChecks *checks = get_checks (self, row->table);

  return run_checks (self, checks->of_new, row, row->now, error) &&
         run_checks (self, checks->of_old, row, row->old, error);
}

/* -- Life ---------------------------------------------------------------------------------------------------------- */

DimpleParentCheck *
dimple_parent_check_new (DimpleConnection *connection,
                         DimpleSchema     *schema)
{
  DimpleParentCheck *self = g_new0 (DimpleParentCheck, 1);

  self->connection = connection;
  self->schema = schema;
  self->tables = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) table_checks_free);
  return self;
}

void
dimple_parent_check_free (DimpleParentCheck *self)
{
  g_hash_table_unref (self->tables);
  g_free (self);
}
