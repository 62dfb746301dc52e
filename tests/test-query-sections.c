/* test-query-sections.c: the sections of a live query: runs of rows with the same value in one column
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-fixture.h"

#define assert_section(query, position, expected_start, expected_end) \
  G_STMT_START { \
    guint section_start, section_end; \
    dimple_query_get_section ((query), (position), &section_start, &section_end); \
    g_assert_cmpuint (section_start, ==, (expected_start)); \
    g_assert_cmpuint (section_end, ==, (expected_end)); \
  } G_STMT_END

static void
test_sections (void)
{
  static const char * const statements[] = {
    "SELECT key, folder FROM note ORDER BY folder, key",
    "SELECT DISTINCT key, folder FROM note ORDER BY note.folder, key",
  };
  g_autoptr(DimpleStore) store = fixture_open ();

  fixture_add (store, "abcdefg");
  fixture_execute (store,
                   "UPDATE note SET folder = CASE WHEN key < 'c' THEN NULL WHEN key < 'f' THEN 'x' ELSE 'y' END");
  for (guint i = 0; i < G_N_ELEMENTS (statements); i++)
    {
      g_autoptr(DimpleQuery) query = g_object_new (DIMPLE_TYPE_QUERY, "store", store, "sql", statements[i],
                                                   "section-column", "folder", NULL);

      assert_section (query, 0, 0, G_MAXUINT);
      dimple_query_refresh (query);
      g_assert_no_error (dimple_query_get_error (query));
      assert_section (query, 0, 0, 2);
      assert_section (query, 1, 0, 2);
      assert_section (query, 2, 2, 5);
      assert_section (query, 3, 2, 5);
      assert_section (query, 4, 2, 5);
      assert_section (query, 6, 5, 7);
      assert_section (query, 7, 7, G_MAXUINT);
    }
}

static gboolean
are_in_one_section (DimpleQuery *query,
                    guint        a,
                    guint        b)
{
  g_autoptr(DimpleRow) row = g_list_model_get_item (G_LIST_MODEL (query), a);
  g_autoptr(DimpleRow) other = g_list_model_get_item (G_LIST_MODEL (query), b);

  return g_strcmp0 (dimple_row_get_string (row, "folder"), dimple_row_get_string (other, "folder")) == 0;
}

/* They are what looking at each row would find, however they are ordered. */
static void
test_section_order (void)
{
  static const char * const statements[] = {
    "SELECT key, folder FROM note ORDER BY folder, key",
    "SELECT key, folder FROM note ORDER BY folder DESC NULLS FIRST, title",
    "SELECT key, folder FROM note ORDER BY folder NULLS LAST",
    "SELECT key, folder FROM note ORDER BY folder || '', key",
    "SELECT key, folder FROM note ORDER BY folder COLLATE NOCASE, key",
    "SELECT key, folder FROM note ORDER BY folder, key LIMIT 90 OFFSET 25",
    "SELECT DISTINCT key, folder FROM note ORDER BY folder, key",
  };
  g_autoptr(DimpleStore) store = fixture_open ();

  fixture_execute (store, "INSERT INTO note (key, title, folder) "
                          "WITH RECURSIVE i (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM i LIMIT 200) "
                          "SELECT x, x * 7 % 5, nullif (iif (x % 3, 'f', 'F') || (x * x % 17), 'f0') FROM i");
  for (guint i = 0; i < G_N_ELEMENTS (statements); i++)
    {
      g_autoptr(DimpleQuery) query = g_object_new (DIMPLE_TYPE_QUERY, "store", store, "sql", statements[i],
                                                   "section-column", "folder", NULL);
      guint n_rows;

      dimple_query_refresh (query);
      g_assert_no_error (dimple_query_get_error (query));
      n_rows = g_list_model_get_n_items (G_LIST_MODEL (query));
      for (guint first = 0, last; first < n_rows; first = last)
        {
          for (last = first + 1; last < n_rows && are_in_one_section (query, first, last); last++)
            ;
          for (guint position = first; position < last; position++)
            assert_section (query, position, first, last);
        }
    }
}

static void
test_section_column (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) plain = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(DimpleQuery) wrong = g_object_new (DIMPLE_TYPE_QUERY, "store", store, "sql", BY_TITLE,
                                               "section-column", "key", NULL);

  fixture_add (store, "abc");
  dimple_query_refresh (plain);
  assert_section (plain, 1, 0, 3);
  dimple_query_refresh (wrong);
  g_assert_error (dimple_query_get_error (wrong), DIMPLE_ERROR, DIMPLE_ERROR_SQL);
  g_assert_nonnull (strstr (dimple_query_get_error (wrong)->message, "section column"));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/query-sections/sections", test_sections);
  g_test_add_func ("/query-sections/section-order", test_section_order);
  g_test_add_func ("/query-sections/section-column", test_section_column);
  return g_test_run ();
}
