/* hello.c: a list of notes that follows a folder: hello ~/Nextcloud/notes */
#include <dimple.h>
#include <gtk/gtk.h>

static const char * const migrations[] = { "CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT NOT NULL)", NULL };

static void
add_note (GtkEditable *entry,
          DimpleStore *store)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleRow) note = dimple_store_create_row (store, "note", &error);

  g_object_set (note, "title", gtk_editable_get_text (entry), NULL);
  if (dimple_store_save (store, G_OBJECT (note), &error))
    gtk_editable_set_text (entry, "");
  else
    g_warning ("%s", error->message);
}

static void
activate (GtkApplication   *app,
          DimpleSyncClient *client)
{
  g_autoptr(GtkBuilder) builder = gtk_builder_new ();
  g_autoptr(DimpleStore) store = NULL;
  GtkWindow *window;

  g_object_get (client, "store", &store, NULL);
  gtk_builder_expose_object (builder, "store", G_OBJECT (store));
  gtk_builder_expose_object (builder, "client", G_OBJECT (client));
  if (!gtk_builder_add_from_file (builder, "hello.ui", NULL))
    g_error ("Start it where hello.ui is.");
  g_signal_connect (gtk_builder_get_object (builder, "entry"), "activate", G_CALLBACK (add_note), store);
  window = GTK_WINDOW (gtk_builder_get_object (builder, "window"));
  gtk_application_add_window (app, window);
  gtk_window_present (window);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr(GtkApplication) app = gtk_application_new ("org.example.Hello", G_APPLICATION_NON_UNIQUE);
  g_autoptr(GError) error = NULL;
  g_autoptr(DimpleStore) store = dimple_store_open ("hello.db", &error);
  g_autoptr(GFile) folder = g_file_new_for_commandline_arg (argc > 1 ? argv[1] : "notes");
  g_autoptr(DimpleStorage) storage = dimple_local_storage_new (folder);
  g_autoptr(DimpleSyncClient) client = NULL;

  if (store == NULL || !dimple_store_migrate (store, migrations, &error) ||
      !dimple_store_define_row_type (store, "NoteRow", "SELECT * FROM note", &error))
    g_error ("%s", error->message);
  client = dimple_sync_client_new (store, storage);
  g_object_set (client, "interval", 5, "auto-sync", TRUE, NULL);
  g_signal_connect (app, "activate", G_CALLBACK (activate), client);
  return g_application_run (G_APPLICATION (app), 0, NULL);
}
