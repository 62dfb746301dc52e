/* test-row-types.c: the classes of rows: property names, kinds, named types, and classes of the app
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "row-fixture.h"

/* -- Classes of the app -------------------------------------------------------------------------------------------- */

/* Knows nothing of rows */
typedef struct
{
  GObject    parent_instance;

  char      *title;
  int        n;
  gboolean   starred;
  GDateTime *modified_at;
  GValue     other;
  char      *key;
  guint      n_set;
} TestNote;

typedef GObjectClass TestNoteClass;

enum { NOTE_0, NOTE_TITLE, NOTE_N, NOTE_STARRED, NOTE_MODIFIED_AT, NOTE_OTHER, NOTE_KEY, NOTE_UNRELATED, NOTE_LENGTH };

GType test_note_get_type (void);

G_DEFINE_TYPE (TestNote, test_note, G_TYPE_OBJECT)

static void
test_note_get_property (GObject    *object,
                        guint       id,
                        GValue     *value,
                        GParamSpec *pspec)
{
  TestNote *self = (TestNote *) object;

  switch (id)
    {
    case NOTE_TITLE:
      g_value_set_string (value, self->title);
      break;
    case NOTE_N:
      g_value_set_int (value, self->n);
      break;
    case NOTE_STARRED:
      g_value_set_boolean (value, self->starred);
      break;
    case NOTE_MODIFIED_AT:
      g_value_set_boxed (value, self->modified_at);
      break;
    case NOTE_OTHER:
      g_value_set_boxed (value, G_IS_VALUE (&self->other) ? &self->other : NULL);
      break;
    case NOTE_KEY:
      g_value_set_string (value, self->key);
      break;
    case NOTE_LENGTH:
      g_value_set_int (value, self->title != NULL ? (int) strlen (self->title) : 0);
      break;
    default:
      break;
    }
}

static void
test_note_set_property (GObject      *object,
                        guint         id,
                        const GValue *value,
                        GParamSpec   *pspec)
{
  TestNote *self = (TestNote *) object;

  self->n_set++;
  switch (id)
    {
    case NOTE_TITLE:
      g_free (self->title);
      self->title = g_value_dup_string (value);
      break;
    case NOTE_N:
      self->n = g_value_get_int (value);
      break;
    case NOTE_STARRED:
      self->starred = g_value_get_boolean (value);
      break;
    case NOTE_MODIFIED_AT:
      g_clear_pointer (&self->modified_at, g_date_time_unref);
      self->modified_at = g_value_dup_boxed (value);
      break;
    case NOTE_OTHER:
      if (G_IS_VALUE (&self->other))
        g_value_unset (&self->other);
      if (g_value_get_boxed (value) != NULL)
        {
          const GValue *inner = g_value_get_boxed (value);

          g_value_copy (inner, g_value_init (&self->other, G_VALUE_TYPE (inner)));
        }
      break;
    case NOTE_KEY:
      g_free (self->key);
      self->key = g_value_dup_string (value);
      break;
    default:
      break;
    }
}

static void
test_note_finalize (GObject *object)
{
  TestNote *self = (TestNote *) object;

  g_free (self->title);
  g_free (self->key);
  g_clear_pointer (&self->modified_at, g_date_time_unref);
  if (G_IS_VALUE (&self->other))
    g_value_unset (&self->other);
  G_OBJECT_CLASS (test_note_parent_class)->finalize (object);
}

static void
install (GObjectClass *klass,
         guint         id,
         GParamSpec   *property)
{
  g_object_class_install_property (klass, id, property);
}

static void
test_note_class_init (TestNoteClass *klass)
{
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  klass->get_property = test_note_get_property;
  klass->set_property = test_note_set_property;
  klass->finalize = test_note_finalize;
  install (klass, NOTE_TITLE, g_param_spec_string ("title", NULL, NULL, "Untitled", flags));
  install (klass, NOTE_N, g_param_spec_int ("n", NULL, NULL, -1000, 1000, -1, flags));
  install (klass, NOTE_STARRED, g_param_spec_boolean ("starred", NULL, NULL, FALSE, flags));
  install (klass, NOTE_MODIFIED_AT, g_param_spec_boxed ("modified-at", NULL, NULL, G_TYPE_DATE_TIME, flags));
  install (klass, NOTE_OTHER, g_param_spec_boxed ("other", NULL, NULL, G_TYPE_VALUE, flags));
  install (klass, NOTE_KEY, g_param_spec_string ("key", NULL, NULL, NULL, flags | G_PARAM_CONSTRUCT_ONLY));
  install (klass, NOTE_UNRELATED, g_param_spec_object ("unrelated", NULL, NULL, G_TYPE_OBJECT, flags));
  install (klass, NOTE_LENGTH, g_param_spec_int ("length", NULL, NULL, 0, G_MAXINT, 0,
                                                 G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
test_note_init (TestNote *self)
{
  self->title = g_strdup ("Untitled");
  self->n = -1;
}

/* A row with a property of its own */
typedef struct
{
  DimpleRow  parent_instance;

  char      *title;
} TestRow;

typedef DimpleRowClass TestRowClass;

GType test_row_get_type (void);

G_DEFINE_TYPE (TestRow, test_row, DIMPLE_TYPE_ROW)

static void
test_row_get_property (GObject    *object,
                       guint       id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  g_value_set_string (value, ((TestRow *) object)->title);
}

static void
test_row_set_property (GObject      *object,
                       guint         id,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  TestRow *self = (TestRow *) object;

  g_free (self->title);
  self->title = g_value_dup_string (value);
}

static void
test_row_finalize (GObject *object)
{
  g_free (((TestRow *) object)->title);
  G_OBJECT_CLASS (test_row_parent_class)->finalize (object);
}

static void
test_row_class_init (TestRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = test_row_get_property;
  object_class->set_property = test_row_set_property;
  object_class->finalize = test_row_finalize;
  install (object_class, 1,
           g_param_spec_string ("title", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
}

static void
test_row_init (TestRow *self)
{
}

#define NOTE_SCHEMA \
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, n INTEGER, starred BOOLEAN, modified_at TEXT, other, " \
  "  body TEXT);" \
  "INSERT INTO note VALUES ('k', 'Title', 7, 1, '2024-02-29T12:00:00.000Z', 2.5, 'Body'), ('null', NULL, NULL, NULL, " \
  "  NULL, NULL, NULL);"
#define FIRST "SELECT * FROM note WHERE key = 'k'"
#define NULLS "SELECT * FROM note WHERE key = 'null'"

/* -- Shapes -------------------------------------------------------------------------------------------------------- */

static void
test_property_names (void)
{
  static const struct { const char *column, *property; } cases[] = {
    { "title", "title" }, { "modified_at", "modified-at" }, { "createdAt", "created-at" }, { "URL", "url" },
    { "Title Case", "title-case" }, { "HTMLText", "html-text" }, { "userID", "user-id" },
    { "note2Title", "note2-title" },
    { "MD5Hash", "md5-hash" }, { "__x__y__", "x-y" }, { "Größe", "grosse" }, { "naïve café", "naive-cafe" },
    { "count(*)", "count" }, { "max(a.b, 2)", "max-a-b-2" }, { "2nd", "column-2nd" }, { "connect", "column-connect" },
    { "Notify", "column-notify" }, { "get_key", "column-get-key" }, { "getKey", "column-get-key-2" },
    { "toString", "column-to-string" }, { "constructor", "column-constructor" }, { "ref", "column-ref" },
    { "key", "key" }, { "error", "error" }, { "changed", "changed" }, { "*", "column-26" }, { "日本", "column-27" },
    { "", "column-28" }, { "Title", "title-2" }, { "TITLE", "title-3" }, { "title_2", "title-2-2" },
    { "column_26", "column-26-2" },
  };
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(GString) sql = g_string_new ("SELECT ");
  g_autoptr(DimpleRow) row = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_string_append_printf (sql, "%s%u AS \"%s\"", i > 0 ? ", " : "", i, cases[i].column);
  fixture_open (&fixture, NOTE_SCHEMA);
  row = fixture_row (&fixture, sql->str);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_assert_cmpstr (dimple_row_get_columns (row)[i], ==, cases[i].column);
      g_assert_cmpstr (dimple_row_get_property_name (row, cases[i].column), ==, cases[i].property);
      g_assert_nonnull (g_object_class_find_property (G_OBJECT_GET_CLASS (row), cases[i].property));
      g_assert_cmpint (dimple_row_get_int64 (row, cases[i].column), ==, i);
    }
}

static void
assert_property_types (Fixture    *fixture,
                       const char *sql,
                       ...)
{
  DimpleRowShape *shape = fixture_shape (fixture, sql);
  g_autoptr(GTypeClass) klass = g_type_class_ref (dimple_row_shape_get_gtype (shape));
  g_autofree GParamSpec **properties = NULL;
  guint n_properties;
  va_list arguments;

  properties = g_object_class_list_properties (G_OBJECT_CLASS (klass), &n_properties);
  g_assert_cmpuint (n_properties, ==, dimple_row_shape_get_n_columns (shape));
  va_start (arguments, sql);
  for (guint i = 0; i < n_properties; i++)
    g_assert_cmpstr (g_type_name (properties[i]->value_type), ==, g_type_name (va_arg (arguments, GType)));
  va_end (arguments);
}

static void
test_declared_types (void)
{
  g_auto(Fixture) fixture = { 0 };

  fixture_open (&fixture,
                "CREATE TABLE t (a BOOLEAN, b BIGINT, c VARCHAR(20), d CLOB, e text, f REAL, g FLOAT,"
                "  h DOUBLE PRECISION, i BLOB, j, k NUMERIC, l DATETIME, m TINYINT(1), n boolint);"
                "CREATE VIEW v AS SELECT a, e, b + 1 AS sum FROM t");
  assert_property_types (&fixture, "SELECT * FROM t", G_TYPE_BOOLEAN, G_TYPE_INT64, G_TYPE_STRING, G_TYPE_STRING,
                         G_TYPE_STRING, G_TYPE_DOUBLE, G_TYPE_DOUBLE, G_TYPE_DOUBLE, G_TYPE_BYTES, G_TYPE_VALUE,
                         G_TYPE_VALUE, G_TYPE_VALUE, G_TYPE_INT64, G_TYPE_BOOLEAN);
  assert_property_types (&fixture, "SELECT * FROM v", G_TYPE_BOOLEAN, G_TYPE_STRING, G_TYPE_VALUE);
  assert_property_types (&fixture, "SELECT e, upper (e), count(*) FROM t", G_TYPE_STRING, G_TYPE_VALUE, G_TYPE_VALUE);
  assert_property_types (&fixture,
                         "SELECT e, CAST (count(*) AS INTEGER) AS n, CAST (1 AS BOOLEAN) b, CAST (e AS VARCHAR (3)), "
                         "CAST (1 AS REAL) + 1 AS sum, cast (1 as blob) FROM t",
                         G_TYPE_STRING, G_TYPE_INT64, G_TYPE_BOOLEAN, G_TYPE_STRING, G_TYPE_VALUE, G_TYPE_BYTES);
}

static void
assert_key (Fixture    *fixture,
            const char *sql,
            const char *table,
            const char *expected)
{
  DimpleRowShape *shape = fixture_shape (fixture, sql);
  g_autoptr(GByteArray) record = fixture_record (fixture, sql);
  g_autoptr(GString) key = g_string_new (NULL);

  g_assert_cmpstr (dimple_row_shape_get_table (shape), ==, table);
  g_assert_true (dimple_row_shape_append_key (shape, record->data, key) == (expected != NULL));
  g_assert_cmpstr (key->str, ==, expected != NULL ? expected : "");
}

static void
test_keys (void)
{
  g_auto(Fixture) fixture = { 0 };

  fixture_open (&fixture,
                "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, folder TEXT);"
                "CREATE TABLE folder (key TEXT PRIMARY KEY, name TEXT);"
                "CREATE TABLE link (a TEXT, n INTEGER, b BLOB, PRIMARY KEY (b, a, n)) WITHOUT ROWID;"
                "CREATE TABLE plain (id INTEGER PRIMARY KEY, x);"
                "CREATE TABLE number (n REAL PRIMARY KEY);"
                "CREATE VIEW view AS SELECT title, key FROM note;"
                "CREATE TEMP TABLE note2 (key TEXT PRIMARY KEY);"
                "INSERT INTO note VALUES ('n', 't', 'f'); INSERT INTO folder VALUES ('f', 'name');"
                "INSERT INTO link VALUES ('a', 1, x'00'); INSERT INTO plain VALUES (1, 2); "
                "INSERT INTO number VALUES (1.5);"
                "INSERT INTO note2 VALUES ('x')");
  assert_key (&fixture, "SELECT * FROM note", "note", "n");
  assert_key (&fixture, "SELECT title, key AS k FROM note", "note", "n");
  assert_key (&fixture, "SELECT * FROM view", "note", "n");
  assert_key (&fixture, "SELECT title FROM note", NULL, NULL);
  assert_key (&fixture, "SELECT upper (key) AS key FROM note", NULL, NULL);
  assert_key (&fixture, "SELECT title, f.* FROM note n JOIN folder f ON n.folder = f.key", "folder", "f");
  assert_key (&fixture, "SELECT n.*, f.* FROM folder f, note n", "note", "n");
  assert_key (&fixture, "SELECT n.*, f.key FROM folder f LEFT JOIN note n ON 0", "note", NULL);
  assert_key (&fixture, "SELECT * FROM link", "link", "[{\"hex\":\"00\"},\"a\",1]");
  assert_key (&fixture, "SELECT a, b FROM link", NULL, NULL);
  assert_key (&fixture, "SELECT * FROM plain", NULL, NULL);
  assert_key (&fixture, "SELECT * FROM number", "number", "[1.5]");
  assert_key (&fixture, "SELECT * FROM note2", NULL, NULL);
  assert_key (&fixture, "SELECT count(*), folder FROM note GROUP BY folder", NULL, NULL);
  /* Which table a row is of cannot be told. */
  assert_key (&fixture, "SELECT key, title FROM note UNION ALL SELECT key, name FROM folder", NULL, "n");
}

static void
test_interned (void)
{
  g_auto(Fixture) fixture = { 0 };
  DimpleRowShape *shape;

  fixture_open (&fixture, NOTE_SCHEMA
                "CREATE TABLE task (key TEXT PRIMARY KEY, title VARCHAR); CREATE TABLE pair (key TEXT, title TEXT,"
                "  PRIMARY KEY (key, title))");
  shape = fixture_shape (&fixture, FIRST);
  g_assert_true (shape == fixture_shape (&fixture, NULLS));
  g_assert_true (shape == dimple_row_shape_for_table (dimple_schema_find (fixture.schema, "NOTE")));
  g_assert_true (dimple_row_shape_get_gtype (shape) == dimple_row_shape_get_gtype (fixture_shape (&fixture, NULLS)));

  shape = fixture_shape (&fixture, "SELECT key, title FROM note");
  g_assert_true (shape == fixture_shape (&fixture, "SELECT n.key, n.title FROM note AS n, task"));
  g_assert_true (shape != fixture_shape (&fixture, "SELECT key, title FROM task"));
  g_assert_true (shape != fixture_shape (&fixture, "SELECT title, key FROM note"));
  g_assert_true (shape != fixture_shape (&fixture, "SELECT key, title AS Title FROM note"));
  g_assert_true (shape != fixture_shape (&fixture, "SELECT key, CAST (title AS TEXT) AS title FROM note"));
  g_assert_true (fixture_shape (&fixture, "SELECT key, title FROM pair") !=
                 fixture_shape (&fixture, "SELECT key, title FROM pair UNION SELECT 1, 2"));
}

/* Run in a process of its own: warns once, and only where it was asked for. */
static void
test_many_shapes (void)
{
  if (g_test_subprocess ())
    {
      g_auto(Fixture) fixture = { 0 };

      fixture_open (&fixture, NOTE_SCHEMA);
      for (guint i = 0; i < 1100; i++)
        {
          g_autofree char *sql = g_strdup_printf ("SELECT 1 AS n%u", i);

          fixture_shape (&fixture, sql);
        }
      return;
    }

  g_setenv ("G_DEBUG", "", TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr_unmatched ("*row types*");
  g_setenv ("DIMPLE_DEBUG", "slow,types", TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_stderr ("*There are 1000 different row types*");
  g_test_trap_assert_stderr_unmatched ("*There are 1000 different row types*There are*");
  g_unsetenv ("DIMPLE_DEBUG");
}

/* -- Named types --------------------------------------------------------------------------------------------------- */

static void
test_named (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleRow) unnamed = NULL;
  g_autoptr(DimpleRow) row = NULL;
  g_autoptr(GObject) of_other_table = NULL;
  g_autoptr(GObject) built = NULL;
  g_autofree char *title = NULL;
  DimpleRowShape *shape, *archived, *others;
  GType type;

  fixture_open (&fixture, NOTE_SCHEMA
                "CREATE TABLE archive (key TEXT PRIMARY KEY, title TEXT, n INTEGER, starred BOOLEAN, modified_at TEXT,"
                "  other, body TEXT); INSERT INTO archive (key, title) VALUES ('a', 'Archived')");
  shape = fixture_shape (&fixture, FIRST);
  unnamed = fixture_row (&fixture, FIRST);
  type = dimple_row_shape_define_type (shape, "NamedRow", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_type_name (type), ==, "NamedRow");
  g_assert_true (type == g_type_from_name ("NamedRow"));
  g_assert_true (g_type_parent (type) == DIMPLE_TYPE_ROW);
  g_assert_true (dimple_row_shape_define_type (shape, "NamedRow", &error) == type);

  /* What is made from now on has the name; what was made before still works. */
  row = fixture_row (&fixture, FIRST);
  g_assert_true (G_OBJECT_TYPE (row) == type);
  g_assert_true (G_OBJECT_TYPE (unnamed) != type);
  g_assert_true (dimple_row_shape_check_type (shape, G_OBJECT_TYPE (unnamed), &error));
  g_object_get (unnamed, "title", &title, NULL);
  g_assert_cmpstr (title, ==, "Title");

  /* The same columns of another table are rows of that table. */
  archived = fixture_shape (&fixture, "SELECT * FROM archive");
  g_assert_true (archived != shape);
  g_assert_true (dimple_row_shape_check_type (archived, type, &error));
  g_assert_true (dimple_row_shape_define_type (archived, "NamedRow", &error) == type);
  of_other_table = fixture_object (&fixture, type, "SELECT * FROM archive");
  g_assert_true (G_OBJECT_TYPE (of_other_table) == type);
  g_assert_cmpstr (dimple_row_get_table (DIMPLE_ROW (of_other_table)), ==, "archive");
  g_clear_pointer (&title, g_free);
  g_object_get (of_other_table, "title", &title, NULL);
  g_assert_cmpstr (title, ==, "Archived");
  g_object_set (of_other_table, "title", "Changed", NULL);
  g_assert_true (dimple_row_is_edited (DIMPLE_ROW (of_other_table)));

  /* Made by g_object_new() or a .ui file it is an unsaved row. */
  built = g_object_new (type, "title", "Built", "n", G_GINT64_CONSTANT (3), NULL);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (built), "title"), ==, "Built");
  g_assert_cmpstr (dimple_row_get_table (DIMPLE_ROW (built)), ==, "note");
  g_assert_null (dimple_row_get_key (DIMPLE_ROW (built)));

  others = fixture_shape (&fixture, "SELECT key, title FROM note");
  g_assert_false (dimple_row_shape_check_type (others, type, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE);
  g_clear_error (&error);
  g_assert_cmpuint (dimple_row_shape_define_type (others, "NamedRow", &error), ==, 0);
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE);
  g_assert_nonnull (strstr (error->message, "key TEXT, title TEXT"));
  g_clear_error (&error);
}

static void
test_bad_names (void)
{
  static const char * const names[] = { "", "ab", "1st", "No te", "-x-x", "Größe", "GObject", "gint", "TestNote",
                                        "DimpleRow" };
  g_auto(Fixture) fixture = { 0 };
  DimpleRowShape *shape;

  g_type_ensure (test_note_get_type ());
  fixture_open (&fixture, NOTE_SCHEMA);
  shape = fixture_shape (&fixture, FIRST);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_cmpuint (dimple_row_shape_define_type (shape, names[i], &error), ==, 0);
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE);
    }
}

/* -- Classes of the app -------------------------------------------------------------------------------------------- */

static void
test_check_type (void)
{
  static const struct { const char *sql; const char *part; } refused[] = {
    { "SELECT 1 AS unrelated", "“unrelated”" },
    { "SELECT 1 AS something", "no writable property" },
    { "SELECT 1 AS length", "no writable property" },
  };
  g_auto(Fixture) fixture = { 0 };
  GType bad[] = { G_TYPE_INT, G_TYPE_LIST_MODEL, G_TYPE_INPUT_STREAM };

  fixture_open (&fixture, NOTE_SCHEMA);
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_false (dimple_row_shape_check_type (fixture_shape (&fixture, refused[i].sql), test_note_get_type (),
                                                   &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE);
      g_assert_nonnull (strstr (error->message, refused[i].part));
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_false (dimple_row_shape_check_type (fixture_shape (&fixture, FIRST), bad[i], &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TYPE);
    }
  g_assert_true (dimple_row_shape_check_type (fixture_shape (&fixture, FIRST), test_note_get_type (), NULL));
  g_assert_true (dimple_row_shape_check_type (fixture_shape (&fixture, "SELECT 1 AS x"), test_row_get_type (), NULL));
  g_assert_true (dimple_row_shape_check_type (fixture_shape (&fixture, FIRST), 0, NULL));
  g_assert_true (dimple_row_shape_check_type (fixture_shape (&fixture, FIRST), DIMPLE_TYPE_ROW, NULL));
}

static void
test_plain_objects (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(GObject) object = NULL;
  g_autoptr(GObject) empty = NULL;
  g_autoptr(GPtrArray) notified = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleRowEdits) edits = NULL;
  g_autofree char *key = NULL;
  g_autofree char *text = NULL;
  g_autofree char *time = NULL;
  TestNote *note;

  fixture_open (&fixture, NOTE_SCHEMA);
  object = fixture_object (&fixture, test_note_get_type (), FIRST);
  note = (TestNote *) object;
  time = g_date_time_format_iso8601 (note->modified_at);
  g_assert_cmpstr (note->title, ==, "Title");
  g_assert_cmpint (note->n, ==, 7);
  g_assert_true (note->starred);
  g_assert_cmpstr (time, ==, "2024-02-29T12:00:00Z");
  g_assert_cmpfloat (g_value_get_double (&note->other), ==, 2.5);
  g_assert_cmpstr (note->key, ==, "k");
  key = dimple_row_dup_key (object);
  g_assert_cmpstr (key, ==, "k");

  /* NULL is the property's default. */
  empty = fixture_object (&fixture, test_note_get_type (), NULLS);
  g_assert_cmpstr (((TestNote *) empty)->title, ==, "Untitled");
  g_assert_cmpint (((TestNote *) empty)->n, ==, -1);
  g_assert_true (dimple_row_dup_edits (empty, &edits, &error));
  g_assert_null (edits);
  g_assert_cmpuint (((TestNote *) empty)->n_set, ==, 1);

  /* Only what differs is set, in one go; what the app has set is kept. */
  notified = watch (object);
  note->n_set = 0;
  fixture_update (&fixture, object, FIRST);
  g_assert_cmpuint (note->n_set, ==, 0);
  fixture_run (&fixture, "UPDATE note SET title = 'New', other = 'x', body = 'unseen' WHERE key = 'k'");
  fixture_update (&fixture, object, FIRST);
  g_assert_cmpuint (note->n_set, ==, 2);
  assert_notified (notified, "other title");
  g_assert_true (dimple_row_dup_edits (object, &edits, &error));
  g_assert_null (edits);

  g_object_set (object, "title", "Typed", "starred", FALSE, NULL);
  fixture_run (&fixture, "UPDATE note SET title = 'Remote', n = 9 WHERE key = 'k'");
  note->n_set = 0;
  fixture_update (&fixture, object, FIRST);
  g_assert_cmpuint (note->n_set, ==, 1);
  g_assert_cmpstr (note->title, ==, "Typed");
  g_assert_cmpint (note->n, ==, 9);
  g_assert_true (dimple_row_dup_edits (object, &edits, &error));
  text = print_edits (edits, TRUE);
  g_assert_cmpstr (text, ==, "{'title': <'Typed'>, 'starred': <int64 0>}");

  dimple_row_set_saved (object, NULL, NULL, NULL, 0);
  g_clear_pointer (&edits, dimple_row_edits_free);
  g_assert_true (dimple_row_dup_edits (object, &edits, &error));
  g_assert_null (edits);
  g_assert_cmpstr (note->title, ==, "Typed");

  fixture_run (&fixture, "UPDATE note SET n = NULL, title = NULL WHERE key = 'k'");
  fixture_update (&fixture, object, FIRST);
  g_assert_cmpint (note->n, ==, -1);
  g_assert_cmpstr (note->title, ==, "Untitled");
}

/* The save was of what was set then: what is set before it has come back stays edited. */
static void
test_edited_while_saving (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(GObject) object = NULL;
  g_autoptr(DimpleRowEdits) edits = NULL, later = NULL;
  g_autoptr(GByteArray) record = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;

  fixture_open (&fixture, NOTE_SCHEMA);
  object = fixture_object (&fixture, test_note_get_type (), FIRST);
  g_object_set (object, "title", "Saved", NULL);
  g_assert_true (dimple_row_dup_edits (object, &edits, &error));
  fixture_run (&fixture, "UPDATE note SET title = 'Saved' WHERE key = 'k'");
  g_object_set (object, "title", "Later", "n", 8, NULL);
  record = fixture_record (&fixture, FIRST);
  dimple_row_set_saved (object, edits, NULL, record->data, record->len);

  g_assert_cmpstr (((TestNote *) object)->title, ==, "Later");
  g_assert_cmpint (((TestNote *) object)->n, ==, 8);
  g_assert_true (dimple_row_dup_edits (object, &later, &error));
  text = print_edits (later, TRUE);
  g_assert_cmpstr (text, ==, "{'title': <'Later'>, 'n': <int64 8>}");
}

static void
test_new_plain_objects (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(GObject) object = g_object_new (test_note_get_type (), "title", "New", "n", 5, NULL);
  g_autoptr(GObject) stranger = g_object_new (test_note_get_type (), NULL);
  g_autoptr(DimpleRowEdits) edits = NULL;
  g_autoptr(DimpleRowEdits) later = NULL;
  g_autoptr(GByteArray) record = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;
  g_autofree char *key = NULL;
  DimpleRowShape *shape;

  fixture_open (&fixture, NOTE_SCHEMA);
  shape = dimple_row_shape_for_table (dimple_schema_find (fixture.schema, "note"));
  g_assert_null (dimple_row_shape_of (object));
  dimple_row_shape_register (shape, test_note_get_type ());
  g_assert_true (dimple_row_shape_of (object) == shape);
  g_assert_null (dimple_row_dup_key (object));

  g_assert_true (dimple_row_dup_edits (object, &edits, &error));
  text = print_edits (edits, TRUE);
  g_assert_cmpstr (text, ==, "{'title': <'New'>, 'n': <int64 5>, 'starred': <int64 0>}");

  record = fixture_record (&fixture, "SELECT 'k9', 'New', 5, 0, '2024-01-01', NULL, 'default body'");
  dimple_row_set_saved (object, NULL, "k9", record->data, record->len);
  key = dimple_row_dup_key (object);
  g_assert_cmpstr (key, ==, "k9");
  g_assert_nonnull (((TestNote *) object)->modified_at);
  g_assert_true (dimple_row_dup_edits (object, &later, &error));
  g_assert_null (later);

  g_object_set (object, "title", "Changed", NULL);
  g_assert_true (dimple_row_dup_edits (object, &later, &error));
  g_assert_cmpuint (dimple_row_edits_get_n (later), ==, 1);
}

static void
test_derived_rows (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(GObject) object = NULL;
  g_autoptr(GPtrArray) notified = NULL;
  g_auto(GValue) value = G_VALUE_INIT;
  TestRow *row;

  fixture_open (&fixture, NOTE_SCHEMA);
  object = fixture_object (&fixture, test_row_get_type (), FIRST);
  row = (TestRow *) object;
  g_assert_true (G_OBJECT_TYPE (object) == test_row_get_type ());
  g_assert_cmpstr (row->title, ==, "Title");
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (object), "body"), ==, "Body");
  g_assert_cmpstr (dimple_row_get_key (DIMPLE_ROW (object)), ==, "k");
  g_assert_false (dimple_row_is_edited (DIMPLE_ROW (object)));

  notified = watch (object);
  fixture_run (&fixture, "UPDATE note SET title = 'New', body = 'Other' WHERE key = 'k'");
  fixture_update (&fixture, object, FIRST);
  assert_notified (notified, "title");
  g_assert_cmpstr (row->title, ==, "New");
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (object), "body"), ==, "Other");
  g_assert_false (dimple_row_is_edited (DIMPLE_ROW (object)));

  /* Its own property and set_value() edit the same column. */
  g_object_set (object, "title", "By property", NULL);
  g_assert_true (dimple_row_is_edited (DIMPLE_ROW (object)));
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (object), "title"), ==, "By property");
  g_value_set_static_string (g_value_init (&value, G_TYPE_STRING), "By value");
  dimple_row_set_value (DIMPLE_ROW (object), "title", &value);
  g_assert_cmpstr (row->title, ==, "By value");
  dimple_row_revert (DIMPLE_ROW (object));
  g_assert_cmpstr (row->title, ==, "New");
  g_assert_false (dimple_row_is_edited (DIMPLE_ROW (object)));
}

static void
test_new_derived_rows (void)
{
  g_auto(Fixture) fixture = { 0 };
  g_autoptr(GObject) early = NULL;
  g_autoptr(GObject) row = NULL;
  g_autoptr(DimpleRowEdits) edits = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;

  fixture_open (&fixture, NOTE_SCHEMA);
  early = g_object_new (test_row_get_type (), NULL);
  g_assert_cmpuint (g_strv_length ((char **) dimple_row_get_columns (DIMPLE_ROW (early))), ==, 0);
  g_assert_null (dimple_row_get_table (DIMPLE_ROW (early)));
  g_test_expect_message ("Dimple", G_LOG_LEVEL_CRITICAL, "*dimple_store_register_type*");
  dimple_row_set_value (DIMPLE_ROW (early), "title", NULL);
  g_test_assert_expected_messages ();

  dimple_row_shape_register (dimple_row_shape_for_table (dimple_schema_find (fixture.schema, "note")),
                             test_row_get_type ());
  row = g_object_new (test_row_get_type (), "title", "New", NULL);
  g_assert_true (dimple_row_is_edited (DIMPLE_ROW (row)));
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "New");
  g_object_set (row, "title", "Newer", NULL);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "Newer");
  g_assert_true (dimple_row_dup_edits (row, &edits, &error));
  text = print_edits (edits, FALSE);
  g_assert_cmpstr (text, ==, "{'title': <'Newer'>}");
}

/* -- Many rows ----------------------------------------------------------------------------------------------------- */

/* Counts what a row object takes beside its values: lists of thousands of rows hold many. */
static void
test_size (void)
{
  g_auto(Fixture) fixture = { 0 };
  DimpleRowShape *shape;
  GTypeQuery query;

  fixture_open (&fixture, NOTE_SCHEMA);
  shape = fixture_shape (&fixture, FIRST);
  g_type_query (dimple_row_shape_get_gtype (shape), &query);
  g_assert_cmpuint (query.instance_size, ==, sizeof (GObject));
  /* GObject puts the private part before the instance; nothing else is allocated but the record. */
  g_assert_cmpint (ABS (g_type_class_get_instance_private_offset (g_type_class_peek_static (DIMPLE_TYPE_ROW))), <=, 56);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/row-types/property-names", test_property_names);
  g_test_add_func ("/row-types/declared-types", test_declared_types);
  g_test_add_func ("/row-types/keys", test_keys);
  g_test_add_func ("/row-types/interned", test_interned);
  g_test_add_func ("/row-types/many-shapes", test_many_shapes);
  g_test_add_func ("/row-types/named", test_named);
  g_test_add_func ("/row-types/bad-names", test_bad_names);
  g_test_add_func ("/row-types/check-type", test_check_type);
  g_test_add_func ("/row-types/derived-rows", test_derived_rows);
  g_test_add_func ("/row-types/new-derived-rows", test_new_derived_rows);
  g_test_add_func ("/row-types/plain-objects", test_plain_objects);
  g_test_add_func ("/row-types/edited-while-saving", test_edited_while_saving);
  g_test_add_func ("/row-types/new-plain-objects", test_new_plain_objects);
  g_test_add_func ("/row-types/size", test_size);
  return g_test_run ();
}
