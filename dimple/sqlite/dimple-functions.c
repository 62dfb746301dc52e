/* dimple-functions.c: the SQL functions that Dimple adds
 *
 * All are innocuous in SQLite's sense, so that a schema may use them in DEFAULTs, indexes and triggers.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-functions-private.h"

#include "dimple-uuid-private.h"

static void
uuid7 (sqlite3_context  *context,
       int               n_arguments,
       sqlite3_value   **arguments)
{
  char text[DIMPLE_UUID_SIZE];

  dimple_uuid7_new (text);
  sqlite3_result_text (context, text, DIMPLE_UUID_LENGTH, SQLITE_TRANSIENT);
}

/* NULL for what is no UUIDv7. */
static void
uuid7_time (sqlite3_context  *context,
            int               n_arguments,
            sqlite3_value   **arguments)
{
  const char *id = (const char *) sqlite3_value_text (arguments[0]);
  g_autoptr(GDateTime) whole_seconds = NULL;
  g_autofree char *date = NULL;
  gint64 milliseconds;
  guint64 time;
  char *text;

  if (id == NULL || !dimple_uuid7_parse (id, &time, NULL))
    return;
  milliseconds = DIMPLE_UUID_MILLISECONDS (time);
  whole_seconds = g_date_time_new_from_unix_utc (milliseconds / 1000);
  if (whole_seconds == NULL)
    return;
  date = g_date_time_format (whole_seconds, "%Y-%m-%dT%H:%M:%S");
  text = g_strdup_printf ("%s.%03dZ", date, (int) (milliseconds % 1000));
  sqlite3_result_text (context, text, -1, g_free);
}

static void
casefold (sqlite3_context  *context,
          int               n_arguments,
          sqlite3_value   **arguments)
{
  const char *text = (const char *) sqlite3_value_text (arguments[0]);
  int size = sqlite3_value_bytes (arguments[0]);

  if (text == NULL)
    return;
  if (g_utf8_validate (text, size, NULL))
    sqlite3_result_text (context, g_utf8_casefold (text, size), -1, g_free);
  else
    sqlite3_result_value (context, arguments[0]);
}

int
dimple_functions_register (sqlite3 *handle)
{
  static const struct
  {
    const char  *name;
    int          n_arguments;
    int          flags;
    void       (*function) (sqlite3_context *, int, sqlite3_value **);
  } functions[] = {
    { "uuid7", 0, 0, uuid7 },
    { "uuid7_time", 1, SQLITE_DETERMINISTIC, uuid7_time },
    { "casefold", 1, SQLITE_DETERMINISTIC, casefold },
  };
  int result = SQLITE_OK;

  for (guint i = 0; i < G_N_ELEMENTS (functions) && result == SQLITE_OK; i++)
    result = sqlite3_create_function_v2 (handle, functions[i].name, functions[i].n_arguments,
                                         SQLITE_UTF8 | SQLITE_INNOCUOUS | functions[i].flags, NULL,
                                         functions[i].function, NULL, NULL, NULL);
  return result;
}
