/* dimple-s3-list.c: one page of the keys of a bucket
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 *
 * One request as a rule.  More follow only where a page has no key that was asked for and yet is not the last: after
 * many deletes, or from a server that knows no start-after.  They go on by token, so they come to an end.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-s3-list-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-error.h"
#include "dimple-s3-request-private.h"
#include "dimple-s3-xml-private.h"
#include "dimple-storage-private.h"

typedef struct
{
  char *base;
  char *prefix;
  char *start_after;
  char *token;
} List;

static void
list_free (gpointer data)
{
  List *list = data;

  g_free (list->base);
  g_free (list->prefix);
  g_free (list->start_after);
  g_free (list->token);
  g_free (list);
}

static char **
make_page (List      *list,
           GPtrArray *keys)
{
  g_autoptr (GPtrArray) own_keys = g_ptr_array_new_with_free_func (g_free);
  gsize length = strlen (list->base);

  for (guint i = 0; i < keys->len; i++)
    {
      const char *key = g_ptr_array_index (keys, i);

      if (g_str_has_prefix (key, list->base))
        g_ptr_array_add (own_keys, g_strdup (key + length));
    }

  return dimple_storage_page_of_keys (own_keys, list->prefix, list->start_after);
}

static void list_send (GTask *task);

static void
on_page (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  List *list = g_task_get_task_data (task);
  g_autoptr (GBytes) document = NULL;
  g_auto (DimpleS3Listing) listing = { NULL };
  g_auto (GStrv) page = NULL;
  GError *error = NULL;

  document = dimple_s3_request_send_finish (DIMPLE_S3_CLIENT (source), result, &error);
  if (document == NULL || !dimple_s3_listing_parse (document, &listing, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  page = make_page (list, listing.keys);
  if (page[0] != NULL || !listing.truncated)
    {
      g_task_return_pointer (task, g_steal_pointer (&page), (GDestroyNotify) g_strfreev);
      return;
    }
  if (listing.continuation_token == NULL || g_strcmp0 (listing.continuation_token, list->token) == 0)
    {
      g_task_return_new_error (task, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                               _("The server does not tell how its list of objects goes on. Update the server, or use "
                                 "another one."));
      return;
    }

  g_free (list->token);
  list->token = g_steal_pointer (&listing.continuation_token);
  list_send (g_steal_pointer (&task));
}

/* Takes the task */
static void
list_send (GTask *task)
{
  List *list = g_task_get_task_data (task);
  g_autofree char *prefix = g_strconcat (list->base, list->prefix, NULL);
  g_autofree char *start_after = g_strconcat (list->base, list->start_after, NULL);
  g_autofree char *max_keys = g_strdup_printf ("%d", DIMPLE_STORAGE_PAGE_SIZE);
  const char *parameters[] = {
    "list-type", "2",
    "encoding-type", "url",
    "max-keys", max_keys,
    "prefix", prefix,
    NULL, NULL,
    NULL,
  };
  const DimpleS3Call call = { .method = "GET", .parameters = parameters, .answer = DIMPLE_S3_ANSWER_DOCUMENT };

  if (list->token != NULL)
    {
      parameters[8] = "continuation-token";
      parameters[9] = list->token;
    }
  else if (*list->start_after != '\0')
    {
      parameters[8] = "start-after";
      parameters[9] = start_after;
    }

  dimple_s3_request_send_async (g_task_get_source_object (task), &call, g_task_get_cancellable (task), on_page, task);
}

void
dimple_s3_list_async (DimpleS3Client      *client,
                      const char          *base,
                      const char          *prefix,
                      const char          *start_after,
                      GCancellable        *cancellable,
                      GAsyncReadyCallback  callback,
                      gpointer             user_data)
{
  GTask *task = g_task_new (client, cancellable, callback, user_data);
  List *list = g_new0 (List, 1);

  list->base = g_strdup (base);
  list->prefix = g_strdup (prefix);
  list->start_after = g_strdup (start_after);
  g_task_set_source_tag (task, dimple_s3_list_async);
  g_task_set_task_data (task, list, list_free);
  list_send (task);
}

char **
dimple_s3_list_finish (DimpleS3Client  *client,
                       GAsyncResult    *result,
                       GError         **error)
{
  g_return_val_if_fail (g_task_is_valid (result, client), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, dimple_s3_list_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
