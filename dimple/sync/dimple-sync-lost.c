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
 * a listing hides a key: then it is waited for, for some syncs.  So are the other parts by who has fetched them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-error.h"
#include "dimple-sync-session-private.h"

/* In dimple_state: keys, of parts those of the first, each with how many syncs have waited and a line feed. */
#define STATE "waiting for objects"
#define MAX_WAITS 8

/* The end of the downloads. */
typedef struct
{
  DimpleSyncSession *session;
  gboolean           is_complete;      /* all storages were pulled from */
  GHashTable        *waits;            /* key -> how many syncs have waited for it */
  GString           *waiting;          /* what is still waited for: the next state */
} Ending;

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

static gboolean
wait_once_more (Ending     *self,
                const char *key)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->waits, key));

  if (n >= MAX_WAITS)
    return FALSE;
  g_string_append_printf (self->waiting, "%s %u\n", key, n + 1);
  return TRUE;
}

static gboolean
is_awaited (Ending               *self,
            const DimpleLostPack *lost)
{
  g_autofree char *first = format_first (&lost->name);

  return !lost->is_kept && (lost->is_there || dimple_storage_is_folder (lost->storage)) &&
         wait_once_more (self, first);
}

/* Moves away what nobody can make use of any more. */
static gboolean
set_aside (Ending                *self,
           const DimpleLostPack  *lost,
           GError               **error)
{
  g_autofree char *key = lost->is_there ? dimple_pack_name_format (&lost->name)
                                        : dimple_pack_name_format_part (&lost->name, lost->name.n_parts);

  return !self->is_complete || dimple_repository_set_aside (self->session->requests, lost->storage, key, error);
}

static gboolean
handle_lost (Ending  *self,
             GError **error)
{
  DimpleSyncSession *session = self->session;

  for (guint i = 0; i < session->lost->len; i++)
    {
      const DimpleLostPack *lost = &g_array_index (session->lost, DimpleLostPack, i);
      gboolean waits;

      /* What was lost in one storage may have come whole from another one. */
      if (dimple_held_has (session->held, lost->name.first) && dimple_held_has (session->held, lost->name.last))
        continue;
      waits = is_awaited (self, lost);
      if (!waits || lost->is_there)
        note (session, lost);
      if (!waits && !set_aside (self, lost, error))
        return FALSE;
    }
  return TRUE;
}

/* Whether fetched parts are needed no more: where no other part is listed, or, for some syncs, not the last one. */
static gboolean
is_superfluous (const DimplePackName *name,
                gpointer              user_data)
{
  Ending *self = user_data;
  g_autofree char *first = dimple_pack_name_format_part (name, 1);
  gpointer has_last;

  if (dimple_held_has (self->session->held, name->first))
    return TRUE;
  if (!self->is_complete)
    return FALSE;
  if (!g_hash_table_lookup_extended (self->session->part_sets, first, NULL, &has_last))
    return TRUE;
  return !GPOINTER_TO_INT (has_last) && !wait_once_more (self, first);
}

static gboolean
end (Ending  *self,
     GError **error)
{
  DimpleSyncSession *session = self->session;
  g_autoptr(GError) failure = NULL;
  g_autofree char *state = dimple_store_dup_state (session->store, STATE, &failure);

  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  self->waits = parse_waits (state != NULL ? state : "");
  return handle_lost (self, error) &&
         (session->staging == NULL ||
          dimple_sync_staging_clean (session->staging, is_superfluous, self, error)) &&
         (g_strcmp0 (state != NULL ? state : "", self->waiting->str) == 0 ||
          dimple_store_set_state (session->store, STATE, self->waiting->str, error));
}

gboolean
dimple_sync_end_pull (DimpleSyncSession  *session,
                      gboolean            is_complete,
                      GError            **error)
{
  Ending self = { session, is_complete, NULL, NULL };
  gboolean ended;

  if (session->lost->len == 0 && (session->staging == NULL || dimple_sync_staging_is_empty (session->staging)))
    return TRUE;
  self.waiting = g_string_new (NULL);
  ended = end (&self, error);
  g_string_free (self.waiting, TRUE);
  g_clear_pointer (&self.waits, g_hash_table_unref);
  return ended;
}
