/* query-fixture.h: a store with notes, and a record of what a live query tells
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple.h"
#include "dimple-query-internal-private.h"

static const char * const fixture_migrations[] = {
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, body TEXT, folder TEXT, stars INTEGER DEFAULT 1);"
  "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT)",
  NULL
};

static inline DimpleStore *
fixture_open_at (const char *path)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (path, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, fixture_migrations, &error);
  g_assert_no_error (error);
  return store;
}

static inline DimpleStore *
fixture_open (void)
{
  return fixture_open_at (NULL);
}

static inline void
fixture_execute (DimpleStore *store,
                 const char  *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_store_execute (store, sql, NULL, &error);
  g_assert_no_error (error);
}

/* Notes with the keys and titles a, b, c … of `letters`. */
static inline void
fixture_add (DimpleStore *store,
             const char  *letters)
{
  for (; *letters != '\0'; letters++)
    {
      g_autofree char *sql = g_strdup_printf ("INSERT INTO note (key, title, folder) VALUES ('%c', '%c', 'in')",
                                              *letters, *letters);

      fixture_execute (store, sql);
    }
}

/* The texts of the first column, joined. */
static inline char *
fixture_dup_rows (gpointer model)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr(GObject) row = g_list_model_get_item (model, i);
      const char *value = dimple_row_get_string (DIMPLE_ROW (row), dimple_row_get_columns (DIMPLE_ROW (row))[0]);

      g_string_append_printf (text, "%s%s", i > 0 ? " " : "", value != NULL ? value : "NULL");
    }
  return g_string_free (text, FALSE);
}

#define fixture_assert_rows(model, expected) \
  G_STMT_START { \
    g_autofree char *fixture_rows = fixture_dup_rows (model); \
    g_assert_cmpstr (fixture_rows, ==, (expected)); \
  } G_STMT_END

#define BY_TITLE "SELECT key, title FROM note ORDER BY title, key"

/* -- What a query tells -------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleQuery *query;
  GString     *text;
} Record;

static inline void
record_append (Record     *record,
               const char *text)
{
  if (record->text->len > 0)
    g_string_append (record->text, ", ");
  g_string_append (record->text, text);
}

static inline void
record_items_changed (GListModel *model,
                      guint       position,
                      guint       n_removed,
                      guint       n_added,
                      Record     *record)
{
  g_autofree char *text = g_strdup_printf ("%u -%u +%u", position, n_removed, n_added);

  record_append (record, text);
}

static inline void
record_notify (GObject    *object,
               GParamSpec *pspec,
               Record     *record)
{
  record_append (record, pspec->name);
}

static inline Record *
record_new (DimpleQuery *query)
{
  Record *record = g_new0 (Record, 1);

  record->query = g_object_ref (query);
  record->text = g_string_new (NULL);
  g_signal_connect (query, "items-changed", G_CALLBACK (record_items_changed), record);
  g_signal_connect (query, "notify", G_CALLBACK (record_notify), record);
  return record;
}

static inline void
record_free (Record *record)
{
  g_signal_handlers_disconnect_by_data (record->query, record);
  g_object_unref (record->query);
  g_string_free (record->text, TRUE);
  g_free (record);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Record, record_free)

/* What was told since the last time. */
#define record_assert(record, expected) \
  G_STMT_START { \
    g_assert_cmpstr ((record)->text->str, ==, (expected)); \
    g_string_truncate ((record)->text, 0); \
  } G_STMT_END
