/* dimple-sync-lost.c: transactions of which a part was lost
 *
 * A device that has one puts there again what a storage lacks of it.  Until then nobody else can have it, and maybe
 * nobody has it any more: so this is told once.  The last part, which says that all others are there, is set aside,
 * and what is left looks as if it were still on its way; it costs no device an object, and who has the transaction two.
 *
 * Whoever sets it aside keeps all parts that are there: should the one that is missing come at the same moment, the next
 * sync finds it with the others.
 *
 * A folder may be carried by a service that brings its files in any order.  There a part that is not there is waited
 * for first, for some syncs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-error.h"
#include "dimple-sync-session-private.h"

/* In dimple_state: keys of first parts, each with the number of syncs that have waited, and a line feed. */
#define STATE "waiting for parts"
#define MAX_WAITS 8

static gboolean
is_same_transaction (const DimplePackName *name,
                     const DimplePackName *other)
{
  return g_str_equal (name->author, other->author) && g_str_equal (name->first, other->first) &&
         g_str_equal (name->digest, other->digest) && name->n_parts == other->n_parts;
}

void
dimple_sync_session_add_lost (DimpleSyncSession    *session,
                              DimpleStorage        *storage,
                              const DimplePackName *name)
{
  DimpleLostPart lost = { storage, *name };

  for (guint i = 0; i < session->lost->len; i++)
    {
      const DimpleLostPart *other = &g_array_index (session->lost, DimpleLostPart, i);

      if (other->storage == storage && is_same_transaction (&other->name, name))
        return;
    }
  g_array_append_val (session->lost, lost);
}

static void
note (DimpleSyncSession    *session,
      const DimpleLostPart *lost)
{
  g_autofree char *key = dimple_pack_name_format (&lost->name);

  dimple_sync_session_note (session, g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
                                                  _("“%s” is missing in the repository. Sync the device that its "
                                                    "changes were made on."), key));
}

/* Whether to wait for it once more, which is noted in `waiting`. */
static gboolean
wait_for (const DimpleLostPart *lost,
          const char           *waited,
          GString              *waiting)
{
  g_autofree char *first = dimple_pack_name_format_part (&lost->name, 1);
  const char *noted = strstr (waited, first);
  guint64 n = noted != NULL ? g_ascii_strtoull (noted + strlen (first), NULL, 10) : 0;

  if (n >= MAX_WAITS || !dimple_storage_is_folder (lost->storage))
    return FALSE;
  g_string_append_printf (waiting, "%s %" G_GUINT64_FORMAT "\n", first, n + 1);
  return TRUE;
}

/* FALSE: some request failed. */
static gboolean
end_waiting (DimpleSyncSession  *session,
             gboolean            is_complete,
             const char         *waited,
             GString            *waiting,
             GError            **error)
{
  for (guint i = 0; i < session->lost->len; i++)
    {
      const DimpleLostPart *lost = &g_array_index (session->lost, DimpleLostPart, i);
      g_autofree char *last = dimple_pack_name_format_part (&lost->name, lost->name.n_parts);

      /* What was lost in one storage may have come whole from another one. */
      if (dimple_held_has (session->held, lost->name.first) || wait_for (lost, waited, waiting))
        continue;
      note (session, lost);
      if (is_complete && !dimple_repository_set_aside (session->requests, lost->storage, last, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
handle_lost (DimpleSyncSession  *session,
             gboolean            is_complete,
             GError            **error)
{
  g_autoptr(GError) failure = NULL;
  g_autofree char *waited = NULL;
  g_autoptr(GString) waiting = g_string_new (NULL);

  if (session->lost->len == 0)
    return TRUE;
  waited = dimple_store_dup_state (session->store, STATE, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  if (waited == NULL)
    waited = g_strdup ("");
  return end_waiting (session, is_complete, waited, waiting, error) &&
         (g_str_equal (waited, waiting->str) ||
          dimple_store_set_state (session->store, STATE, waiting->str, error));
}

/* -- What was fetched of such ones --------------------------------------------------------------------------------- */

typedef struct
{
  DimpleSyncSession *session;
  gboolean           is_complete;
} Cleaning;

static gboolean
is_superfluous (const DimplePackName *name,
                gpointer              user_data)
{
  const Cleaning *self = user_data;
  g_autofree char *first = dimple_pack_name_format_part (name, 1);

  /* Where no part is listed any more, the others are waited for in vain. */
  return dimple_held_has (self->session->held, name->first) ||
         (self->is_complete && !g_hash_table_contains (self->session->part_sets, first));
}

gboolean
dimple_sync_end_pull (DimpleSyncSession  *session,
                      gboolean            is_complete,
                      GError            **error)
{
  Cleaning cleaning = { session, is_complete };

  return handle_lost (session, is_complete, error) &&
         (session->staging == NULL ||
          dimple_sync_staging_clean (session->staging, is_superfluous, &cleaning, error));
}
