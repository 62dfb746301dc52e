/* test-query-types.c: what the rows of a live query are: classes of their own, of the app, or of Dimple
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "query-fixture.h"

static void
test_item_type (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new (store, BY_TITLE, NULL);
  g_autoptr(DimpleQuery) defined = NULL, wrong = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GObject) row = NULL, defined_row = NULL;
  GType type = g_list_model_get_item_type (G_LIST_MODEL (query));

  /* Known before the rows are. */
  g_assert_true (g_type_is_a (type, DIMPLE_TYPE_ROW));
  g_assert_true (type != DIMPLE_TYPE_ROW);
  fixture_add (store, "a");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_true (G_OBJECT_TYPE (row) == type);
  g_assert_true (g_list_model_get_item_type (G_LIST_MODEL (query)) == type);

  type = dimple_store_define_row_type (store, "TestNoteRow", "SELECT key, title, stars FROM note", &error);
  g_assert_no_error (error);
  defined = dimple_query_new_with_type (store, type, "SELECT key, title, stars FROM note", NULL);
  g_assert_true (g_list_model_get_item_type (G_LIST_MODEL (defined)) == type);
  dimple_query_refresh (defined);
  g_assert_no_error (dimple_query_get_error (defined));
  defined_row = g_list_model_get_item (G_LIST_MODEL (defined), 0);
  g_assert_true (G_OBJECT_TYPE (defined_row) == type);

  wrong = dimple_query_new_with_type (store, type, "SELECT key FROM note", NULL);
  dimple_query_refresh (wrong);
  g_assert_error (dimple_query_get_error (wrong), DIMPLE_ERROR, DIMPLE_ERROR_TYPE);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (wrong)), ==, 0);
}

/* A class of an app, which knows nothing of Dimple */
typedef struct
{
  GObject  parent_instance;
  char    *key;
  char    *title;
  char    *body;
  guint    n_sets;
} AppNote;

typedef GObjectClass AppNoteClass;

static GType app_note_get_type (void);

G_DEFINE_TYPE (AppNote, app_note, G_TYPE_OBJECT)

static char **
app_note_get_field (AppNote *self,
                    guint    property_id)
{
  return property_id == 1 ? &self->key : property_id == 2 ? &self->title : &self->body;
}

static void
app_note_set_property (GObject      *object,
                       guint         property_id,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  AppNote *self = (AppNote *) object;
  char **field = app_note_get_field (self, property_id);

  g_free (*field);
  *field = g_value_dup_string (value);
  self->n_sets++;
}

static void
app_note_get_property (GObject    *object,
                       guint       property_id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  AppNote *self = (AppNote *) object;

  g_value_set_string (value, *app_note_get_field (self, property_id));
}

static void
app_note_finalize (GObject *object)
{
  AppNote *self = (AppNote *) object;

  g_free (self->key);
  g_free (self->title);
  g_free (self->body);
  G_OBJECT_CLASS (app_note_parent_class)->finalize (object);
}

static void
app_note_class_init (AppNoteClass *klass)
{
  klass->set_property = app_note_set_property;
  klass->get_property = app_note_get_property;
  klass->finalize = app_note_finalize;
  g_object_class_install_property (klass, 1, g_param_spec_string ("key", NULL, NULL, NULL, G_PARAM_READWRITE));
  g_object_class_install_property (klass, 2, g_param_spec_string ("title", NULL, NULL, NULL, G_PARAM_READWRITE));
  g_object_class_install_property (klass, 3, g_param_spec_string ("body", NULL, NULL, NULL, G_PARAM_READWRITE));
}

static void
app_note_init (AppNote *self)
{
}

static void
test_app_class (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new_with_type (store, app_note_get_type (), BY_TITLE, NULL);
  g_autoptr(GObject) note = NULL, again = NULL;
  guint n_sets;

  fixture_add (store, "ab");
  dimple_query_refresh (query);
  g_assert_no_error (dimple_query_get_error (query));
  note = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_true (G_OBJECT_TYPE (note) == app_note_get_type ());
  g_assert_cmpstr (((AppNote *) note)->title, ==, "a");
  n_sets = ((AppNote *) note)->n_sets;

  fixture_execute (store, "UPDATE note SET title = 'z' WHERE key = 'a'");
  dimple_query_refresh (query);
  again = g_list_model_get_item (G_LIST_MODEL (query), 1);
  g_assert_true (again == note);
  g_assert_cmpstr (((AppNote *) note)->title, ==, "z");
  g_assert_cmpuint (((AppNote *) note)->n_sets, ==, n_sets + 1);
}

static void
note_what_is_seen (AppNote    *note,
                   GParamSpec *pspec,
                   GString    *seen)
{
  g_string_append_printf (seen, "%s: %s, %s; ", pspec->name, note->title, note->body);
}

/* Whoever is told of one column sees the others already as they are now; a row that did not change tells nothing. */
static void
test_app_class_notify (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new_with_type (store, app_note_get_type (),
                                                             "SELECT key, title, body FROM note ORDER BY key", NULL);
  g_autoptr(GObject) note = NULL, other = NULL;
  g_autoptr(GString) seen = g_string_new (NULL), seen_of_other = g_string_new (NULL);

  fixture_add (store, "ab");
  dimple_query_refresh (query);
  note = g_list_model_get_item (G_LIST_MODEL (query), 0);
  other = g_list_model_get_item (G_LIST_MODEL (query), 1);
  g_signal_connect (note, "notify", G_CALLBACK (note_what_is_seen), seen);
  g_signal_connect (other, "notify", G_CALLBACK (note_what_is_seen), seen_of_other);

  fixture_execute (store, "UPDATE note SET title = 'T', body = 'B' WHERE key = 'a'");
  dimple_query_refresh (query);
  g_assert_cmpuint (seen->len, ==, strlen ("title: T, B; body: T, B; "));
  g_assert_nonnull (strstr (seen->str, "title: T, B"));
  g_assert_nonnull (strstr (seen->str, "body: T, B"));
  g_assert_cmpstr (seen_of_other->str, ==, "");

  g_string_truncate (seen, 0);
  fixture_execute (store, "UPDATE note SET body = 'C', title = 'T' WHERE key = 'a'");
  dimple_query_refresh (query);
  g_assert_cmpstr (seen->str, ==, "body: T, C; ");
}

/* What the app has set stays, and what it has not set follows, until it is saved. */
static void
test_app_class_edited (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new_with_type (store, app_note_get_type (),
                                                             "SELECT key, title, body FROM note ORDER BY key", NULL);
  g_autoptr(GObject) note = NULL;
  g_autoptr(GError) error = NULL;

  fixture_add (store, "a");
  dimple_query_refresh (query);
  note = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_object_set (note, "title", "typed", NULL);
  fixture_execute (store, "UPDATE note SET title = 'merged', body = 'merged'");
  dimple_query_refresh (query);
  g_assert_cmpstr (((AppNote *) note)->title, ==, "typed");
  g_assert_cmpstr (((AppNote *) note)->body, ==, "merged");

  dimple_store_save (store, note, &error);
  g_assert_no_error (error);
  fixture_execute (store, "UPDATE note SET title = title || '!'");
  dimple_query_refresh (query);
  g_assert_cmpstr (((AppNote *) note)->title, ==, "typed!");
}

typedef DimpleRow AppRow;
typedef DimpleRowClass AppRowClass;

static GType app_row_get_type (void);

G_DEFINE_TYPE (AppRow, app_row, DIMPLE_TYPE_ROW)

static void
app_row_class_init (AppRowClass *klass)
{
}

static void
app_row_init (AppRow *self)
{
}

static void
test_row_subclass (void)
{
  g_autoptr(DimpleStore) store = fixture_open ();
  g_autoptr(DimpleQuery) query = dimple_query_new_with_type (store, app_row_get_type (), BY_TITLE, NULL);
  g_autoptr(GObject) row = NULL;

  fixture_add (store, "a");
  dimple_query_refresh (query);
  row = g_list_model_get_item (G_LIST_MODEL (query), 0);
  g_assert_true (G_OBJECT_TYPE (row) == app_row_get_type ());
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "a");
  fixture_execute (store, "UPDATE note SET title = 'b'");
  dimple_query_refresh (query);
  g_assert_cmpstr (dimple_row_get_string (DIMPLE_ROW (row), "title"), ==, "b");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/query-types/item-type", test_item_type);
  g_test_add_func ("/query-types/app-class", test_app_class);
  g_test_add_func ("/query-types/app-class-notify", test_app_class_notify);
  g_test_add_func ("/query-types/app-class-edited", test_app_class_edited);
  g_test_add_func ("/query-types/row-subclass", test_row_subclass);
  return g_test_run ();
}
