/* dimple-row-names.c: the GObject properties of columns, by their names
 *
 * A property is lower-case words with dashes between them, as all of GObject's are: GJS looks `row.createdAt` and
 * `row.created_at` up as `created-at`, so it could not find a capital or an underscore.  The rules are part of the API:
 * programs name these properties.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-row-names-private.h"

/* What a property would hide in GJS, where it comes before the methods of the class: those of GObject, of DimpleRow and
 * of JavaScript's Object. */
static const char * const reserved_names[] = {
  /* GObject, with what GJS adds */
  "add-toggle-ref", "add-weak-pointer", "bind-property", "bind-property-full", "bind-property-with-closures",
  "block-signal-handler", "connect", "connect-after", "connect-object", "disconnect", "dup-data", "dup-qdata", "emit",
  "force-floating", "freeze-notify", "get", "get-data", "get-property", "get-qdata", "get-valist", "getv",
  "is-floating", "notify", "notify-by-pspec", "ref", "ref-sink", "remove-toggle-ref", "remove-weak-pointer",
  "replace-data", "replace-qdata", "run-dispose", "set", "set-data", "set-data-full", "set-property", "set-qdata",
  "set-qdata-full", "set-valist", "setv", "steal-data", "steal-qdata", "stop-emission-by-name", "take-ref",
  "thaw-notify", "unblock-signal-handler", "unref", "watch-closure", "weak-ref", "weak-unref",
  /* DimpleRow */
  "dup-date-time", "get-boolean", "get-bytes", "get-columns", "get-double", "get-int64", "get-key", "get-property-name",
  "get-string", "get-table", "get-value", "is-edited", "is-null", "revert", "set-value",
  /* JavaScript's Object */
  "constructor", "has-own-property", "is-prototype-of", "property-is-enumerable", "to-locale-string", "to-string",
  "value-of",
};

static gboolean
is_reserved (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (reserved_names); i++)
    if (g_str_equal (name, reserved_names[i]))
      return TRUE;
  return FALSE;
}

/* Whether a word begins at `p` inside a run of letters and digits: createdAt, HTMLText. */
static gboolean
begins_word (const char *start,
             const char *p)
{
  if (p == start || !g_ascii_isupper (*p))
    return FALSE;
  return g_ascii_islower (p[-1]) || g_ascii_isdigit (p[-1]) || (g_ascii_isupper (p[-1]) && g_ascii_islower (p[1]));
}

/* The words of a name, in lower case, with dashes between them; may be empty. */
static char *
split_words (const char *column)
{
  g_autofree char *valid = g_utf8_make_valid (column, -1);
  g_autofree char *ascii = g_str_to_ascii (valid, "C");
  GString *words = g_string_new (NULL);
  gboolean divided = FALSE;

  for (const char *p = ascii; *p != '\0'; p++)
    {
      if (!g_ascii_isalnum (*p))
        {
          divided = TRUE;
          continue;
        }
      if (words->len > 0 && (divided || begins_word (ascii, p)))
        g_string_append_c (words, '-');
      g_string_append_c (words, g_ascii_tolower (*p));
      divided = FALSE;
    }
  return g_string_free (words, FALSE);
}

char *
dimple_row_name_property (const char *column,
                          guint       position,
                          GHashTable *taken)
{
  g_autofree char *words = split_words (column);
  g_autofree char *name = NULL;

  if (*words == '\0')
    name = g_strdup_printf ("column-%u", position + 1);
  else if (g_ascii_isdigit (*words) || is_reserved (words))
    name = g_strconcat ("column-", words, NULL);
  else
    name = g_steal_pointer (&words);

  if (g_hash_table_contains (taken, name))
    for (guint n = 2;; n++)
      {
        g_autofree char *numbered = g_strdup_printf ("%s-%u", name, n);

        if (!g_hash_table_contains (taken, numbered))
          return g_steal_pointer (&numbered);
      }
  return g_steal_pointer (&name);
}
