/* dimple-sync-lost.c: what a storage has lost
 *
 * A device that has a transaction puts there again what a storage lacks of it.  Until then nobody else can have it, and
 * maybe nobody has it any more: so this is told once.
 *
 * Of a transaction in parts the last one, which says that all others are there, is set aside, and what is left looks as
 * if it were still on its way; it costs no device an object, and who has the transaction two.  Whoever sets it aside
 * keeps all parts that are there: should the one that is missing come at the same moment, the next sync finds it with
 * the others.
 *
 * What is sealed for a key that is not there is of no use, and set aside itself.
 *
 * Both may be early, and not lost, where a folder is carried by a service that brings its files in any order, or where
 * a listing hides a key: then it is waited for, for some syncs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-error.h"
#include "dimple-sync-session-private.h"

/* In dimple_state: keys, of parts those of the first, each with the number of syncs that have waited and a line feed. */
#define STATE "waiting for objects"
#define MAX_WAITS 8

static char *
format_first (const DimplePackName *name)
{
  return name->part > 0 ? dimple_pack_name_format_part (name, 1) : dimple_pack_name_format (name);
}

/* Missing parts of one transaction are one thing; each that cannot be opened is one by itself. */
static gboolean
is_same (const DimpleLostPack *lost,
         const DimpleLostPack *other)
{
  const DimplePackName *name = &lost->name, *other_name = &other->name;

  return lost->storage == other->storage && lost->is_there == other->is_there &&
         (!lost->is_there || name->part == other_name->part) && name->n_parts == other_name->n_parts &&
         g_str_equal (name->first, other_name->first) && g_str_equal (name->last, other_name->last) &&
         g_str_equal (name->author, other_name->author) && g_str_equal (name->digest, other_name->digest);
}

void
dimple_sync_session_add_lost (DimpleSyncSession    *session,
                              DimpleStorage        *storage,
                              const DimplePackName *name,
                              gboolean              is_there)
{
  DimpleLostPack lost = { storage, *name, is_there, FALSE };

  for (guint i = 0; i < session->lost->len; i++)
    {
      if (is_same (&g_array_index (session->lost, DimpleLostPack, i), &lost))
        return;
    }
  g_array_append_val (session->lost, lost);
}

static void
note (DimpleSyncSession    *session,
      const DimpleLostPack *lost)
{
  g_autofree char *key = dimple_pack_name_format (&lost->name);

  dimple_sync_session_note (session, g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
                                                  lost->is_there
                                                  ? _("“%s” in the repository is encrypted for a key that is missing. "
                                                      "Sync the device that its changes were made on.")
                                                  : _("“%s” is missing in the repository. Sync the device that its "
                                                      "changes were made on."), key));
}

/* key -> how many syncs have waited for it */
static GHashTable *
parse_waits (const char *state)
{
  GHashTable *waits = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_auto(GStrv) lines = g_strsplit (state, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      char *space = strchr (lines[i], ' ');

      if (space != NULL)
        g_hash_table_insert (waits, g_strndup (lines[i], space - lines[i]),
                             GUINT_TO_POINTER ((guint) g_ascii_strtoull (space, NULL, 10)));
    }
  return waits;
}

/* Whether to wait for it once more, which is noted in `waiting`. */
static gboolean
wait_for (const DimpleLostPack *lost,
          GHashTable           *waits,
          GString              *waiting)
{
  g_autofree char *first = format_first (&lost->name);
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (waits, first));

  if (n >= MAX_WAITS || lost->is_kept || (!lost->is_there && !dimple_storage_is_folder (lost->storage)))
    return FALSE;
  g_string_append_printf (waiting, "%s %u\n", first, n + 1);
  return TRUE;
}

/* What nobody can make use of any more */
static char *
choose_useless (const DimpleLostPack *lost)
{
  return lost->is_there ? dimple_pack_name_format (&lost->name)
                        : dimple_pack_name_format_part (&lost->name, lost->name.n_parts);
}

/* FALSE: some request failed. */
static gboolean
end_waiting (DimpleSyncSession  *session,
             gboolean            is_complete,
             GHashTable         *waits,
             GString            *waiting,
             GError            **error)
{
  for (guint i = 0; i < session->lost->len; i++)
    {
      const DimpleLostPack *lost = &g_array_index (session->lost, DimpleLostPack, i);
      g_autofree char *useless = choose_useless (lost);
      gboolean is_awaited;

      /* What was lost in one storage may have come whole from another one. */
      if (dimple_held_has (session->held, lost->name.first) && dimple_held_has (session->held, lost->name.last))
        continue;
      is_awaited = wait_for (lost, waits, waiting);
      if (!is_awaited || lost->is_there)
        note (session, lost);
      if (!is_awaited && is_complete && !dimple_repository_set_aside (session->requests, lost->storage, useless, error))
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
  g_autoptr(GHashTable) waits = NULL;
  g_autoptr(GString) waiting = g_string_new (NULL);

  if (session->lost->len == 0)
    return TRUE;
  waited = dimple_store_dup_state (session->store, STATE, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  waits = parse_waits (waited != NULL ? waited : "");
  return end_waiting (session, is_complete, waits, waiting, error) &&
         (g_strcmp0 (waited, waiting->str) == 0 ||
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
