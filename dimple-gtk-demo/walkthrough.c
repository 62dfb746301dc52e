/* walkthrough.c: Dimple in the terminal: two devices, a folder, a bucket
 *
 * Device A imports real text and syncs it to device B; both edit offline, sync, and are compared.  First all goes
 * through a folder, then, where there is one, through an S3 bucket to a third device; sealed, if a passphrase is given.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dimple.h>
#include <glib/gstdio.h>
#include <locale.h>

#include "walkthrough-device.h"
#include "walkthrough-texts.h"

#define DEFAULT_FILES 500

typedef struct
{
  char              *folder;          /* of all files that are made here */
  char              *shared;          /* (nullable) the folder to meet in, instead of one of those */
  char              *passphrase;      /* (nullable) that seals what is synced */
  guint              step;
  WalkthroughDevice *first;
} Walk;

static void
print_step (Walk       *walk,
            const char *title)
{
  g_print ("\n  %u. %s\n", ++walk->step, title);
}

/* -- What happens -------------------------------------------------------------------------------------------------- */

static gboolean
import_texts (Walk    *walk,
              guint    n_files,
              GError **error)
{
  g_autoptr(GPtrArray) files = walkthrough_texts_find (n_files > 0 ? n_files : DEFAULT_FILES, error);
  gint64 start = g_get_monotonic_time ();
  guint n_imported;

  if (files == NULL)
    return FALSE;
  print_step (walk, "A imports the licenses and README files of this system");
  if (!walkthrough_device_import (walk->first, files, n_files > 0 ? n_files : G_MAXUINT, &n_imported, error))
    return FALSE;
  g_print ("     %u files in %.1f s\n", n_imported, (g_get_monotonic_time () - start) / (double) G_USEC_PER_SEC);
  return TRUE;
}

/* The key of a note by its place in the order of titles */
static char *
dup_key (WalkthroughDevice  *device,
         guint               place,
         GError            **error)
{
  g_autoptr(GObject) row =
    dimple_store_select_first (walkthrough_device_get_store (device),
                               "SELECT key, title FROM note ORDER BY title, key LIMIT 1 OFFSET ?",
                               g_variant_new ("(u)", place), error);

  if (row == NULL && (error == NULL || *error == NULL))
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND, "There are not more than %u notes", place);
  return row != NULL ? g_strdup (dimple_row_get_key (DIMPLE_ROW (row))) : NULL;
}

static gboolean
edit (WalkthroughDevice  *device,
      const char         *key,
      const char         *column,
      const char         *value,
      GError            **error)
{
  g_auto(GVariantDict) values = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&values, column, "s", value);
  return dimple_store_update (walkthrough_device_get_store (device), "note", key, g_variant_dict_end (&values), error);
}

/* What two devices that do not hear of each other do. */
static gboolean
edit_offline (WalkthroughDevice  *a,
              const char         *a_name,
              WalkthroughDevice  *b,
              const char         *b_name,
              GError            **error)
{
  g_autofree char *shared = dup_key (a, 1, error);
  g_autofree char *contested = shared != NULL ? dup_key (a, 2, error) : NULL;
  g_autofree char *unwanted = contested != NULL ? dup_key (a, 3, error) : NULL;
  g_autofree char *new_title = g_strdup_printf ("Written on %s", b_name);
  g_autofree char *new_key = NULL;

  if (unwanted == NULL)
    return FALSE;

  g_print ("     Of one note, %s changes the title and %s the text: both are kept.\n", a_name, b_name);
  if (!edit (a, shared, "title", "A title from one device", error) ||
      !edit (b, shared, "body", "A text from the other one\n", error))
    return FALSE;

  g_print ("     Of another note both change the title: the later one wins, the other stays in the history.\n");
  if (!edit (a, contested, "title", "The earlier title", error) ||
      !edit (b, contested, "title", "The later title", error))
    return FALSE;

  g_print ("     %s deletes a note, and %s writes a new one.\n", a_name, b_name);
  if (!dimple_store_delete (walkthrough_device_get_store (a), "note", unwanted, error))
    return FALSE;
  new_key = dimple_store_insert (walkthrough_device_get_store (b), "note",
                                 g_variant_new_parsed ("{'title': <%s>}", new_title), error);
  return new_key != NULL && walkthrough_device_settle (a, error) && walkthrough_device_settle (b, error);
}

static gboolean
compare (WalkthroughDevice  *a,
         const char         *a_name,
         WalkthroughDevice  *b,
         const char         *b_name,
         GError            **error)
{
  g_autofree char *a_digest = walkthrough_device_digest (a, error);
  g_autofree char *b_digest = a_digest != NULL ? walkthrough_device_digest (b, error) : NULL;

  if (b_digest == NULL)
    return FALSE;
  g_print ("     %s: %s\n     %s: %s\n", a_name, a_digest, b_name, b_digest);
  if (g_str_equal (a_digest, b_digest))
    {
      g_print ("     %s and %s are equal.\n", a_name, b_name);
      return TRUE;
    }
  g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED, "%s and %s differ", a_name, b_name);
  return FALSE;
}

/* A and a new device meet through a storage. */
static gboolean
meet (Walk           *walk,
      const char     *name,
      DimpleStorage  *place,
      GError        **error)
{
  g_autoptr(DimpleStorage) storage =
    walk->passphrase != NULL ? dimple_encrypted_storage_new (place, walk->passphrase) : g_object_ref (place);
  g_autofree char *description = dimple_storage_dup_description (storage);
  g_autofree char *through = g_strdup_printf ("A and the new device %s sync: %s", name, description);
  g_autofree char *offline = g_strdup_printf ("A and %s edit, each offline", name);
  g_autofree char *together = g_strdup_printf ("A, %s and A again sync", name);
  g_autoptr(WalkthroughDevice) other = NULL;

  print_step (walk, through);
  other = walkthrough_device_new (name, walk->folder, error);
  if (other == NULL ||
      !walkthrough_device_sync (walk->first, storage, error) || !walkthrough_device_sync (other, storage, error))
    return FALSE;

  print_step (walk, offline);
  if (!edit_offline (walk->first, "A", other, name, error))
    return FALSE;

  print_step (walk, together);
  if (!walkthrough_device_sync (walk->first, storage, error) || !walkthrough_device_sync (other, storage, error) ||
      !walkthrough_device_sync (walk->first, storage, error))
    return FALSE;

  print_step (walk, "Compare");
  return compare (walk->first, "A", other, name, error);
}

/* -- The storages -------------------------------------------------------------------------------------------------- */

static gboolean
meet_in_folder (Walk    *walk,
                GError **error)
{
  g_autofree char *path = g_build_filename (walk->folder, "shared-folder", NULL);
  g_autoptr(GFile) folder = g_file_new_for_path (walk->shared != NULL ? walk->shared : path);
  g_autoptr(DimpleStorage) storage = NULL;

  if (walk->shared == NULL && !g_file_make_directory (folder, NULL, error))
    return FALSE;
  storage = dimple_local_storage_new (folder);
  return meet (walk, "B", storage, error);
}

static DimpleStorage *
create_bucket (const char  *uri,
               GError     **error)
{
  const char *endpoint = g_getenv ("DIMPLE_TEST_S3_ENDPOINT");

  if (uri != NULL)
    return dimple_storage_new_for_uri (uri, error);
  if (endpoint == NULL)
    return NULL;
  return dimple_s3_storage_new (endpoint, NULL, g_getenv ("DIMPLE_TEST_S3_BUCKET"),
                                g_getenv ("DIMPLE_TEST_S3_ACCESS_KEY"), g_getenv ("DIMPLE_TEST_S3_SECRET_KEY"));
}

/* So that nothing is mixed up with what is in the bucket already */
static void
enter_own_folder (DimpleStorage *storage)
{
  g_autofree char *id = g_uuid_string_random ();
  g_autofree char *prefix = NULL;
  g_autofree char *own = NULL;

  if (!DIMPLE_IS_S3_STORAGE (storage))
    return;
  g_object_get (storage, "prefix", &prefix, NULL);
  own = g_strdup_printf ("%s%sdimple-walk-through-%s/", prefix != NULL ? prefix : "",
                         prefix != NULL && *prefix != '\0' && !g_str_has_suffix (prefix, "/") ? "/" : "", id);
  g_object_set (storage, "prefix", own, NULL);
}

static gboolean
remove_all (DimpleStorage  *storage,
            GError        **error)
{
  while (TRUE)
    {
      g_auto(GStrv) keys = dimple_storage_list (storage, "", NULL, NULL, error);

      if (keys == NULL)
        return FALSE;
      if (keys[0] == NULL)
        return TRUE;
      if (!dimple_storage_remove (storage, (const char * const *) keys, NULL, error))
        return FALSE;
    }
}

static gboolean
meet_in_bucket (Walk        *walk,
                const char  *uri,
                GError     **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autoptr(DimpleStorage) storage = create_bucket (uri, &local_error);
  gboolean fine;

  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  if (storage == NULL)
    {
      g_print ("\n  There is no bucket here: give one with --s3 s3://KEY:SECRET@server/bucket to see the same "
               "through S3.\n");
      return TRUE;
    }

  enter_own_folder (storage);
  fine = meet (walk, "C", storage, error);
  if (!remove_all (storage, fine ? error : NULL))
    return FALSE;
  return fine;
}

/* -- The program --------------------------------------------------------------------------------------------------- */

static void
remove_folder (GFile *folder)
{
  g_autoptr(GFileEnumerator) enumerator =
    g_file_enumerate_children (folder, G_FILE_ATTRIBUTE_STANDARD_NAME "," G_FILE_ATTRIBUTE_STANDARD_TYPE,
                               G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, NULL, NULL);
  GFileInfo *info;
  GFile *child;

  while (enumerator != NULL && g_file_enumerator_iterate (enumerator, &info, &child, NULL, NULL) && info != NULL)
    {
      if (g_file_info_get_file_type (info) == G_FILE_TYPE_DIRECTORY)
        remove_folder (child);
      else
        g_file_delete (child, NULL, NULL);
    }
  g_file_delete (folder, NULL, NULL);
}

static gboolean
walk_through (Walk        *walk,
              guint        n_files,
              const char  *uri,
              GError     **error)
{
  walk->first = walkthrough_device_new ("A", walk->folder, error);
  return walk->first != NULL && import_texts (walk, n_files, error) && meet_in_folder (walk, error) &&
         meet_in_bucket (walk, uri, error);
}

int
main (int    argc,
      char **argv)
{
  g_autofree char *uri = NULL;
  int n_files = 0;
  gboolean keep = FALSE;
  Walk walk = { 0 };
  const GOptionEntry entries[] = {
    { "s3", 0, 0, G_OPTION_ARG_STRING, &uri, "A bucket to sync through, too", "s3://KEY:SECRET@server/bucket" },
    { "files", 0, 0, G_OPTION_ARG_INT, &n_files, "How many files to import at most (default: all)", "N" },
    { "folder", 0, 0, G_OPTION_ARG_FILENAME, &walk.shared, "Meet in a folder of yours", "PATH" },
    { "passphrase", 0, 0, G_OPTION_ARG_STRING, &walk.passphrase, "Encrypt what is synced", "TEXT" },
    { "keep", 0, 0, G_OPTION_ARG_NONE, &keep, "Keep the databases and the folder, to look inside", NULL },
    { NULL }
  };
  g_autoptr(GOptionContext) context = g_option_context_new ("- Dimple in the terminal");
  g_autoptr(GError) error = NULL;
  g_autoptr(GFile) folder = NULL;
  gboolean fine;

  setlocale (LC_ALL, "");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) ||
      (walk.folder = g_dir_make_tmp ("dimple-walk-through-XXXXXX", &error)) == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }
  folder = g_file_new_for_path (walk.folder);

  g_print ("\n  Devices A and B, each with a store of its own in %s.\n", walk.folder);
  fine = walk_through (&walk, MAX (n_files, 0), uri, &error);
  g_clear_object (&walk.first);
  if (fine)
    g_print ("\n  Done.\n\n");
  else
    g_printerr ("\n  It failed: %s\n\n", error->message);
  if (!keep)
    remove_folder (folder);
  g_free (walk.folder);
  g_free (walk.shared);
  g_free (walk.passphrase);
  return fine ? 0 : 1;
}
