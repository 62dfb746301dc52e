/* test-row.c: rows: their values, properties, edits and updates
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "row-fixture.h"

#define NOTE_SCHEMA \
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, n INTEGER, ratio REAL, starred BOOLEAN, data BLOB, other);" \
  "INSERT INTO note VALUES ('k', 'Title', 7, 1.5, 1, x'00ff', 'any'), ('null', NULL, NULL, NULL, NULL, NULL, NULL);"
#define FIRST "SELECT * FROM note WHERE key = 'k'"
#define NULLS "SELECT * FROM note WHERE key = 'null'"

/* -- Reading ------------------------------------------------------------------------------------------------------- */

static void
test_getters (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  gsize size;

  fixture_open (&fixture, NOTE_SCHEMA);
  row = fixture_row (&fixture, FIRST);

  g_assert_cmpstr (dimple_row_get_key (row), ==, "k");
  g_assert_cmpstr (dimple_row_get_table (row), ==, "note");
  g_assert_cmpuint (g_strv_length ((char **) dimple_row_get_columns (row)), ==, 7);
  g_assert_cmpstr (dimple_row_get_columns (row)[1], ==, "title");
  g_assert_cmpstr (dimple_row_get_property_name (row, "TITLE"), ==, "title");
  g_assert_null (dimple_row_get_property_name (row, "nonsense"));

  g_assert_cmpstr (dimple_row_get_string (row, "title"), ==, "Title");
  g_assert_true (dimple_row_get_string (row, "title") == dimple_row_get_string (row, "Title"));
  g_assert_cmpstr (dimple_row_get_string (row, "n"), ==, "7");
  g_assert_cmpstr (dimple_row_get_string (row, "ratio"), ==, "1.5");
  g_assert_cmpint (dimple_row_get_int64 (row, "n"), ==, 7);
  g_assert_cmpint (dimple_row_get_int64 (row, "ratio"), ==, 1);
  g_assert_cmpfloat (dimple_row_get_double (row, "ratio"), ==, 1.5);
  g_assert_true (dimple_row_get_boolean (row, "starred"));
  g_assert_false (dimple_row_get_boolean (row, "title"));
  g_assert_cmpmem (g_bytes_get_data (dimple_row_get_bytes (row, "data"), &size), 2, "\x00\xff", 2);
  g_assert_cmpuint (size, ==, 2);
  g_assert_true (dimple_row_get_bytes (row, "data") == dimple_row_get_bytes (row, "data"));
  g_assert_cmpmem (g_bytes_get_data (dimple_row_get_bytes (row, "n"), NULL), 1, "7", 1);
  g_assert_false (dimple_row_is_null (row, "n"));

  g_assert_true (G_VALUE_HOLDS_STRING (dimple_row_get_value (row, "title")));
  g_assert_true (G_VALUE_HOLDS_INT64 (dimple_row_get_value (row, "n")));
  g_assert_true (G_VALUE_HOLDS_DOUBLE (dimple_row_get_value (row, "ratio")));
  g_assert_true (G_VALUE_HOLDS_BOOLEAN (dimple_row_get_value (row, "starred")));
  g_assert_true (G_VALUE_HOLDS (dimple_row_get_value (row, "data"), G_TYPE_BYTES));
  g_assert_cmpstr (g_value_get_string (dimple_row_get_value (row, "other")), ==, "any");
  g_assert_false (dimple_row_is_edited (row));
}

static void
test_null (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  g_autofree char *title = g_strdup ("overwritten");
  g_autoptr(GBytes) data = NULL;
  g_auto(GValue) other = G_VALUE_INIT;
  gint64 n = 1;
  double ratio = 1.0;
  gboolean starred = TRUE;

  fixture_open (&fixture, NOTE_SCHEMA);
  row = fixture_row (&fixture, NULLS);
  for (guint i = 1; dimple_row_get_columns (row)[i] != NULL; i++)
    {
      const char *column = dimple_row_get_columns (row)[i];

      g_assert_true (dimple_row_is_null (row, column));
      g_assert_null (dimple_row_get_value (row, column));
      g_assert_null (dimple_row_get_string (row, column));
      g_assert_null (dimple_row_get_bytes (row, column));
      g_assert_null (dimple_row_dup_date_time (row, column));
      g_assert_cmpint (dimple_row_get_int64 (row, column), ==, 0);
      g_assert_cmpfloat (dimple_row_get_double (row, column), ==, 0.0);
      g_assert_false (dimple_row_get_boolean (row, column));
    }

  g_free (g_steal_pointer (&title));
  g_object_get (row, "title", &title, "n", &n, "ratio", &ratio, "starred", &starred, "data", &data, NULL);
  g_assert_null (title);
  g_assert_cmpint (n, ==, 0);
  g_assert_cmpfloat (ratio, ==, 0.0);
  g_assert_false (starred);
  g_assert_null (data);

  /* Never NULL itself: PyGObject crashes on that. */
  g_object_get_property (G_OBJECT (row), "other", g_value_init (&other, G_TYPE_VALUE));
  g_assert_nonnull (g_value_get_boxed (&other));
  g_assert_true (G_VALUE_HOLDS_STRING (g_value_get_boxed (&other)));
  g_assert_null (g_value_get_string (g_value_get_boxed (&other)));
}

/* Any storage class in any column */
static void
test_conversions (void)
{
  static const struct { const char *sql, *text; gint64 integer; double real; gboolean boolean; } cases[] = {
    { "9007199254740993", "9007199254740993", G_GINT64_CONSTANT (9007199254740993), 9007199254740992.0, TRUE },
    { "-9223372036854775808", "-9223372036854775808", G_MININT64, -9223372036854775808.0, TRUE },
    { "0.1", "0.1", 0, 0.1, TRUE },
    { "2.0", "2.0", 2, 2.0, TRUE },
    { "1e300", "1.0e+300", G_MAXINT64, 1e300, TRUE },
    { "-1e300", "-1.0e+300", G_MININT64, -1e300, TRUE },
    { "'12.5 apples'", "12.5 apples", 12, 12.5, TRUE },
    { "' -3'", " -3", -3, -3.0, TRUE },
    { "'0x10'", "0x10", 0, 0.0, FALSE },
    { "'inf'", "inf", 0, 0.0, FALSE },
    { "''", "", 0, 0.0, FALSE },
    { "x'3432'", "42", 42, 42.0, TRUE },
    { "x'ff41'", "\xef\xbf\xbd" "A", 0, 0.0, FALSE },
    { "CAST (x'ff41' AS TEXT)", "\xef\xbf\xbd" "A", 0, 0.0, FALSE },
  };
  g_auto(Fixture) fixture = { 0 };

  fixture_open (&fixture, NOTE_SCHEMA);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *sql = g_strdup_printf ("SELECT coalesce (%s, 0) AS x", cases[i].sql);
      g_autoptr(DimpleRow) row = fixture_row (&fixture, sql);

      g_assert_cmpstr (dimple_row_get_string (row, "x"), ==, cases[i].text);
      g_assert_cmpint (dimple_row_get_int64 (row, "x"), ==, cases[i].integer);
      g_assert_cmpfloat (dimple_row_get_double (row, "x"), ==, cases[i].real);
      g_assert_true (dimple_row_get_boolean (row, "x") == cases[i].boolean);
    }
}

static void
test_date_time (void)
{
  static const struct { const char *sql, *time; } cases[] = {
    { "'2024-02-29T12:30:45Z'", "2024-02-29T12:30:45Z" },
    { "'2024-02-29 12:30:45'", "2024-02-29T12:30:45Z" },
    { "'2024-02-29T12:30:45.250+02:00'", "2024-02-29T10:30:45.250000Z" },
    { "'2024-02-29'", "2024-02-29T00:00:00Z" },
    { "datetime (0, 'unixepoch')", "1970-01-01T00:00:00Z" },
    { "uuid7_time ('017f22e2-79b7-7cc3-98c4-dc0c0c07398f')", "2022-02-22T19:22:22.007000Z" },
    { "1700000000", "2023-11-14T22:13:20Z" },
    { "-1", "1969-12-31T23:59:59Z" },
    { "1700000000.5", "2023-11-14T22:13:20.500000Z" },
    { "-0.25", "1969-12-31T23:59:59.750000Z" },
    { "'tomorrow'", NULL }, { "''", NULL }, { "x'00'", NULL }, { "1e300", NULL }, { "9223372036854775807", NULL },
  };
  g_auto(Fixture) fixture = { 0 };

  fixture_open (&fixture, NOTE_SCHEMA);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *sql = g_strdup_printf ("SELECT %s AS t", cases[i].sql);
      g_autoptr(DimpleRow) row = fixture_row (&fixture, sql);
      g_autoptr(GDateTime) time = dimple_row_dup_date_time (row, "t");
      g_autofree char *text = time != NULL ? g_date_time_format_iso8601 (time) : NULL;

      g_assert_cmpstr (text, ==, cases[i].time);
    }
}

/* -- Properties ---------------------------------------------------------------------------------------------------- */

static void
test_properties (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  g_autofree char *title = NULL;
  g_autoptr(GBytes) data = NULL;
  g_auto(GValue) other = G_VALUE_INIT;
  g_autofree GParamSpec **properties = NULL;
  gint64 n;
  double ratio;
  gboolean starred;
  guint n_properties;

  fixture_open (&fixture, NOTE_SCHEMA);
  row = fixture_row (&fixture, FIRST);
  properties = g_object_class_list_properties (G_OBJECT_GET_CLASS (row), &n_properties);
  g_assert_cmpuint (n_properties, ==, 7);

  g_object_get (row, "title", &title, "n", &n, "ratio", &ratio, "starred", &starred, "data", &data, NULL);
  g_assert_cmpstr (title, ==, "Title");
  g_assert_cmpint (n, ==, 7);
  g_assert_cmpfloat (ratio, ==, 1.5);
  g_assert_true (starred);
  g_assert_cmpuint (g_bytes_get_size (data), ==, 2);
  g_object_get_property (G_OBJECT (row), "other", g_value_init (&other, G_TYPE_VALUE));
  g_assert_cmpstr (g_value_get_string (g_value_get_boxed (&other)), ==, "any");
}

static void
test_edits (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(GPtrArray) notified = NULL;
  g_autoptr(DimpleRowEdits) edits = NULL;
  g_autoptr(DimpleRowEdits) none = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;
  const char *lent;

  fixture_open (&fixture, NOTE_SCHEMA);
  row = fixture_row (&fixture, FIRST);
  notified = watch (row);
  g_assert_true (dimple_row_dup_edits (G_OBJECT (row), &none, &error));
  g_assert_null (none);

  lent = dimple_row_get_string (row, "title");
  g_object_set (row, "title", "Title", "n", G_GINT64_CONSTANT (7), "ratio", 1.5, NULL);
  assert_notified (notified, "");
  g_assert_false (dimple_row_is_edited (row));
  g_assert_true (lent == dimple_row_get_string (row, "title"));

  g_object_set (row, "title", "Other", "n", G_GINT64_CONSTANT (8), "starred", FALSE, NULL);
  assert_notified (notified, "n starred title");
  g_assert_true (dimple_row_is_edited (row));
  g_assert_cmpstr (dimple_row_get_string (row, "title"), ==, "Other");
  g_assert_cmpint (dimple_row_get_int64 (row, "n"), ==, 8);
  g_assert_cmpint (g_value_get_int64 (dimple_row_get_value (row, "n")), ==, 8);
  g_assert_false (dimple_row_get_boolean (row, "starred"));

  g_object_set (row, "title", NULL, NULL);
  assert_notified (notified, "title");
  g_assert_true (dimple_row_is_null (row, "title"));
  g_assert_true (dimple_row_dup_edits (G_OBJECT (row), &edits, &error));
  g_assert_no_error (error);
  text = print_edits (edits, TRUE);
  g_assert_cmpstr (text, ==, "{'title': <@ms nothing>, 'n': <int64 8>, 'starred': <int64 0>}");

  /* Back to what was loaded: nothing is left to save. */
  g_object_set (row, "title", "Title", "n", G_GINT64_CONSTANT (7), "starred", TRUE, NULL);
  assert_notified (notified, "n starred title");
  g_assert_false (dimple_row_is_edited (row));

  g_object_set (row, "title", "Third", "data", NULL, NULL);
  g_ptr_array_set_size (notified, 0);
  dimple_row_revert (row);
  assert_notified (notified, "data title");
  g_assert_false (dimple_row_is_edited (row));
  g_assert_cmpstr (dimple_row_get_string (row, "title"), ==, "Title");
  g_assert_nonnull (dimple_row_get_bytes (row, "data"));
  dimple_row_revert (row);
  assert_notified (notified, "");
}

static void
set_and_check (DimpleRow    *row,
               const char   *column,
               const GValue *value,
               const char   *expected)
{
  dimple_row_set_value (row, column, value);
  g_assert_cmpstr (dimple_row_get_string (row, column), ==, expected);
}

static void
test_set_value (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static ("abc", 3);
  g_autoptr(GDateTime) time = g_date_time_new_from_iso8601 ("2024-02-29T12:30:45.25+01:00", NULL);

  fixture_open (&fixture, NOTE_SCHEMA);
  row = fixture_row (&fixture, FIRST);

#define SET(column, type, set, what, expected) \
  { \
    g_auto(GValue) value = G_VALUE_INIT; \
    set (g_value_init (&value, type), what); \
    set_and_check (row, column, &value, expected); \
  }
  SET ("other", G_TYPE_STRING, g_value_set_string, "text", "text");
  SET ("OTHER", G_TYPE_INT, g_value_set_int, -5, "-5");
  SET ("other", G_TYPE_UINT, g_value_set_uint, 4000000000u, "4000000000");
  SET ("other", G_TYPE_INT64, g_value_set_int64, G_MAXINT64, "9223372036854775807");
  SET ("other", G_TYPE_UINT64, g_value_set_uint64, 3, "3");
  SET ("other", G_TYPE_LONG, g_value_set_long, 4, "4");
  SET ("other", G_TYPE_DOUBLE, g_value_set_double, 0.25, "0.25");
  SET ("other", G_TYPE_FLOAT, g_value_set_float, 0.5f, "0.5");
  SET ("other", G_TYPE_BOOLEAN, g_value_set_boolean, TRUE, "1");
  SET ("other", G_TYPE_BYTES, g_value_set_boxed, bytes, "abc");
  SET ("other", G_TYPE_DATE_TIME, g_value_set_boxed, time, "2024-02-29T11:30:45.250Z");
  SET ("n", G_TYPE_DATE_TIME, g_value_set_boxed, time, "1709206245");
  SET ("ratio", G_TYPE_DATE_TIME, g_value_set_boxed, time, "1709206245.25");
  SET ("n", G_TYPE_DOUBLE, g_value_set_double, 1099511627776.0, "1099511627776");
  SET ("n", G_TYPE_DOUBLE, g_value_set_double, 1.5, "1.5");
  SET ("ratio", G_TYPE_INT, g_value_set_int, 2, "2.0");
  SET ("ratio", G_TYPE_DOUBLE, g_value_set_double, NAN, NULL);
  SET ("title", G_TYPE_BINDING_FLAGS, g_value_set_flags, G_BINDING_SYNC_CREATE, "2");
  SET ("title", G_TYPE_STRING, g_value_set_string, NULL, NULL);
  SET ("other", G_TYPE_STRING, g_value_set_string, "x", "x");
  SET ("other", G_TYPE_POINTER, g_value_set_pointer, NULL, NULL);
  SET ("other", G_TYPE_STRING, g_value_set_string, "x", "x");
  SET ("other", G_TYPE_OBJECT, g_value_set_object, NULL, NULL);
#undef SET

  set_and_check (row, "data", NULL, NULL);
  dimple_row_revert (row);
  set_and_check (row, "data", &(GValue) G_VALUE_INIT, NULL);

  /* In a GValue property: the same, once more inside */
  {
    g_auto(GValue) inner = G_VALUE_INIT, outer = G_VALUE_INIT;

    g_value_set_int (g_value_init (&inner, G_TYPE_INT), 6);
    g_value_set_boxed (g_value_init (&outer, G_TYPE_VALUE), &inner);
    g_object_set_property (G_OBJECT (row), "other", &outer);
    g_assert_cmpint (dimple_row_get_int64 (row, "other"), ==, 6);
    g_value_set_boxed (&outer, NULL);
    g_object_set_property (G_OBJECT (row), "other", &outer);
    g_assert_true (dimple_row_is_null (row, "other"));
  }
}

static void
test_programmers_errors (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  g_auto(GValue) object = G_VALUE_INIT, huge = G_VALUE_INIT;

  fixture_open (&fixture, NOTE_SCHEMA);
  row = fixture_row (&fixture, FIRST);

  g_test_expect_message ("Dimple", G_LOG_LEVEL_CRITICAL, "*no column “nonsense”, only: key, title, n,*");
  g_assert_null (dimple_row_get_string (row, "nonsense"));
  g_test_assert_expected_messages ();
  g_test_expect_message ("Dimple", G_LOG_LEVEL_CRITICAL, "*no column*");
  g_assert_cmpint (dimple_row_get_int64 (row, ""), ==, 0);
  g_test_assert_expected_messages ();
  g_test_expect_message ("Dimple", G_LOG_LEVEL_CRITICAL, "*no column*");
  dimple_row_set_value (row, "titel", NULL);
  g_test_assert_expected_messages ();

  g_value_set_object (g_value_init (&object, G_TYPE_OBJECT), row);
  g_test_expect_message ("Dimple", G_LOG_LEVEL_CRITICAL, "*column “other” cannot hold a value of type “GObject”*");
  dimple_row_set_value (row, "other", &object);
  g_test_assert_expected_messages ();
  g_value_set_uint64 (g_value_init (&huge, G_TYPE_UINT64), G_MAXUINT64);
  g_test_expect_message ("Dimple", G_LOG_LEVEL_CRITICAL, "*cannot hold a value of type “guint64”*");
  dimple_row_set_value (row, "other", &huge);
  g_test_assert_expected_messages ();
  g_value_unset (&object);

  g_assert_false (dimple_row_is_edited (row));
  g_assert_cmpstr (dimple_row_get_string (row, "other"), ==, "any");
}

/* -- Updates ------------------------------------------------------------------------------------------------------- */

static void
test_update (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(GPtrArray) notified = NULL;
  const char *lent;

  fixture_open (&fixture, NOTE_SCHEMA);
  row = fixture_row (&fixture, FIRST);
  notified = watch (row);
  lent = dimple_row_get_string (row, "title");

  fixture_update (&fixture, G_OBJECT (row), FIRST);
  assert_notified (notified, "");
  fixture_run (&fixture, "UPDATE note SET n = 8, data = NULL, other = 1.5 WHERE key = 'k'");
  fixture_update (&fixture, G_OBJECT (row), FIRST);
  assert_notified (notified, "data n other");
  g_assert_cmpint (dimple_row_get_int64 (row, "n"), ==, 8);
  g_assert_true (dimple_row_is_null (row, "data"));
  g_assert_true (lent == dimple_row_get_string (row, "title"));
  g_assert_cmpstr (dimple_row_get_string (row, "other"), ==, "1.5");

  /* The key may change under an object that is found by position. */
  g_assert_cmpstr (dimple_row_get_key (row), ==, "k");
  fixture_run (&fixture, "UPDATE note SET key = 'k2' WHERE key = 'k'");
  fixture_update (&fixture, G_OBJECT (row), "SELECT * FROM note WHERE key = 'k2'");
  assert_notified (notified, "key");
  g_assert_cmpstr (dimple_row_get_key (row), ==, "k2");
}

static void
test_update_edited (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(GPtrArray) notified = NULL;
  g_autofree char *title = NULL;

  fixture_open (&fixture, NOTE_SCHEMA);
  row = fixture_row (&fixture, FIRST);
  g_object_set (row, "title", "Being typed", NULL);
  notified = watch (row);

  fixture_run (&fixture, "UPDATE note SET title = 'Remote', n = 9 WHERE key = 'k'");
  fixture_update (&fixture, G_OBJECT (row), FIRST);
  assert_notified (notified, "n");
  g_object_get (row, "title", &title, NULL);
  g_assert_cmpstr (title, ==, "Being typed");
  g_assert_true (dimple_row_is_edited (row));

  /* Setting what had been loaded is an edit now that the database has something else. */
  g_object_set (row, "title", "Title", NULL);
  assert_notified (notified, "title");
  g_assert_true (dimple_row_is_edited (row));
  dimple_row_revert (row);
  assert_notified (notified, "title");
  g_assert_cmpstr (dimple_row_get_string (row, "title"), ==, "Remote");

  /* Somebody wrote the same: the edit is no longer one. */
  g_object_set (row, "title", "Agreed", NULL);
  fixture_run (&fixture, "UPDATE note SET title = 'Agreed' WHERE key = 'k'");
  fixture_update (&fixture, G_OBJECT (row), FIRST);
  g_assert_false (dimple_row_is_edited (row));
  assert_notified (notified, "title");
  g_assert_cmpstr (dimple_row_get_string (row, "title"), ==, "Agreed");
}

/* -- Saving -------------------------------------------------------------------------------------------------------- */

static void
test_unsaved (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(GPtrArray) notified = NULL;
  g_autoptr(DimpleRowEdits) edits = NULL;
  g_autoptr(GByteArray) record = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;

  fixture_open (&fixture, NOTE_SCHEMA);
  row = dimple_row_new_unsaved (dimple_row_shape_for_table (dimple_schema_find (fixture.schema, "note")));
  g_assert_true (fixture_shape (&fixture, FIRST) == dimple_row_shape_of (G_OBJECT (row)));
  g_assert_null (dimple_row_get_key (row));
  g_assert_cmpstr (dimple_row_get_table (row), ==, "note");
  g_assert_true (dimple_row_is_null (row, "title"));

  notified = watch (row);
  /* NULL on purpose is not the DEFAULT. */
  g_object_set (row, "title", "New", "data", NULL, "key", "mine", NULL);
  assert_notified (notified, "key title");
  g_assert_null (dimple_row_get_key (row));
  g_assert_true (dimple_row_dup_edits (G_OBJECT (row), &edits, &error));
  text = print_edits (edits, FALSE);
  g_assert_cmpstr (text, ==, "{'key': <'mine'>, 'title': <'New'>, 'data': <@ms nothing>}");

  record = fixture_record (&fixture, "SELECT 'mine', 'New', 5, NULL, NULL, NULL, 'default'");
  dimple_row_set_saved (G_OBJECT (row), NULL, "mine", record->data, record->len);
  assert_notified (notified, "n other");
  g_assert_false (dimple_row_is_edited (row));
  g_assert_cmpstr (dimple_row_get_key (row), ==, "mine");
  g_assert_cmpint (dimple_row_get_int64 (row, "n"), ==, 5);
}

static void
test_saved_by_key (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(DimpleRow) pair = NULL;
  g_autoptr(GPtrArray) notified = NULL;

  fixture_open (&fixture, NOTE_SCHEMA "CREATE TABLE pair (a INTEGER, v TEXT, b TEXT, PRIMARY KEY (b, a))");
  row = dimple_row_new_unsaved (dimple_row_shape_for_table (dimple_schema_find (fixture.schema, "note")));
  notified = watch (row);
  g_object_set (row, "title", "New", NULL);
  g_ptr_array_set_size (notified, 0);
  dimple_row_set_saved (G_OBJECT (row), NULL, "made", NULL, 0);
  assert_notified (notified, "key");
  g_assert_cmpstr (dimple_row_get_key (row), ==, "made");
  g_assert_cmpstr (dimple_row_get_string (row, "key"), ==, "made");
  g_assert_cmpstr (dimple_row_get_string (row, "title"), ==, "New");
  g_assert_false (dimple_row_is_edited (row));

  g_object_set (row, "title", "Newer", "key", "renamed", NULL);
  g_assert_cmpstr (dimple_row_get_key (row), ==, "made");
  g_ptr_array_set_size (notified, 0);
  dimple_row_set_saved (G_OBJECT (row), NULL, NULL, NULL, 0);
  assert_notified (notified, "");
  g_assert_cmpstr (dimple_row_get_key (row), ==, "renamed");
  dimple_row_revert (row);
  g_assert_cmpstr (dimple_row_get_string (row, "title"), ==, "Newer");

  pair = dimple_row_new_unsaved (dimple_row_shape_for_table (dimple_schema_find (fixture.schema, "pair")));
  dimple_row_set_saved (G_OBJECT (pair), NULL, "[\"x\",3]", NULL, 0);
  g_assert_cmpstr (dimple_row_get_key (pair), ==, "[\"x\",3]");
  g_assert_cmpint (dimple_row_get_int64 (pair, "a"), ==, 3);
  g_assert_cmpstr (dimple_row_get_string (pair, "b"), ==, "x");
}

static void
test_read_only_columns (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(DimpleRowEdits) edits = NULL;
  g_autoptr(DimpleRowEdits) renamed = NULL;
  g_autoptr(GError) error = NULL;
  g_auto(GValue) value = G_VALUE_INIT;
  g_autofree char *text = NULL;

  fixture_open (&fixture, NOTE_SCHEMA
                "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT, twice AS (name || name));"
                "INSERT INTO folder (key, name) VALUES ('f', 'Folder')");
  row = fixture_row (&fixture, "SELECT f.key, name AS title, twice, n.title AS note, 1 + 1 AS two "
                               "FROM folder f, note n");
  g_assert_cmpstr (dimple_row_get_table (row), ==, "folder");

  g_value_set_static_string (g_value_init (&value, G_TYPE_STRING), "x");
  dimple_row_set_value (row, "title", &value);
  g_assert_true (dimple_row_dup_edits (G_OBJECT (row), &renamed, &error));
  text = print_edits (renamed, FALSE);
  g_assert_cmpstr (text, ==, "{'name': <'x'>}");

  for (guint i = 2; i < 5; i++)
    {
      dimple_row_revert (row);
      dimple_row_set_value (row, dimple_row_get_columns (row)[i], &value);
      g_assert_false (dimple_row_dup_edits (G_OBJECT (row), &edits, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_READ_ONLY);
      g_assert_null (edits);
      g_clear_error (&error);
    }
}

/* -- Bindings ------------------------------------------------------------------------------------------------------ */

static void
assert_transforms (GType         to,
                   const GValue *inner,
                   const char   *expected)
{
  g_auto(GValue) source = G_VALUE_INIT, target = G_VALUE_INIT;
  g_autofree char *text = NULL;

  g_value_set_boxed (g_value_init (&source, G_TYPE_VALUE), inner);
  g_assert_true (g_value_type_transformable (G_TYPE_VALUE, to));
  g_assert_true (g_value_transform (&source, g_value_init (&target, to)));
  text = g_strdup_value_contents (&target);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_transforms (void)
{
  static const GType types[] = {
    G_TYPE_STRING, G_TYPE_INT, G_TYPE_INT64, G_TYPE_UINT, G_TYPE_DOUBLE, G_TYPE_BOOLEAN
  };
  g_auto(GValue) integer = G_VALUE_INIT, text = G_VALUE_INIT, real = G_VALUE_INIT, null = G_VALUE_INIT;

  g_type_ensure (DIMPLE_TYPE_ROW);
  g_type_class_unref (g_type_class_ref (DIMPLE_TYPE_ROW));
  g_value_set_int64 (g_value_init (&integer, G_TYPE_INT64), 42);
  g_value_set_static_string (g_value_init (&text, G_TYPE_STRING), "12.5");
  g_value_set_double (g_value_init (&real, G_TYPE_DOUBLE), -1.5);
  g_value_init (&null, G_TYPE_STRING);

  assert_transforms (G_TYPE_STRING, &integer, "\"42\"");
  assert_transforms (G_TYPE_INT, &integer, "42");
  assert_transforms (G_TYPE_UINT, &integer, "42");
  assert_transforms (G_TYPE_INT64, &text, "12");
  assert_transforms (G_TYPE_DOUBLE, &text, "12.500000");
  assert_transforms (G_TYPE_BOOLEAN, &text, "TRUE");
  assert_transforms (G_TYPE_STRING, &real, "\"-1.5\"");
  assert_transforms (G_TYPE_UINT, &real, "0");
  assert_transforms (G_TYPE_STRING, &null, "NULL");
  assert_transforms (G_TYPE_INT, &null, "0");
  assert_transforms (G_TYPE_STRING, NULL, "NULL");

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_auto(GValue) source = G_VALUE_INIT, target = G_VALUE_INIT;

      g_value_init (&source, types[i]);
      g_assert_true (g_value_transform (&source, g_value_init (&target, G_TYPE_VALUE)));
      g_assert_true (G_VALUE_HOLDS (g_value_get_boxed (&target), types[i]));
    }
}

/* `count(*) AS n` on a label, and an editor */
static void
test_binding (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(DimpleRow) count = NULL;
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(DimpleRow) label = NULL;
  GBinding *shown;

  fixture_open (&fixture, NOTE_SCHEMA);
  count = fixture_row (&fixture, "SELECT count(*) AS n FROM note");
  row = fixture_row (&fixture, FIRST);
  label = fixture_row (&fixture, NULLS);

  shown = g_object_bind_property (count, "n", label, "title", G_BINDING_SYNC_CREATE);
  g_assert_cmpstr (dimple_row_get_string (label, "title"), ==, "2");
  fixture_run (&fixture, "INSERT INTO note (key) VALUES ('third')");
  fixture_update (&fixture, G_OBJECT (count), "SELECT count(*) AS n FROM note");
  g_assert_cmpstr (dimple_row_get_string (label, "title"), ==, "3");
  g_binding_unbind (shown);

  g_object_bind_property (row, "title", label, "title", G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL);
  g_assert_cmpstr (dimple_row_get_string (label, "title"), ==, "Title");
  g_assert_false (dimple_row_is_edited (row));
  g_object_set (label, "title", "Typed", NULL);
  g_assert_cmpstr (dimple_row_get_string (row, "title"), ==, "Typed");
  g_assert_true (dimple_row_is_edited (row));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/row/getters", test_getters);
  g_test_add_func ("/row/null", test_null);
  g_test_add_func ("/row/conversions", test_conversions);
  g_test_add_func ("/row/date-time", test_date_time);
  g_test_add_func ("/row/properties", test_properties);
  g_test_add_func ("/row/edits", test_edits);
  g_test_add_func ("/row/set-value", test_set_value);
  g_test_add_func ("/row/programmers-errors", test_programmers_errors);
  g_test_add_func ("/row/update", test_update);
  g_test_add_func ("/row/update-edited", test_update_edited);
  g_test_add_func ("/row/unsaved", test_unsaved);
  g_test_add_func ("/row/saved-by-key", test_saved_by_key);
  g_test_add_func ("/row/read-only-columns", test_read_only_columns);
  g_test_add_func ("/row/transforms", test_transforms);
  g_test_add_func ("/row/binding", test_binding);
  return g_test_run ();
}
