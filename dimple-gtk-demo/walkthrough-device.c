/* walkthrough-device.c: a device of the walk-through: a store, a live list that says what changes in it, a sync
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "walkthrough-device.h"

#include "notes-store.h"
#include "notes-text.h"
#include "walkthrough-texts.h"

#define FILES_AT_A_TIME 100
#define CONTENTS_SQL "SELECT key, title, body, modified FROM note ORDER BY key"

struct _WalkthroughDevice
{
  GObject      parent_instance;
  char        *name;
  DimpleStore *store;
  DimpleQuery *list;
};

G_DEFINE_FINAL_TYPE (WalkthroughDevice, walkthrough_device, G_TYPE_OBJECT)

/* -- Waiting for what is done asynchronously ----------------------------------------------------------------------- */

static void
take_result (GObject      *object,
             GAsyncResult *result,
             gpointer      user_data)
{
  GAsyncResult **taken = user_data;

  *taken = g_object_ref (result);
}

static void
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

/* -- The live list ------------------------------------------------------------------------------------------------- */

static void
items_changed (GListModel *list,
               guint       position,
               guint       removed,
               guint       added,
               gpointer    user_data)
{
  WalkthroughDevice *self = user_data;

  g_print ("     %s's live list: at %u, %u out, %u in; %u rows now\n", self->name, position, removed, added,
           g_list_model_get_n_items (list));
}

/*
 * walkthrough_device_settle:
 *
 * Waits until the list shows every commit made so far.
 */
gboolean
walkthrough_device_settle (WalkthroughDevice  *self,
                           GError            **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  dimple_query_load_async (self->list, NULL, take_result, &result);
  wait_for (&result);
  return dimple_query_load_finish (self->list, result, error);
}

/* -- Import -------------------------------------------------------------------------------------------------------- */

static gboolean
commit (DimpleBatch  *batch,
        GError      **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  dimple_batch_commit_async (batch, NULL, take_result, &result);
  wait_for (&result);
  return dimple_batch_commit_finish (batch, result, error);
}

static gboolean
add_file (DimpleBatch *batch,
          GFile       *file)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *title = walkthrough_texts_dup_title (file);
  g_autofree char *body = notes_text_load (file, NULL, &error);

  if (body == NULL)
    {
      g_print ("     %s is left out: %s\n", title, error->message);
      return FALSE;
    }
  g_free (dimple_batch_insert (batch, "note", g_variant_new_parsed ("{'title': <%s>, 'body': <%s>}", title, body)));
  return TRUE;
}

/*
 * walkthrough_device_import:
 * @files: (element-type GFile): text files
 * @at_most: how many of them are wanted
 *
 * Writes a note for each file, a hundred in one transaction.
 */
gboolean
walkthrough_device_import (WalkthroughDevice  *self,
                           GPtrArray          *files,
                           guint               at_most,
                           guint              *n_imported,
                           GError            **error)
{
  *n_imported = 0;
  for (guint next = 0; next < files->len && *n_imported < at_most;)
    {
      g_autoptr(DimpleBatch) batch = dimple_batch_new (self->store);
      guint n_added = 0;

      for (; next < files->len && n_added < FILES_AT_A_TIME && *n_imported + n_added < at_most; next++)
        n_added += add_file (batch, g_ptr_array_index (files, next));
      if (!commit (batch, error))
        return FALSE;
      *n_imported += n_added;
    }
  return walkthrough_device_settle (self, error);
}

/* -- Sync ---------------------------------------------------------------------------------------------------------- */

static void
synced (DimpleSyncClient *client,
        guint             uploaded,
        guint             downloaded,
        gpointer          user_data)
{
  WalkthroughDevice *self = user_data;

  g_print ("     %s syncs: %u transactions sent, %u received\n", self->name, uploaded, downloaded);
}

/*
 * walkthrough_device_sync:
 *
 * Syncs once, while the main loop runs and the list follows.
 */
gboolean
walkthrough_device_sync (WalkthroughDevice  *self,
                         DimpleStorage      *storage,
                         GError            **error)
{
  g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (self->store, storage);
  g_autoptr(GAsyncResult) result = NULL;

  g_signal_connect (client, "synced", G_CALLBACK (synced), self);
  dimple_sync_client_sync_async (client, NULL, take_result, &result);
  wait_for (&result);
  return dimple_sync_client_sync_finish (client, result, error) && walkthrough_device_settle (self, error);
}

/* -- What it has --------------------------------------------------------------------------------------------------- */

/*
 * walkthrough_device_digest:
 *
 * Returns: how many notes there are, and a SHA-256 over all columns of all rows in the order of their keys
 */
char *
walkthrough_device_digest (WalkthroughDevice  *self,
                           GError            **error)
{
  g_autoptr(GListModel) rows = dimple_store_select (self->store, CONTENTS_SQL, NULL, error);
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint n_rows;

  if (rows == NULL)
    return NULL;
  n_rows = g_list_model_get_n_items (rows);
  for (guint i = 0; i < n_rows; i++)
    {
      g_autoptr(DimpleRow) row = g_list_model_get_item (rows, i);
      const char * const *columns = dimple_row_get_columns (row);

      for (guint j = 0; columns[j] != NULL; j++)
        {
          const char *value = dimple_row_get_string (row, columns[j]);

          /* With its end, so that no text can be moved to the next column unseen */
          g_checksum_update (checksum, (const guint8 *) value, strlen (value) + 1);
        }
    }
  return g_strdup_printf ("%u notes, SHA-256 %s", n_rows, g_checksum_get_string (checksum));
}

DimpleStore *
walkthrough_device_get_store (WalkthroughDevice *self)
{
  return self->store;
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

/*
 * walkthrough_device_new:
 * @name: what it is called
 * @folder: where its database is to be
 */
WalkthroughDevice *
walkthrough_device_new (const char  *name,
                        const char  *folder,
                        GError     **error)
{
  g_autoptr(WalkthroughDevice) self = g_object_new (WALKTHROUGH_TYPE_DEVICE, NULL);
  g_autofree char *file = g_strconcat (name, ".db", NULL);
  g_autofree char *path = g_build_filename (folder, file, NULL);

  self->name = g_strdup (name);
  self->store = notes_store_open (path, error);
  if (self->store == NULL)
    return NULL;
  g_object_set (self->store, "author-name", name, NULL);
  self->list = dimple_query_new (self->store, "SELECT key, title, modified FROM note ORDER BY title, key", NULL);
  if (!walkthrough_device_settle (self, error))
    return NULL;
  g_signal_connect (self->list, "items-changed", G_CALLBACK (items_changed), self);
  return g_steal_pointer (&self);
}

static void
walkthrough_device_finalize (GObject *object)
{
  WalkthroughDevice *self = WALKTHROUGH_DEVICE (object);

  if (self->list != NULL)
    g_signal_handlers_disconnect_by_data (self->list, self);
  g_clear_object (&self->list);
  g_clear_object (&self->store);
  g_free (self->name);

  G_OBJECT_CLASS (walkthrough_device_parent_class)->finalize (object);
}

static void
walkthrough_device_class_init (WalkthroughDeviceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = walkthrough_device_finalize;
}

static void
walkthrough_device_init (WalkthroughDevice *self)
{
}
