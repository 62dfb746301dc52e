/* dimple-store.c: a database of the app's own tables, whose changes are followed
 *
 * The object, its life and its properties, the readers that it lends, and who hears of its commits.  Writing is in
 * dimple-store-write.c, and what happens at COMMIT in dimple-writer.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include <errno.h>
#include <glib/gi18n-lib.h>

#include "dimple-change-set.h"
#include "dimple-error.h"

#define SYNC_DELAY_MS 1000

/**
 * DimpleStore:
 *
 * A database of the app's own tables, whose changes are followed: the data of a local-first app.
 *
 * An app writes its schema in plain SQL, as a list of migrations; whatever changes the rows of its tables from then on,
 * through this object or by triggers and cascades, is kept as history, shown by live queries and synced.
 *
 * A store may be used from several threads.  Blocking calls run in the caller's thread under one lock; signals are
 * emitted in the thread-default main context in which the store was made.
 */

typedef struct
{
  DimpleObserver observer;
  gpointer       user_data;
} Listener;

enum
{
  PROP_0,
  PROP_PATH,
  PROP_AUTHOR,
  PROP_AUTHOR_NAME,
  PROP_HISTORY_MAX_AGE,
  PROP_HISTORY_MAX_SIZE,
  N_PROPERTIES
};

enum
{
  CHANGED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (DimpleStore, dimple_store, G_TYPE_OBJECT)

/* -- Hearing of commits -------------------------------------------------------------------------------------------- */

static void
before_commit (DimpleConnection *connection,
               DimpleChangeSet  *changes,
               gpointer          user_data)
{
  DimpleStore *self = user_data;

  g_rec_mutex_lock (&self->listeners_lock);
  for (guint i = 0; i < self->listeners->len; i++)
    {
      const Listener *listener = &g_array_index (self->listeners, Listener, i);

      if (listener->observer.before_commit != NULL)
        listener->observer.before_commit (connection, changes, listener->user_data);
    }
  g_rec_mutex_unlock (&self->listeners_lock);
}

static gboolean
emit_changed (gpointer user_data)
{
  DimpleStore *self = user_data;
  g_autoptr(DimpleChangeSet) changes = NULL;

  g_mutex_lock (&self->pending_lock);
  changes = g_steal_pointer (&self->pending);
  g_clear_pointer (&self->emission, g_source_unref);
  g_mutex_unlock (&self->pending_lock);

  if (changes != NULL)
    g_signal_emit (self, signals[CHANGED], 0, changes);
  return G_SOURCE_REMOVE;
}

/* One emission a main-loop turn, however many commits there were. */
static void
schedule_changed (DimpleStore     *self,
                  DimpleChangeSet *changes)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->pending_lock);

  /* Who sees it move finds that everybody was told. */
  self->generation++;
  if (self->pending == NULL)
    self->pending = dimple_change_set_new_like (changes);
  dimple_change_set_join (self->pending, changes);
  if (self->emission != NULL)
    return;
  self->emission = g_idle_source_new ();
  g_source_set_priority (self->emission, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->emission, emit_changed, g_object_ref (self), g_object_unref);
  g_source_attach (self->emission, self->context);
}

static void
renew (gpointer user_data)
{
  DimpleStore *self = user_data;

  g_rec_mutex_lock (&self->listeners_lock);
  for (guint i = 0; i < self->listeners->len; i++)
    {
      const Listener *listener = &g_array_index (self->listeners, Listener, i);

      if (listener->observer.renew != NULL)
        listener->observer.renew (listener->user_data);
    }
  g_rec_mutex_unlock (&self->listeners_lock);
}

/* A burst of commits is synced to disk once, about a second after it began; failing is told by what comes next. */
static gboolean
sync_to_disk (gpointer user_data)
{
  DimpleStore *self = user_data;

  dimple_writer_sync_to_disk (self->writer, NULL);
  /* How long the WAL is they know; but a reader of ours may keep it from beginning anew. */
  if (g_atomic_int_compare_and_exchange (&self->heard_others, TRUE, FALSE))
    dimple_writer_empty_wal (self->writer);
  return G_SOURCE_REMOVE;
}

static void
after_commit (DimpleChangeSet *changes,
              gboolean         committed,
              gpointer         user_data)
{
  DimpleStore *self = user_data;

  g_rec_mutex_lock (&self->listeners_lock);
  for (guint i = 0; i < self->listeners->len; i++)
    {
      const Listener *listener = &g_array_index (self->listeners, Listener, i);

      if (listener->observer.after_commit != NULL)
        listener->observer.after_commit (changes, committed, listener->user_data);
    }
  g_rec_mutex_unlock (&self->listeners_lock);

  if (!committed)
    return;
  schedule_changed (self, changes);
  dimple_store_schedule_prune (self);
  if (dimple_change_set_get_origin (changes) == DIMPLE_ORIGIN_PROCESS)
    g_atomic_int_set (&self->heard_others, TRUE);
  if (self->path == NULL)
    return;
  dimple_worker_schedule (self->worker, SYNC_DELAY_MS, sync_to_disk, self);
  if (self->watcher != NULL)
    dimple_store_watcher_pause (self->watcher);
}

static void
after_silent_commit (gpointer user_data)
{
  DimpleStore *self = user_data;

  g_rec_mutex_lock (&self->listeners_lock);
  for (guint i = 0; i < self->listeners->len; i++)
    {
      const Listener *listener = &g_array_index (self->listeners, Listener, i);

      if (listener->observer.after_silent_commit != NULL)
        listener->observer.after_silent_commit (listener->user_data);
    }
  g_rec_mutex_unlock (&self->listeners_lock);
}

void
dimple_store_tell_closing (DimpleStore *self)
{
  dimple_writer_lock (self->writer);
  g_rec_mutex_lock (&self->listeners_lock);
  for (guint i = 0; i < self->listeners->len; i++)
    {
      const Listener *listener = &g_array_index (self->listeners, Listener, i);

      if (listener->observer.closing != NULL)
        listener->observer.closing (listener->user_data);
    }
  g_rec_mutex_unlock (&self->listeners_lock);
  dimple_writer_unlock (self->writer);
}

void
dimple_store_add_observer (DimpleStore          *self,
                           const DimpleObserver *observer,
                           gpointer              user_data)
{
  Listener listener = { *observer, user_data };

  g_rec_mutex_lock (&self->listeners_lock);
  g_array_append_val (self->listeners, listener);
  g_rec_mutex_unlock (&self->listeners_lock);
}

void
dimple_store_remove_observer (DimpleStore          *self,
                              const DimpleObserver *observer,
                              gpointer              user_data)
{
  g_rec_mutex_lock (&self->listeners_lock);
  for (guint i = 0; i < self->listeners->len; i++)
    {
      const Listener *listener = &g_array_index (self->listeners, Listener, i);

      if (listener->user_data == user_data && listener->observer.after_commit == observer->after_commit)
        {
          g_array_remove_index (self->listeners, i);
          break;
        }
    }
  g_rec_mutex_unlock (&self->listeners_lock);
}

void
dimple_store_release_later (DimpleStore  *self,
                            sqlite3_stmt *statement)
{
  dimple_writer_release_later (self->writer, statement);
}

void
dimple_store_begin_work (DimpleStore *self)
{
  g_atomic_int_inc (&self->n_busy);
}

void
dimple_store_end_work (DimpleStore *self)
{
  g_assert (g_atomic_int_get (&self->n_busy) > 0);
  g_atomic_int_add (&self->n_busy, -1);
}

guint64
dimple_store_get_generation (DimpleStore *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->pending_lock);

  return self->generation;
}

gint64
dimple_store_get_last_seq (DimpleStore *self)
{
  return dimple_writer_get_last_seq (self->writer);
}

void
dimple_store_hear_others (DimpleStore *self)
{
  g_autoptr(GError) error = NULL;

  if (!dimple_writer_notice_others (self->writer, &error))
    g_debug ("The commits of other processes could not be read: %s", error->message);
}

static gboolean
hear_others (gpointer user_data)
{
  dimple_store_hear_others (user_data);
  return G_SOURCE_REMOVE;
}

void
dimple_store_hear_others_soon (DimpleStore *self)
{
  dimple_worker_invoke (self->worker, hear_others, self);
}

/* -- Readers ------------------------------------------------------------------------------------------------------- */

DimpleConnection *
dimple_store_acquire_reader (DimpleStore  *self,
                             GError      **error)
{
  return dimple_reader_pool_acquire (self->readers, error);
}

void
dimple_store_release_reader (DimpleStore      *self,
                             DimpleConnection *reader)
{
  dimple_reader_pool_release (self->readers, reader);
}

DimpleConnection *
dimple_store_open_reader (DimpleStore  *self,
                          GError      **error)
{
  if (!dimple_reader_pool_check_open (self->readers, error))
    return NULL;
  return dimple_connection_open (self->name, self->path == NULL ? DIMPLE_CONNECTION_IN_MEMORY : 0, error);
}

DimpleSchema *
dimple_store_ref_schema (DimpleStore *self)
{
  return dimple_writer_ref_schema (self->writer);
}

/* -- Life ---------------------------------------------------------------------------------------------------------- */

static gboolean
make_folder (const char  *path,
             GError     **error)
{
  g_autofree char *folder = g_path_get_dirname (path);

  if (g_mkdir_with_parents (folder, 0700) == 0)
    return TRUE;
  g_set_error (error, DIMPLE_ERROR, errno == ENOSPC ? DIMPLE_ERROR_FULL : DIMPLE_ERROR_READ_ONLY,
               _("The folder “%s” cannot be made: %s"), folder, g_strerror (errno));
  return FALSE;
}

/* What the user calls this machine, as systemd keeps it (machine-info(5)), else its host name. */
static char *
dup_machine_name (void)
{
  g_autoptr(GKeyFile) file = g_key_file_new ();
  g_autofree char *contents = NULL;
  g_autofree char *grouped = NULL;
  g_autofree char *quoted = NULL;
  char *name = NULL;

  if (g_file_get_contents ("/etc/machine-info", &contents, NULL, NULL))
    {
      grouped = g_strconcat ("[machine]\n", contents, NULL);
      if (g_key_file_load_from_data (file, grouped, (gsize) -1, G_KEY_FILE_NONE, NULL))
        quoted = g_key_file_get_string (file, "machine", "PRETTY_HOSTNAME", NULL);
      name = quoted != NULL ? g_shell_unquote (quoted, NULL) : NULL;
    }
  return name != NULL && *name != '\0' ? name : g_strdup (g_get_host_name ());
}

gboolean
dimple_store_load_author (DimpleStore  *self,
                          GError      **error)
{
  g_autofree char *name = NULL;
  g_autofree char *machine = NULL;
  g_autoptr(GError) read_error = NULL;

  g_free (self->author);
  self->author = g_strdup (dimple_log_writer_get_author (dimple_writer_get_log (self->writer)));
  name = dimple_store_dup_author_name (self, self->author, &read_error);
  if (read_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&read_error));
      return FALSE;
    }
  if (name != NULL)
    return TRUE;
  machine = dup_machine_name ();
  return dimple_store_set_author_name (self, self->author, machine, error);
}

DimpleStore *
dimple_store_open_for_context (const char    *path,
                               GMainContext  *context,
                               GError       **error)
{
  static const DimpleWriterHooks hooks = { before_commit, after_commit, after_silent_commit, renew };
  g_autoptr(DimpleStore) self = NULL;
  char id[DIMPLE_UUID_SIZE];

  if (path != NULL && !make_folder (path, error))
    return NULL;
  self = g_object_new (DIMPLE_TYPE_STORE, "path", path, NULL);
  self->context = g_main_context_ref (context);
  dimple_uuid7_new (id);
  self->name = path != NULL ? g_strdup (path) : g_strdup_printf ("/dimple-%s", id);
  self->readers = dimple_reader_pool_new (self->name, path == NULL ? DIMPLE_CONNECTION_IN_MEMORY : 0);
  self->writer = dimple_writer_open (self->name, path == NULL, &hooks, self, error);
  if (self->writer == NULL || !dimple_store_load_author (self, error))
    return NULL;
  if (path != NULL)
    self->watcher = dimple_store_watcher_new (self);
  return g_steal_pointer (&self);
}

/**
 * dimple_store_open:
 * @path: (nullable) (type filename): the database file, or %NULL for a store in memory
 * @error: return location for an error
 *
 * Opens a store; blocking.  A file that is not there is made, and so are its parent folders, for the user only.
 *
 * A power cut can take what was committed in the last second or so, never what was uploaded.
 *
 * Fails with %DIMPLE_ERROR_NOT_A_DATABASE, %DIMPLE_ERROR_CORRUPT, %DIMPLE_ERROR_TOO_NEW, %DIMPLE_ERROR_READ_ONLY,
 * %DIMPLE_ERROR_BUSY or %DIMPLE_ERROR_FULL; the file is then as it was.
 *
 * Returns: (transfer full): the store
 */
DimpleStore *
dimple_store_open (const char  *path,
                   GError     **error)
{
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default ();

  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return dimple_store_open_for_context (path, context, error);
}

/**
 * dimple_store_close:
 * @self: a store
 * @error: return location for an error
 *
 * Closes the store; blocking.  Whatever is called later fails with %DIMPLE_ERROR_CLOSED.  Waits for a transaction that
 * another thread has open, and for readers; inside one of the caller's own it fails with %DIMPLE_ERROR_SQL.  Closing
 * again does nothing.
 *
 * Returns: %TRUE if the store is closed
 */
gboolean
dimple_store_close (DimpleStore  *self,
                    GError      **error)
{
  g_return_val_if_fail (DIMPLE_IS_STORE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (dimple_writer_is_mine (self->writer))
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL,
                           "The store cannot be closed inside a transaction: commit or roll back first");
      return FALSE;
    }

  dimple_reader_pool_close (self->readers);
  dimple_store_tell_closing (self);
  dimple_writer_close (self->writer);
  return TRUE;
}

/* -- The author ---------------------------------------------------------------------------------------------------- */

char *
dimple_store_dup_author (DimpleStore *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->pending_lock);

  return g_strdup (self->author);
}

static gboolean
notify_author (gpointer self)
{
  g_object_notify_by_pspec (self, properties[PROP_AUTHOR]);
  return G_SOURCE_REMOVE;
}

void
dimple_store_notify_author (DimpleStore *self)
{
  dimple_writer_lock (self->writer);
  g_mutex_lock (&self->pending_lock);
  g_free (self->author);
  self->author = g_strdup (dimple_log_writer_get_author (dimple_writer_get_log (self->writer)));
  g_mutex_unlock (&self->pending_lock);
  dimple_writer_unlock (self->writer);
  g_main_context_invoke_full (self->context, G_PRIORITY_DEFAULT, notify_author, g_object_ref (self), g_object_unref);
}

static char *
dup_own_name (DimpleStore *self)
{
  g_autofree char *author = dimple_store_dup_author (self);

  return dimple_store_dup_author_name (self, author, NULL);
}

static void
set_own_name (DimpleStore *self,
              const char  *name)
{
  g_autofree char *author = dimple_store_dup_author (self);
  g_autoptr(GError) error = NULL;

  if (!dimple_store_set_author_name (self, author, name, &error))
    g_warning ("The name of this device could not be kept: %s", error->message);
}

static void
set_history_limits (DimpleStore *self,
                    gint64       max_age,
                    guint64      max_size,
                    GParamSpec  *pspec)
{
  gboolean is_same;

  g_mutex_lock (&self->prune_lock);
  is_same = self->history_max_age == max_age && self->history_max_size == max_size;
  self->history_max_age = max_age;
  self->history_max_size = max_size;
  g_mutex_unlock (&self->prune_lock);
  if (is_same)
    return;
  dimple_store_schedule_prune (self);
  g_object_notify_by_pspec (G_OBJECT (self), pspec);
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

static void
dimple_store_finalize (GObject *object)
{
  DimpleStore *self = DIMPLE_STORE (object);

  if (self->watcher != NULL)
    dimple_store_watcher_stop (self->watcher);
  dimple_worker_free (self->history_worker);
  dimple_worker_free (self->reading_worker);
  dimple_worker_free (self->worker);
  g_hash_table_unref (self->row_types);
  g_clear_pointer (&self->readers, dimple_reader_pool_free);
  g_clear_pointer (&self->writer, dimple_writer_free);
  dimple_row_sql_free (self->row_sql);
  g_clear_pointer (&self->pending, dimple_change_set_unref);
  g_array_unref (self->listeners);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_weak_ref_clear (&self->conflicts);
  g_mutex_clear (&self->pending_lock);
  g_mutex_clear (&self->prune_lock);
  g_mutex_clear (&self->pass_lock);
  g_rec_mutex_clear (&self->listeners_lock);
  g_free (self->path);
  g_free (self->name);
  g_free (self->author);

  G_OBJECT_CLASS (dimple_store_parent_class)->finalize (object);
}

static void
dimple_store_get_property (GObject    *object,
                           guint       property_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  DimpleStore *self = DIMPLE_STORE (object);

  switch (property_id)
    {
    case PROP_PATH:
      g_value_set_string (value, self->path);
      break;
    case PROP_AUTHOR:
      g_value_take_string (value, dimple_store_dup_author (self));
      break;
    case PROP_AUTHOR_NAME:
      g_value_take_string (value, dup_own_name (self));
      break;
    case PROP_HISTORY_MAX_AGE:
      g_mutex_lock (&self->prune_lock);
      g_value_set_int64 (value, self->history_max_age);
      g_mutex_unlock (&self->prune_lock);
      break;
    case PROP_HISTORY_MAX_SIZE:
      g_mutex_lock (&self->prune_lock);
      g_value_set_uint64 (value, self->history_max_size);
      g_mutex_unlock (&self->prune_lock);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_store_set_property (GObject      *object,
                           guint         property_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  DimpleStore *self = DIMPLE_STORE (object);

  switch (property_id)
    {
    case PROP_PATH:
      self->path = g_value_dup_string (value);
      break;
    case PROP_AUTHOR_NAME:
      set_own_name (self, g_value_get_string (value));
      break;
    case PROP_HISTORY_MAX_AGE:
      set_history_limits (self, g_value_get_int64 (value), self->history_max_size, pspec);
      break;
    case PROP_HISTORY_MAX_SIZE:
      set_history_limits (self, self->history_max_age, g_value_get_uint64 (value), pspec);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_store_class_init (DimpleStoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = dimple_store_finalize;
  object_class->get_property = dimple_store_get_property;
  object_class->set_property = dimple_store_set_property;

  /**
   * DimpleStore:path: (type filename)
   *
   * The database file; %NULL in memory.
   */
  properties[PROP_PATH] =
    g_param_spec_string ("path", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleStore:author:
   *
   * The UUID under which this device's changes are known to the others.
   */
  properties[PROP_AUTHOR] =
    g_param_spec_string ("author", NULL, NULL, NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleStore:author-name:
   *
   * What this device is called on the others; at first what the user calls the machine.
   */
  properties[PROP_AUTHOR_NAME] =
    g_param_spec_string ("author-name", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  /**
   * DimpleStore:history-max-age:
   *
   * How long values that later changes have replaced are kept in the history, in microseconds; 0: for ever.
   *
   * What is older is dropped some time after it may be, here and from what this device has put into storages.  Values
   * that are in a row, and what tells how rows merge, are never dropped, nor is the last value of a row that was
   * deleted.
   *
   * The file does not get smaller: what is freed is used by what comes next.
   */
  properties[PROP_HISTORY_MAX_AGE] =
    g_param_spec_int64 ("history-max-age", NULL, NULL, 0, G_MAXINT64, 0,
                        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * DimpleStore:history-max-size:
   *
   * How large the history may get before the oldest values that later changes have replaced are dropped, in bytes; 0:
   * there is no limit.
   *
   * It may stay larger, if the rows themselves are: see [property@Dimple.Store:history-max-age] for what is never
   * dropped.
   */
  properties[PROP_HISTORY_MAX_SIZE] =
    g_param_spec_uint64 ("history-max-size", NULL, NULL, 0, G_MAXUINT64, 0,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  /**
   * DimpleStore::changed:
   * @self: the store
   * @changes: what changed
   *
   * Emitted once a main-loop turn in which commits were heard of, whoever made them.
   */
  signals[CHANGED] = g_signal_new ("changed", DIMPLE_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, DIMPLE_TYPE_CHANGE_SET);
}

static void
dimple_store_init (DimpleStore *self)
{
  self->worker = dimple_worker_new ();
  self->reading_worker = dimple_worker_new ();
  self->history_worker = dimple_worker_new ();
  self->row_sql = dimple_row_sql_new ();
  self->row_types = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->listeners = g_array_new (FALSE, FALSE, sizeof (Listener));
  g_weak_ref_init (&self->conflicts, NULL);
  g_mutex_init (&self->pending_lock);
  g_mutex_init (&self->prune_lock);
  g_mutex_init (&self->pass_lock);
  g_rec_mutex_init (&self->listeners_lock);
}
