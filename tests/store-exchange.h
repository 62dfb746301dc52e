/* store-exchange.h: stores that bring each other their transactions, for tests
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple.h"

#include "dimple-store-private.h"
#include "dimple-test.h"
#include "log-utils.h"

static inline DimpleStore *
open_store (const char * const *migrations)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (NULL, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  return store;
}

static inline void
execute (DimpleStore *store,
         const char  *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_store_execute (store, sql, NULL, &error);
  g_assert_no_error (error);
}

/* The store's clock shows this second of 2026 from now on. */
static inline void
set_second (DimpleStore *store,
            int          second)
{
  g_autoptr(GDateTime) start = g_date_time_new_utc (2026, 1, 1, 0, 0, 0);
  g_autoptr(GDateTime) time = g_date_time_add_seconds (start, second);

  dimple_test_set_time (store, time);
}

static inline GPtrArray *
exchange_read_log (DimpleStore *store)
{
  GPtrArray *transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (store, &error);

  g_assert_no_error (error);
  dimple_log_visit_since (reader, 0, log_collect, transactions, &error);
  g_assert_no_error (error);
  dimple_store_release_reader (store, reader);
  return transactions;
}

/* Merges what `from` knows and `to` does not. */
static inline void
bring (DimpleStore *from,
       DimpleStore *to)
{
  g_autoptr(GPtrArray) theirs = exchange_read_log (from);
  g_autoptr(GPtrArray) ours = exchange_read_log (to);
  g_autoptr(GPtrArray) missing = g_ptr_array_new ();
  g_autoptr(GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < ours->len; i++)
    g_hash_table_add (known, ((DimpleTransaction *) g_ptr_array_index (ours, i))->id);
  for (guint i = 0; i < theirs->len; i++)
    {
      DimpleTransaction *transaction = g_ptr_array_index (theirs, i);

      if (!g_hash_table_contains (known, transaction->id))
        g_ptr_array_add (missing, transaction);
    }
  dimple_store_apply (to, missing, G_MAXINT64, &error);
  g_assert_no_error (error);
}

static inline void
bring_both (DimpleStore *a,
            DimpleStore *b)
{
  bring (a, b);
  bring (b, a);
}

/* The first column of all rows, separated by blanks. */
static inline char *
list_values (DimpleStore *store,
             const char  *sql)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GListModel) rows = dimple_store_select (store, sql, NULL, &error);
  GString *text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < g_list_model_get_n_items (rows); i++)
    {
      g_autoptr(DimpleRow) row = g_list_model_get_item (rows, i);

      g_string_append_printf (text, "%s%s", i > 0 ? " " : "",
                              dimple_row_get_string (row, dimple_row_get_columns (row)[0]));
    }
  return g_string_free (text, FALSE);
}

static inline void
assert_values (DimpleStore *store,
               const char  *sql,
               const char  *expected)
{
  g_autofree char *values = list_values (store, sql);

  g_assert_cmpstr (values, ==, expected);
}
