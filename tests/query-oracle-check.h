/* query-oracle-check.h: checks a live query against a fresh run of its SQL
 *
 * What tells rows apart is found anew from what SQLite says of the columns, and not asked of the query: the keys that
 * are whole in the result; a row with other values in these is still the same if that of the first table is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "query-oracle.h"

/* -- The SQL, run afresh ------------------------------------------------------------------------------------------- */

/* Whether a column of the result is one of the key of its table. */
static inline gboolean
oracle_is_key (sqlite3_stmt      *statement,
               int                column,
               const DimpleTable *table)
{
  const char *origin = sqlite3_column_origin_name (statement, column);
  int position = dimple_table_find_column (table, origin), is_key = 0;

  /* It says so of the rowid of any table. */
  if (position < 0)
    return table->key->len == 0;
  sqlite3_table_column_metadata (sqlite3_db_handle (statement), NULL, table->name, origin, NULL, NULL, NULL, &is_key,
                                 NULL);
  return is_key;
}

static inline void
oracle_find_keys (Oracle       *oracle,
                  sqlite3_stmt *statement,
                  DimpleSchema *schema)
{
  const DimpleTable *first = NULL;

  g_array_set_size (oracle->key_columns, 0);
  g_array_set_size (oracle->main_columns, 0);
  for (guint i = 0; i < (guint) sqlite3_column_count (statement); i++)
    {
      const char *name = sqlite3_column_table_name (statement, (int) i);
      const DimpleTable *table = name != NULL ? dimple_schema_find (schema, name) : NULL;
      g_autoptr(GHashTable) found = g_hash_table_new (g_str_hash, g_str_equal);

      if (table == NULL || !oracle_is_key (statement, (int) i, table))
        continue;
      for (int other = 0; other < sqlite3_column_count (statement); other++)
        if (g_strcmp0 (sqlite3_column_table_name (statement, other), name) == 0 &&
            oracle_is_key (statement, other, table))
          g_hash_table_add (found, (gpointer) sqlite3_column_origin_name (statement, other));
      if (g_hash_table_size (found) < MAX (table->key->len, 1))
        continue;
      g_array_append_val (oracle->key_columns, i);
      if (first == NULL)
        first = table;
      if (table == first)
        g_array_append_val (oracle->main_columns, i);
    }
}

/* A statement of the query's, to step and release. */
static inline sqlite3_stmt *
oracle_prepare (Oracle           *oracle,
                DimpleConnection *reader,
                const char       *sql)
{
  g_autoptr(GError) error = NULL;
  sqlite3_stmt *statement = dimple_connection_prepare (reader, sql, &error);

  if (statement == NULL || !dimple_parameters_bind (statement, oracle->parameters, &error))
    oracle_fail (oracle, "%s: %s", sql, error->message);
  return statement;
}

static inline char *
oracle_dup_columns (sqlite3_stmt *statement,
                    const GArray *columns)
{
  GString *text = g_string_new (NULL);

  if (columns->len == 0)
    return g_string_free (text, TRUE);
  for (guint i = 0; i < columns->len; i++)
    {
      int column = (int) g_array_index (columns, guint, i);
      int type = sqlite3_column_type (statement, column);

      /* To read anything else as text would make it one. */
      g_string_append_c (text, (char) ('0' + type));
      if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
        g_string_append_printf (text, "%.17g", sqlite3_column_double (statement, column));
      else if (type != SQLITE_NULL)
        g_string_append_len (text, sqlite3_column_blob (statement, column), sqlite3_column_bytes (statement, column));
      g_string_append_c (text, '|');
    }
  return g_string_free (text, FALSE);
}

/* What an object of the statement's row shows */
static inline char *
oracle_dup_row (DimpleRowShape *shape,
                sqlite3_stmt   *statement)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  g_autoptr(GObject) object = NULL;

  for (guint i = 0; i < dimple_row_shape_get_n_columns (shape); i++)
    dimple_record_append_column (record, statement, (int) i);
  object = dimple_row_shape_create (shape, DIMPLE_TYPE_ROW, record->data, record->len);
  return oracle_dup_values (object);
}

/* Rows without keys in them: the key that each comes from.  They are in the same order. */
static inline void
oracle_identify_rows (Oracle           *oracle,
                      DimpleConnection *reader,
                      guint             n_columns,
                      GPtrArray        *seen)
{
  sqlite3_stmt *statement = oracle_prepare (oracle, reader, oracle->identity_sql);
  g_autoptr(GArray) columns = g_array_new (FALSE, FALSE, sizeof (guint));
  guint position = 0;

  /* After it are the rowid and the rank. */
  for (guint i = 0; i < MAX (oracle->n_hidden - 2, 1); i++)
    {
      guint column = n_columns + i;

      g_array_append_val (columns, column);
    }
  for (; sqlite3_step (statement) == SQLITE_ROW && position < seen->len; position++)
    {
      SeenRow *row = g_ptr_array_index (seen, position);

      row->all = oracle_dup_columns (statement, columns);
      row->main = g_strdup (row->all);
    }
  g_assert_cmpuint (position, ==, seen->len);
  dimple_statement_release (statement);
}

/* Of what every row shows, its place in an ORDER BY that leaves some open */
static inline GHashTable *
oracle_rank_rows (Oracle           *oracle,
                  DimpleConnection *reader,
                  DimpleRowShape   *shape)
{
  GHashTable *ranks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  sqlite3_stmt *statement = oracle_prepare (oracle, reader, oracle->identity_sql);
  int column = (int) (dimple_row_shape_get_n_columns (shape) + oracle->n_hidden) - 1;

  while (sqlite3_step (statement) == SQLITE_ROW)
    g_hash_table_insert (ranks, oracle_dup_row (shape, statement),
                         GINT_TO_POINTER (sqlite3_column_int (statement, column)));
  dimple_statement_release (statement);
  return ranks;
}

static inline gboolean
oracle_note_columns (Oracle         *oracle,
                     DimpleRowShape *shape)
{
  g_autofree char *columns = g_strjoinv (", ", (char **) dimple_row_shape_get_columns (shape));
  gboolean is_by_row = oracle->key_columns->len == 0 && oracle->identity_sql != NULL && oracle->query->incremental;
  gboolean is_same = g_strcmp0 (columns, oracle->columns) == 0 && is_by_row == oracle->is_by_row;

  g_free (oracle->columns);
  oracle->columns = g_steal_pointer (&columns);
  oracle->is_by_row = is_by_row;
  return is_same;
}

/* It is the same as long as the SQL and the schema are. */
static inline DimpleRowShape *
oracle_find_shape (Oracle       *oracle,
                   sqlite3_stmt *statement,
                   DimpleSchema *schema)
{
  if (oracle->shape_schema == schema && strcmp (oracle->shape_sql, sqlite3_sql (statement)) == 0)
    return oracle->shape;
  g_free (oracle->shape_sql);
  g_clear_pointer (&oracle->shape_schema, dimple_schema_unref);
  oracle->shape = dimple_row_shape_for_statement (statement, schema);
  oracle->shape_sql = g_strdup (sqlite3_sql (statement));
  oracle->shape_schema = dimple_schema_ref (schema);
  return oracle->shape;
}

/* The rows that the SQL gives now: what they show, and who they are.  FALSE in `comparable`: these are other columns
 * than those of the last time.  `ranks`: set if ORDER BY leaves something open. */
static inline GPtrArray *
oracle_run_afresh (Oracle      *oracle,
                   GPtrArray   *seen,
                   GHashTable **ranks,
                   gboolean    *comparable)
{
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (oracle->store, &error);
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (oracle->store);
  GPtrArray *texts = g_ptr_array_new_with_free_func (g_free);
  DimpleRowShape *shape;
  sqlite3_stmt *statement;
  gint64 version;

  g_assert_no_error (error);
  dimple_connection_check_schema (reader, &version, &error);
  g_assert_no_error (error);
  statement = oracle_prepare (oracle, reader,
                              oracle->total_sql != NULL && oracle->query->incremental ? oracle->total_sql
                                                                                      : oracle->sql);
  oracle_find_keys (oracle, statement, schema);
  shape = oracle_find_shape (oracle, statement, schema);
  *comparable = oracle_note_columns (oracle, shape);
  while (dimple_statement_step (statement, &error))
    {
      SeenRow *row = g_new0 (SeenRow, 1);

      g_ptr_array_add (texts, oracle_dup_row (shape, statement));
      row->all = oracle_dup_columns (statement, oracle->key_columns);
      row->main = oracle_dup_columns (statement, oracle->main_columns);
      g_ptr_array_add (seen, row);
    }
  g_assert_no_error (error);
  dimple_statement_release (statement);
  if (oracle->is_by_row)
    oracle_identify_rows (oracle, reader, dimple_row_shape_get_n_columns (shape), seen);
  if (!oracle->is_ordered && oracle->identity_sql != NULL)
    *ranks = oracle_rank_rows (oracle, reader, shape);
  dimple_store_release_reader (oracle->store, reader);
  return texts;
}

/* From now on, until the next check, the model may show what is there now, too. */
static inline void
oracle_allow_state (Oracle *oracle)
{
  g_autoptr(GPtrArray) seen = g_ptr_array_new_with_free_func (seen_row_free), texts = NULL;
  g_autoptr(GHashTable) ranks = NULL;
  gboolean comparable;

  texts = oracle_run_afresh (oracle, seen, &ranks, &comparable);
  g_ptr_array_add (oracle->states, oracle_join (oracle, texts));
}

/* -- Values -------------------------------------------------------------------------------------------------------- */

static inline void
oracle_check_values (Oracle     *oracle,
                     GPtrArray  *shown,
                     GPtrArray  *texts,
                     GHashTable *ranks)
{
  int rank = 0;

  for (guint i = 0; i < texts->len; i++)
    {
      const char *text = g_ptr_array_index (shown, i);

      if (strcmp (text, g_ptr_array_index (texts, i)) != 0)
        oracle_fail (oracle, "row %u is\n%snot\n%s", i, text, (char *) g_ptr_array_index (texts, i));
      if (ranks == NULL)
        continue;
      if (GPOINTER_TO_INT (g_hash_table_lookup (ranks, text)) < rank)
        oracle_fail (oracle, "row %u is too far back:\n%s", i, text);
      rank = GPOINTER_TO_INT (g_hash_table_lookup (ranks, text));
    }
}

/* Where ORDER BY leaves something open: the rows that the SQL gives, in the order of the model. */
static inline void
oracle_sort_like (Oracle    *oracle,
                  GPtrArray *shown,
                  GPtrArray *texts,
                  GPtrArray *seen)
{
  for (guint i = 0; i < texts->len; i++)
    {
      guint other = i;
      gpointer text, row;

      while (other < texts->len && strcmp (g_ptr_array_index (shown, i), g_ptr_array_index (texts, other)) != 0)
        other++;
      if (other == texts->len)
        oracle_fail (oracle, "row %u should not be there, or once less:\n%s", i, (char *) g_ptr_array_index (shown, i));
      text = g_ptr_array_steal_index (texts, other);
      row = g_ptr_array_steal_index (seen, other);
      g_ptr_array_insert (texts, (int) i, text);
      g_ptr_array_insert (seen, (int) i, row);
    }
}

static inline guint
oracle_count_name (const char * const *columns,
                   const char         *name)
{
  guint n = 0;

  for (; *columns != NULL; columns++)
    n += g_ascii_strcasecmp (*columns, name) == 0;
  return n;
}

/* The object has told of what changed in it since the last time, and of nothing else; in several turns it may have
 * changed and changed back. */
static inline void
oracle_check_notified (Oracle     *oracle,
                       ShadowRow  *row,
                       const char *text,
                       guint       position,
                       gboolean    is_one)
{
  const char * const *columns = dimple_row_get_columns (DIMPLE_ROW (row->object));
  g_auto(GStrv) before = g_strsplit (row->values, "\n", -1), after = g_strsplit (text, "\n", -1);

  for (guint i = 0; columns[i] != NULL; i++)
    {
      const char *property = dimple_row_get_property_name (DIMPLE_ROW (row->object), columns[i]);
      gboolean differs = g_strcmp0 (before[i], after[i]) != 0;

      if ((!differs && !is_one) || oracle_count_name (columns, columns[i]) > 1)
        continue;
      if (differs != g_hash_table_contains (row->notified, property))
        oracle_fail (oracle, "row %u: column %s was %s and is %s, but its notify was %semitted", position, columns[i],
                     before[i], after[i], differs ? "not " : "");
    }
}

static inline void
oracle_check_rows (Oracle    *oracle,
                   GPtrArray *shown,
                   GPtrArray *seen,
                   gboolean   is_one)
{
  g_autoptr(GHashTable) objects = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < seen->len; i++)
    {
      ShadowRow *row = g_ptr_array_index (oracle->rows, i);
      SeenRow *now = g_ptr_array_index (seen, i);
      const char *text = g_ptr_array_index (shown, i);

      if (!g_hash_table_add (objects, now->object))
        oracle_fail (oracle, "row %u has the object of another", i);
      if (row->object == NULL)
        continue;
      if (row->object != now->object)
        oracle_fail (oracle, "row %u has another object than the emissions say", i);
      oracle_check_notified (oracle, row, text, i, is_one);
      if (is_one && row->told != NULL && strcmp (row->told, text) != 0)
        oracle_fail (oracle, "row %u told of a change when it was\n%snot\n%s", i, row->told, text);
      g_clear_pointer (&row->told, g_free);
      g_free (row->values);
      row->values = g_strdup (text);
      g_hash_table_remove_all (row->notified);
    }
}

/* -- Identities ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  guint n_old;
  guint n_held;              /* of the old ones */
  guint n_new;
  guint n_kept;              /* of the new ones: with the object of an old one */
} Group;

static inline const char *
seen_row_get (SeenRow  *row,
              gboolean  main)
{
  return main ? row->main : row->all;
}

static inline Group *
find_group (GHashTable *groups,
            const char *name)
{
  Group *group = g_hash_table_lookup (groups, name);

  if (group == NULL)
    {
      group = g_new0 (Group, 1);
      g_hash_table_insert (groups, (gpointer) name, group);
    }
  return group;
}

/* How many rows of each identity there were and are, and how many are the same objects */
static inline GHashTable *
oracle_group (GPtrArray *old,
              GPtrArray *seen,
              gboolean   main)
{
  GHashTable *groups = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  g_autoptr(GHashTable) by_object = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < old->len; i++)
    {
      SeenRow *row = g_ptr_array_index (old, i);
      Group *group = find_group (groups, seen_row_get (row, main));

      group->n_old++;
      group->n_held += row->object != NULL;
      if (row->object != NULL)
        g_hash_table_insert (by_object, row->object, row);
    }
  for (guint i = 0; i < seen->len; i++)
    {
      SeenRow *row = g_ptr_array_index (seen, i), *before = g_hash_table_lookup (by_object, row->object);
      Group *group = find_group (groups, seen_row_get (row, main));

      group->n_new++;
      group->n_kept += before != NULL && strcmp (seen_row_get (before, main), seen_row_get (row, main)) == 0;
    }
  return groups;
}

/* Rows that were there and are there have kept their objects, and stand at neither end of what was emitted. */
static inline void
oracle_check_identities (Oracle    *oracle,
                         GPtrArray *seen,
                         gboolean   main)
{
  g_autoptr(GHashTable) groups = oracle_group (oracle->seen, seen, main);
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, groups);
  while (g_hash_table_iter_next (&iter, &name, &value))
    {
      Group *group = value;

      if (group->n_kept + (group->n_old - group->n_held) < MIN (group->n_old, group->n_new))
        oracle_fail (oracle, "of %u rows %s that are %u now only %u of %u objects are the same", group->n_old,
                     (char *) name, group->n_new, group->n_kept, group->n_held);
    }

  for (guint end = 0; end < 2 && oracle->n_emissions == 1 && oracle->n_removed > 0 && oracle->n_added > 0; end++)
    {
      guint old_position = oracle->position + (end > 0 ? oracle->n_removed - 1 : 0);
      guint position = oracle->position + (end > 0 ? oracle->n_added - 1 : 0);
      const char *before = seen_row_get (g_ptr_array_index (oracle->seen, old_position), main);
      const char *after = seen_row_get (g_ptr_array_index (seen, position), main);
      Group *group = g_hash_table_lookup (groups, before);

      if (strcmp (before, after) == 0 && group->n_old == 1 && group->n_new == 1)
        oracle_fail (oracle, "items-changed %u -%u +%u is not minimal: row %s", oracle->position, oracle->n_removed,
                     oracle->n_added, before);
    }
}

/* What was not emitted has stayed. */
static inline void
oracle_check_outside (Oracle    *oracle,
                      GPtrArray *seen)
{
  guint position = oracle->n_emissions > 0 ? oracle->position : seen->len;
  guint n_removed = oracle->n_emissions > 0 ? oracle->n_removed : 0;
  guint n_added = oracle->n_emissions > 0 ? oracle->n_added : 0;

  for (guint i = 0; i < seen->len; i++)
    {
      SeenRow *row = g_ptr_array_index (seen, i), *before;

      if (i >= position && i < position + n_added)
        continue;
      before = g_ptr_array_index (oracle->seen, i < position ? i : i + n_removed - n_added);
      if (g_strcmp0 (before->main, row->main) != 0)
        oracle_fail (oracle, "row %u was %s and is %s, and nothing was emitted of it", i, before->main, row->main);
      if (before->object != NULL && before->object != row->object)
        oracle_fail (oracle, "row %u has another object", i);
    }
}

static inline void
oracle_check_emitted (Oracle    *oracle,
                      GPtrArray *seen)
{
  gboolean is_by_position = oracle->key_columns->len == 0 && !oracle->is_by_row;

  oracle_check_outside (oracle, seen);
  if (!is_by_position)
    {
      oracle_check_identities (oracle, seen, FALSE);
      oracle_check_identities (oracle, seen, TRUE);
    }
  else if (oracle->n_emissions > 0 && oracle->n_removed > 0 && oracle->n_added > 0)
    oracle_fail (oracle, "items-changed %u -%u +%u of rows told by position", oracle->position, oracle->n_removed,
                 oracle->n_added);
}

/* -- Checking ------------------------------------------------------------------------------------------------------ */

static inline void
oracle_check_counts (Oracle *oracle,
                     guint   n_expected,
                     guint   max_emissions)
{
  GListModel *model = G_LIST_MODEL (oracle->query);

  if (dimple_query_get_error (oracle->query) != NULL)
    oracle_fail (oracle, "error: %s", dimple_query_get_error (oracle->query)->message);
  if (oracle->n_emissions > max_emissions)
    oracle_fail (oracle, "%u emissions", oracle->n_emissions);
  if (oracle->n_notified != oracle->n_expected)
    oracle_fail (oracle, "%u notify::n-items, not %u", oracle->n_notified, oracle->n_expected);
  if (g_list_model_get_n_items (model) != n_expected || oracle->rows->len != n_expected)
    oracle_fail (oracle, "%u items, %u replayed, not %u", g_list_model_get_n_items (model), oracle->rows->len,
                 n_expected);
}

static inline void
oracle_check_first (Oracle   *oracle,
                    gboolean  is_one)
{
  GObject *first = dimple_query_get_first (oracle->query);
  g_autoptr(GObject) item = g_list_model_get_item (G_LIST_MODEL (oracle->query), 0);

  if (first != item)
    oracle_fail (oracle, "the first row has another object than row 0");
  if (first != oracle->first && oracle->n_first == 0)
    oracle_fail (oracle, "another first row was not told of");
  if (first == oracle->first && oracle->n_first > 0 && is_one)
    oracle_fail (oracle, "the first row is the same, and was told of");
  g_set_object (&oracle->first, first);
}

/* A row by its public key is the first with this key. */
static inline void
oracle_check_find (Oracle *oracle,
                   guint   position)
{
  g_autofree char *key = g_strdup (dimple_query_get_key (oracle->query, position));
  g_autoptr(GObject) object = g_list_model_get_item (G_LIST_MODEL (oracle->query), position);
  guint found = G_MAXUINT, first = 0;

  if (g_strcmp0 (key, object != NULL ? dimple_row_get_key (DIMPLE_ROW (object)) : NULL) != 0)
    oracle_fail (oracle, "the key of row %u is %s", position, key);
  if (key == NULL)
    return;
  while (g_strcmp0 (dimple_query_get_key (oracle->query, first), key) != 0)
    first++;
  if (!dimple_query_find (oracle->query, key, &found) || found != first)
    oracle_fail (oracle, "row %s is found at %u, not %u", key, found, first);
}

static inline void
oracle_look (Oracle    *oracle,
             guint      n_rows,
             GPtrArray *objects,
             GPtrArray *shown)
{
  for (guint i = 0; i < n_rows; i++)
    {
      g_ptr_array_add (objects, g_list_model_get_item (G_LIST_MODEL (oracle->query), i));
      g_ptr_array_add (shown, oracle_dup_values (g_ptr_array_index (objects, i)));
    }
}

/* The model shows all that was committed, and nothing is under way.  `max_emissions`: more than one if not all was
 * shown in one turn of the main loop; then less is known of identities. */
static inline void
oracle_check (Oracle *oracle,
              guint   max_emissions)
{
  g_autoptr(GPtrArray) seen = g_ptr_array_new_with_free_func (seen_row_free), texts = NULL;
  g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GPtrArray) shown = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GHashTable) ranks = NULL;
  gboolean is_comparable;

  texts = oracle_run_afresh (oracle, seen, &ranks, &is_comparable);
  oracle_check_counts (oracle, texts->len, max_emissions);
  oracle_look (oracle, texts->len, objects, shown);
  if (!oracle->is_ordered)
    oracle_sort_like (oracle, shown, texts, seen);
  oracle_check_values (oracle, shown, texts, ranks);

  for (guint i = 0; i < seen->len; i++)
    ((SeenRow *) g_ptr_array_index (seen, i))->object = g_object_ref (g_ptr_array_index (objects, i));
  oracle_check_rows (oracle, shown, seen, max_emissions == 1);
  /* A run in between may have given an object to another row of the same first table, and had nothing to emit. */
  if (is_comparable && oracle->n_emissions <= 1 && oracle->query->statistics.n_runs <= oracle->n_runs + 1)
    oracle_check_emitted (oracle, seen);
  if (oracle->asks_first)
    oracle_check_first (oracle, max_emissions == 1);
  if (seen->len > 0)
    oracle_check_find (oracle, oracle->n_checks++ % seen->len);

  for (guint i = 0; i < seen->len; i++)
    if (((ShadowRow *) g_ptr_array_index (oracle->rows, i))->object == NULL)
      g_clear_object (&((SeenRow *) g_ptr_array_index (seen, i))->object);
  g_ptr_array_unref (oracle->seen);
  oracle->seen = g_steal_pointer (&seen);
  g_ptr_array_set_size (oracle->states, 0);
  oracle->n_runs = oracle->query->statistics.n_runs;
  oracle->n_emissions = oracle->n_notified = oracle->n_first = oracle->n_expected = 0;
}
