/* dimple-sync-client.c: keeps a store in sync with storages
 *
 * The public face: properties and signals, all of the main context in which the client was made.  The calls that sync
 * are in dimple-sync-client-sync.c, who waits for a sync in dimple-sync-runner.c, when the next one is due in
 * dimple-auto-sync.c, what it does in dimple-sync-session.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-client.h"

#include <glib/gi18n-lib.h>

#include "dimple-enum-types.h"
#include "dimple-error.h"
#include "dimple-sync-client-private.h"
#include "dimple-sync-counter-private.h"
#include "dimple-sync-runner-private.h"

#define DEFAULT_INTERVAL 300

struct _DimpleSyncClient
{
  GObject            parent_instance;

  GMainContext      *context;
  DimpleStore       *store;
  GListStore        *storages;
  DimpleSyncRunner  *runner;
  DimpleSyncCounter *counter;         /* (nullable) NULL without a store */
  DimpleAutoSync    *auto_sync;
  DimpleHeld        *held;            /* lent to the sync that runs */
  gboolean           has_changed;     /* while a sync ran */

  gboolean           auto_enabled;
  guint              interval;
  gboolean           allow_metered;

  DimpleSyncState    state;
  gboolean           needs_attention;
  double             progress;
  char              *status;
  guint              pending;
  GDateTime         *last_synced;
  GError            *last_error;
};

enum
{
  PROP_STORE = 1,
  PROP_STATE,
  PROP_SYNCING,
  PROP_NEEDS_ATTENTION,
  PROP_PROGRESS,
  PROP_STATUS,
  PROP_PENDING,
  PROP_LAST_SYNCED,
  PROP_LAST_ERROR,
  PROP_AUTO_SYNC,
  PROP_INTERVAL,
  PROP_ALLOW_METERED,
  N_PROPERTIES
};

enum
{
  SIGNAL_SYNCED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (DimpleSyncClient, dimple_sync_client, G_TYPE_OBJECT)

/* -- What the properties say --------------------------------------------------------------------------------------- */

static void
set_status (DimpleSyncClient *self)
{
  DimpleSyncCondition condition = {
    .state = self->state,
    .has_storage = g_list_model_get_n_items (G_LIST_MODEL (self->storages)) > 0,
    .has_synced = self->last_synced != NULL,
    .pending = self->pending,
    .progress = self->progress,
    .error = self->last_error,
  };
  g_autofree char *status = dimple_sync_status_format (&condition);

  if (g_strcmp0 (self->status, status) == 0)
    return;
  g_free (self->status);
  self->status = g_steal_pointer (&status);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATUS]);
}

static DimpleSyncState
find_state (DimpleSyncClient *self)
{
  gboolean is_waiting = dimple_auto_sync_is_waiting (self->auto_sync);

  if (dimple_sync_runner_is_running (self->runner))
    return DIMPLE_SYNC_SYNCING;
  if (self->needs_attention)
    return DIMPLE_SYNC_FAILED;
  if (dimple_auto_sync_is_paused (self->auto_sync))
    return DIMPLE_SYNC_PAUSED;
  if (g_error_matches (self->last_error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE))
    return DIMPLE_SYNC_OFFLINE;
  if (self->last_error != NULL && !is_waiting)
    return DIMPLE_SYNC_FAILED;
  return is_waiting ? DIMPLE_SYNC_WAITING : DIMPLE_SYNC_IDLE;
}

static void
update_state (DimpleSyncClient *self)
{
  gboolean was_syncing = self->state == DIMPLE_SYNC_SYNCING;
  gboolean needed_attention = self->needs_attention;
  DimpleSyncState state;

  g_object_freeze_notify (G_OBJECT (self));
  self->needs_attention = dimple_sync_error_is_final (self->last_error);
  if (self->needs_attention != needed_attention)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NEEDS_ATTENTION]);

  state = find_state (self);
  if (state != self->state)
    {
      self->state = state;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
      if (was_syncing != (state == DIMPLE_SYNC_SYNCING))
        g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SYNCING]);
    }
  set_status (self);
  g_object_thaw_notify (G_OBJECT (self));
}

static void
set_progress (DimpleSyncClient *self,
              double            progress)
{
  if (self->progress == progress)
    return;
  self->progress = progress;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PROGRESS]);
}

static void
set_pending (DimpleSyncClient *self,
             guint             pending)
{
  if (self->pending == pending)
    return;
  self->pending = pending;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PENDING]);
  set_status (self);
}

static void
set_last_error (DimpleSyncClient *self,
                const GError     *error)
{
  if (self->last_error == NULL && error == NULL)
    return;
  g_clear_error (&self->last_error);
  self->last_error = error != NULL ? g_error_copy (error) : NULL;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LAST_ERROR]);
}

static void
set_last_synced (DimpleSyncClient *self)
{
  g_clear_pointer (&self->last_synced, g_date_time_unref);
  self->last_synced = g_date_time_new_now_utc ();
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LAST_SYNCED]);
}

GMainContext *
dimple_sync_client_get_context (DimpleSyncClient *self)
{
  return self->context;
}

DimpleSyncRunner *
dimple_sync_client_get_runner (DimpleSyncClient *self)
{
  return self->runner;
}

GPtrArray *
dimple_sync_client_copy_storages (DimpleSyncClient *self)
{
  GPtrArray *storages = g_ptr_array_new_with_free_func (g_object_unref);
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->storages));

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (storages, g_list_model_get_item (G_LIST_MODEL (self->storages), i));
  return storages;
}

/* -- What the parts tell ------------------------------------------------------------------------------------------- */

static void
count_pending (DimpleSyncClient *self)
{
  g_autoptr(GPtrArray) storages = dimple_sync_client_copy_storages (self);

  if (self->counter == NULL)
    return;
  if (storages->len > 0)
    {
      dimple_sync_counter_count (self->counter, storages);
    }
  else
    {
      dimple_sync_counter_drop (self->counter);
      set_pending (self, 0);
    }
}

static void
on_changed (gpointer owner)
{
  DimpleSyncClient *self = owner;

  /* A sync counts at its end. */
  self->has_changed = dimple_sync_runner_is_running (self->runner);
  if (!self->has_changed)
    count_pending (self);
  dimple_auto_sync_note_change (self->auto_sync);
}

static void
on_counted (gpointer owner,
            guint    pending)
{
  set_pending (owner, pending);
}

static const DimpleSyncCounterFuncs counter_funcs = { on_changed, on_counted };

void
dimple_sync_client_set_not_set_up (GError **error)
{
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_NO_SUCH_STORAGE,
                       _("Sync is not set up. Choose a folder or a bucket first."));
}

static DimpleSyncSession *
on_begin (gpointer       owner,
          GCancellable  *cancellable,
          GError       **error)
{
  DimpleSyncClient *self = owner;
  g_autoptr(GPtrArray) storages = dimple_sync_client_copy_storages (self);

  if (storages->len == 0 || self->counter == NULL)
    {
      dimple_sync_client_set_not_set_up (error);
      return NULL;
    }

  self->has_changed = FALSE;
  dimple_sync_counter_drop (self->counter);
  g_object_freeze_notify (G_OBJECT (self));
  set_progress (self, 0);
  dimple_auto_sync_note_begin (self->auto_sync);
  update_state (self);
  g_object_thaw_notify (G_OBJECT (self));
  return dimple_sync_session_new (self->store, storages, self->held, cancellable);
}

static void
on_progress (gpointer owner,
             double   fraction)
{
  DimpleSyncClient *self = owner;

  if (fraction <= self->progress)
    return;
  set_progress (self, fraction);
  set_status (self);
}

static void
on_end (gpointer           owner,
        DimpleSyncSession *session,
        const GError      *error)
{
  DimpleSyncClient *self = owner;
  gboolean is_cancelled = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_object_freeze_notify (G_OBJECT (self));
  if (!is_cancelled)
    set_last_error (self, error);
  if (error == NULL)
    {
      set_progress (self, 1);
      set_last_synced (self);
    }
  set_pending (self, session->pending);
  if (self->has_changed)
    count_pending (self);
  dimple_auto_sync_note_end (self->auto_sync, error == NULL || is_cancelled, dimple_sync_error_is_final (error));
  if (self->has_changed)
    dimple_auto_sync_note_change (self->auto_sync);
  update_state (self);
  g_object_thaw_notify (G_OBJECT (self));

  if (session->uploaded > 0 || session->downloaded > 0)
    g_signal_emit (self, signals[SIGNAL_SYNCED], 0, session->uploaded, session->downloaded);
}

static const DimpleSyncRunnerFuncs runner_funcs = { on_begin, on_progress, on_end };

static void
ignore_end (const GError *error,
            gpointer      user_data)
{
}

static void
on_due (gpointer user_data)
{
  DimpleSyncClient *self = user_data;

  if (g_list_model_get_n_items (G_LIST_MODEL (self->storages)) > 0)
    dimple_sync_runner_request (self->runner, G_OBJECT (self), NULL, ignore_end, NULL);
}

static void
on_auto_sync_changed (gpointer user_data)
{
  update_state (user_data);
}

static const DimpleAutoSyncFuncs auto_sync_funcs = { on_due, on_auto_sync_changed };

DimpleAutoSync *
dimple_sync_client_get_auto_sync (DimpleSyncClient *self)
{
  return self->auto_sync;
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

static void
dimple_sync_client_init (DimpleSyncClient *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->storages = g_list_store_new (DIMPLE_TYPE_STORAGE);
  self->held = dimple_held_new ();
  self->interval = DEFAULT_INTERVAL;
  self->runner = dimple_sync_runner_new (G_OBJECT (self), self->context, &runner_funcs);
  self->auto_sync = dimple_auto_sync_new (self->context, &auto_sync_funcs, self);
  self->status = g_strdup ("");
}

static void
dimple_sync_client_constructed (GObject *object)
{
  DimpleSyncClient *self = DIMPLE_SYNC_CLIENT (object);

  G_OBJECT_CLASS (dimple_sync_client_parent_class)->constructed (object);

  if (self->store != NULL)
    self->counter = dimple_sync_counter_new (object, self->store, self->context, &counter_funcs);
  dimple_auto_sync_set_interval (self->auto_sync, self->interval);
  update_state (self);
}

static void
dimple_sync_client_dispose (GObject *object)
{
  DimpleSyncClient *self = DIMPLE_SYNC_CLIENT (object);

  g_clear_pointer (&self->counter, dimple_sync_counter_free);

  G_OBJECT_CLASS (dimple_sync_client_parent_class)->dispose (object);
}

static void
dimple_sync_client_finalize (GObject *object)
{
  DimpleSyncClient *self = DIMPLE_SYNC_CLIENT (object);

  dimple_auto_sync_free (self->auto_sync);
  dimple_sync_runner_unref (self->runner);
  g_clear_object (&self->store);
  g_object_unref (self->storages);
  dimple_held_free (self->held);
  g_free (self->status);
  g_clear_pointer (&self->last_synced, g_date_time_unref);
  g_clear_error (&self->last_error);
  g_main_context_unref (self->context);

  G_OBJECT_CLASS (dimple_sync_client_parent_class)->finalize (object);
}

static void
dimple_sync_client_get_property (GObject    *object,
                                 guint       property_id,
                                 GValue     *value,
                                 GParamSpec *pspec)
{
  DimpleSyncClient *self = DIMPLE_SYNC_CLIENT (object);

  switch (property_id)
    {
    case PROP_STORE:
      g_value_set_object (value, self->store);
      break;
    case PROP_STATE:
      g_value_set_enum (value, self->state);
      break;
    case PROP_SYNCING:
      g_value_set_boolean (value, self->state == DIMPLE_SYNC_SYNCING);
      break;
    case PROP_NEEDS_ATTENTION:
      g_value_set_boolean (value, self->needs_attention);
      break;
    case PROP_PROGRESS:
      g_value_set_double (value, self->progress);
      break;
    case PROP_STATUS:
      g_value_set_string (value, self->status);
      break;
    case PROP_PENDING:
      g_value_set_uint (value, self->pending);
      break;
    case PROP_LAST_SYNCED:
      g_value_set_boxed (value, self->last_synced);
      break;
    case PROP_LAST_ERROR:
      g_value_set_boxed (value, self->last_error);
      break;
    case PROP_AUTO_SYNC:
      g_value_set_boolean (value, self->auto_enabled);
      break;
    case PROP_INTERVAL:
      g_value_set_uint (value, self->interval);
      break;
    case PROP_ALLOW_METERED:
      g_value_set_boolean (value, self->allow_metered);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
set_auto_sync (DimpleSyncClient *self,
               gboolean          enabled)
{
  if (self->auto_enabled == enabled)
    return;
  self->auto_enabled = enabled;
  dimple_auto_sync_set_enabled (self->auto_sync, enabled);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_AUTO_SYNC]);
}

static void
set_interval (DimpleSyncClient *self,
              guint             interval)
{
  if (self->interval == interval)
    return;
  self->interval = interval;
  dimple_auto_sync_set_interval (self->auto_sync, interval);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INTERVAL]);
}

static void
set_allow_metered (DimpleSyncClient *self,
                   gboolean          allow_metered)
{
  if (self->allow_metered == allow_metered)
    return;
  self->allow_metered = allow_metered;
  dimple_auto_sync_set_allow_metered (self->auto_sync, allow_metered);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ALLOW_METERED]);
}

static void
dimple_sync_client_set_property (GObject      *object,
                                 guint         property_id,
                                 const GValue *value,
                                 GParamSpec   *pspec)
{
  DimpleSyncClient *self = DIMPLE_SYNC_CLIENT (object);

  switch (property_id)
    {
    case PROP_STORE:
      self->store = g_value_dup_object (value);
      break;
    case PROP_AUTO_SYNC:
      set_auto_sync (self, g_value_get_boolean (value));
      break;
    case PROP_INTERVAL:
      set_interval (self, g_value_get_uint (value));
      break;
    case PROP_ALLOW_METERED:
      set_allow_metered (self, g_value_get_boolean (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags read_only = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;
  const GParamFlags read_write = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  /**
   * DimpleSyncClient:store:
   *
   * The store that is kept in sync.
   */
  properties[PROP_STORE] =
    g_param_spec_object ("store", NULL, NULL, DIMPLE_TYPE_STORE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleSyncClient:state:
   *
   * What the client is doing.
   */
  properties[PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL, DIMPLE_TYPE_SYNC_STATE, DIMPLE_SYNC_IDLE, read_only);

  /**
   * DimpleSyncClient:syncing:
   *
   * Whether a sync is under way.
   *
   * Binds to the `spinning` of a GtkSpinner, or the `visible` of a GtkProgressBar.
   */
  properties[PROP_SYNCING] = g_param_spec_boolean ("syncing", NULL, NULL, FALSE, read_only);

  /**
   * DimpleSyncClient:needs-attention:
   *
   * Whether the last sync failed for a reason that only the user can do something about, such as a wrong passphrase.
   *
   * Binds to the `revealed` of an AdwBanner.
   */
  properties[PROP_NEEDS_ATTENTION] = g_param_spec_boolean ("needs-attention", NULL, NULL, FALSE, read_only);

  /**
   * DimpleSyncClient:progress:
   *
   * How much of the present sync is done, or of the last one was: 0 to 1.
   *
   * Never goes back within a sync, and is notified at most ten times a second.
   */
  properties[PROP_PROGRESS] = g_param_spec_double ("progress", NULL, NULL, 0, 1, 0, read_only);

  /**
   * DimpleSyncClient:status:
   *
   * What the client is doing, for the user: one translated sentence.
   */
  properties[PROP_STATUS] = g_param_spec_string ("status", NULL, NULL, "", read_only);

  /**
   * DimpleSyncClient:pending:
   *
   * How many of this device's own transactions some storage lacks, as far as this device knows.
   */
  properties[PROP_PENDING] = g_param_spec_uint ("pending", NULL, NULL, 0, G_MAXUINT, 0, read_only);

  /**
   * DimpleSyncClient:last-synced:
   *
   * When a sync last ended well, since the client was made.
   */
  properties[PROP_LAST_SYNCED] =
    g_param_spec_boxed ("last-synced", NULL, NULL, G_TYPE_DATE_TIME, read_only);

  /**
   * DimpleSyncClient:last-error:
   *
   * Why the last sync failed; %NULL if it did not, or was cancelled before it could.
   */
  properties[PROP_LAST_ERROR] = g_param_spec_boxed ("last-error", NULL, NULL, G_TYPE_ERROR, read_only);

  /**
   * DimpleSyncClient:auto-sync:
   *
   * Whether to sync by itself: a few seconds after local changes, every [property@Dimple.SyncClient:interval] for
   * those of others, and again after a failure, each time later.
   */
  properties[PROP_AUTO_SYNC] = g_param_spec_boolean ("auto-sync", NULL, NULL, FALSE, read_write);

  /**
   * DimpleSyncClient:interval:
   *
   * How often to look for what other devices did, in seconds; 0: only when something changed here.
   *
   * An automatic sync with nothing to do is one request to each storage.
   */
  properties[PROP_INTERVAL] = g_param_spec_uint ("interval", NULL, NULL, 0, G_MAXUINT, DEFAULT_INTERVAL, read_write);

  /**
   * DimpleSyncClient:allow-metered:
   *
   * Whether to sync by itself when the connection is metered.
   *
   * [method@Dimple.SyncClient.sync] does in any case.
   */
  properties[PROP_ALLOW_METERED] = g_param_spec_boolean ("allow-metered", NULL, NULL, FALSE, read_write);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

/**
 * DimpleSyncClient:
 *
 * Keeps a store in sync with one or several storages.
 *
 * What devices have in common is in the storages; no device need be on when another one syncs.  Each device carries
 * everybody's changes to every storage that it knows, so two folders are bridged by a device that uses both, and a
 * storage that was lost is filled again by the next sync.
 *
 * ```c
 * g_autoptr(DimpleStorage) storage = dimple_local_storage_new (folder);
 * g_autoptr(DimpleSyncClient) client = dimple_sync_client_new (store, storage);
 *
 * g_object_set (client, "auto-sync", TRUE, NULL);
 * g_object_bind_property (client, "status", label, "label", G_BINDING_SYNC_CREATE);
 * ```
 *
 * Several edits of one row are merged column by column; the last writer wins.  What loses is kept in the history.
 *
 * The work is done on a thread of its own.  Properties and signals of the client are those of the thread-default main
 * context in which it was made.  Keep the client alive as long as it is to sync by itself; a sync that has begun goes
 * on to its end.
 */
static void
dimple_sync_client_class_init (DimpleSyncClientClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = dimple_sync_client_constructed;
  object_class->dispose = dimple_sync_client_dispose;
  object_class->finalize = dimple_sync_client_finalize;
  object_class->get_property = dimple_sync_client_get_property;
  object_class->set_property = dimple_sync_client_set_property;
  install_properties (object_class);

  /**
   * DimpleSyncClient::synced:
   * @self: the client
   * @uploaded: how many transactions were put into storages
   * @downloaded: how many came from them
   *
   * A sync that moved something has ended, well or not.
   *
   * What came from other devices is in the store by then.
   */
  signals[SIGNAL_SYNCED] =
    g_signal_new ("synced", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_UINT);
}

/**
 * dimple_sync_client_new:
 * @store: the store to keep in sync
 * @storage: (nullable): where to, or %NULL if that is not set up yet
 *
 * Makes a client, which does nothing until it is told to, or [property@Dimple.SyncClient:auto-sync] is set.
 *
 * Returns: (transfer full): a new client
 */
DimpleSyncClient *
dimple_sync_client_new (DimpleStore   *store,
                        DimpleStorage *storage)
{
  DimpleSyncClient *self;

  g_return_val_if_fail (DIMPLE_IS_STORE (store), NULL);
  g_return_val_if_fail (storage == NULL || DIMPLE_IS_STORAGE (storage), NULL);

  self = g_object_new (DIMPLE_TYPE_SYNC_CLIENT, "store", store, NULL);
  if (storage != NULL)
    dimple_sync_client_add_storage (self, storage);
  return self;
}

/* Other storages, other errors: what the last sync said is past. */
static void
after_storages_changed (DimpleSyncClient *self)
{
  if (!dimple_sync_runner_is_running (self->runner))
    set_last_error (self, NULL);
  count_pending (self);
  if (self->auto_enabled)
    dimple_auto_sync_note_change (self->auto_sync);
  update_state (self);
}

/**
 * dimple_sync_client_add_storage:
 * @self: the client
 * @storage: where to sync to, too
 *
 * Adds a storage, for the next sync.
 *
 * The storages of a client are one repository: each gets what the others have.
 */
void
dimple_sync_client_add_storage (DimpleSyncClient *self,
                                DimpleStorage    *storage)
{
  g_return_if_fail (DIMPLE_IS_SYNC_CLIENT (self));
  g_return_if_fail (DIMPLE_IS_STORAGE (storage));

  g_list_store_append (self->storages, storage);
  after_storages_changed (self);
}

/**
 * dimple_sync_client_remove_storage:
 * @self: the client
 * @storage: a storage that was added
 *
 * Leaves a storage out from the next sync on; what it has stays there.
 */
void
dimple_sync_client_remove_storage (DimpleSyncClient *self,
                                   DimpleStorage    *storage)
{
  guint position;

  g_return_if_fail (DIMPLE_IS_SYNC_CLIENT (self));
  g_return_if_fail (DIMPLE_IS_STORAGE (storage));

  if (!g_list_store_find (self->storages, storage, &position))
    return;
  g_list_store_remove (self->storages, position);
  after_storages_changed (self);
}

/**
 * dimple_sync_client_get_storages:
 * @self: the client
 *
 * Gets the storages, in the order in which they are synced.
 *
 * Returns: (transfer none): a list of [iface@Dimple.Storage] that changes with them
 */
GListModel *
dimple_sync_client_get_storages (DimpleSyncClient *self)
{
  g_return_val_if_fail (DIMPLE_IS_SYNC_CLIENT (self), NULL);

  return G_LIST_MODEL (self->storages);
}
