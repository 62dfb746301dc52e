/* dimple-functions.c: the SQL functions that Dimple adds
 *
 * All are innocuous in SQLite's sense, so that a schema may use them in DEFAULTs and triggers, and those that always
 * give the same answer in indexes and generated columns too, though connections do not trust schemas.
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

/* NULL for what is no UUIDv7, or of a year after 9999. */
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

  /* Text may go on after a NUL. */
  if (id == NULL || sqlite3_value_bytes (arguments[0]) != DIMPLE_UUID_LENGTH || !dimple_uuid7_parse (id, &time, NULL))
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

/* What a user typed, as an FTS5 query: every word must occur, the last one as the beginning of a word.
 *
 * Words are what white space divides, each a quoted string of FTS5, in which nothing has a meaning: the table's own
 * tokenizer takes it apart, so `well-known` finds these two words side by side, and a word of nothing but punctuation
 * is left out.  Where no word is left, and for NULL, the query is an empty string of FTS5, which is valid and matches
 * no row: an empty query and NULL itself would be syntax errors. */
static void
fts_query (sqlite3_context  *context,
           int               n_arguments,
           sqlite3_value   **arguments)
{
  const char *typed = (const char *) sqlite3_value_text (arguments[0]);
  g_autofree char *text = typed != NULL ? g_utf8_make_valid (typed, sqlite3_value_bytes (arguments[0])) : g_strdup ("");
  GString *query = g_string_new (NULL);
  gboolean in_word = FALSE;

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (g_unichar_isspace (c))
        {
          if (in_word)
            g_string_append_c (query, '"');
          in_word = FALSE;
          continue;
        }
      if (!in_word)
        g_string_append (query, query->len > 0 ? " \"" : "\"");
      in_word = TRUE;
      g_string_append_unichar (query, c);
      if (c == '"')
        g_string_append_c (query, c);
    }
  if (in_word)
    g_string_append_c (query, '"');
  g_string_append (query, query->len > 0 ? " *" : "\"\"");
  sqlite3_result_text (context, g_string_free (query, FALSE), -1, g_free);
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
    { "fts_query", 1, SQLITE_DETERMINISTIC, fts_query },
  };
  int result = SQLITE_OK;

  for (guint i = 0; i < G_N_ELEMENTS (functions) && result == SQLITE_OK; i++)
    result = sqlite3_create_function_v2 (handle, functions[i].name, functions[i].n_arguments,
                                         SQLITE_UTF8 | SQLITE_INNOCUOUS | functions[i].flags, NULL,
                                         functions[i].function, NULL, NULL, NULL);
  return result == SQLITE_OK ? dimple_functions_register_locale (handle) : result;
}
