/* dimple-s3-storage.c: a bucket on an S3 server
 *
 * The object holds what the app says about the bucket; the client, made of that when it is first needed, holds the
 * connections and what is learnt.  Changing a property drops the client: requests that are under way go on with the old
 * one.
 *
 * It is no DimpleTaskStorage: that one answers a cancelled call at once, and the main context of a blocking call would
 * go away beneath a request that is still being taken down.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-s3-storage.h"

#include <glib/gi18n-lib.h>

#include "dimple-aws-signature-private.h"
#include "dimple-s3-client-private.h"
#include "dimple-s3-list-private.h"
#include "dimple-s3-remove-private.h"
#include "dimple-s3-request-private.h"
#include "dimple-s3-storage-private.h"

#define DEFAULT_TIMEOUT     30
#define DEFAULT_RETRY_DELAY 400

/**
 * DimpleS3Storage:
 *
 * A bucket on a server that speaks S3: AWS, Ceph, MinIO, Garage, Cloudflare R2, Backblaze B2 and many others.
 *
 * ```c
 * g_autoptr (DimpleStorage) storage =
 *   dimple_s3_storage_new ("https://s3.example.org", NULL, "notes", access_key, secret_key);
 * ```
 *
 * The bucket has to exist, and the keys must permit to list, read, write and delete in it. Nothing else is needed: no
 * versions, no locks, no conditional writes. [method@Dimple.Storage.check] tries all of it.
 *
 * The region need not be known, and a clock that is wrong does no harm: both are learnt from the server's answers.
 * Passing faults (a server that is overloaded, a connection that breaks) are tried again up to five times, with growing
 * pauses; wrong keys and the like are not. At most eight requests are under way at once.
 *
 * Connections by `https` are verified; [property@Dimple.S3Storage:tls-database] is for servers with a certificate of
 * your own.
 *
 * The secret key is never shown in errors or in logs, and cannot be read back from the object. `DIMPLE_DEBUG=s3` logs
 * one line for each request.
 *
 * Like every [iface@Dimple.Storage] it may be used from several threads at once. Set properties before the first use.
 */
struct _DimpleS3Storage
{
  GObject parent_instance;

  GMutex lock;
  DimpleS3Client *client;

  char *endpoint;
  char *region;
  char *bucket;
  char *access_key;
  char *secret_key;
  char *session_token;
  char *prefix;
  DimpleS3Style style;
  guint timeout;
  guint retry_delay;
  GTlsDatabase *tls_database;
  GProxyResolver *proxy_resolver;
};

enum
{
  PROP_ENDPOINT = 1,
  PROP_REGION,
  PROP_BUCKET,
  PROP_ACCESS_KEY,
  PROP_SECRET_KEY,
  PROP_SESSION_TOKEN,
  PROP_PREFIX,
  PROP_PATH_STYLE,
  PROP_TIMEOUT,
  PROP_TLS_DATABASE,
  PROP_PROXY_RESOLVER,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void dimple_s3_storage_storage_init (DimpleStorageInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (DimpleS3Storage, dimple_s3_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (DIMPLE_TYPE_STORAGE, dimple_s3_storage_storage_init))

static void
dimple_s3_storage_finalize (GObject *object)
{
  DimpleS3Storage *self = DIMPLE_S3_STORAGE (object);

  g_clear_object (&self->client);
  g_free (self->endpoint);
  g_free (self->region);
  g_free (self->bucket);
  g_free (self->access_key);
  dimple_aws_secret_free (self->secret_key);
  dimple_aws_secret_free (self->session_token);
  g_free (self->prefix);
  g_clear_object (&self->tls_database);
  g_clear_object (&self->proxy_resolver);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (dimple_s3_storage_parent_class)->finalize (object);
}

static gboolean
is_path_style (DimpleS3Storage *self)
{
  g_autoptr (DimpleS3Address) address = NULL;

  address = dimple_s3_address_new (self->endpoint, self->region, self->bucket, self->style, NULL);
  return address != NULL ? dimple_s3_address_is_path_style (address) : self->endpoint != NULL;
}

static void
dimple_s3_storage_get_property (GObject    *object,
                                guint       prop_id,
                                GValue     *value,
                                GParamSpec *pspec)
{
  DimpleS3Storage *self = DIMPLE_S3_STORAGE (object);

  switch (prop_id)
    {
    case PROP_ENDPOINT:
      g_value_set_string (value, self->endpoint);
      break;

    case PROP_REGION:
      g_value_set_string (value, self->region);
      break;

    case PROP_BUCKET:
      g_value_set_string (value, self->bucket);
      break;

    case PROP_ACCESS_KEY:
      g_value_set_string (value, self->access_key);
      break;

    case PROP_PREFIX:
      g_value_set_string (value, self->prefix);
      break;

    case PROP_PATH_STYLE:
      g_value_set_boolean (value, is_path_style (self));
      break;

    case PROP_TIMEOUT:
      g_value_set_uint (value, self->timeout);
      break;

    case PROP_TLS_DATABASE:
      g_value_set_object (value, self->tls_database);
      break;

    case PROP_PROXY_RESOLVER:
      g_value_set_object (value, self->proxy_resolver);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
set_string (char         **field,
            const GValue  *value)
{
  g_free (*field);
  *field = g_value_dup_string (value);
}

static void
set_secret (char         **field,
            const GValue  *value)
{
  dimple_aws_secret_free (*field);
  *field = g_value_dup_string (value);
}

static void
dimple_s3_storage_set_property (GObject      *object,
                                guint         prop_id,
                                const GValue *value,
                                GParamSpec   *pspec)
{
  DimpleS3Storage *self = DIMPLE_S3_STORAGE (object);
  g_autoptr (DimpleS3Client) old_client = NULL;

  g_mutex_lock (&self->lock);

  switch (prop_id)
    {
    case PROP_ENDPOINT:
      set_string (&self->endpoint, value);
      break;

    case PROP_REGION:
      set_string (&self->region, value);
      break;

    case PROP_BUCKET:
      set_string (&self->bucket, value);
      break;

    case PROP_ACCESS_KEY:
      set_string (&self->access_key, value);
      break;

    case PROP_SECRET_KEY:
      set_secret (&self->secret_key, value);
      break;

    case PROP_SESSION_TOKEN:
      set_secret (&self->session_token, value);
      break;

    case PROP_PREFIX:
      set_string (&self->prefix, value);
      break;

    case PROP_PATH_STYLE:
      self->style = g_value_get_boolean (value) ? DIMPLE_S3_STYLE_PATH : DIMPLE_S3_STYLE_HOST;
      break;

    case PROP_TIMEOUT:
      self->timeout = g_value_get_uint (value);
      break;

    case PROP_TLS_DATABASE:
      g_set_object (&self->tls_database, g_value_get_object (value));
      break;

    case PROP_PROXY_RESOLVER:
      g_set_object (&self->proxy_resolver, g_value_get_object (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }

  old_client = g_steal_pointer (&self->client);
  g_mutex_unlock (&self->lock);
}

static void
dimple_s3_storage_class_init (DimpleS3StorageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = dimple_s3_storage_finalize;
  object_class->get_property = dimple_s3_storage_get_property;
  object_class->set_property = dimple_s3_storage_set_property;

  /**
   * DimpleS3Storage:endpoint:
   *
   * The address of the server, such as `https://s3.example.org` or `http://localhost:9000`; %NULL for AWS.
   */
  properties[PROP_ENDPOINT] =
    g_param_spec_string ("endpoint", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleS3Storage:region:
   *
   * The region of the bucket, such as `eu-west-1`; %NULL to learn it from the server.
   */
  properties[PROP_REGION] =
    g_param_spec_string ("region", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleS3Storage:bucket:
   *
   * The name of the bucket.
   */
  properties[PROP_BUCKET] =
    g_param_spec_string ("bucket", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleS3Storage:access-key:
   *
   * The access key, by which the server knows whom to ask for the secret one.
   */
  properties[PROP_ACCESS_KEY] =
    g_param_spec_string ("access-key", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleS3Storage:secret-key:
   *
   * The secret key. It cannot be read back.
   */
  properties[PROP_SECRET_KEY] =
    g_param_spec_string ("secret-key", NULL, NULL, NULL,
                         G_PARAM_WRITABLE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleS3Storage:session-token:
   *
   * What goes with keys that are valid for a while only. It cannot be read back.
   */
  properties[PROP_SESSION_TOKEN] =
    g_param_spec_string ("session-token", NULL, NULL, NULL,
                         G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleS3Storage:prefix:
   *
   * What stands before every key in the bucket, so that several apps can share it; it ends in `/` as a rule.
   *
   * The keys of the storage are without it.
   */
  properties[PROP_PREFIX] =
    g_param_spec_string ("prefix", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleS3Storage:path-style:
   *
   * Whether the bucket is named in the path (`https://server/bucket/key`) rather than in the host
   * (`https://bucket.server/key`).
   *
   * Unless it is set, the path is used for every server but AWS.
   */
  properties[PROP_PATH_STYLE] =
    g_param_spec_boolean ("path-style", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleS3Storage:timeout:
   *
   * How many seconds a request may be without progress before it counts as failed; 0 for ever.
   */
  properties[PROP_TIMEOUT] =
    g_param_spec_uint ("timeout", NULL, NULL, 0, 24 * 60 * 60, DEFAULT_TIMEOUT,
                       G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleS3Storage:tls-database:
   *
   * Whom to trust in place of the system's certificate authorities; %NULL for those.
   */
  properties[PROP_TLS_DATABASE] =
    g_param_spec_object ("tls-database", NULL, NULL, G_TYPE_TLS_DATABASE,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleS3Storage:proxy-resolver:
   *
   * Which proxy to use; %NULL for the system's.
   */
  properties[PROP_PROXY_RESOLVER] =
    g_param_spec_object ("proxy-resolver", NULL, NULL, G_TYPE_PROXY_RESOLVER,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
dimple_s3_storage_init (DimpleS3Storage *self)
{
  g_mutex_init (&self->lock);
  self->timeout = DEFAULT_TIMEOUT;
  self->retry_delay = DEFAULT_RETRY_DELAY;
}

/* What a call needs; FALSE with an error if the properties make no sense */
static gboolean
begin_call (DimpleS3Storage  *self,
            DimpleS3Client  **client,
            char            **prefix,
            GError          **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->client == NULL)
    {
      g_autoptr (DimpleS3Address) address = NULL;
      const DimpleS3ClientOptions options = {
        .access_key = self->access_key,
        .secret_key = self->secret_key,
        .session_token = self->session_token,
        .timeout = self->timeout,
        .retry_delay = self->retry_delay,
        .tls_database = self->tls_database,
        .proxy_resolver = self->proxy_resolver,
      };

      address = dimple_s3_address_new (self->endpoint, self->region, self->bucket, self->style, error);
      if (address == NULL)
        return FALSE;
      self->client = dimple_s3_client_new (address, &options);
    }

  *client = g_object_ref (self->client);
  *prefix = g_strdup (self->prefix != NULL ? self->prefix : "");
  return TRUE;
}

/* The task of a call, unless it has failed already */
static GTask *
make_task (DimpleS3Storage      *self,
           DimpleS3Client      **client,
           char                **prefix,
           GCancellable         *cancellable,
           GAsyncReadyCallback   callback,
           gpointer              user_data,
           gpointer              source_tag)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GError) error = NULL;

  g_task_set_source_tag (task, source_tag);
  g_task_set_check_cancellable (task, FALSE);

  if (begin_call (self, client, prefix, &error))
    return g_steal_pointer (&task);

  g_task_return_error (task, g_steal_pointer (&error));
  return NULL;
}

static void
on_listed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  char **keys = dimple_s3_list_finish (DIMPLE_S3_CLIENT (source), result, &error);

  if (keys != NULL)
    g_task_return_pointer (task, keys, (GDestroyNotify) g_strfreev);
  else
    g_task_return_error (task, error);
}

static void
dimple_s3_storage_list_async (DimpleStorage       *storage,
                              const char          *prefix,
                              const char          *start_after,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  g_autoptr (DimpleS3Client) client = NULL;
  g_autofree char *base = NULL;
  GTask *task;

  task = make_task (DIMPLE_S3_STORAGE (storage), &client, &base, cancellable, callback, user_data,
                    dimple_s3_storage_list_async);
  if (task != NULL)
    dimple_s3_list_async (client, base, prefix, start_after, cancellable, on_listed, task);
}

static char **
dimple_s3_storage_list_finish (DimpleStorage  *storage,
                               GAsyncResult   *result,
                               GError        **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_put (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GBytes) answer = NULL;
  GError *error = NULL;

  answer = dimple_s3_request_send_finish (DIMPLE_S3_CLIENT (source), result, &error);
  if (answer != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
dimple_s3_storage_put_async (DimpleStorage       *storage,
                             const char          *key,
                             GBytes              *contents,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_autoptr (DimpleS3Client) client = NULL;
  g_autofree char *base = NULL;
  g_autofree char *full_key = NULL;
  GTask *task;

  task = make_task (DIMPLE_S3_STORAGE (storage), &client, &base, cancellable, callback, user_data,
                    dimple_s3_storage_put_async);
  if (task == NULL)
    return;

  full_key = g_strconcat (base, key, NULL);
  dimple_s3_request_send_async (client,
                                &(const DimpleS3Call) {
                                  .method = "PUT",
                                  .key = full_key,
                                  .body = contents,
                                  .content_type = "application/octet-stream",
                                  .answer = DIMPLE_S3_ANSWER_STORED,
                                },
                                cancellable, on_put, task);
}

static gboolean
dimple_s3_storage_put_finish (DimpleStorage  *storage,
                              GAsyncResult   *result,
                              GError        **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_got (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GBytes *contents = dimple_s3_request_send_finish (DIMPLE_S3_CLIENT (source), result, &error);

  if (contents != NULL)
    g_task_return_pointer (task, contents, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (task, error);
}

static void
dimple_s3_storage_get_async (DimpleStorage       *storage,
                             const char          *key,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_autoptr (DimpleS3Client) client = NULL;
  g_autofree char *base = NULL;
  g_autofree char *full_key = NULL;
  GTask *task;

  task = make_task (DIMPLE_S3_STORAGE (storage), &client, &base, cancellable, callback, user_data,
                    dimple_s3_storage_get_async);
  if (task == NULL)
    return;

  full_key = g_strconcat (base, key, NULL);
  dimple_s3_request_send_async (client,
                                &(const DimpleS3Call) {
                                  .method = "GET",
                                  .key = full_key,
                                  .answer = DIMPLE_S3_ANSWER_OBJECT,
                                },
                                cancellable, on_got, task);
}

static GBytes *
dimple_s3_storage_get_finish (DimpleStorage  *storage,
                              GAsyncResult   *result,
                              GError        **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_removed (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (dimple_s3_remove_finish (DIMPLE_S3_CLIENT (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
dimple_s3_storage_remove_async (DimpleStorage       *storage,
                                const char * const  *keys,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_autoptr (DimpleS3Client) client = NULL;
  g_autofree char *base = NULL;
  GTask *task;

  task = make_task (DIMPLE_S3_STORAGE (storage), &client, &base, cancellable, callback, user_data,
                    dimple_s3_storage_remove_async);
  if (task != NULL)
    dimple_s3_remove_async (client, base, keys, cancellable, on_removed, task);
}

static gboolean
dimple_s3_storage_remove_finish (DimpleStorage  *storage,
                                 GAsyncResult   *result,
                                 GError        **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static char *
dimple_s3_storage_dup_description (DimpleStorage *storage)
{
  DimpleS3Storage *self = DIMPLE_S3_STORAGE (storage);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autoptr (DimpleS3Address) address = NULL;

  address = dimple_s3_address_new (self->endpoint, self->region, self->bucket, self->style, NULL);
  /* An address that cannot be read may hold anything */
  if (address == NULL)
    return g_strdup_printf (_("Bucket %s"), self->bucket != NULL ? self->bucket : "");
  if (self->endpoint == NULL)
    return g_strdup_printf (_("Bucket %s at Amazon S3"), self->bucket);

  return g_strdup_printf (_("Bucket %s at %s"), self->bucket, dimple_s3_address_get_server (address));
}

static void
dimple_s3_storage_storage_init (DimpleStorageInterface *iface)
{
  iface->list_async = dimple_s3_storage_list_async;
  iface->list_finish = dimple_s3_storage_list_finish;
  iface->put_async = dimple_s3_storage_put_async;
  iface->put_finish = dimple_s3_storage_put_finish;
  iface->get_async = dimple_s3_storage_get_async;
  iface->get_finish = dimple_s3_storage_get_finish;
  iface->remove_async = dimple_s3_storage_remove_async;
  iface->remove_finish = dimple_s3_storage_remove_finish;
  iface->dup_description = dimple_s3_storage_dup_description;
}

/**
 * dimple_s3_storage_new:
 * @endpoint: (nullable): the address of the server, such as `https://s3.example.org`; %NULL for AWS
 * @region: (nullable): the region of the bucket; %NULL to learn it from the server
 * @bucket: the name of the bucket
 * @access_key: the access key
 * @secret_key: the secret key
 *
 * Makes a storage of a bucket.
 *
 * Nothing is sent yet: whether the address and the keys are right shows at the first call.
 *
 * Returns: (transfer full) (type DimpleS3Storage): a new storage
 */
DimpleStorage *
dimple_s3_storage_new (const char *endpoint,
                       const char *region,
                       const char *bucket,
                       const char *access_key,
                       const char *secret_key)
{
  g_return_val_if_fail (bucket != NULL, NULL);
  g_return_val_if_fail (access_key != NULL, NULL);
  g_return_val_if_fail (secret_key != NULL, NULL);

  return g_object_new (DIMPLE_TYPE_S3_STORAGE,
                       "endpoint", endpoint,
                       "region", region,
                       "bucket", bucket,
                       "access-key", access_key,
                       "secret-key", secret_key,
                       NULL);
}

void
dimple_s3_storage_set_retry_delay (DimpleS3Storage *self,
                                   guint            milliseconds)
{
  g_autoptr (DimpleS3Client) old_client = NULL;

  g_mutex_lock (&self->lock);
  self->retry_delay = milliseconds;
  old_client = g_steal_pointer (&self->client);
  g_mutex_unlock (&self->lock);
}
