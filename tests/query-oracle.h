/* query-oracle.h: checks a live query against a fresh run of its SQL
 *
 * A shadow list replays every items-changed.  After each commit the model must be what the SQL gives now, the shadow must
 * be the model, rows outside of what was emitted must be the same objects, rows inside that were there before too, and
 * what was emitted must begin and end with rows that are others.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>

#include <string.h>

#include "dimple-parameters-private.h"
#include "dimple-record-private.h"
#include "dimple-row-shape-private.h"
#include "dimple-store-private.h"

typedef struct
{
  char      *identity;      /* (nullable) the row's key: NULL where the result has none */
  GObject   *object;        /* (nullable) held, so that its identity can be checked */
  GPtrArray *values;        /* of char: what it showed at the last check; if it is held */
  GHashTable *notified;     /* names of properties notified since */
} ShadowRow;

typedef struct
{
  DimpleStore *store;
  DimpleQuery *query;
  char        *sql;
  GVariant    *parameters;
  GPtrArray   *rows;        /* of ShadowRow */
  gboolean     hold;        /* hold every object, else none */
  gboolean     is_keyed;
  gboolean     is_ordered;  /* ORDER BY leaves nothing open */
  guint        n_emissions; /* since the last check */
  guint        n_notified;  /* notify::n-items */
  guint        n_expected;  /* emissions that change the number of items */
  const char  *step;        /* what was done last, for messages */
} Oracle;

#define oracle_fail(oracle, ...) \
  G_STMT_START { \
    g_autofree char *oracle_message = g_strdup_printf (__VA_ARGS__); \
    g_error ("%s\n  query: %s\n  after: %s", oracle_message, (oracle)->sql, (oracle)->step); \
  } G_STMT_END

static inline void
on_row_notify (GObject    *object,
               GParamSpec *pspec,
               ShadowRow  *row)
{
  g_hash_table_add (row->notified, (gpointer) pspec->name);
}

static inline void
shadow_row_free (gpointer data)
{
  ShadowRow *row = data;

  if (row->object != NULL)
    g_signal_handlers_disconnect_by_data (row->object, row);
  g_clear_object (&row->object);
  g_clear_pointer (&row->values, g_ptr_array_unref);
  g_hash_table_unref (row->notified);
  g_free (row->identity);
  g_free (row);
}

static inline GPtrArray *
oracle_read_values (GObject *object)
{
  GPtrArray *values = g_ptr_array_new_with_free_func (g_free);
  const char * const *columns = dimple_row_get_columns (DIMPLE_ROW (object));

  for (guint i = 0; columns[i] != NULL; i++)
    {
      GBytes *bytes;

      if (dimple_row_is_null (DIMPLE_ROW (object), columns[i]))
        g_ptr_array_add (values, g_strdup ("NULL"));
      else if ((bytes = dimple_row_get_bytes (DIMPLE_ROW (object), columns[i])) != NULL)
        g_ptr_array_add (values, g_strdup_printf ("%.*s/%" G_GSIZE_FORMAT, (int) g_bytes_get_size (bytes),
                                                  (const char *) g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)));
      else
        g_ptr_array_add (values, g_strdup_printf ("'%s'", dimple_row_get_string (DIMPLE_ROW (object), columns[i])));
    }
  return values;
}

static inline ShadowRow *
oracle_new_row (Oracle *oracle,
                guint   position)
{
  ShadowRow *row = g_new0 (ShadowRow, 1);

  row->identity = g_strdup (dimple_query_get_key (oracle->query, position));
  row->notified = g_hash_table_new (g_str_hash, g_str_equal);
  if (oracle->hold)
    {
      row->object = g_list_model_get_item (G_LIST_MODEL (oracle->query), position);
      row->values = oracle_read_values (row->object);
      g_signal_connect (row->object, "notify", G_CALLBACK (on_row_notify), row);
    }
  return row;
}

static inline void
oracle_items_changed (GListModel *model,
                      guint       position,
                      guint       n_removed,
                      guint       n_added,
                      Oracle     *oracle)
{
  g_autoptr(GPtrArray) removed = g_ptr_array_new_with_free_func (shadow_row_free);
  g_autoptr(GHashTable) objects = g_hash_table_new (g_str_hash, g_str_equal);

  oracle->n_emissions++;
  if (n_removed != n_added)
    oracle->n_expected++;
  if (position + n_removed > oracle->rows->len)
    oracle_fail (oracle, "items-changed %u -%u +%u, but there are only %u", position, n_removed, n_added, oracle->rows->len);
  if (g_list_model_get_n_items (model) != oracle->rows->len - n_removed + n_added)
    oracle_fail (oracle, "items-changed %u -%u +%u of %u makes no %u", position, n_removed, n_added, oracle->rows->len,
                 g_list_model_get_n_items (model));

  for (guint i = 0; i < n_removed; i++)
    {
      ShadowRow *row = g_ptr_array_steal_index (oracle->rows, position);

      g_ptr_array_add (removed, row);
      if (row->identity != NULL && g_hash_table_contains (objects, row->identity))
        g_hash_table_replace (objects, row->identity, NULL);      /* several: any of them */
      else if (row->identity != NULL)
        g_hash_table_insert (objects, row->identity, row->object);
    }
  for (guint i = 0; i < n_added; i++)
    {
      ShadowRow *row = oracle_new_row (oracle, position + i);

      g_ptr_array_insert (oracle->rows, (int) (position + i), row);
      if (row->identity != NULL && row->object != NULL && g_hash_table_lookup (objects, row->identity) != NULL &&
          g_hash_table_lookup (objects, row->identity) != row->object)
        oracle_fail (oracle, "row %s has another object after items-changed", row->identity);
    }

  if (n_removed == 0 || n_added == 0)
    return;
  if (!oracle->is_keyed)
    oracle_fail (oracle, "items-changed %u -%u +%u of rows told by position", position, n_removed, n_added);
  for (guint end = 0; end < 2; end++)
    {
      ShadowRow *before = g_ptr_array_index (removed, end > 0 ? n_removed - 1 : 0);
      ShadowRow *after = g_ptr_array_index (oracle->rows, position + (end > 0 ? n_added - 1 : 0));

      if (oracle->hold ? before->object == after->object
                       : before->identity != NULL && g_strcmp0 (before->identity, after->identity) == 0)
        oracle_fail (oracle, "items-changed %u -%u +%u is not minimal: row %s", position, n_removed, n_added,
                     before->identity);
    }
}

static inline void
oracle_n_items (DimpleQuery *query,
                GParamSpec  *pspec,
                Oracle      *oracle)
{
  oracle->n_notified++;
}

static inline Oracle *
oracle_new (DimpleStore *store,
            const char  *sql,
            GVariant    *parameters,
            gboolean     hold,
            gboolean     is_keyed,
            gboolean     is_ordered)
{
  Oracle *oracle = g_new0 (Oracle, 1);

  oracle->store = g_object_ref (store);
  oracle->sql = g_strdup (sql);
  oracle->parameters = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  oracle->hold = hold;
  oracle->is_keyed = is_keyed;
  oracle->is_ordered = is_ordered;
  oracle->step = "construction";
  oracle->rows = g_ptr_array_new_with_free_func (shadow_row_free);
  oracle->query = dimple_query_new (store, sql, oracle->parameters);
  g_signal_connect (oracle->query, "items-changed", G_CALLBACK (oracle_items_changed), oracle);
  g_signal_connect (oracle->query, "notify::n-items", G_CALLBACK (oracle_n_items), oracle);
  return oracle;
}

static inline void
oracle_free (Oracle *oracle)
{
  g_signal_handlers_disconnect_by_data (oracle->query, oracle);
  g_ptr_array_unref (oracle->rows);
  g_object_unref (oracle->query);
  g_object_unref (oracle->store);
  g_clear_pointer (&oracle->parameters, g_variant_unref);
  g_free (oracle->sql);
  g_free (oracle);
}

/* The rows that the SQL gives now, as objects of their own. */
static inline GPtrArray *
oracle_run_afresh (Oracle *oracle)
{
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (oracle->store, &error);
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (oracle->store);
  GPtrArray *objects = g_ptr_array_new_with_free_func (g_object_unref);
  DimpleRowShape *shape;
  sqlite3_stmt *statement;

  g_assert_no_error (error);
  statement = dimple_connection_prepare (reader, oracle->sql, &error);
  g_assert_no_error (error);
  dimple_parameters_bind (statement, oracle->parameters, &error);
  g_assert_no_error (error);
  shape = dimple_row_shape_for_statement (statement, schema);
  while (dimple_statement_step (statement, &error))
    {
      g_autoptr(GByteArray) record = g_byte_array_new ();

      for (int i = 0; i < sqlite3_column_count (statement); i++)
        dimple_record_append_column (record, statement, i);
      g_ptr_array_add (objects, dimple_row_shape_create (shape, DIMPLE_TYPE_ROW, record->data, record->len));
    }
  g_assert_no_error (error);
  dimple_statement_release (statement);
  dimple_store_release_reader (oracle->store, reader);
  return objects;
}

static inline void
oracle_check_notified (Oracle    *oracle,
                       ShadowRow *row,
                       GPtrArray *values,
                       guint      position)
{
  const char * const *columns = dimple_row_get_columns (DIMPLE_ROW (row->object));

  for (guint i = 0; i < values->len; i++)
    {
      const char *property = dimple_row_get_property_name (DIMPLE_ROW (row->object), columns[i]);
      gboolean differs = g_strcmp0 (g_ptr_array_index (values, i), g_ptr_array_index (row->values, i)) != 0;

      if (differs != g_hash_table_contains (row->notified, property))
        oracle_fail (oracle, "row %u: column %s %s, but its notify was %semitted", position, columns[i],
                     differs ? "changed" : "did not change", differs ? "not " : "");
    }
}

static inline int
oracle_compare_texts (gconstpointer a,
                      gconstpointer b)
{
  return strcmp (*(const char **) a, *(const char **) b);
}

static inline GPtrArray *
oracle_join_values (GPtrArray *objects)
{
  GPtrArray *texts = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < objects->len; i++)
    {
      g_autoptr(GPtrArray) values = oracle_read_values (g_ptr_array_index (objects, i));

      g_ptr_array_add (values, NULL);
      g_ptr_array_add (texts, g_strjoinv (", ", (char **) values->pdata));
    }
  return texts;
}

static inline void
oracle_compare_values (Oracle    *oracle,
                       GPtrArray *expected)
{
  g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GPtrArray) texts = NULL, expected_texts = oracle_join_values (expected);

  for (guint i = 0; i < expected->len; i++)
    g_ptr_array_add (objects, g_list_model_get_item (G_LIST_MODEL (oracle->query), i));
  texts = oracle_join_values (objects);
  if (!oracle->is_ordered)
    {
      g_ptr_array_sort (texts, oracle_compare_texts);
      g_ptr_array_sort (expected_texts, oracle_compare_texts);
    }
  for (guint i = 0; i < expected->len; i++)
    if (strcmp (g_ptr_array_index (texts, i), g_ptr_array_index (expected_texts, i)) != 0)
      oracle_fail (oracle, "row %u is\n  %s, not\n  %s", i, (char *) g_ptr_array_index (texts, i),
                   (char *) g_ptr_array_index (expected_texts, i));
}

/* The model shows all that was committed, and nothing is under way. */
static inline void
oracle_check (Oracle     *oracle,
              const char *step,
              guint       max_emissions)
{
  g_autoptr(GPtrArray) expected = NULL;
  GListModel *model = G_LIST_MODEL (oracle->query);

  oracle->step = step;
  if (dimple_query_get_error (oracle->query) != NULL)
    oracle_fail (oracle, "error: %s", dimple_query_get_error (oracle->query)->message);
  expected = oracle_run_afresh (oracle);
  if (oracle->n_emissions > max_emissions)
    oracle_fail (oracle, "%u emissions", oracle->n_emissions);
  if (oracle->n_notified != oracle->n_expected)
    oracle_fail (oracle, "%u notify::n-items, not %u", oracle->n_notified, oracle->n_expected);
  if (g_list_model_get_n_items (model) != expected->len || oracle->rows->len != expected->len)
    oracle_fail (oracle, "%u items, %u replayed, not %u", g_list_model_get_n_items (model), oracle->rows->len, expected->len);

  oracle_compare_values (oracle, expected);
  for (guint i = 0; i < expected->len; i++)
    {
      ShadowRow *row = g_ptr_array_index (oracle->rows, i);
      g_autoptr(GObject) object = g_list_model_get_item (model, i);
      g_autoptr(GPtrArray) values = oracle_read_values (object);

      if (row->object != NULL && row->object != object)
        oracle_fail (oracle, "row %u has another object", i);
      if (oracle->is_keyed && g_strcmp0 (row->identity, dimple_query_get_key (oracle->query, i)) != 0)
        oracle_fail (oracle, "row %u is %s, not %s", i, dimple_query_get_key (oracle->query, i), row->identity);
      if (row->object != NULL)
        {
          oracle_check_notified (oracle, row, values, i);
          g_ptr_array_unref (row->values);
          row->values = g_steal_pointer (&values);
          g_hash_table_remove_all (row->notified);
        }
    }
  oracle->n_emissions = oracle->n_notified = oracle->n_expected = 0;
}
