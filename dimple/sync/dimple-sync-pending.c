/* dimple-sync-pending.c: how many own transactions some storage lacks
 *
 * For the user's eyes only: what is uploaded is decided by listings.  Noted is, by storage, up to where the log was
 * uploaded; a storage of which nothing is noted lacks everything.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-session-private.h"

/* The name in dimple_state: storages are told apart by where they are; two at one place, by their order. */
static char *
make_state_name (GPtrArray *storages,
                 guint      position)
{
  g_autofree char *description = dimple_storage_dup_description (g_ptr_array_index (storages, position));
  guint n = 0;

  for (guint i = 0; i < position; i++)
    {
      g_autofree char *other = dimple_storage_dup_description (g_ptr_array_index (storages, i));

      n += g_str_equal (description, other);
    }
  return g_strdup_printf ("uploaded %u %s", n, description);
}

static gboolean
read_uploaded (DimpleStore  *store,
               GPtrArray    *storages,
               guint         position,
               gint64       *seq,
               GError      **error)
{
  g_autofree char *name = make_state_name (storages, position);
  g_autofree char *value = NULL;
  g_autoptr(GError) failure = NULL;

  value = dimple_store_dup_state (store, name, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  *seq = value != NULL ? g_ascii_strtoll (value, NULL, 10) : 0;
  return TRUE;
}

gboolean
dimple_sync_note_uploaded (DimpleStore  *store,
                           GPtrArray    *storages,
                           guint         position,
                           gint64        seq,
                           GError      **error)
{
  g_autofree char *name = make_state_name (storages, position);
  g_autofree char *value = g_strdup_printf ("%" G_GINT64_FORMAT, seq);
  gint64 noted;

  if (!read_uploaded (store, storages, position, &noted, error))
    return FALSE;
  return noted == seq || dimple_store_set_state (store, name, value, error);
}

static gboolean
count_since (DimpleConnection  *reader,
             gint64             seq,
             guint             *n,
             GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;

  G_STATIC_ASSERT ((DIMPLE_LOG_FOREIGN | DIMPLE_LOG_MORE) == 5);
  statement = dimple_connection_prepare (reader, "SELECT count(*) FROM dimple_log WHERE seq > ?1 AND NOT (flags & 5)",
                                         error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, seq);
  if (dimple_statement_step (statement, &failure))
    *n = (guint) sqlite3_column_int64 (statement, 0);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  return TRUE;
}

gboolean
dimple_sync_count_pending (DimpleStore  *store,
                           GPtrArray    *storages,
                           guint        *pending,
                           GError      **error)
{
  DimpleConnection *reader;
  gint64 least = G_MAXINT64;
  gboolean counted;

  for (guint i = 0; i < storages->len; i++)
    {
      gint64 seq;

      if (!read_uploaded (store, storages, i, &seq, error))
        return FALSE;
      least = MIN (least, seq);
    }

  reader = dimple_store_acquire_reader (store, error);
  if (reader == NULL)
    return FALSE;
  counted = count_since (reader, least, pending, error);
  dimple_store_release_reader (store, reader);
  return counted;
}
