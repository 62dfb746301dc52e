/* dimple-sync-status.c: what a sync client is doing, in one sentence
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-client-private.h"

#include <glib/gi18n-lib.h>

#include "dimple-error.h"

gboolean
dimple_sync_error_is_final (const GError *error)
{
  if (error == NULL || error->domain != DIMPLE_ERROR)
    return FALSE;

  switch ((DimpleError) error->code)
    {
    case DIMPLE_ERROR_TOO_NEW:
    case DIMPLE_ERROR_DENIED:
    case DIMPLE_ERROR_NO_SUCH_STORAGE:
    case DIMPLE_ERROR_FULL:
    case DIMPLE_ERROR_REPOSITORY:
    case DIMPLE_ERROR_ENCRYPTION:
    case DIMPLE_ERROR_PASSPHRASE:
    case DIMPLE_ERROR_READ_ONLY:
    case DIMPLE_ERROR_CORRUPT:
    case DIMPLE_ERROR_CLOSED:
      return TRUE;
    case DIMPLE_ERROR_FAILED:
    case DIMPLE_ERROR_SQL:
    case DIMPLE_ERROR_PARAMETERS:
    case DIMPLE_ERROR_TYPE:
    case DIMPLE_ERROR_MIGRATION:
    case DIMPLE_ERROR_UNTRACKABLE:
    case DIMPLE_ERROR_CONSTRAINT:
    case DIMPLE_ERROR_NOT_FOUND:
    case DIMPLE_ERROR_BUSY:
    case DIMPLE_ERROR_NOT_A_DATABASE:
    case DIMPLE_ERROR_OFFLINE:
    case DIMPLE_ERROR_STORAGE:
    case DIMPLE_ERROR_BAD_PACK:
    default:
      return FALSE;
    }
}

static char *
format_idle (const DimpleSyncCondition *condition)
{
  if (condition->pending == 0)
    return g_strdup (condition->has_synced ? _("Up to date") : _("Not synced yet"));
  return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u change waiting", "%u changes waiting", condition->pending),
                          condition->pending);
}

static char *
format_offline (guint pending)
{
  if (pending == 0)
    return g_strdup (_("Offline"));
  return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u change waiting: offline", "%u changes waiting: offline",
                                       pending), pending);
}

static char *
format_paused (guint pending)
{
  if (pending == 0)
    return g_strdup (_("Paused: the connection is metered"));
  return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u change waiting: the connection is metered",
                                       "%u changes waiting: the connection is metered", pending), pending);
}

char *
dimple_sync_status_format (const DimpleSyncCondition *condition)
{
  switch (condition->state)
    {
    case DIMPLE_SYNC_SYNCING:
      if (condition->progress > 0)
        return g_strdup_printf (_("Syncing: %d %%"), (int) (condition->progress * 100));
      return g_strdup (_("Syncing"));
    case DIMPLE_SYNC_OFFLINE:
      return format_offline (condition->pending);
    case DIMPLE_SYNC_PAUSED:
      return format_paused (condition->pending);
    case DIMPLE_SYNC_FAILED:
      return g_strdup (condition->error != NULL ? condition->error->message : _("Sync failed"));
    case DIMPLE_SYNC_IDLE:
    case DIMPLE_SYNC_WAITING:
    default:
      return condition->has_storage ? format_idle (condition) : g_strdup (_("Sync is not set up"));
    }
}
