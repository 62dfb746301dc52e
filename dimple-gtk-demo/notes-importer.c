/* notes-importer.c: a folder of text files, imported as notes
 *
 * Files are read on another thread and written on the store's own, some at a time, so that the window stays alive and
 * notes appear as they come.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "notes-importer.h"

#include "notes-text.h"

#define FILES_AT_A_TIME 64

struct _NotesImporter
{
  GObject      parent_instance;
  DimpleStore *store;
  double       progress;
};

enum
{
  PROP_PROGRESS = 1,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE (NotesImporter, notes_importer, G_TYPE_OBJECT)

/* One import, in steps: find, then read and write until all is done. */
typedef struct
{
  GFile       *folder;
  GPtrArray   *files;          /* of GFile */
  guint        next;           /* the first file that is not read yet */
  DimpleBatch *batch;          /* of what was read last */
  guint        n_read;         /* files in the batch */
  guint        n_imported;
  guint        n_skipped;
} Import;

static void read_next (GTask *task);

static void
import_free (Import *import)
{
  g_object_unref (import->folder);
  g_ptr_array_unref (import->files);
  g_clear_object (&import->batch);
  g_free (import);
}

static void
set_progress (NotesImporter *self,
              double         progress)
{
  self->progress = progress;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PROGRESS]);
}

static gboolean
is_note (const char *name)
{
  return g_str_has_suffix (name, ".md") || g_str_has_suffix (name, ".markdown") || g_str_has_suffix (name, ".txt");
}

static char *
dup_title (GFile *file)
{
  char *name = g_file_get_basename (file);
  g_autofree char *valid = NULL;

  *strrchr (name, '.') = '\0';
  if (g_utf8_validate (name, -1, NULL))
    return name;
  valid = g_utf8_make_valid (name, -1);
  g_free (name);
  return g_steal_pointer (&valid);
}

/* -- On another thread --------------------------------------------------------------------------------------------- */

static void
find_files (GTask        *task,
            gpointer      source_object,
            gpointer      task_data,
            GCancellable *cancellable)
{
  Import *import = task_data;
  GError *error = NULL;

  if (notes_text_find (import->folder, is_note, import->files, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
read_files (GTask        *task,
            gpointer      source_object,
            gpointer      task_data,
            GCancellable *cancellable)
{
  Import *import = task_data;
  guint end = MIN (import->next + FILES_AT_A_TIME, import->files->len);

  for (; import->next < end && !g_cancellable_is_cancelled (cancellable); import->next++)
    {
      GFile *file = g_ptr_array_index (import->files, import->next);
      g_autofree char *title = dup_title (file);
      g_autoptr(GError) error = NULL;
      g_autofree char *body = notes_text_load (file, cancellable, &error);
      g_autofree char *key = NULL;

      if (body == NULL)
        {
          g_debug ("%s: %s", g_file_peek_path (file), error->message);
          import->n_skipped++;
          continue;
        }
      key = dimple_batch_insert (import->batch, "note",
                                 g_variant_new_parsed ("{'title': <%s>, 'body': <%s>}", title, body));
      import->n_read++;
    }
  g_task_return_boolean (task, TRUE);
}

/* -- In the main context ------------------------------------------------------------------------------------------- */

static void
written (GObject      *object,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  Import *import = g_task_get_task_data (task);
  GError *error = NULL;

  if (!dimple_batch_commit_finish (DIMPLE_BATCH (object), result, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  import->n_imported += import->n_read;
  set_progress (g_task_get_source_object (task), (double) import->next / import->files->len);
  read_next (task);
}

static void
files_read (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  Import *import = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    g_task_return_error (task, error);
  else
    dimple_batch_commit_async (import->batch, g_task_get_cancellable (task), written, g_object_ref (task));
}

/* A task of its own for each step on a thread: `task` is returned once, at the end. */
static void
run_step (GTask               *task,
          GTaskThreadFunc      step,
          GAsyncReadyCallback  callback)
{
  g_autoptr(GTask) step_task =
    g_task_new (g_task_get_source_object (task), g_task_get_cancellable (task), callback, g_object_ref (task));

  g_task_set_task_data (step_task, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (step_task, step);
}

static void
read_next (GTask *task)
{
  NotesImporter *self = g_task_get_source_object (task);
  Import *import = g_task_get_task_data (task);

  if (import->next == import->files->len)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  g_clear_object (&import->batch);
  import->batch = dimple_batch_new (self->store);
  import->n_read = 0;
  run_step (task, read_files, files_read);
}

static void
files_found (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    read_next (task);
  else
    g_task_return_error (task, error);
}

/*
 * notes_importer_import_async:
 *
 * Imports the .md and .txt files of a folder and its subfolders: each is a note with the file's name as its title.
 */
void
notes_importer_import_async (NotesImporter       *self,
                             GFile               *folder,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  Import *import;

  g_return_if_fail (NOTES_IS_IMPORTER (self));
  g_return_if_fail (G_IS_FILE (folder));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, notes_importer_import_async);
  import = g_new0 (Import, 1);
  import->folder = g_object_ref (folder);
  import->files = g_ptr_array_new_with_free_func (g_object_unref);
  g_task_set_task_data (task, import, (GDestroyNotify) import_free);
  set_progress (self, 0);
  run_step (task, find_files, files_found);
}

/*
 * notes_importer_import_finish:
 * @n_imported: (out): how many notes there are now
 * @n_skipped: (out): how many files could not be read as text
 */
gboolean
notes_importer_import_finish (NotesImporter  *self,
                              GAsyncResult   *result,
                              guint          *n_imported,
                              guint          *n_skipped,
                              GError        **error)
{
  Import *import;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  import = g_task_get_task_data (G_TASK (result));
  *n_imported = import->n_imported;
  *n_skipped = import->n_skipped;
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

NotesImporter *
notes_importer_new (DimpleStore *store)
{
  NotesImporter *self = g_object_new (NOTES_TYPE_IMPORTER, NULL);

  self->store = g_object_ref (store);
  return self;
}

static void
notes_importer_get_property (GObject    *object,
                             guint       id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  if (id == PROP_PROGRESS)
    g_value_set_double (value, NOTES_IMPORTER (object)->progress);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
notes_importer_finalize (GObject *object)
{
  g_clear_object (&NOTES_IMPORTER (object)->store);

  G_OBJECT_CLASS (notes_importer_parent_class)->finalize (object);
}

static void
notes_importer_class_init (NotesImporterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = notes_importer_get_property;
  object_class->finalize = notes_importer_finalize;

  properties[PROP_PROGRESS] =
    g_param_spec_double ("progress", NULL, NULL, 0, 1, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
notes_importer_init (NotesImporter *self)
{
}
