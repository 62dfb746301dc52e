/* query-oracle.h: a shadow of a live query, which replays what it emits
 *
 * At each check (query-oracle-check.h) the model must be what the SQL gives now, the shadow must be the model, and what
 * was emitted since must be what the rows' identities ask for: the same object for the same row wherever it went,
 * notify for just the columns that changed, nothing emitted that stayed at either end.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>

#include <string.h>

#include "dimple-parameters-private.h"
#include "dimple-query-internal-private.h"
#include "dimple-record-private.h"
#include "dimple-row-shape-private.h"
#include "dimple-store-private.h"

/* A row of the shadow list */
typedef struct
{
  GObject    *object;        /* (nullable) if it is held */
  char       *values;        /* (nullable) what the object showed when it was last looked at, each ended by a line break */
  char       *told;          /* (nullable) the same when it told of the first change since */
  GHashTable *notified;      /* names of properties notified since */
} ShadowRow;

/* What a row was at a check */
typedef struct
{
  char       *all;           /* (nullable) the keys of all tables in it: who it is */
  char       *main;          /* (nullable) that of the first table alone */
  GObject    *object;        /* (nullable) if it is held */
} SeenRow;

typedef struct
{
  DimpleStore  *store;
  DimpleQuery  *query;
  char         *sql;
  GVariant     *parameters;      /* (nullable) */
  char         *identity_sql;    /* (nullable) the same with more columns: key and rowid, and the rank in ORDER BY */
  guint         n_hidden;
  char         *total_sql;       /* (nullable) what a query that is kept row by row takes a LIMIT for that cuts between equals */
  gboolean      is_ordered;      /* ORDER BY leaves nothing open */
  guint         held;            /* percent of the objects */
  GString      *log;             /* (nullable) for messages */

  GPtrArray    *rows;            /* of ShadowRow */
  GPtrArray    *seen;            /* of SeenRow; at the last check */
  GArray       *key_columns;     /* of guint: what tells rows apart, and … */
  GArray       *main_columns;    /* … of the first table */
  DimpleRowShape *shape;         /* (nullable) of a fresh run's rows, for … */
  char         *shape_sql;       /* (nullable) … this SQL and … */
  DimpleSchema *shape_schema;    /* (nullable) … this schema */
  gboolean      is_by_row;       /* rows without keys are told apart by what they come from, and not by position */
  char         *columns;         /* (nullable) names of the result's columns */
  gboolean      asks_first;
  GObject      *first;           /* (nullable) at the last check */
  GPtrArray    *states;          /* of char: if not empty, what the model may show, at whatever time */

  guint         n_checks;
  guint         n_runs;          /* of the query, at the last check */
  guint         n_emissions;     /* since the last check; the last one is: */
  guint         position, n_removed, n_added;
  guint         n_notified;      /* notify::n-items */
  guint         n_first;         /* notify::first */
  guint         n_expected;      /* emissions that change the number of items */
} Oracle;

#define oracle_fail(oracle, ...) \
  G_STMT_START { \
    g_autofree char *oracle_message = g_strdup_printf (__VA_ARGS__); \
    g_autofree char *oracle_parameters = \
      (oracle)->parameters != NULL ? g_variant_print ((oracle)->parameters, TRUE) : g_strdup ("none"); \
    g_autofree char *oracle_how = dimple_query_explain ((oracle)->query); \
    g_printerr ("%s\n%s\nQuery: %s\nParameters: %s\n%s", (oracle)->log != NULL ? (oracle)->log->str : "", \
                oracle_message, (oracle)->sql, oracle_parameters, oracle_how); \
    g_error ("A live query is wrong, as told above"); \
  } G_STMT_END

/* -- Rows as text -------------------------------------------------------------------------------------------------- */

/* Millions of times, so without printf. */
static inline void
oracle_append_quoted (GString    *text,
                      char        type,
                      const char *value,
                      gssize      length)
{
  g_string_append_c (text, type);
  g_string_append_c (text, '\'');
  if (value != NULL)
    g_string_append_len (text, value, length);
  g_string_append_c (text, '\'');
}

static inline void
oracle_append_value (GString    *text,
                     DimpleRow  *row,
                     const char *column)
{
  const GValue *value = dimple_row_get_value (row, column);

  if (value == NULL)
    g_string_append (text, "NULL");
  else if (G_VALUE_HOLDS (value, G_TYPE_BYTES))
    {
      GBytes *bytes = g_value_get_boxed (value);

      oracle_append_quoted (text, 'x', g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes));
    }
  /* Text has fewer digits than a number. */
  else if (G_VALUE_HOLDS_DOUBLE (value))
    g_string_append_printf (text, "d%.17g", g_value_get_double (value));
  else
    oracle_append_quoted (text, *G_VALUE_TYPE_NAME (value) == 'g' ? G_VALUE_TYPE_NAME (value)[1] : '?',
                          dimple_row_get_string (row, column), -1);
}

static inline char *
oracle_dup_values (gpointer object)
{
  const char * const *columns = dimple_row_get_columns (object);
  GString *text = g_string_new (NULL);

  for (guint i = 0; columns[i] != NULL; i++)
    {
      /* Of columns with equal names the first is meant. */
      oracle_append_value (text, object, columns[i]);
      g_string_append_c (text, '\n');
    }
  return g_string_free (text, FALSE);
}

static inline void
on_row_notify (GObject    *object,
               GParamSpec *pspec,
               ShadowRow  *row)
{
  if (row->told == NULL)
    row->told = oracle_dup_values (object);
  g_hash_table_add (row->notified, (gpointer) pspec->name);
}

static inline void
shadow_row_free (gpointer data)
{
  ShadowRow *row = data;

  if (row->object != NULL)
    g_signal_handlers_disconnect_by_data (row->object, row);
  g_clear_object (&row->object);
  g_hash_table_unref (row->notified);
  g_free (row->values);
  g_free (row->told);
  g_free (row);
}

static inline void
seen_row_free (gpointer data)
{
  SeenRow *row = data;

  g_clear_object (&row->object);
  g_free (row->all);
  g_free (row->main);
  g_free (row);
}

/* -- Replaying ----------------------------------------------------------------------------------------------------- */

/* A row that is in the list now; one of those that were removed in the same emission if it has its object. */
static inline ShadowRow *
oracle_take_row (Oracle     *oracle,
                 guint       position,
                 GHashTable *removed)
{
  gboolean is_held = oracle->held >= 100 || (position * 7919 + oracle->rows->len) % 100 < oracle->held;
  g_autoptr(GObject) object = NULL;
  ShadowRow *row;

  if (is_held || g_hash_table_size (removed) > 0)
    object = g_list_model_get_item (G_LIST_MODEL (oracle->query), position);
  row = object != NULL ? g_hash_table_lookup (removed, object) : NULL;
  if (row != NULL)
    {
      g_hash_table_steal (removed, object);
      return row;
    }

  row = g_new0 (ShadowRow, 1);
  row->notified = g_hash_table_new (g_str_hash, g_str_equal);
  if (!is_held)
    return row;
  row->object = g_steal_pointer (&object);
  row->values = oracle_dup_values (row->object);
  g_signal_connect (row->object, "notify", G_CALLBACK (on_row_notify), row);
  return row;
}

static inline int
oracle_compare_texts (gconstpointer a,
                      gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

/* All rows as one text, in order if there is one. */
static inline char *
oracle_join (Oracle    *oracle,
             GPtrArray *texts)
{
  if (!oracle->is_ordered)
    g_ptr_array_sort (texts, oracle_compare_texts);
  g_ptr_array_add (texts, NULL);
  return g_strjoinv ("\n", (char **) texts->pdata);
}

static inline char *
oracle_dup_state (Oracle *oracle)
{
  GListModel *model = G_LIST_MODEL (oracle->query);
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr(GObject) object = g_list_model_get_item (model, i);

      g_ptr_array_add (texts, oracle_dup_values (object));
    }
  return oracle_join (oracle, texts);
}

/* What is shown is what some commit made. */
static inline void
oracle_check_state (Oracle *oracle)
{
  g_autofree char *state = oracle_dup_state (oracle);

  for (guint i = 0; i < oracle->states->len; i++)
    if (strcmp (state, g_ptr_array_index (oracle->states, i)) == 0)
      return;
  oracle_fail (oracle, "the model shows what no commit made:\n%s", state);
}

static inline void
oracle_items_changed (GListModel *model,
                      guint       position,
                      guint       n_removed,
                      guint       n_added,
                      Oracle     *oracle)
{
  g_autoptr(GHashTable) removed = g_hash_table_new_full (NULL, NULL, NULL, shadow_row_free);

  oracle->n_emissions++;
  oracle->position = position;
  oracle->n_removed = n_removed;
  oracle->n_added = n_added;
  oracle->n_expected += n_removed != n_added;
  if (n_removed == 0 && n_added == 0)
    oracle_fail (oracle, "items-changed of nothing");
  if (position + n_removed > oracle->rows->len ||
      g_list_model_get_n_items (model) != oracle->rows->len - n_removed + n_added)
    oracle_fail (oracle, "items-changed %u -%u +%u of %u makes no %u", position, n_removed, n_added, oracle->rows->len,
                 g_list_model_get_n_items (model));

  for (guint i = 0; i < n_removed; i++)
    {
      ShadowRow *row = g_ptr_array_steal_index (oracle->rows, position);

      if (row->object != NULL)
        g_hash_table_insert (removed, row->object, row);
      else
        shadow_row_free (row);
    }
  for (guint i = 0; i < n_added; i++)
    g_ptr_array_insert (oracle->rows, (int) (position + i), oracle_take_row (oracle, position + i, removed));
  if (oracle->states->len > 0)
    oracle_check_state (oracle);
}

static inline void
oracle_count (DimpleQuery *query,
              GParamSpec  *pspec,
              guint       *counter)
{
  (*counter)++;
}

static inline Oracle *
oracle_new (DimpleStore *store,
            const char  *sql,
            GVariant    *parameters,
            gboolean     is_ordered,
            guint        held)
{
  Oracle *oracle = g_new0 (Oracle, 1);

  oracle->store = g_object_ref (store);
  oracle->sql = g_strdup (sql);
  oracle->parameters = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  oracle->is_ordered = is_ordered;
  oracle->held = held;
  oracle->rows = g_ptr_array_new_with_free_func (shadow_row_free);
  oracle->seen = g_ptr_array_new_with_free_func (seen_row_free);
  oracle->states = g_ptr_array_new_with_free_func (g_free);
  oracle->key_columns = g_array_new (FALSE, FALSE, sizeof (guint));
  oracle->main_columns = g_array_new (FALSE, FALSE, sizeof (guint));
  oracle->query = dimple_query_new (store, sql, oracle->parameters);
  g_signal_connect (oracle->query, "items-changed", G_CALLBACK (oracle_items_changed), oracle);
  g_signal_connect (oracle->query, "notify::n-items", G_CALLBACK (oracle_count), &oracle->n_notified);
  g_signal_connect (oracle->query, "notify::first", G_CALLBACK (oracle_count), &oracle->n_first);
  return oracle;
}

static inline void
oracle_free (Oracle *oracle)
{
  g_signal_handlers_disconnect_by_data (oracle->query, oracle);
  g_signal_handlers_disconnect_by_data (oracle->query, &oracle->n_notified);
  g_signal_handlers_disconnect_by_data (oracle->query, &oracle->n_first);
  g_ptr_array_unref (oracle->rows);
  g_ptr_array_unref (oracle->seen);
  g_ptr_array_unref (oracle->states);
  g_array_unref (oracle->key_columns);
  g_array_unref (oracle->main_columns);
  g_clear_object (&oracle->first);
  g_object_unref (oracle->query);
  g_object_unref (oracle->store);
  g_clear_pointer (&oracle->parameters, g_variant_unref);
  g_free (oracle->identity_sql);
  g_free (oracle->total_sql);
  g_free (oracle->shape_sql);
  g_clear_pointer (&oracle->shape_schema, dimple_schema_unref);
  g_free (oracle->columns);
  g_free (oracle->sql);
  g_free (oracle);
}

static inline void
oracle_set_parameters (Oracle   *oracle,
                       GVariant *parameters)
{
  g_clear_pointer (&oracle->parameters, g_variant_unref);
  oracle->parameters = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  dimple_query_set_parameters (oracle->query, oracle->parameters);
}

static inline void
oracle_set_sql (Oracle     *oracle,
                const char *sql,
                GVariant   *parameters,
                gboolean    is_ordered)
{
  g_free (oracle->sql);
  oracle->sql = g_strdup (sql);
  oracle->is_ordered = is_ordered;
  g_clear_pointer (&oracle->identity_sql, g_free);
  dimple_query_set_sql (oracle->query, sql);
  oracle_set_parameters (oracle, parameters);
}
