/* dimple-schema.c: the tables of a database, read from SQLite's own catalogue
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-schema-private.h"

#include <string.h>

#include "dimple-error.h"

struct _DimpleSchema
{
  GPtrArray  *tables;       /* of DimpleTable, by name */
  GHashTable *by_name;      /* DimpleTable by its lower-case name */
  GHashTable *shadows;      /* the virtual table's name, by the shadow table's lower-case name */
  GHashTable *locals;       /* lower-case names of the tables that the app made local */
  gboolean    may_miss_parents;
};

static void
column_free (DimpleColumn *column)
{
  g_free (column->name);
  g_free (column->quoted);
  g_free (column->declared_type);
  g_free (column->collation);
  g_free (column->default_sql);
  g_free (column);
}

static void
unique_index_free (DimpleUniqueIndex *index)
{
  g_free (index->name);
  g_array_unref (index->columns);
  g_free (index);
}

static void
foreign_key_free (DimpleForeignKey *foreign_key)
{
  g_free (foreign_key->parent);
  g_strfreev (foreign_key->columns);
  g_strfreev (foreign_key->parent_columns);
  g_free (foreign_key);
}

static void
table_free (DimpleTable *table)
{
  g_free (table->name);
  g_free (table->quoted);
  g_ptr_array_unref (table->columns);
  g_array_unref (table->key);
  g_ptr_array_unref (table->unique_indexes);
  g_ptr_array_unref (table->foreign_keys);
  g_free (table);
}

static void
schema_clear (gpointer data)
{
  DimpleSchema *self = data;

  g_hash_table_unref (self->by_name);
  g_hash_table_unref (self->shadows);
  g_hash_table_unref (self->locals);
  g_ptr_array_unref (self->tables);
}

DimpleSchema *
dimple_schema_ref (DimpleSchema *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
dimple_schema_unref (DimpleSchema *self)
{
  g_atomic_rc_box_release_full (self, schema_clear);
}

char *
dimple_quote (const char *name)
{
  GString *quoted = g_string_new ("\"");

  for (; *name != '\0'; name++)
    {
      if (*name == '"')
        g_string_append_c (quoted, '"');
      g_string_append_c (quoted, *name);
    }
  g_string_append_c (quoted, '"');
  return g_string_free (quoted, FALSE);
}

/* -- Reading the catalogue ----------------------------------------------------------------------------------------- */

typedef void (*RowFunc) (sqlite3_stmt *statement,
                         gpointer      user_data);

static gboolean
read_rows (sqlite3_stmt  *statement,
           RowFunc        func,
           gpointer       user_data,
           GError       **error)
{
  g_autoptr(GError) step_error = NULL;

  while (dimple_statement_step (statement, &step_error))
    func (statement, user_data);
  if (step_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&step_error));
  return FALSE;
}

/* Calls `func` for each row of a pragma about a table or index, or about all.  As a function in a SELECT it would cost
 * several times as much: the SELECT is prepared, and then the pragma for each call.  Not kept prepared, as it is asked
 * once. */
static gboolean
read_catalogue (DimpleConnection  *connection,
                const char        *pragma,
                const char        *name,
                RowFunc            func,
                gpointer           user_data,
                GError           **error)
{
  g_autofree char *quoted = name != NULL ? dimple_quote (name) : NULL;
  g_autofree char *sql = g_strconcat ("PRAGMA main.", pragma, quoted != NULL ? " = " : NULL, quoted, NULL);
  sqlite3_stmt *statement = NULL;
  gboolean succeeded;
  int result;

  result = sqlite3_prepare_v2 (dimple_connection_get_handle (connection), sql, -1, &statement, NULL);
  if (result != SQLITE_OK)
    {
      dimple_connection_set_error (connection, result, error);
      return FALSE;
    }
  succeeded = read_rows (statement, func, user_data, error);
  sqlite3_finalize (statement);
  return succeeded;
}

static const char *
column_text (sqlite3_stmt *statement,
             int           column)
{
  return (const char *) sqlite3_column_text (statement, column);
}

static void
add_column (sqlite3_stmt *statement,
            gpointer      user_data)
{
  DimpleTable *table = user_data;
  int hidden = sqlite3_column_int (statement, 6);
  DimpleColumn *column;

  if (hidden == 1)
    return;
  column = g_new0 (DimpleColumn, 1);
  column->name = g_strdup (column_text (statement, 1));
  column->quoted = dimple_quote (column->name);
  column->declared_type = g_strdup (column_text (statement, 2));
  column->not_null = sqlite3_column_int (statement, 3);
  column->default_sql = g_strdup (column_text (statement, 4));
  column->key_position = sqlite3_column_int (statement, 5);
  column->generated = hidden == 2 || hidden == 3;
  column->is_virtual = hidden == 2;
  g_ptr_array_add (table->columns, column);
}

/* SQLite tells a column's collation only through its own function. */
static void
read_collations (DimpleConnection *connection,
                 DimpleTable      *table)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      DimpleColumn *column = g_ptr_array_index (table->columns, i);
      const char *collation = NULL;

      sqlite3_table_column_metadata (dimple_connection_get_handle (connection), "main", table->name, column->name,
                                     NULL, &collation, NULL, NULL, NULL);
      column->collation = g_strdup (collation != NULL ? collation : "BINARY");
    }
}

/* SQLite's rules of affinity (datatype3.html, section 3.1), as far as TEXT is concerned. */
static gboolean
has_text_affinity (const char *declared_type)
{
  g_autofree char *upper = g_ascii_strup (declared_type, -1);

  if (strstr (upper, "INT") != NULL)
    return FALSE;
  return strstr (upper, "CHAR") != NULL || strstr (upper, "CLOB") != NULL || strstr (upper, "TEXT") != NULL;
}

/* `INTEGER PRIMARY KEY` (exactly) in a rowid table is another name of the rowid, which differs between devices. */
static gboolean
is_rowid_alias (const DimpleTable *table)
{
  const DimpleColumn *column;

  if (table->without_rowid || table->key->len != 1)
    return FALSE;
  column = g_ptr_array_index (table->columns, g_array_index (table->key, guint, 0));
  if (g_ascii_strcasecmp (column->declared_type, "INTEGER") != 0)
    return FALSE;
  /* `INTEGER PRIMARY KEY DESC` is not; then the key has an index of its own. */
  for (guint i = 0; i < table->unique_indexes->len; i++)
    if (((DimpleUniqueIndex *) g_ptr_array_index (table->unique_indexes, i))->is_primary_key)
      return FALSE;
  return TRUE;
}

static void
find_key (DimpleTable *table)
{
  for (int position = 1;; position++)
    {
      guint found = table->columns->len;

      for (guint i = 0; i < table->columns->len; i++)
        if (((DimpleColumn *) g_ptr_array_index (table->columns, i))->key_position == position)
          found = i;
      if (found == table->columns->len)
        break;
      g_array_append_val (table->key, found);
    }
}

static void
classify_key (DimpleTable *table)
{
  if (is_rowid_alias (table))
    g_array_set_size (table->key, 0);
  if (table->key->len == 1)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, g_array_index (table->key, guint, 0));

      table->text_key = has_text_affinity (column->declared_type);
    }
}

static void
find_rowid_name (DimpleTable *table)
{
  static const char * const names[] = { "rowid", "_rowid_", "oid" };

  if (table->without_rowid)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (names) && table->rowid_name == NULL; i++)
    if (dimple_table_find_column (table, names[i]) < 0)
      table->rowid_name = names[i];
}

static void
add_unique_index (sqlite3_stmt *statement,
                  gpointer      user_data)
{
  DimpleTable *table = user_data;
  DimpleUniqueIndex *index;

  if (!sqlite3_column_int (statement, 2))
    return;
  index = g_new0 (DimpleUniqueIndex, 1);
  index->name = g_strdup (column_text (statement, 1));
  index->is_primary_key = g_strcmp0 (column_text (statement, 3), "pk") == 0;
  index->partial = sqlite3_column_int (statement, 4);
  index->columns = g_array_new (FALSE, FALSE, sizeof (guint));
  g_ptr_array_add (table->unique_indexes, index);
}

static void
add_index_column (sqlite3_stmt *statement,
                  gpointer      user_data)
{
  DimpleUniqueIndex *index = user_data;
  int position = sqlite3_column_int (statement, 1);

  if (position >= 0)
    {
      guint column = (guint) position;

      g_array_append_val (index->columns, column);
    }
  else if (position == -2)
    index->has_expression = TRUE;
}

static void
add_foreign_key_column (sqlite3_stmt *statement,
                        gpointer      user_data)
{
  GPtrArray *foreign_keys = user_data;
  DimpleForeignKey *foreign_key;
  guint n;

  if (sqlite3_column_int (statement, 1) == 0)
    {
      foreign_key = g_new0 (DimpleForeignKey, 1);
      foreign_key->parent = g_strdup (column_text (statement, 2));
      foreign_key->updates_child = g_str_has_prefix (column_text (statement, 6), "SET ");
      foreign_key->columns = g_new0 (char *, 1);
      foreign_key->parent_columns = g_new0 (char *, 1);
      g_ptr_array_add (foreign_keys, foreign_key);
    }
  foreign_key = g_ptr_array_index (foreign_keys, foreign_keys->len - 1);

  n = g_strv_length (foreign_key->columns);
  foreign_key->columns = g_renew (char *, foreign_key->columns, n + 2);
  foreign_key->columns[n] = g_strdup (column_text (statement, 3));
  foreign_key->columns[n + 1] = NULL;
  /* NULL where the parent's key is meant; filled in when all tables are known. */
  if (sqlite3_column_type (statement, 4) != SQLITE_NULL)
    {
      foreign_key->parent_columns = g_renew (char *, foreign_key->parent_columns, n + 2);
      foreign_key->parent_columns[n] = g_strdup (column_text (statement, 4));
      foreign_key->parent_columns[n + 1] = NULL;
    }
}

static void
complete_foreign_keys (DimpleSchema      *self,
                       const DimpleTable *table)
{
  for (guint i = 0; i < table->foreign_keys->len; i++)
    {
      DimpleForeignKey *foreign_key = g_ptr_array_index (table->foreign_keys, i);
      const DimpleTable *parent = dimple_schema_find (self, foreign_key->parent);
      g_autoptr(GPtrArray) names = NULL;

      if (foreign_key->parent_columns[0] != NULL || parent == NULL)
        continue;
      names = g_ptr_array_new ();
      for (guint k = 0; k < parent->key->len; k++)
        {
          guint column = g_array_index (parent->key, guint, k);

          g_ptr_array_add (names, g_strdup (((DimpleColumn *) g_ptr_array_index (parent->columns, column))->name));
        }
      g_ptr_array_add (names, NULL);
      g_strfreev (foreign_key->parent_columns);
      foreign_key->parent_columns = (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
    }
}

/* The tables that `table` references, directly or not; `updates` is set if ON DELETE SET NULL is among the
 * references. */
static void
collect_ancestors (DimpleSchema      *self,
                   const DimpleTable *table,
                   GHashTable        *ancestors,
                   gboolean          *updates)
{
  for (guint i = 0; i < table->foreign_keys->len; i++)
    {
      const DimpleForeignKey *foreign_key = g_ptr_array_index (table->foreign_keys, i);
      const DimpleTable *parent = dimple_schema_find (self, foreign_key->parent);

      *updates |= foreign_key->updates_child;
      if (parent != NULL && g_hash_table_add (ancestors, (gpointer) parent))
        collect_ancestors (self, parent, ancestors, updates);
    }
}

/* Whether ON DELETE SET NULL leads from a table back to itself. */
static gboolean
updates_itself (DimpleSchema      *self,
                const DimpleTable *table)
{
  g_autoptr(GHashTable) ancestors = g_hash_table_new (NULL, NULL);
  gboolean updates = FALSE;

  collect_ancestors (self, table, ancestors, &updates);
  return updates && g_hash_table_contains (ancestors, table);
}

static gboolean
read_table (DimpleConnection  *connection,
            DimpleTable       *table,
            GError           **error)
{
  if (!read_catalogue (connection, "table_xinfo", table->name, add_column, table, error) ||
      !read_catalogue (connection, "index_list", table->name, add_unique_index, table, error) ||
      !read_catalogue (connection, "foreign_key_list", table->name, add_foreign_key_column, table->foreign_keys, error))
    return FALSE;

  for (guint i = 0; i < table->unique_indexes->len; i++)
    {
      DimpleUniqueIndex *index = g_ptr_array_index (table->unique_indexes, i);

      if (!read_catalogue (connection, "index_info", index->name, add_index_column, index, error))
        return FALSE;
    }
  read_collations (connection, table);
  find_key (table);
  classify_key (table);
  find_rowid_name (table);
  return TRUE;
}

/* What pragma table_list says, in no order */
typedef struct
{
  DimpleSchema *schema;
  GPtrArray    *virtuals;    /* of char */
  GPtrArray    *shadows;     /* of char */
} Listed;

static gboolean
has_prefix (const char *name,
            const char *prefix)
{
  return g_ascii_strncasecmp (name, prefix, strlen (prefix)) == 0;
}

static void
add_table (DimpleSchema *self,
           const char   *name,
           gboolean      without_rowid)
{
  DimpleTable *table = g_new0 (DimpleTable, 1);

  table->name = g_strdup (name);
  table->quoted = dimple_quote (table->name);
  table->without_rowid = without_rowid;
  table->columns = g_ptr_array_new_with_free_func ((GDestroyNotify) column_free);
  table->key = g_array_new (FALSE, FALSE, sizeof (guint));
  table->unique_indexes = g_ptr_array_new_with_free_func ((GDestroyNotify) unique_index_free);
  table->foreign_keys = g_ptr_array_new_with_free_func ((GDestroyNotify) foreign_key_free);
  g_ptr_array_add (self->tables, table);
  g_hash_table_insert (self->by_name, g_ascii_strdown (table->name, -1), table);
}

static void
add_local (sqlite3_stmt *statement,
           gpointer      user_data)
{
  DimpleSchema *self = user_data;

  g_hash_table_add (self->locals, g_ascii_strdown (column_text (statement, 0), -1));
}

static void
add_listed (sqlite3_stmt *statement,
            gpointer      user_data)
{
  Listed *listed = user_data;
  const char *name = column_text (statement, 1), *type = column_text (statement, 2);

  if (g_str_equal (type, "virtual"))
    g_ptr_array_add (listed->virtuals, g_strdup (name));
  else if (g_str_equal (type, "shadow"))
    g_ptr_array_add (listed->shadows, g_strdup (name));
  else if (g_str_equal (type, "table") && !has_prefix (name, "sqlite_") && !has_prefix (name, "dimple_"))
    add_table (listed->schema, name, sqlite3_column_int (statement, 4));
}

/* A shadow table is named after the virtual table that it belongs to; the longest such name is meant. */
static void
find_owners (const Listed *listed)
{
  for (guint i = 0; i < listed->shadows->len; i++)
    {
      const char *shadow = g_ptr_array_index (listed->shadows, i), *owner = NULL;

      for (guint v = 0; v < listed->virtuals->len; v++)
        {
          const char *name = g_ptr_array_index (listed->virtuals, v);

          if (has_prefix (shadow, name) && shadow[strlen (name)] == '_' &&
              (owner == NULL || strlen (name) > strlen (owner)))
            owner = name;
        }
      if (owner != NULL)
        g_hash_table_insert (listed->schema->shadows, g_ascii_strdown (shadow, -1), g_strdup (owner));
    }
}

static int
compare_tables (gconstpointer a,
                gconstpointer b)
{
  return strcmp ((*(const DimpleTable * const *) a)->name, (*(const DimpleTable * const *) b)->name);
}

static gboolean
list_tables (DimpleSchema      *self,
             DimpleConnection  *connection,
             GError           **error)
{
  g_autoptr(GPtrArray) virtuals = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GPtrArray) shadows = g_ptr_array_new_with_free_func (g_free);
  Listed listed = { self, virtuals, shadows };

  if (!read_catalogue (connection, "table_list", NULL, add_listed, &listed, error))
    return FALSE;
  find_owners (&listed);
  g_ptr_array_sort (self->tables, compare_tables);
  return TRUE;
}

static gboolean
read_locals (DimpleSchema      *self,
             DimpleConnection  *connection,
             GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  gint64 exists = 0;

  if (!dimple_connection_get_int64 (connection, "SELECT 1 FROM main.sqlite_schema WHERE name = 'dimple_local'",
                                    0, &exists, error))
    return FALSE;
  if (!exists)
    return TRUE;
  statement = dimple_connection_prepare (connection, "SELECT name FROM dimple_local", error);
  return statement != NULL && read_rows (statement, add_local, self, error);
}

DimpleSchema *
dimple_schema_load (DimpleConnection  *connection,
                    GError           **error)
{
  g_autoptr(DimpleSchema) self = g_atomic_rc_box_new0 (DimpleSchema);

  self->tables = g_ptr_array_new_with_free_func ((GDestroyNotify) table_free);
  self->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->shadows = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->locals = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  if (!read_locals (self, connection, error) || !list_tables (self, connection, error))
    return NULL;

  for (guint i = 0; i < self->tables->len; i++)
    {
      DimpleTable *table = g_ptr_array_index (self->tables, i);
      g_autofree char *lower = g_ascii_strdown (table->name, -1);

      if (!read_table (connection, table, error))
        return NULL;
      table->tracked = table->key->len > 0 && !g_hash_table_contains (self->locals, lower);
    }
  for (guint i = 0; i < self->tables->len; i++)
    complete_foreign_keys (self, g_ptr_array_index (self->tables, i));
  for (guint i = 0; i < self->tables->len; i++)
    self->may_miss_parents |= updates_itself (self, g_ptr_array_index (self->tables, i));
  return g_steal_pointer (&self);
}

/* -- Asking -------------------------------------------------------------------------------------------------------- */

const DimpleTable *
dimple_schema_find (DimpleSchema *self,
                    const char   *table)
{
  const DimpleTable *found = g_hash_table_lookup (self->by_name, table);
  g_autofree char *lower = NULL;

  /* Most names are lower case as they are. */
  if (found != NULL)
    return found;
  lower = g_ascii_strdown (table, -1);
  return g_hash_table_lookup (self->by_name, lower);
}

gboolean
dimple_schema_may_miss_parents (DimpleSchema *self)
{
  return self->may_miss_parents;
}

guint
dimple_schema_get_n_tables (DimpleSchema *self)
{
  return self->tables->len;
}

const DimpleTable *
dimple_schema_get_table (DimpleSchema *self,
                         guint         position)
{
  return g_ptr_array_index (self->tables, position);
}

const char *
dimple_schema_find_owner (DimpleSchema *self,
                          const char   *shadow_table)
{
  g_autofree char *lower = g_ascii_strdown (shadow_table, -1);

  return g_hash_table_lookup (self->shadows, lower);
}

int
dimple_table_find_column (const DimpleTable *table,
                          const char        *column)
{
  for (guint i = 0; i < table->columns->len; i++)
    if (g_ascii_strcasecmp (((DimpleColumn *) g_ptr_array_index (table->columns, i))->name, column) == 0)
      return (int) i;
  return -1;
}

const DimpleColumn *
dimple_table_get_key_column (const DimpleTable *table,
                             guint              position)
{
  return g_ptr_array_index (table->columns, g_array_index (table->key, guint, position));
}

static gboolean
check_foreign_keys (DimpleSchema       *self,
                    const DimpleTable  *table,
                    GError            **error)
{
  for (guint i = 0; i < table->foreign_keys->len; i++)
    {
      const DimpleForeignKey *foreign_key = g_ptr_array_index (table->foreign_keys, i);
      const DimpleTable *parent = dimple_schema_find (self, foreign_key->parent);

      /* What is visible would otherwise depend on the device. */
      if (parent != NULL && !parent->tracked)
        {
          g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_UNTRACKABLE,
                       "Table “%s” is synced and references the local table “%s”: make both local, or neither",
                       table->name, parent->name);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
check_collations (const DimpleTable  *table,
                  GError            **error)
{
  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);

      if (g_ascii_strcasecmp (column->collation, "LOCALE") == 0)
        {
          g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_MIGRATION,
                       "Column “%s” of table “%s” is declared with the collation LOCALE, which differs between "
                       "machines: use it in ORDER BY only", column->name, table->name);
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
dimple_schema_check (DimpleSchema  *self,
                     GError       **error)
{
  for (guint i = 0; i < self->tables->len; i++)
    {
      const DimpleTable *table = g_ptr_array_index (self->tables, i);
      g_autofree char *lower = g_ascii_strdown (table->name, -1);

      if (!check_collations (table, error))
        return FALSE;
      if (g_hash_table_contains (self->locals, lower))
        continue;
      if (!table->tracked)
        {
          g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_UNTRACKABLE,
                       "Table “%s” has no key that can be synced: write “key TEXT PRIMARY KEY DEFAULT (uuid7 ())”, "
                       "or keep the table on this device with dimple_store_set_local()", table->name);
          return FALSE;
        }
      if (!check_foreign_keys (self, table, error))
        return FALSE;
    }
  return TRUE;
}
