/* dimple-keyring-load.c: reads the identities of a repository
 *
 * Requests are made in the context of whoever needs the identities, and scrypt runs on a thread of its own.  If several
 * need them at once, one leads and the others wait, so that there is one request for each object, scrypt runs once, and
 * one identity is made.  When the leader is done, each looks again whether it has what it needs; if the leader was
 * cancelled, another one takes the lead.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-keyring-state-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-crypto-pool-private.h"
#include "dimple-encrypted-names-private.h"
#include "dimple-error.h"
#include "dimple-identity-file-private.h"

/* Each may cost a second of work, and who can write to the storage can make as many as they like */
#define MAX_IDENTITIES 64

/* An object that is new to this keyring */
typedef struct
{
  char *name;
  GBytes *contents;             /* (nullable): NULL if it has gone meanwhile */
  DimpleKeyringEntry *entry;    /* (nullable) */
  gboolean is_refused;
} Candidate;

typedef struct
{
  DimpleKeyringFlags flags;
  gboolean leads;
  GPtrArray *candidates;        /* (element-type Candidate) */
  guint n_read;
  guint n_refused;              /* also of earlier loads */
  GHashTable *listed;           /* set of names */
  char *last;                   /* of the listing */
  GError *damage;
} Load;

static void start      (GTask *task);
static void list_names (GTask *task);
static void read_next  (GTask *task);

static void
candidate_free (gpointer data)
{
  Candidate *candidate = data;

  g_free (candidate->name);
  g_clear_pointer (&candidate->contents, g_bytes_unref);
  g_clear_pointer (&candidate->entry, dimple_keyring_entry_free);
  g_free (candidate);
}

static void
load_free (gpointer data)
{
  Load *load = data;

  g_ptr_array_unref (load->candidates);
  g_hash_table_unref (load->listed);
  g_free (load->last);
  g_clear_error (&load->damage);
  g_free (load);
}

/* --- Who leads --- */

static gboolean
on_turn (gpointer user_data)
{
  start (user_data);
  return G_SOURCE_REMOVE;
}

static void
resume (GTask *task)
{
  g_autoptr (GSource) turn = g_idle_source_new ();

  g_source_set_priority (turn, g_task_get_priority (task));
  g_source_set_callback (turn, on_turn, g_object_ref (task), g_object_unref);
  g_source_set_static_name (turn, "[Dimple] wait for identities");
  g_source_attach (turn, g_task_get_context (task));
}

/* Takes the task and the error */
static void
finish (GTask  *task,
        GError *error)
{
  DimpleKeyring *self = g_task_get_source_object (task);
  Load *load = g_task_get_task_data (task);
  gboolean is_cancelled = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  GQueue waiting = G_QUEUE_INIT;
  GTask *waiter;

  if (load->leads)
    {
      g_mutex_lock (&self->mutex);
      self->leader = NULL;
      waiting = self->waiting;
      g_queue_init (&self->waiting);
      g_mutex_unlock (&self->mutex);
    }

  while ((waiter = g_queue_pop_head (&waiting)) != NULL)
    {
      if (error == NULL || is_cancelled)
        resume (waiter);
      else
        g_task_return_error (waiter, g_error_copy (error));
      g_object_unref (waiter);
    }

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static gboolean
has_what_is_needed (DimpleKeyring *self,
                    Load          *load)
{
  if (self->is_given)
    return TRUE;
  if ((load->flags & DIMPLE_KEYRING_REFRESH) || (self->is_lost && (load->flags & DIMPLE_KEYRING_CREATE)))
    return FALSE;

  return self->entries->len > 0 || (self->is_empty && !(load->flags & DIMPLE_KEYRING_CREATE));
}

static gboolean
must_wait (DimpleKeyring *self,
           GTask         *task)
{
  if (self->leader == NULL)
    return FALSE;

  /* A blocking call in the leader's thread keeps the leader from going on: it has to load for itself */
  return g_thread_self () != self->leader_thread ||
         g_task_get_context (task) == g_task_get_context (self->leader);
}

/* What a task has to do now, decided under the lock */
typedef enum
{
  NEXT_DONE,
  NEXT_WAIT,
  NEXT_LOAD
} Next;

static Next
choose_next (DimpleKeyring *self,
             GTask         *task)
{
  Load *load = g_task_get_task_data (task);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  if (has_what_is_needed (self, load))
    return NEXT_DONE;
  if (must_wait (self, task))
    {
      g_queue_push_tail (&self->waiting, g_object_ref (task));
      return NEXT_WAIT;
    }

  load->leads = self->leader == NULL;
  if (load->leads)
    {
      self->leader = task;
      self->leader_thread = g_thread_self ();
    }
  return NEXT_LOAD;
}

static void
start (GTask *task)
{
  switch (choose_next (g_task_get_source_object (task), task))
    {
    case NEXT_DONE:
      g_task_return_boolean (task, TRUE);
      break;

    case NEXT_WAIT:
      break;

    case NEXT_LOAD:
      list_names (g_object_ref (task));
      break;

    default:
      g_assert_not_reached ();
    }
}

/* --- Opening --- */

static void
explain_damage (GError     **error,
                const char  *name)
{
  g_autoptr (GError) cause = g_steal_pointer (error);

  if (g_error_matches (cause, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK))
    g_set_error (error, cause->domain, cause->code,
                 _("“%s” in the repository is damaged: %s Delete it, and sync again."), name, cause->message);
  else
    g_propagate_prefixed_error (error, g_steal_pointer (&cause), _("“%s” in the repository cannot be read: "), name);
}

static void
open_candidates (GTask        *job,
                 gpointer      source,
                 gpointer      task_data,
                 GCancellable *cancellable)
{
  DimpleKeyring *self = source;
  Load *load = task_data;
  g_autoptr (DimpleAgeIdentity) passphrase = dimple_keyring_ref_passphrase (self, NULL);

  for (guint i = 0; i < load->candidates->len && !g_cancellable_is_cancelled (cancellable); i++)
    {
      Candidate *candidate = g_ptr_array_index (load->candidates, i);
      g_autoptr (GPtrArray) identities = NULL;
      g_autoptr (GError) error = NULL;

      if (candidate->contents == NULL)
        continue;
      identities = dimple_identity_file_open (candidate->contents, passphrase, &error);
      if (identities != NULL)
        candidate->entry = dimple_keyring_entry_new (candidate->name, identities, candidate->contents);
      else if (g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE))
        candidate->is_refused = TRUE;
      else if (load->damage == NULL)
        {
          explain_damage (&error, candidate->name);
          load->damage = g_steal_pointer (&error);
        }
    }
  g_task_return_boolean (job, TRUE);
}

static void
keep_what_was_opened (DimpleKeyring *self,
                      Load          *load)
{
  for (guint i = 0; i < load->candidates->len; i++)
    {
      Candidate *candidate = g_ptr_array_index (load->candidates, i);

      if (candidate->entry != NULL)
        dimple_keyring_add_entry (self, g_steal_pointer (&candidate->entry));
      if (!candidate->is_refused)
        continue;

      load->n_refused++;
      g_mutex_lock (&self->mutex);
      g_hash_table_add (self->refused, g_strdup (candidate->name));
      g_mutex_unlock (&self->mutex);
    }
}

static void
set_empty (DimpleKeyring *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  self->is_empty = TRUE;
}

static void
on_created (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  GError *error = NULL;

  dimple_keyring_create_finish (DIMPLE_KEYRING (source), result, &error);
  finish (user_data, error);
}

static void
on_restored (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  GError *error = NULL;

  dimple_keyring_restore_finish (DIMPLE_KEYRING (source), result, &error);
  finish (user_data, error);
}

static void
on_opened (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  DimpleKeyring *self = DIMPLE_KEYRING (source);
  GTask *task = user_data;
  Load *load = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      finish (task, error);
      return;
    }

  keep_what_was_opened (self, load);
  if (dimple_keyring_get_n_identities (self) > 0 && (load->flags & DIMPLE_KEYRING_CREATE))
    dimple_keyring_restore_async (self, load->listed, load->n_refused > 0, g_task_get_cancellable (task), on_restored,
                                  task);
  else if (dimple_keyring_get_n_identities (self) > 0)
    finish (task, NULL);
  else if (load->n_refused > 0)
    finish (task, g_error_new_literal (DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE,
                                       _("The passphrase is not that of this repository. Enter it again.")));
  else if (load->damage != NULL)
    finish (task, g_steal_pointer (&load->damage));
  else if (load->flags & DIMPLE_KEYRING_CREATE)
    dimple_keyring_create_async (self, g_task_get_cancellable (task), on_created, task);
  else
    {
      set_empty (self);
      finish (task, NULL);
    }
}

static void
open_all (GTask *task)
{
  DimpleKeyring *self = g_task_get_source_object (task);
  g_autoptr (GTask) job = g_task_new (self, g_task_get_cancellable (task), on_opened, task);

  g_task_set_source_tag (job, open_all);
  g_task_set_task_data (job, g_task_get_task_data (task), NULL);
  dimple_crypto_pool_run (job, open_candidates);
}

/* --- Reading --- */

static void
on_read (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  GTask *task = user_data;
  Load *load = g_task_get_task_data (task);
  Candidate *candidate = g_ptr_array_index (load->candidates, load->n_read);
  GError *error = NULL;

  candidate->contents = dimple_storage_get_finish (DIMPLE_STORAGE (source), result, &error);
  /* A change of the passphrase removes what it replaces */
  if (g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND))
    g_clear_error (&error);
  if (error != NULL)
    {
      finish (task, error);
      return;
    }

  load->n_read++;
  read_next (task);
}

static void
read_next (GTask *task)
{
  DimpleKeyring *self = g_task_get_source_object (task);
  Load *load = g_task_get_task_data (task);
  Candidate *candidate;

  if (load->n_read == load->candidates->len)
    {
      open_all (task);
      return;
    }

  candidate = g_ptr_array_index (load->candidates, load->n_read);
  dimple_storage_get_async (self->storage, candidate->name, g_task_get_cancellable (task), on_read, task);
}

static gboolean
is_known (DimpleKeyring *self,
          const char    *name)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      const DimpleKeyringEntry *entry = g_ptr_array_index (self->entries, i);

      if (g_strcmp0 (entry->name, name) == 0)
        return TRUE;
    }
  return FALSE;
}

static void
add_candidates (DimpleKeyring *self,
                Load          *load,
                char         **names)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  for (gsize i = 0; names[i] != NULL; i++)
    {
      Candidate *candidate;

      g_hash_table_add (load->listed, g_strdup (names[i]));
      if (!g_str_has_suffix (names[i], DIMPLE_SEALED_SUFFIX) || is_known (self, names[i]))
        continue;
      if (g_hash_table_contains (self->refused, names[i]))
        {
          load->n_refused++;
          continue;
        }
      candidate = g_new0 (Candidate, 1);
      candidate->name = g_strdup (names[i]);
      g_ptr_array_add (load->candidates, candidate);
    }
}

static void
on_listed (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  GTask *task = user_data;
  DimpleKeyring *self = g_task_get_source_object (task);
  Load *load = g_task_get_task_data (task);
  GError *error = NULL;
  g_auto (GStrv) names = dimple_storage_list_finish (DIMPLE_STORAGE (source), result, &error);

  if (names == NULL)
    {
      finish (task, error);
      return;
    }
  if (names[0] == NULL)
    {
      read_next (task);
      return;
    }

  add_candidates (self, load, names);
  if (load->candidates->len > MAX_IDENTITIES)
    {
      finish (task, g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                                 _("There are more than %d identities in the repository. Remove what does not belong "
                                   "there from “%s”."), MAX_IDENTITIES, DIMPLE_IDENTITIES_PREFIX));
      return;
    }
  g_free (load->last);
  load->last = g_strdup (names[g_strv_length (names) - 1]);
  list_names (task);
}

/* Takes the task */
static void
list_names (GTask *task)
{
  DimpleKeyring *self = g_task_get_source_object (task);
  Load *load = g_task_get_task_data (task);

  dimple_storage_list_async (self->storage, DIMPLE_IDENTITIES_PREFIX, load->last, g_task_get_cancellable (task),
                             on_listed, task);
}

void
dimple_keyring_load_async (DimpleKeyring       *self,
                           DimpleKeyringFlags   flags,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Load *load = g_new0 (Load, 1);

  load->flags = flags;
  load->candidates = g_ptr_array_new_with_free_func (candidate_free);
  load->listed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_task_set_source_tag (task, dimple_keyring_load_async);
  g_task_set_task_data (task, load, load_free);
  start (task);
}

gboolean
dimple_keyring_load_finish (DimpleKeyring  *self,
                            GAsyncResult   *result,
                            GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
