/* test-gtk-lists.c: what a list widget keeps while its live query changes
 *
 * A row is selected, another has the keyboard, and both are scrolled to; then rows are edited, added, moved and removed
 * around them, one by one and 10,000 by a sync.  The widget must show the same rows in the same places, and must not be
 * made to bind more rows than came into view: that is counted.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "frames.h"

#define N_ROWS 1000
#define N_SYNCED 10000
#define FOCUSED 500
#define SELECTED 503

/* How many rows a list view has widgets for, whatever its size: GTK's own limit. */
#define MAX_WIDGETS 220
/* GTK 4.8 binds a widget again whenever its row has another position, and then those that take the place of rows that
 * went out of sight: no more than this for one emission, however many rows there are. */
#define MAX_BINDS (2 * MAX_WIDGETS)

typedef enum
{
  LIST_VIEW,
  COLUMN_VIEW
} Kind;

typedef struct
{
  const char *name;
  Kind        kind;
  gboolean    multiple;
} Case;

typedef struct
{
  DimpleStore       *store;
  DimpleQuery       *query;
  GtkSelectionModel *selection;
  GtkWidget         *window;
  GtkWidget         *scrolled;
  GtkWidget         *view;
  GtkWidget         *list;
  gboolean           multiple;

  /* What was told since the last time. */
  guint              n_binds;
  guint              n_items_changed;
  guint              n_selected_notified;
  guint              n_selected_lost;

  GObject           *selected;           /* of a single selection */

  /* What was seen last. */
  float              y;
} Scene;

/* -- The scene ---------------------------------------------------------------------------------------------------- */

#define COUNT_TO(n) \
  "WITH RECURSIVE row (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM row WHERE i + 1 < " G_STRINGIFY (n) ") "

static const char * const migrations[] = {
  "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, place INTEGER)", NULL
};

static DimpleStore *
open_store (void)
{
  g_autoptr(GError) error = NULL;
  DimpleStore *store = dimple_store_open (NULL, &error);

  g_assert_no_error (error);
  dimple_store_migrate (store, migrations, &error);
  g_assert_no_error (error);
  return store;
}

static void
execute (DimpleStore *store,
         const char  *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_store_execute (store, sql, NULL, &error);
  g_assert_no_error (error);
}

/* n0000 to n0999, with room between them. */
static void
add_rows (DimpleStore *store)
{
  execute (store, "INSERT INTO note " COUNT_TO (N_ROWS)
                  "SELECT format ('n%04d', i), 'Row ' || i, 1000 * i FROM row");
}

static void
on_setup (GtkSignalListItemFactory *factory,
          GtkListItem              *item,
          Scene                    *scene)
{
  gtk_list_item_set_child (item, gtk_label_new (NULL));
}

static void
on_bind (GtkSignalListItemFactory *factory,
         GtkListItem              *item,
         Scene                    *scene)
{
  GtkWidget *label = gtk_list_item_get_child (item);
  GObject *row = gtk_list_item_get_item (item);

  scene->n_binds++;
  g_object_set_data_full (G_OBJECT (label), "title",
                          g_object_bind_property (row, "title", label, "label", G_BINDING_SYNC_CREATE), g_object_unref);
  g_object_ref (g_object_get_data (G_OBJECT (label), "title"));
  g_object_set_data_full (G_OBJECT (label), "key", g_strdup (dimple_row_get_key (DIMPLE_ROW (row))), g_free);
}

static void
on_unbind (GtkSignalListItemFactory *factory,
           GtkListItem              *item,
           Scene                    *scene)
{
  GtkWidget *label = gtk_list_item_get_child (item);

  g_binding_unbind (g_object_get_data (G_OBJECT (label), "title"));
  g_object_set_data (G_OBJECT (label), "title", NULL);
  g_object_set_data (G_OBJECT (label), "key", NULL);
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
on_selected_changed (GObject    *object,
                     GParamSpec *pspec,
                     Scene      *scene)
{
  scene->n_selected_notified++;
  scene->n_selected_lost += gtk_single_selection_get_selected_item (GTK_SINGLE_SELECTION (object)) != scene->selected;
}

static GtkListItemFactory *
new_factory (Scene *scene)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();

  g_signal_connect (factory, "setup", G_CALLBACK (on_setup), scene);
  g_signal_connect (factory, "bind", G_CALLBACK (on_bind), scene);
  g_signal_connect (factory, "unbind", G_CALLBACK (on_unbind), scene);
  return factory;
}

static GtkSelectionModel *
new_selection (Scene *scene)
{
  GListModel *model = g_object_ref (G_LIST_MODEL (scene->query));
  GtkSelectionModel *selection;

  if (scene->multiple)
    return GTK_SELECTION_MODEL (gtk_multi_selection_new (model));
  selection = GTK_SELECTION_MODEL (gtk_single_selection_new (model));
  g_signal_connect (selection, "notify::selected-item", G_CALLBACK (on_selected_changed), scene);
  return selection;
}

static GtkWidget *
new_view (Scene *scene,
          Kind   kind)
{
  GtkWidget *view;

  if (kind == LIST_VIEW)
    return gtk_list_view_new (g_object_ref (scene->selection), new_factory (scene));
  view = gtk_column_view_new (g_object_ref (scene->selection));
  gtk_column_view_append_column (GTK_COLUMN_VIEW (view), gtk_column_view_column_new ("Title", new_factory (scene)));
  return view;
}

/* -- Looking ------------------------------------------------------------------------------------------------------ */

/* The label of a row, in whatever stands for the row. */
static GtkWidget *
find_label (GtkWidget *widget)
{
  if (GTK_IS_LABEL (widget))
    return g_object_get_data (G_OBJECT (widget), "key") != NULL ? widget : NULL;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child; child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *label = find_label (child);

      if (label != NULL)
        return label;
    }
  return NULL;
}

static GtkWidget *
find_label_of (GtkWidget  *widget,
               const char *key)
{
  if (GTK_IS_LABEL (widget) && g_strcmp0 (g_object_get_data (G_OBJECT (widget), "key"), key) == 0)
    return widget;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child; child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *label = find_label_of (child, key);

      if (label != NULL)
        return label;
    }
  return NULL;
}

static GtkWidget *
get_focused_label (Scene *scene)
{
  GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (scene->window));

  g_assert_nonnull (focus);
  return find_label (focus);
}

static float
get_y (Scene     *scene,
       GtkWidget *widget)
{
  graphene_point_t point;

  g_assert_true (gtk_widget_compute_point (widget, scene->scrolled, &GRAPHENE_POINT_INIT (0, 0), &point));
  return point.y;
}

/* The keys of the rows that are selected, in order. */
static char *
dup_selected (Scene *scene)
{
  g_autoptr(GtkBitset) selected = gtk_selection_model_get_selection (scene->selection);
  GString *keys = g_string_new (NULL);

  for (guint i = 0; i < gtk_bitset_get_size (selected); i++)
    g_string_append_printf (keys, "%s%s", i > 0 ? " " : "",
                            dimple_query_get_key (scene->query, gtk_bitset_get_nth (selected, i)));
  return g_string_free (keys, FALSE);
}

static void
forget (Scene *scene)
{
  scene->n_binds = scene->n_items_changed = scene->n_selected_notified = scene->n_selected_lost = 0;
  scene->y = get_y (scene, get_focused_label (scene));
}

/* -- Acting ------------------------------------------------------------------------------------------------------- */

static guint
find (Scene      *scene,
      const char *key)
{
  guint position = 0;

  g_assert_true (dimple_query_find (scene->query, key, &position));
  return position;
}

/* The row must have a widget. */
static void
focus_row (Scene      *scene,
           const char *key)
{
  GtkWidget *row = gtk_widget_get_parent (find_label_of (scene->view, key));

  while (!gtk_widget_grab_focus (row))
    row = gtk_widget_get_parent (row);
  frames_settle (scene->window, scene->store);
}

static void
open_scene (Scene      *scene,
            const Case *as)
{
  *scene = (Scene) { .store = open_store (), .multiple = as->multiple };
  add_rows (scene->store);
  scene->query = dimple_query_new (scene->store, "SELECT key, title, place FROM note ORDER BY place, key", NULL);
  g_signal_connect (scene->query, "items-changed", G_CALLBACK (on_items_changed), scene);
  dimple_query_refresh (scene->query);

  scene->selection = new_selection (scene);
  scene->view = new_view (scene, as->kind);
  /* The column view has a list view inside. */
  scene->list = as->kind == LIST_VIEW ? scene->view : gtk_widget_get_last_child (scene->view);
  scene->scrolled = gtk_scrolled_window_new ();
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scene->scrolled), scene->view);
  scene->window = gtk_window_new ();
  gtk_window_set_default_size (GTK_WINDOW (scene->window), 300, 400);
  gtk_window_set_child (GTK_WINDOW (scene->window), scene->scrolled);
  gtk_window_present (GTK_WINDOW (scene->window));
  frames_settle (scene->window, scene->store);

  gtk_widget_activate_action (scene->list, "list.scroll-to-item", "u", FOCUSED);
  frames_settle (scene->window, scene->store);
  focus_row (scene, "n0500");
  gtk_selection_model_select_item (scene->selection, SELECTED, TRUE);
  if (!scene->multiple)
    scene->selected = gtk_single_selection_get_selected_item (GTK_SINGLE_SELECTION (scene->selection));
  else
    {
      gtk_selection_model_select_item (scene->selection, 10, FALSE);
      gtk_selection_model_select_item (scene->selection, 990, FALSE);
    }
  frames_settle (scene->window, scene->store);
  forget (scene);
}

static void
close_scene (Scene *scene)
{
  gtk_window_destroy (GTK_WINDOW (scene->window));
  g_object_unref (scene->selection);
  g_object_unref (scene->query);
  dimple_test_wait_idle (scene->store);
  g_assert_finalize_object (scene->store);
}

/* The same rows are selected, and at no moment was it another. */
static void
assert_selected (Scene *scene)
{
  g_autofree char *selected = dup_selected (scene);

  /* In the order of the list, which moves may have changed. */
  if (scene->multiple)
    g_assert_cmpuint (gtk_bitset_get_size (gtk_selection_model_get_selection (scene->selection)), ==, 3);
  g_assert_nonnull (strstr (selected, "n0503"));
  g_assert_true (!scene->multiple || (strstr (selected, "n0010") != NULL && strstr (selected, "n0990") != NULL));
  g_assert_cmpuint (scene->n_selected_lost, ==, 0);
  g_assert_cmpuint (scene->n_selected_notified, <=, scene->n_items_changed);
}

static void
assert_focused (Scene      *scene,
                const char *key)
{
  g_assert_cmpstr (g_object_get_data (G_OBJECT (get_focused_label (scene)), "key"), ==, key);
}

static void
assert_kept (Scene *scene)
{
  assert_selected (scene);
  assert_focused (scene, "n0500");
}

/* The row that has the keyboard is where it was. */
static void
assert_still (Scene *scene)
{
  g_assert_cmpfloat_with_epsilon (get_y (scene, get_focused_label (scene)), scene->y, 1);
}

/* -- Tests -------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const char *what;
  const char *sql;
  guint       n_items_changed;
  guint       max_binds;
} Step;

static void
take_steps (Scene      *scene,
            const Step *steps,
            guint       n_steps)
{
  for (guint i = 0; i < n_steps; i++)
    {
      execute (scene->store, steps[i].sql);
      frames_settle (scene->window, scene->store);
      g_test_message ("%s: %u items-changed, %u binds, y %g -> %g", steps[i].what, scene->n_items_changed,
                      scene->n_binds, scene->y, get_y (scene, get_focused_label (scene)));
      g_assert_cmpuint (scene->n_items_changed, ==, steps[i].n_items_changed);
      g_assert_cmpuint (scene->n_binds, <=, steps[i].max_binds);
      assert_kept (scene);
      assert_still (scene);
      forget (scene);
    }
}

static void
test_changes_elsewhere (gconstpointer data)
{
  static const Step steps[] = {
    { "edit of the focused row", "UPDATE note SET title = 'edited' WHERE key = 'n0500'", 0, 0 },
    { "edit of the selected row", "UPDATE note SET title = 'edited' WHERE key = 'n0503'", 0, 0 },
    { "edit of all rows", "UPDATE note SET title = 'all ' || key", 0, 0 },
    { "insert at the top", "INSERT INTO note VALUES ('top', 'Top', -1)", 1, MAX_WIDGETS },
    { "insert just above", "INSERT INTO note VALUES ('above', 'Above', 499500)", 1, MAX_WIDGETS },
    { "insert just below", "INSERT INTO note VALUES ('below', 'Below', 500500)", 1, MAX_WIDGETS },
    { "insert at the end", "INSERT INTO note VALUES ('end', 'End', 9999999)", 1, MAX_WIDGETS },
    { "200 inserts above", "INSERT INTO note SELECT 'a' || key, title, place + 1 FROM note "
      "WHERE key LIKE 'n00%' OR key LIKE 'n01%'", 1, MAX_WIDGETS },
    { "200 inserts below", "INSERT INTO note SELECT 'b' || key, title, place + 1 FROM note "
      "WHERE key LIKE 'n07%' OR key LIKE 'n08%'", 1, MAX_WIDGETS },
    { "move from above to below", "UPDATE note SET place = 800500 WHERE key = 'n0100'", 1, MAX_WIDGETS },
    { "move from below to above", "UPDATE note SET place = 100500 WHERE key = 'n0900'", 1, MAX_WIDGETS },
    { "move of a visible row to the top", "UPDATE note SET place = -2 WHERE key = 'n0505'", 1, MAX_WIDGETS },
    { "delete above", "DELETE FROM note WHERE key LIKE 'an%'", 1, MAX_WIDGETS },
    { "delete below", "DELETE FROM note WHERE key LIKE 'bn%'", 1, MAX_WIDGETS },
    { "delete of visible rows", "DELETE FROM note WHERE key IN ('n0499', 'n0501', 'n0504')", 1, MAX_WIDGETS },
  };
  Scene scene;

  open_scene (&scene, data);
  take_steps (&scene, steps, G_N_ELEMENTS (steps));
  close_scene (&scene);
}

/* The row that moves is the one that is selected and has the keyboard: both go with it.  (GTK 4.8 loses the keyboard
 * when a row goes out of sight for the second time, with a GListStore as well.) */
static void
test_moves_itself (gconstpointer data)
{
  static const struct
  {
    const char *sql;
    guint       position;
  } moves[] = {
    { "UPDATE note SET place = 510500 WHERE key = 'n0503'", 510 },
    { "UPDATE note SET place = 503000, title = 'back' WHERE key = 'n0503'", SELECTED },
    { "UPDATE note SET place = -1 WHERE key = 'n0503'", 0 },
  };
  Scene scene;

  open_scene (&scene, data);
  focus_row (&scene, "n0503");
  for (guint i = 0; i < G_N_ELEMENTS (moves); i++)
    {
      forget (&scene);
      execute (scene.store, moves[i].sql);
      frames_settle (scene.window, scene.store);
      assert_selected (&scene);
      assert_focused (&scene, "n0503");
      g_assert_cmpuint (find (&scene, "n0503"), ==, moves[i].position);
      g_assert_cmpuint (scene.n_items_changed, ==, 1);
      g_assert_cmpuint (scene.n_binds, <=, MAX_BINDS);
    }
  close_scene (&scene);
}

/* The arrow keys go on from the row that has the keyboard, in the order that is shown now. */
static void
test_arrow_keys (gconstpointer data)
{
  Scene scene;

  open_scene (&scene, data);
  execute (scene.store, "INSERT INTO note VALUES ('below', 'Below', 500500)");
  execute (scene.store, "INSERT INTO note VALUES ('above', 'Above', 499500)");
  execute (scene.store, "INSERT INTO note VALUES ('top', 'Top', -1)");
  frames_settle (scene.window, scene.store);
  g_assert_true (gtk_widget_child_focus (scene.list, GTK_DIR_DOWN));
  frames_settle (scene.window, scene.store);
  assert_focused (&scene, "below");
  execute (scene.store, "UPDATE note SET place = place + 1000000 WHERE key <> 'below' AND place > 500500");
  frames_settle (scene.window, scene.store);
  assert_focused (&scene, "below");
  for (guint i = 0; i < 2; i++)
    g_assert_true (gtk_widget_child_focus (scene.list, GTK_DIR_UP));
  frames_settle (scene.window, scene.store);
  assert_focused (&scene, "above");
  close_scene (&scene);
}

/* With its row gone, the keyboard is with a row nearby; a single selection goes to a neighbour. */
static void
test_deleted (gconstpointer data)
{
  Scene scene;
  g_autofree char *selected = NULL;
  const char *key;

  open_scene (&scene, data);
  focus_row (&scene, "n0503");
  forget (&scene);
  execute (scene.store, "DELETE FROM note WHERE key = 'n0503'");
  frames_settle (scene.window, scene.store);
  g_assert_cmpuint (scene.n_items_changed, ==, 1);
  g_assert_cmpuint (scene.n_binds, <=, MAX_WIDGETS);
  key = g_object_get_data (G_OBJECT (get_focused_label (&scene)), "key");
  g_assert_cmpint (ABS ((int) find (&scene, key) - SELECTED), <=, 1);
  selected = dup_selected (&scene);
  if (scene.multiple)
    g_assert_cmpstr (selected, ==, "n0010 n0990");
  else
    g_assert_cmpint (ABS ((int) find (&scene, selected) - SELECTED), <=, 1);
  close_scene (&scene);
}

/* A search that is being typed: what stays in the list stays selected, and keeps the keyboard. */
static void
test_parameters (gconstpointer data)
{
  static const char * const patterns[] = { "n05%", "n050%", "n0%", "%" };
  Scene scene;

  open_scene (&scene, data);
  dimple_query_set_sql (scene.query, "SELECT key, title, place FROM note WHERE key LIKE ? OR key IN ('n0010', 'n0990') "
                                     "ORDER BY place, key");
  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      dimple_query_set_parameters (scene.query, g_variant_new_string (patterns[i]));
      frames_settle (scene.window, scene.store);
      g_assert_no_error (dimple_query_get_error (scene.query));
      g_assert_cmpuint (scene.n_items_changed, <=, 1);
      assert_kept (&scene);
      forget (&scene);
    }
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (scene.query)), ==, N_ROWS);
  close_scene (&scene);
}

/* Many commits before the main loop comes round are one emission. */
static void
test_burst (gconstpointer data)
{
  Scene scene;

  open_scene (&scene, data);
  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *sql = g_strdup_printf ("INSERT INTO note VALUES ('burst %u', 'Burst', %u)", i, 1997 * i);

      execute (scene.store, sql);
    }
  frames_settle (scene.window, scene.store);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (scene.query)), ==, N_ROWS + 500);
  g_assert_cmpuint (scene.n_items_changed, ==, 1);
  g_assert_cmpuint (scene.n_binds, <=, MAX_BINDS);
  assert_kept (&scene);
  assert_still (&scene);
  close_scene (&scene);
}

/* -- Sync --------------------------------------------------------------------------------------------------------- */

static void
on_changed (DimpleStore     *store,
            DimpleChangeSet *changes,
            guint           *n_changed)
{
  ++*n_changed;
}

static void
on_synced (GObject      *client,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  dimple_sync_client_sync_finish (DIMPLE_SYNC_CLIENT (client), result, &error);
  g_assert_no_error (error);
  *(gboolean *) user_data = TRUE;
}

static void
sync_blocking (DimpleStore   *store,
               DimpleStorage *storage)
{
  g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (store, storage);
  g_autoptr(GError) error = NULL;

  dimple_sync_client_sync (client, NULL, &error);
  g_assert_no_error (error);
}

/* Another device takes what there is, adds N_SYNCED rows above, between and below, edits all and removes some. */
static void
write_elsewhere (DimpleStorage *storage)
{
  g_autoptr(DimpleStore) other = open_store ();

  sync_blocking (other, storage);
  execute (other, "INSERT INTO note " COUNT_TO (N_SYNCED)
                  "SELECT 'other ' || i, 'Row of another device', 100 * i + 50 FROM row");
  execute (other, "UPDATE note SET title = title || ', edited elsewhere' WHERE key LIKE 'n%'");
  execute (other, "DELETE FROM note WHERE key LIKE 'n%7'");
  sync_blocking (other, storage);
}

static void
test_sync (gconstpointer data)
{
  g_autoptr(DimpleStorage) storage = dimple_memory_storage_new ();
  g_autoptr(DimpleSyncClient) client = NULL;
  gboolean synced = FALSE;
  guint n_changed = 0;
  Scene scene;

  open_scene (&scene, data);
  client = dimple_sync_client_new (scene.store, storage);
  sync_blocking (scene.store, storage);
  write_elsewhere (storage);

  forget (&scene);
  g_signal_connect (scene.store, "changed", G_CALLBACK (on_changed), &n_changed);
  dimple_sync_client_sync_async (client, NULL, on_synced, &synced);
  while (!synced)
    g_main_context_iteration (NULL, TRUE);
  frames_settle (scene.window, scene.store);
  g_test_message ("%u commits told, %u items-changed, %u binds, y %g -> %g", n_changed, scene.n_items_changed,
                  scene.n_binds, scene.y, get_y (&scene, get_focused_label (&scene)));

  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (scene.query)), ==, N_ROWS + N_SYNCED - N_ROWS / 10);
  g_assert_cmpuint (scene.n_items_changed, >=, 1);
  g_assert_cmpuint (scene.n_items_changed, <=, n_changed);
  g_assert_cmpuint (scene.n_binds, <=, scene.n_items_changed * MAX_BINDS);
  assert_selected (&scene);
  assert_focused (&scene, "n0500");
  assert_still (&scene);
  g_assert_cmpstr (gtk_label_get_text (GTK_LABEL (get_focused_label (&scene))), ==, "Row 500, edited elsewhere");
  g_clear_object (&client);
  close_scene (&scene);
}

/* -- In every widget ---------------------------------------------------------------------------------------------- */

static void
add_tests (const char    *name,
           GTestDataFunc  test)
{
  static const Case cases[] = {
    { "list-view/single", LIST_VIEW, FALSE },
    { "list-view/multiple", LIST_VIEW, TRUE },
    { "column-view/single", COLUMN_VIEW, FALSE },
    { "column-view/multiple", COLUMN_VIEW, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/gtk-lists/%s/%s", name, cases[i].name);

      g_test_add_data_func (path, &cases[i], test);
    }
}

int
main (int    argc,
      char **argv)
{
  gtk_test_init (&argc, &argv, NULL);

  add_tests ("changes-elsewhere", test_changes_elsewhere);
  add_tests ("moves-itself", test_moves_itself);
  add_tests ("arrow-keys", test_arrow_keys);
  add_tests ("deleted", test_deleted);
  add_tests ("parameters", test_parameters);
  add_tests ("burst", test_burst);
  add_tests ("sync", test_sync);
  return g_test_run ();
}
