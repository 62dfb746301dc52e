/* tasks.c: tasks [add TITLE | done TITLE]: changes and shows a list, and syncs it with the folder $TASKS_FOLDER */
#include <dimple.h>

static const char * const migrations[] = {
  "CREATE TABLE task (key TEXT PRIMARY KEY, title TEXT NOT NULL, done BOOLEAN NOT NULL DEFAULT 0)",
  NULL
};

static gboolean
change (DimpleStore  *store,
        const char   *what,
        const char   *title,
        GError      **error)
{
  g_autoptr(DimpleRow) task = NULL;

  if (g_str_equal (what, "done"))
    return dimple_store_execute (store, "UPDATE task SET done = 1 WHERE title = ?",
                                 g_variant_new_string (title), error);
  task = dimple_store_create_row (store, "task", error);
  if (task == NULL)
    return FALSE;
  g_object_set (task, "title", title, NULL);
  return dimple_store_save (store, G_OBJECT (task), error);
}

static gboolean
sync_tasks (DimpleStore  *store,
            const char   *path,
            GError      **error)
{
  g_autoptr(GFile) folder = g_file_new_for_path (path);
  g_autoptr(DimpleStorage) storage = dimple_local_storage_new (folder);
  g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (store, storage);

  return dimple_sync_client_sync (client, NULL, error);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = dimple_store_open ("tasks.db", &error);
  g_autoptr(GListModel) tasks = NULL;
  const char *folder = g_getenv ("TASKS_FOLDER");

  if (store == NULL || !dimple_store_migrate (store, migrations, &error) ||
      (argc == 3 && !change (store, argv[1], argv[2], &error)) ||
      (folder != NULL && !sync_tasks (store, folder, &error)) ||
      (tasks = dimple_store_select (store, "SELECT * FROM task ORDER BY done, title", NULL, &error)) == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  for (guint i = 0; i < g_list_model_get_n_items (tasks); i++)
    {
      g_autoptr(DimpleRow) task = g_list_model_get_item (tasks, i);

      g_print ("%s %s\n", dimple_row_get_boolean (task, "done") ? "x" : "-", dimple_row_get_string (task, "title"));
    }
  return 0;
}
