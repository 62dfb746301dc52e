/* test-gtk-templates.c: live queries that are declared in a template, without a line of code for each
 *
 * The template has the SQL, the type of the rows, a search entry bound to the parameters, and labels bound to live
 * values.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "frames.h"

static const char * const migrations[] = {
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT NOT NULL);"
  "CREATE VIRTUAL TABLE words USING fts5 (title, content = 'note');"
  "CREATE TRIGGER words_insert AFTER INSERT ON note BEGIN"
  "  INSERT INTO words (rowid, title) VALUES (new.rowid, new.title);"
  "END;"
  "CREATE TRIGGER words_delete AFTER DELETE ON note BEGIN"
  "  INSERT INTO words (words, rowid, title) VALUES ('delete', old.rowid, old.title);"
  "END;"
  "CREATE TRIGGER words_update AFTER UPDATE ON note BEGIN"
  "  INSERT INTO words (words, rowid, title) VALUES ('delete', old.rowid, old.title);"
  "  INSERT INTO words (rowid, title) VALUES (new.rowid, new.title);"
  "END",
  NULL
};

static const char template[] =
  "<interface>"
  "  <object class='DimpleQuery' id='found'>"
  "    <property name='store'>store</property>"
  "    <property name='item-type'>TemplateNote</property>"
  "    <property name='sql'>"
  "      SELECT note.* FROM note WHERE ?1 = '' OR rowid IN (SELECT rowid FROM words WHERE words MATCH fts_query (?1))"
  "      ORDER BY title, key"
  "    </property>"
  "    <binding name='parameters'>"
  "      <closure type='GVariant' function='to_parameters'><lookup name='text'>entry</lookup></closure>"
  "    </binding>"
  "  </object>"
  "  <object class='DimpleQuery' id='counted'>"
  "    <property name='item-type'>TemplateCount</property>"
  "    <property name='sql'>SELECT count (*) AS n FROM note</property>"
  "    <binding name='store'><lookup name='store'>found</lookup></binding>"
  "  </object>"
  "  <object class='GtkWindow' id='window'>"
  "    <property name='child'><object class='GtkBox'>"
  "      <child><object class='GtkSearchEntry' id='entry'/></child>"
  "      <child><object class='GtkLabel' id='count'>"
  "        <binding name='label'>"
  "          <lookup name='n' type='TemplateCount'><lookup name='first'>counted</lookup></lookup>"
  "        </binding>"
  "      </object></child>"
  "      <child><object class='GtkLabel' id='n-found'>"
  "        <binding name='label'><lookup name='n-items'>found</lookup></binding>"
  "      </object></child>"
  "      <child><object class='GtkListView' id='list'>"
  "        <property name='model'><object class='GtkSingleSelection' id='selection'>"
  "          <property name='model'>found</property>"
  "        </object></property>"
  "        <property name='factory'><object class='GtkBuilderListItemFactory'><property name='bytes'><![CDATA["
  "          <interface><template class='GtkListItem'><property name='child'><object class='GtkLabel'>"
  "            <binding name='label'>"
  "              <lookup name='title' type='TemplateNote'><lookup name='item'>GtkListItem</lookup></lookup>"
  "            </binding>"
  "          </object></property></template></interface>]]></property></object></property>"
  "      </object></child>"
  "    </object></property>"
  "  </object>"
  "</interface>";

typedef struct
{
  DimpleStore *store;
  GtkBuilder  *builder;
  GtkWidget   *window;
  DimpleQuery *found;
  GtkEditable *entry;
  guint        n_items_changed;
} Scene;

static GVariant *
to_parameters (GObject    *object,
               const char *text,
               gpointer    user_data)
{
  return g_variant_new ("(s)", text);
}

static void
on_items_changed (GListModel *model,
                  guint       position,
                  guint       n_removed,
                  guint       n_added,
                  Scene      *scene)
{
  scene->n_items_changed++;
}

static void
define (DimpleStore *store,
        const char  *name,
        const char  *sql)
{
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (dimple_store_define_row_type (store, name, sql, &error), !=, G_TYPE_INVALID);
  g_assert_no_error (error);
}

static void
add_note (Scene      *scene,
          const char *key,
          const char *title)
{
  g_autoptr(GError) error = NULL;

  dimple_store_execute (scene->store, "INSERT INTO note VALUES (?, ?)", g_variant_new ("(ss)", key, title), &error);
  g_assert_no_error (error);
}

static void
open_scene (Scene *scene)
{
  g_autoptr(GtkBuilderScope) scope = gtk_builder_cscope_new ();
  g_autoptr(GError) error = NULL;

  *scene = (Scene) { .store = dimple_store_open (NULL, &error) };
  g_assert_no_error (error);
  g_assert_true (dimple_store_migrate (scene->store, migrations, &error));
  define (scene->store, "TemplateNote", "SELECT * FROM note");
  define (scene->store, "TemplateCount", "SELECT count (*) AS n FROM note");
  add_note (scene, "a", "Apple pie");
  add_note (scene, "b", "Bread and apples");
  add_note (scene, "c", "Cherries");

  gtk_builder_cscope_add_callback_symbol (GTK_BUILDER_CSCOPE (scope), "to_parameters", G_CALLBACK (to_parameters));
  scene->builder = gtk_builder_new ();
  gtk_builder_set_scope (scene->builder, scope);
  gtk_builder_expose_object (scene->builder, "store", G_OBJECT (scene->store));
  gtk_builder_add_from_string (scene->builder, template, -1, &error);
  g_assert_no_error (error);
  scene->window = GTK_WIDGET (gtk_builder_get_object (scene->builder, "window"));
  scene->found = DIMPLE_QUERY (gtk_builder_get_object (scene->builder, "found"));
  scene->entry = GTK_EDITABLE (gtk_builder_get_object (scene->builder, "entry"));
  g_signal_connect (scene->found, "items-changed", G_CALLBACK (on_items_changed), scene);
  gtk_window_present (GTK_WINDOW (scene->window));
  frames_settle (scene->window, scene->store);
  scene->n_items_changed = 0;
}

static void
close_scene (Scene *scene)
{
  gtk_window_destroy (GTK_WINDOW (scene->window));
  g_object_unref (scene->builder);
  dimple_test_wait_idle (scene->store);
  g_assert_finalize_object (scene->store);
}

static void
collect_labels (GtkWidget *widget,
                GPtrArray *labels)
{
  if (GTK_IS_LABEL (widget) && gtk_widget_get_mapped (widget))
    g_ptr_array_add (labels, (char *) gtk_label_get_text (GTK_LABEL (widget)));
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child; child = gtk_widget_get_next_sibling (child))
    collect_labels (child, labels);
}

/* What the list view shows, and the two labels. */
static void
assert_shown (Scene      *scene,
              const char *rows,
              const char *n_found,
              const char *count)
{
  g_autoptr(GPtrArray) labels = g_ptr_array_new ();
  g_autofree char *text = NULL;

  frames_settle (scene->window, scene->store);
  g_assert_no_error (dimple_query_get_error (scene->found));
  collect_labels (GTK_WIDGET (gtk_builder_get_object (scene->builder, "list")), labels);
  g_ptr_array_add (labels, NULL);
  text = g_strjoinv (", ", (char **) labels->pdata);
  g_assert_cmpstr (text, ==, rows);
  g_assert_cmpstr (gtk_label_get_text (GTK_LABEL (gtk_builder_get_object (scene->builder, "n-found"))), ==, n_found);
  g_assert_cmpstr (gtk_label_get_text (GTK_LABEL (gtk_builder_get_object (scene->builder, "count"))), ==, count);
}

static void
test_follows (void)
{
  g_autoptr(GError) error = NULL;
  Scene scene;

  open_scene (&scene);
  assert_shown (&scene, "Apple pie, Bread and apples, Cherries", "3", "3");
  add_note (&scene, "d", "Banana");
  assert_shown (&scene, "Apple pie, Banana, Bread and apples, Cherries", "4", "4");
  dimple_store_update (scene.store, "note", "a", g_variant_new_parsed ("{'title': <'Zucchini'>}"), &error);
  g_assert_no_error (error);
  assert_shown (&scene, "Banana, Bread and apples, Cherries, Zucchini", "4", "4");
  close_scene (&scene);
}

static void
test_search (void)
{
  Scene scene;
  GtkSingleSelection *selection;
  gpointer selected;

  open_scene (&scene);
  selection = GTK_SINGLE_SELECTION (gtk_builder_get_object (scene.builder, "selection"));
  gtk_single_selection_set_selected (selection, 1);
  selected = gtk_single_selection_get_selected_item (selection);

  gtk_editable_set_text (scene.entry, "app");
  assert_shown (&scene, "Apple pie, Bread and apples", "2", "3");
  g_assert_true (gtk_single_selection_get_selected_item (selection) == selected);
  gtk_editable_set_text (scene.entry, "apples bre");
  assert_shown (&scene, "Bread and apples", "1", "3");
  g_assert_true (gtk_single_selection_get_selected_item (selection) == selected);

  /* The search is live, too. */
  add_note (&scene, "d", "Apples, breakfast");
  assert_shown (&scene, "Apples, breakfast, Bread and apples", "2", "4");
  g_assert_true (dimple_store_delete (scene.store, "note", "b", NULL));
  assert_shown (&scene, "Apples, breakfast", "1", "3");

  /* Whatever is typed is no error. */
  gtk_editable_set_text (scene.entry, "\"");
  assert_shown (&scene, "", "0", "3");
  gtk_editable_set_text (scene.entry, "");
  assert_shown (&scene, "Apple pie, Apples, breakfast, Cherries", "3", "3");
  close_scene (&scene);
}

/* Letters that come faster than the main loop are one search. */
static void
test_fast_typing (void)
{
  Scene scene;

  open_scene (&scene);
  for (guint i = 1; i <= strlen ("cherries"); i++)
    {
      g_autofree char *text = g_strndup ("cherries", i);

      gtk_editable_set_text (scene.entry, text);
    }
  assert_shown (&scene, "Cherries", "1", "3");
  g_assert_cmpuint (scene.n_items_changed, ==, 1);
  close_scene (&scene);
}

int
main (int    argc,
      char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  g_type_ensure (DIMPLE_TYPE_QUERY);

  g_test_add_func ("/gtk-templates/follows", test_follows);
  g_test_add_func ("/gtk-templates/search", test_search);
  g_test_add_func ("/gtk-templates/fast-typing", test_fast_typing);
  return g_test_run ();
}
