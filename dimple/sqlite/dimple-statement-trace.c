/* dimple-statement-trace.c: DIMPLE_DEBUG=sql,slow for statements
 *
 * SQLite tells when a statement begins and when it has ended; its own clock counts whole milliseconds, so the time is
 * taken here.  It is not told with its values, which are the user's.  What was slow is noted and told of a little
 * later, as its plan cannot be asked for in the middle of a statement's end.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-statement-trace-private.h"

#include "dimple-debug-private.h"

#define MAX_SHOWN 2000

typedef struct
{
  char   *sql;
  double  milliseconds;
} SlowStatement;

struct _DimpleStatementTrace
{
  sqlite3    *handle;
  const char *name;
  GHashTable *starts;       /* gint64 (µs) by sqlite3_stmt */
  GArray     *slow;         /* of SlowStatement */
  gboolean    reporting;
};

static void
clear_slow (gpointer data)
{
  g_free (((SlowStatement *) data)->sql);
}

static void
on_end (DimpleStatementTrace *self,
        sqlite3_stmt         *statement)
{
  gint64 *start = g_hash_table_lookup (self->starts, statement);
  SlowStatement slow = { NULL, };

  if (start == NULL)
    return;
  slow.milliseconds = (double) (g_get_monotonic_time () - *start) / 1000;
  if (dimple_debug_is_on (DIMPLE_DEBUG_SQL))
    dimple_debug_print (DIMPLE_DEBUG_SQL, "%s, %.3f ms: %.*s", self->name, slow.milliseconds, MAX_SHOWN,
                        sqlite3_sql (statement));
  if (dimple_debug_is_on (DIMPLE_DEBUG_SLOW) && dimple_debug_is_main_thread () &&
      dimple_debug_is_slow (*start, &slow.milliseconds))
    {
      slow.sql = g_strdup (sqlite3_sql (statement));
      g_array_append_val (self->slow, slow);
    }
  g_hash_table_remove (self->starts, statement);
}

static int
on_trace (unsigned  event,
          void     *user_data,
          void     *statement,
          void     *detail)
{
  DimpleStatementTrace *self = user_data;

  if (self->reporting)
    return 0;
  if (event == SQLITE_TRACE_PROFILE)
    on_end (self, statement);
  /* A trigger's part is told as a comment. */
  else if (!g_str_has_prefix (detail, "--"))
    {
      gint64 now = g_get_monotonic_time ();

      g_hash_table_insert (self->starts, statement, g_memdup2 (&now, sizeof now));
    }
  return 0;
}

DimpleStatementTrace *
dimple_statement_trace_new (sqlite3    *handle,
                            const char *name)
{
  DimpleStatementTrace *self;

  if (!dimple_debug_is_on (DIMPLE_DEBUG_SQL | DIMPLE_DEBUG_SLOW))
    return NULL;
  self = g_new0 (DimpleStatementTrace, 1);
  self->handle = handle;
  self->name = name;
  self->starts = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->slow = g_array_new (FALSE, FALSE, sizeof (SlowStatement));
  g_array_set_clear_func (self->slow, clear_slow);
  sqlite3_trace_v2 (handle, SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE, on_trace, self);
  return self;
}

void
dimple_statement_trace_free (DimpleStatementTrace *self)
{
  if (self == NULL)
    return;
  sqlite3_trace_v2 (self->handle, 0, NULL, NULL);
  g_hash_table_unref (self->starts);
  g_array_unref (self->slow);
  g_free (self);
}

/* How SQLite finds the rows of a statement, a line a step; empty where it cannot be asked. */
static char *
dup_plan (DimpleStatementTrace *self,
          const char           *sql)
{
  g_autofree char *explain_sql = g_strconcat ("EXPLAIN QUERY PLAN ", sql, NULL);
  GString *plan = g_string_new (NULL);
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v2 (self->handle, explain_sql, -1, &statement, NULL) == SQLITE_OK)
    while (sqlite3_step (statement) == SQLITE_ROW)
      g_string_append_printf (plan, "\n  %s", sqlite3_column_text (statement, 3));
  sqlite3_finalize (statement);
  return g_string_free (plan, FALSE);
}

void
dimple_statement_trace_report (DimpleStatementTrace *self)
{
  if (self == NULL || self->slow->len == 0 || self->reporting)
    return;
  self->reporting = TRUE;
  for (guint i = 0; i < self->slow->len; i++)
    {
      const SlowStatement *slow = &g_array_index (self->slow, SlowStatement, i);
      g_autofree char *plan = dup_plan (self, slow->sql);

      g_warning ("slow: a statement kept the main thread for %.1f ms: %.*s%s", slow->milliseconds, MAX_SHOWN, slow->sql,
                 plan);
    }
  g_array_set_size (self->slow, 0);
  self->reporting = FALSE;
}
