/* dimple-log-tables.c: the tables of Dimple's own
 *
 * All are named dimple_…; stock SQLite reads them.  What others than the log are for:
 *
 *   dimple_author      everybody whose transactions are here; `own`: the order in which this database wrote under them
 *                      (NULL: not ours); `newest` transaction of ours, and the seq of the `last_own` row, before the
 *                      last transaction from elsewhere
 *   dimple_state       small values by name: 'format', …
 *   dimple_migration   which scripts have run
 *   dimple_local       tables that are not tracked
 *   dimple_merge_rule  columns that merge otherwise than last writer wins
 *   dimple_tombstone   keys that the log knows though no table may show them: deleted, shelved, incomplete rows.  Too
 *                      many do no harm, as it only tells where asking the log is needed
 *   dimple_shelf       rows that exist and are not shown, and why: 'incomplete', 'not-null', 'check', 'foreign-key' or
 *                      'unique', or 'type'; `row`: its values but for the key, by column; `rival`: the key of an older
 *                      row in its way; `was`: the values before the transaction at hand edited them
 *   dimple_wait        which rows, by a hash of their key, a shelved row waits for (dimple-merge-table-waits.c)
 *   dimple_history     the log, one row a change, for reading
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-log-private.h"

#include <glib/gi18n-lib.h>

#include "dimple-error.h"

static const char tables[] =
  "CREATE TABLE IF NOT EXISTS dimple_state (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
  "CREATE TABLE IF NOT EXISTS dimple_log (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, author INTEGER NOT NULL,"
  "  previous TEXT, script INTEGER NOT NULL, flags INTEGER NOT NULL, label TEXT, changes TEXT NOT NULL);"
  "CREATE INDEX IF NOT EXISTS dimple_log_foreign ON dimple_log (author, id) WHERE flags & 1;"
  "CREATE TABLE IF NOT EXISTS dimple_author (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT,"
  "  own INTEGER, newest TEXT, last_own INTEGER);"
  "CREATE TABLE IF NOT EXISTS dimple_migration (number INTEGER PRIMARY KEY, digest TEXT NOT NULL,"
  "  time INTEGER NOT NULL);"
  "CREATE TABLE IF NOT EXISTS dimple_local (name TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID;"
  "CREATE TABLE IF NOT EXISTS dimple_merge_rule (\"table\" TEXT COLLATE NOCASE, \"column\" TEXT COLLATE NOCASE,"
  "  rule INTEGER NOT NULL, PRIMARY KEY (\"table\", \"column\")) WITHOUT ROWID;"
  "CREATE TABLE IF NOT EXISTS dimple_tombstone (\"table\" TEXT, key TEXT, PRIMARY KEY (\"table\", key)) WITHOUT ROWID;"
  "CREATE TABLE IF NOT EXISTS dimple_shelf (\"table\" TEXT, key TEXT, reason TEXT NOT NULL, created TEXT,"
  "  rival TEXT, \"row\" TEXT, was TEXT, PRIMARY KEY (\"table\", key)) WITHOUT ROWID;";

/* What is on the shelf of a file without this table waits for any change. */
static const char waits[] =
  "CREATE TABLE dimple_wait (hash INTEGER, \"table\" TEXT, key TEXT, PRIMARY KEY (hash, \"table\", key)) WITHOUT ROWID;"
  "CREATE INDEX dimple_wait_row ON dimple_wait (\"table\", key);"
  "INSERT INTO dimple_wait SELECT 0, \"table\", key FROM dimple_shelf WHERE reason IN ('unique', 'foreign-key')";

/* Twelve hexadecimal digits of an id as a number, with nothing but what every SQLite has. */
static char *
milliseconds_sql (void)
{
  GString *sql = g_string_new ("(0");

  for (int digit = 0; digit < 12; digit++)
    g_string_append_printf (sql, "+((instr('0123456789abcdef',substr(l.id,%d,1))-1)<<%d)",
                            digit < 8 ? digit + 1 : digit + 2, (11 - digit) * 4);
  g_string_append_c (sql, ')');
  return g_string_free (sql, FALSE);
}

/* The values of a row's nth array, by column. */
#define VALUES_AT(n) \
  "(SELECT json_group_object(c.value, json_extract(r.value,'$[" n "]['||c.key||']'))" \
  " FROM json_each(g.value,'$.columns') AS c)"

static gboolean
create_view (DimpleConnection  *connection,
             GError           **error)
{
  g_autofree char *milliseconds = milliseconds_sql ();
  g_autofree char *sql = g_strdup_printf (
    "CREATE VIEW IF NOT EXISTS dimple_history AS "
    "SELECT l.seq AS seq, l.id AS \"transaction\","
    "  strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', %s/1000.0, 'unixepoch') AS time,"
    "  a.id AS author, a.name AS author_name, l.label AS label, l.script AS script,"
    "  json_extract(g.value,'$.table') AS \"table\", json_extract(r.value,'$[0]') AS key,"
    "  json_extract(g.value,'$.op') AS operation, json_extract(g.value,'$.columns') AS columns,"
    "  CASE json_extract(g.value,'$.op')"
    "    WHEN 'delete' THEN iif(json_type(r.value,'$[1]') IS NOT 'array', NULL," VALUES_AT ("1") ")"
    "    WHEN 'update' THEN iif(json_type(r.value,'$[2]') IS NOT 'array', NULL," VALUES_AT ("2") ")"
    "    END AS old,"
    "  CASE WHEN json_extract(g.value,'$.op') <> 'delete' THEN " VALUES_AT ("1") " END AS new"
    " FROM dimple_log AS l JOIN dimple_author AS a ON a.number = l.author,"
    "  json_each(l.changes) AS g, json_each(g.value,'$.rows') AS r", milliseconds);

  return dimple_connection_exec (connection, sql, error);
}

gboolean
dimple_log_add_author (DimpleConnection  *connection,
                       const char        *name,
                       GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  char id[DIMPLE_UUID_SIZE];

  statement = dimple_connection_prepare (connection,
                                         "INSERT INTO dimple_author (id, name, own) "
                                         "SELECT ?, ?, 1 + coalesce(max(own), 0) FROM dimple_author", error);
  if (statement == NULL)
    return FALSE;
  dimple_uuid7_new (id);
  sqlite3_bind_text (statement, 1, id, -1, SQLITE_TRANSIENT);
  sqlite3_bind_text (statement, 2, name, -1, SQLITE_TRANSIENT);
  return dimple_statement_run (statement, error);
}

static gboolean
create_all (DimpleConnection  *connection,
            GError           **error)
{
  g_autofree char *format = g_strdup_printf ("INSERT OR IGNORE INTO dimple_state VALUES ('format', %d)", DIMPLE_FORMAT);
  gint64 n_authors = 0;

  if (!dimple_connection_exec (connection, tables, error) ||
      !dimple_connection_exec (connection, waits, error) ||
      !create_view (connection, error) ||
      !dimple_connection_exec (connection, format, error) ||
      !dimple_connection_get_int64 (connection, "SELECT count(*) FROM dimple_author", 0, &n_authors, error))
    return FALSE;
  return n_authors > 0 || dimple_log_add_author (connection, NULL, error);
}

static gboolean
check_format (DimpleConnection  *connection,
              GError           **error)
{
  gint64 format = 0;

  if (!dimple_connection_get_int64 (connection, "SELECT value FROM dimple_state WHERE name = 'format'", 0, &format,
                                    error))
    return FALSE;
  if (format > DIMPLE_FORMAT)
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW,
                           _("This file was written by a newer version of the app. Update the app on this device."));
      return FALSE;
    }
  return TRUE;
}

static gboolean
has_table (DimpleConnection  *connection,
           const char        *name,
           gboolean          *found,
           GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;

  statement = dimple_connection_prepare (connection, "SELECT count (*) FROM sqlite_master WHERE name = ?", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, name, -1, SQLITE_STATIC);
  if (!dimple_statement_step (statement, error))
    return FALSE;
  *found = sqlite3_column_int (statement, 0) > 0;
  return TRUE;
}

/* Another process may do the same at the same time. */
static gboolean
create_missing (DimpleConnection  *connection,
                GError           **error)
{
  gboolean found;

  if (!has_table (connection, "dimple_history", &found, error))
    return FALSE;
  if (!found)
    return create_all (connection, error);
  return check_format (connection, error) && has_table (connection, "dimple_wait", &found, error) &&
         (found || dimple_connection_exec (connection, waits, error));
}

gboolean
dimple_log_create_tables (DimpleConnection  *connection,
                          GError           **error)
{
  gboolean own_transaction = sqlite3_get_autocommit (dimple_connection_get_handle (connection));
  gboolean found;

  if (!has_table (connection, "dimple_wait", &found, error))
    return FALSE;
  if (found)
    return check_format (connection, error);

  if (own_transaction && !dimple_connection_exec (connection, "BEGIN IMMEDIATE", error))
    return FALSE;
  if (create_missing (connection, error) && (!own_transaction || dimple_connection_exec (connection, "COMMIT", error)))
    return TRUE;
  if (own_transaction)
    dimple_connection_exec (connection, "ROLLBACK", NULL);
  return FALSE;
}
