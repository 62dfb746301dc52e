/* dimple-writer-uncaptured.c: transactions that tell themselves what they change: migrations, merges, and settling
 *
 * What Dimple writes to its own tables alone is among them, and spared what only the app's tables need.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-writer-internal-private.h"

#include "dimple-error.h"
#include "dimple-merge-private.h"
#include "dimple-process-changes-private.h"

static gboolean
run_func (DimpleWriter      *self,
          DimpleChangeSet   *changes,
          DimpleWriterFunc   func,
          gpointer           user_data,
          GError           **error)
{
  gboolean is_unnamed;
  gint64 last_seq;

  if (!dimple_writer_begin_immediate (self, error))
    return FALSE;
  if (!dimple_writer_catch_up (self, error) || !func (self, changes, user_data, error))
    {
      dimple_writer_abandon (self);
      /* What the writer believes was written was not, and the schema is as it was. */
      dimple_log_writer_load (self->log, NULL);
      dimple_writer_load_schema (self, NULL);
      return FALSE;
    }
  is_unnamed = !dimple_change_set_is_empty (changes);
  /* Asked for here it costs no lock of its own. */
  if ((is_unnamed && !dimple_process_changes_note_unnamed (self->connection, error)) ||
      !dimple_writer_read_last_seq (self, &last_seq, error))
    {
      dimple_writer_abandon (self);
      return FALSE;
    }
  if (!dimple_writer_commit_changes (self, changes, last_seq, error))
    return FALSE;
  self->n_unnamed += is_unnamed;
  /* What came may have lost everywhere, or be on the shelf: no row differs, and yet there is something new. */
  if (dimple_change_set_is_empty (changes))
    self->hooks.after_silent_commit (self->user_data);
  return TRUE;
}

static gboolean
run_paused (DimpleWriter      *self,
            DimpleOrigin       origin,
            DimpleWriterFunc   func,
            gpointer           user_data,
            GError           **error)
{
  g_autoptr(DimpleChangeSet) changes = dimple_change_set_new (self->schema, origin);
  gboolean succeeded;

  dimple_capture_set_paused (self->capture, TRUE);
  succeeded = run_func (self, changes, func, user_data, error);
  dimple_capture_set_paused (self->capture, FALSE);
  return succeeded;
}

static gboolean
run_uncaptured (DimpleWriter      *self,
                DimpleOrigin       origin,
                DimpleWriterFunc   func,
                gpointer           user_data,
                GError           **error)
{
  gboolean succeeded;

  /* Does nothing inside a transaction, so before it.  SQLite prepares all statements anew after each. */
  succeeded = dimple_connection_exec (self->connection, "PRAGMA foreign_keys = OFF", error) &&
              run_paused (self, origin, func, user_data, error);
  dimple_connection_exec (self->connection, "PRAGMA foreign_keys = ON", NULL);
  /* Only here rows get onto the shelf, or off it.  Not being able to tell is answered by looking. */
  if (!dimple_merge_is_waiting (self->connection, &self->waiting, NULL))
    self->waiting = TRUE;
  return succeeded;
}

typedef gboolean (*RunFunc) (DimpleWriter      *self,
                             DimpleOrigin       origin,
                             DimpleWriterFunc   func,
                             gpointer           user_data,
                             GError           **error);

/* Runs one of the two under the lock. */
static gboolean
run_locked (DimpleWriter      *self,
            RunFunc            run,
            DimpleOrigin       origin,
            DimpleWriterFunc   func,
            gpointer           user_data,
            GError           **error)
{
  gboolean succeeded = FALSE;

  g_rec_mutex_lock (&self->lock);
  if (!dimple_writer_check_open (self, error))
    succeeded = FALSE;
  else if (self->levels->len > 0)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_SQL,
                         "This cannot be done inside a transaction: commit or roll back first");
  else
    succeeded = run (self, origin, func, user_data, error);
  g_rec_mutex_unlock (&self->lock);
  return succeeded;
}

gboolean
dimple_writer_run_uncaptured (DimpleWriter      *self,
                              DimpleOrigin       origin,
                              DimpleWriterFunc   func,
                              gpointer           user_data,
                              GError           **error)
{
  return run_locked (self, run_uncaptured, origin, func, user_data, error);
}

/* -- Dimple's own tables ------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleWriterOwnFunc  func;
  gpointer             user_data;
} OwnWrite;

static gboolean
write_own (DimpleWriter     *self,
           DimpleChangeSet  *changes,
           gpointer          user_data,
           GError          **error)
{
  const OwnWrite *write = user_data;

  return write->func (self->connection, write->user_data, error);
}

gboolean
dimple_writer_run_own (DimpleWriter         *self,
                       DimpleWriterOwnFunc   func,
                       gpointer              user_data,
                       GError              **error)
{
  OwnWrite write = { func, user_data };

  return run_locked (self, run_paused, DIMPLE_ORIGIN_LOCAL, write_own, &write, error);
}

/* -- The shelf ----------------------------------------------------------------------------------------------------- */

static gboolean
settle (DimpleWriter     *self,
        DimpleChangeSet  *changes,
        gpointer          user_data,
        GError          **error)
{
  return dimple_merge_settle (self->connection, self->schema, user_data, changes, error);
}

gboolean
dimple_writer_wakes_shelved (DimpleWriter    *self,
                             DimpleChangeSet *changes)
{
  gboolean wakes;

  if (!self->waiting || dimple_change_set_is_empty (changes))
    return FALSE;
  /* Not being able to tell is answered by settling. */
  return self->unsettled || !dimple_merge_wakes (self->connection, self->schema, changes, &wakes, NULL) || wakes;
}

void
dimple_writer_settle_shelved (DimpleWriter    *self,
                              DimpleChangeSet *committed)
{
  g_autoptr(GError) error = NULL;

  if (!self->waiting)
    return;
  dimple_connection_set_authorizer (self->connection, NULL, NULL);
  self->unsettled = !run_uncaptured (self, DIMPLE_ORIGIN_SYNC, settle, self->unsettled ? NULL : committed, &error);
  if (self->unsettled)
    g_warning ("Shelved rows could not be looked at: %s", error->message);
}
