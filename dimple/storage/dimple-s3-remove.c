/* dimple-s3-remove.c: removes any number of objects from a bucket
 *
 * DeleteObjects takes 1,000 keys at once; but not every server has it, and it wants its keys in XML, which cannot hold
 * all of them.  The others are removed one by one, several at a time.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-s3-remove-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-s3-error-private.h"
#include "dimple-s3-request-private.h"
#include "dimple-s3-xml-private.h"

#define BATCH_SIZE 1000

typedef struct
{
  gsize base_length;
  GPtrArray *in_batches;   /* still to be sent, from the end */
  GPtrArray *one_by_one;
  gsize batch_size;        /* under way */
  guint n_pending;
  GError *error;           /* the first one; nothing more is sent */
} Removal;

static void remove_advance (GTask *task);

static void
remove_free (gpointer data)
{
  Removal *removal = data;

  g_ptr_array_unref (removal->in_batches);
  g_ptr_array_unref (removal->one_by_one);
  g_clear_error (&removal->error);
  g_free (removal);
}

static void
remove_fail (Removal *removal,
             GError  *error)
{
  if (removal->error == NULL)
    removal->error = error;
  else
    g_error_free (error);
}

/* Moves the last keys of a list to another one */
static void
move_keys (GPtrArray *from,
           GPtrArray *to,
           gsize      n_keys)
{
  for (gsize i = 0; i < n_keys; i++)
    g_ptr_array_add (to, g_ptr_array_steal_index (from, from->len - 1));
}

static GError *
make_partial_error (DimpleS3Client             *client,
                    Removal                    *removal,
                    const DimpleS3DeleteResult *result)
{
  g_autoptr (DimpleS3Address) address = dimple_s3_client_dup_address (client);
  gboolean is_ours = strlen (result->key) >= removal->base_length;
  g_autofree char *key = dimple_s3_client_clean_text (client, result->key + (is_ours ? removal->base_length : 0));
  g_autoptr (GError) reason = NULL;

  reason = dimple_s3_error_to_gerror (client, address, SOUP_STATUS_OK, &result->error, result->key);
  return g_error_new (DIMPLE_ERROR, reason->code, _("The object “%s” cannot be removed: %s"), key, reason->message);
}

static void
on_batch_removed (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  DimpleS3Client *client = DIMPLE_S3_CLIENT (source);
  Removal *removal = g_task_get_task_data (task);
  g_autoptr (GBytes) document = NULL;
  g_auto (DimpleS3DeleteResult) removed = { NULL };
  GError *error = NULL;

  removal->n_pending--;
  document = dimple_s3_request_send_finish (client, result, &error);
  if (document == NULL && dimple_s3_request_is_unsupported (result))
    {
      g_clear_error (&error);
      dimple_s3_client_learn_removes_one (client);
      move_keys (removal->in_batches, removal->one_by_one, removal->in_batches->len);
    }
  else if (document == NULL || !dimple_s3_delete_result_parse (document, &removed, &error))
    remove_fail (removal, error);
  else if (removed.key != NULL)
    remove_fail (removal, make_partial_error (client, removal, &removed));
  else
    g_ptr_array_set_size (removal->in_batches, removal->in_batches->len - removal->batch_size);

  remove_advance (task);
}

static void
remove_send_batch (GTask *task)
{
  static const char * const parameters[] = { "delete", "", NULL };
  Removal *removal = g_task_get_task_data (task);
  g_autoptr (GBytes) document = NULL;
  gsize first;

  removal->batch_size = MIN (removal->in_batches->len, BATCH_SIZE);
  first = removal->in_batches->len - removal->batch_size;
  document = dimple_s3_delete_build ((const char * const *) removal->in_batches->pdata + first, removal->batch_size);

  removal->n_pending++;
  dimple_s3_request_send_async (g_task_get_source_object (task),
                                &(const DimpleS3Call) {
                                  .method = "POST",
                                  .parameters = parameters,
                                  .body = document,
                                  .content_type = "application/xml",
                                  .with_md5 = TRUE,
                                  .answer = DIMPLE_S3_ANSWER_DOCUMENT,
                                },
                                g_task_get_cancellable (task), on_batch_removed, g_object_ref (task));
}

static void
on_one_removed (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Removal *removal = g_task_get_task_data (task);
  g_autoptr (GBytes) answer = NULL;
  g_autoptr (GError) error = NULL;

  removal->n_pending--;
  answer = dimple_s3_request_send_finish (DIMPLE_S3_CLIENT (source), result, &error);
  /* What is not there is gone, as was wished */
  if (answer == NULL && !g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
    remove_fail (removal, g_steal_pointer (&error));

  remove_advance (task);
}

static void
remove_send_one (GTask *task)
{
  Removal *removal = g_task_get_task_data (task);
  g_autofree char *key = g_ptr_array_steal_index (removal->one_by_one, removal->one_by_one->len - 1);

  removal->n_pending++;
  dimple_s3_request_send_async (g_task_get_source_object (task),
                                &(const DimpleS3Call) { .method = "DELETE", .key = key },
                                g_task_get_cancellable (task), on_one_removed, g_object_ref (task));
}

/* Sends what may be sent now, and returns when there is nothing left */
static void
remove_advance (GTask *task)
{
  DimpleS3Client *client = g_task_get_source_object (task);
  Removal *removal = g_task_get_task_data (task);

  if (removal->in_batches->len == 1 || !dimple_s3_client_removes_many (client))
    move_keys (removal->in_batches, removal->one_by_one, removal->in_batches->len);

  if (removal->error == NULL && removal->in_batches->len > 0 && removal->n_pending == 0)
    remove_send_batch (task);
  while (removal->error == NULL && removal->in_batches->len == 0 && removal->one_by_one->len > 0 &&
         removal->n_pending < DIMPLE_S3_MAX_REQUESTS)
    remove_send_one (task);

  if (removal->n_pending > 0)
    return;
  if (removal->error != NULL)
    g_task_return_error (task, g_steal_pointer (&removal->error));
  else
    g_task_return_boolean (task, TRUE);
}

void
dimple_s3_remove_async (DimpleS3Client      *client,
                        const char          *base,
                        const char * const  *keys,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (client, cancellable, callback, user_data);
  Removal *removal = g_new0 (Removal, 1);

  removal->base_length = strlen (base);
  removal->in_batches = g_ptr_array_new_with_free_func (g_free);
  removal->one_by_one = g_ptr_array_new_with_free_func (g_free);
  for (gsize i = 0; keys[i] != NULL; i++)
    {
      char *key = g_strconcat (base, keys[i], NULL);

      g_ptr_array_add (dimple_s3_delete_can_hold (key) ? removal->in_batches : removal->one_by_one, key);
    }

  g_task_set_source_tag (task, dimple_s3_remove_async);
  g_task_set_task_data (task, removal, remove_free);
  remove_advance (task);
}

gboolean
dimple_s3_remove_finish (DimpleS3Client  *client,
                         GAsyncResult    *result,
                         GError         **error)
{
  g_return_val_if_fail (g_task_is_valid (result, client), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, dimple_s3_remove_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
