/* dimple-age-header.c: the header of an age file, which carries the file key once for each recipient
 *
 *   age-encryption.org/v1
 *   -> X25519 XEl0dJ6y3C7KZkgmgWUicg63EyXJiwBJW8PdYJ/cYBE      a stanza: its type and arguments,
 *   qRS0AMjdjPvZ/WT08U2KL4G+PIooA3hy38SvLpvaC1E               and its body in lines of 64 characters
 *   --- HK2NmOBN9Dpq0Gw6xMCuhFcQlQLvZ/wQUi/2scLG75s           the MAC
 *
 * There is one way to write a header, and every other one is refused.  A stanza of an unknown type is nobody's
 * business.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-age-header-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-age-base64-private.h"
#include "dimple-age-scrypt-private.h"
#include "dimple-error.h"

#define VERSION_LINE   DIMPLE_AGE_MAGIC "v1"
#define STANZA_MARK    "-> "
#define MAC_MARK       "---"
#define LINE_LENGTH    64
#define LINE_SIZE      (LINE_LENGTH / 4 * 3)
#define MAC_LENGTH     43

/* --- Stanzas --- */

DimpleAgeStanza *
dimple_age_stanza_new (const char   *type,
                       const guint8 *body,
                       gsize         size)
{
  DimpleAgeStanza *self = g_new0 (DimpleAgeStanza, 1);

  self->args = g_new0 (char *, 2);
  self->args[0] = g_strdup (type);
  self->body = g_byte_array_new ();
  if (size > 0)
    g_byte_array_append (self->body, body, size);
  return self;
}

void
dimple_age_stanza_add_arg (DimpleAgeStanza *self,
                           const char      *arg)
{
  guint n_args = g_strv_length (self->args);

  self->args = g_renew (char *, self->args, n_args + 2);
  self->args[n_args] = g_strdup (arg);
  self->args[n_args + 1] = NULL;
}

gboolean
dimple_age_stanza_is (const DimpleAgeStanza *self,
                      const char            *type)
{
  return g_str_equal (self->args[0], type);
}

void
dimple_age_stanza_free (DimpleAgeStanza *self)
{
  g_strfreev (self->args);
  g_byte_array_unref (self->body);
  g_free (self);
}

DimpleAgeHeader *
dimple_age_header_new (void)
{
  DimpleAgeHeader *self = g_new0 (DimpleAgeHeader, 1);

  self->stanzas = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_age_stanza_free);
  return self;
}

void
dimple_age_header_free (DimpleAgeHeader *self)
{
  g_ptr_array_unref (self->stanzas);
  g_free (self);
}

/* --- Reading --- */

typedef struct
{
  const char *position;
  const char *end;
} Lines;

/* FALSE if no whole line is left; the line is without its end */
static gboolean
next_line (Lines       *lines,
           const char **line,
           gsize       *length)
{
  const char *end = memchr (lines->position, '\n', lines->end - lines->position);

  if (end == NULL)
    return FALSE;

  *line = lines->position;
  *length = end - lines->position;
  lines->position = end + 1;
  return TRUE;
}

static gboolean
line_has_prefix (const char *line,
                 gsize       length,
                 const char *prefix)
{
  return length >= strlen (prefix) && memcmp (line, prefix, strlen (prefix)) == 0;
}

/* Arguments are divided by single spaces, have at least one character each, and only visible ones of ASCII */
static GStrv
parse_args (const char *text,
            gsize       length)
{
  g_auto (GStrv) args = NULL;
  g_autofree char *copy = NULL;

  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isgraph (text[i]) && text[i] != ' ')
      return NULL;

  if (length == 0)
    return NULL;
  copy = g_strndup (text, length);
  args = g_strsplit (copy, " ", -1);
  for (gsize i = 0; args[i] != NULL; i++)
    if (args[i][0] == '\0')
      return NULL;

  return g_steal_pointer (&args);
}

static gboolean
parse_body (Lines      *lines,
            GByteArray *body)
{
  const char *line;
  gsize length;

  do
    {
      if (!next_line (lines, &line, &length) || length > LINE_LENGTH ||
          !dimple_age_base64_decode (line, length, body))
        return FALSE;
    }
  while (length == LINE_LENGTH);

  return TRUE;
}

static DimpleAgeStanza *
parse_stanza (const char *line,
              gsize       length,
              Lines      *lines)
{
  g_autoptr (DimpleAgeStanza) stanza = g_new0 (DimpleAgeStanza, 1);

  stanza->body = g_byte_array_new ();
  stanza->args = parse_args (line + strlen (STANZA_MARK), length - strlen (STANZA_MARK));
  if (stanza->args == NULL || !parse_body (lines, stanza->body))
    return NULL;

  return g_steal_pointer (&stanza);
}

static gboolean
parse_mac (DimpleAgeHeader *self,
           const char      *line,
           gsize            length)
{
  gsize skip = strlen (MAC_MARK) + 1;

  return length == skip + MAC_LENGTH && line_has_prefix (line, length, MAC_MARK " ") &&
         dimple_age_base64_decode_fixed (line + skip, MAC_LENGTH, self->mac, sizeof self->mac);
}

/* Who opens a file with a passphrase expects that whoever wrote it knew the passphrase */
static gboolean
has_scrypt_beside_others (DimpleAgeHeader *self)
{
  for (guint i = 0; self->stanzas->len > 1 && i < self->stanzas->len; i++)
    if (dimple_age_stanza_is (g_ptr_array_index (self->stanzas, i), DIMPLE_AGE_SCRYPT_TYPE))
      return TRUE;

  return FALSE;
}

static gboolean
parse_stanzas_and_mac (DimpleAgeHeader *self,
                       Lines           *lines,
                       const char      *start)
{
  const char *line;
  gsize length;

  while (next_line (lines, &line, &length))
    {
      DimpleAgeStanza *stanza;

      if (line_has_prefix (line, length, MAC_MARK))
        {
          self->covered = line + strlen (MAC_MARK) - start;
          self->size = lines->position - start;
          return self->stanzas->len > 0 && parse_mac (self, line, length);
        }

      stanza = line_has_prefix (line, length, STANZA_MARK) ? parse_stanza (line, length, lines) : NULL;
      if (stanza == NULL)
        return FALSE;
      g_ptr_array_add (self->stanzas, stanza);
    }
  return FALSE;
}

DimpleAgeHeader *
dimple_age_header_parse (const guint8  *data,
                         gsize          size,
                         GError       **error)
{
  g_autoptr (DimpleAgeHeader) self = dimple_age_header_new ();
  const char *start = (const char *) data;
  Lines lines = { start, start + MIN (size, DIMPLE_AGE_HEADER_MAX_SIZE) };
  const char *line;
  gsize length;

  if (size == 0 || !next_line (&lines, &line, &length) || !line_has_prefix (line, length, DIMPLE_AGE_MAGIC))
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK, _("It is not an age file."));
      return NULL;
    }
  if (length != strlen (VERSION_LINE) || !line_has_prefix (line, length, VERSION_LINE))
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
                           _("It is an age file of an unknown version, or its first line is damaged."));
      return NULL;
    }
  if (!parse_stanzas_and_mac (self, &lines, start))
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
                           _("The header of the age file is cut short, damaged, or larger than 64 KiB."));
      return NULL;
    }
  if (has_scrypt_beside_others (self))
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
                           _("The age file is for a passphrase and for another recipient too, which is not allowed."));
      return NULL;
    }
  return g_steal_pointer (&self);
}

gsize
dimple_age_header_find_end (const guint8 *data,
                            gsize         size)
{
  const guint8 *mark = memmem (data, size, "\n" MAC_MARK, strlen ("\n" MAC_MARK));
  const guint8 *end = mark != NULL ? memchr (mark + 1, '\n', data + size - (mark + 1)) : NULL;

  return end != NULL ? end + 1 - data : 0;
}

/* --- Writing --- */

static void
append_stanza (GString               *text,
               const DimpleAgeStanza *stanza)
{
  g_autofree char *args = g_strjoinv (" ", stanza->args);
  gsize line_size;
  gsize offset = 0;

  g_string_append_printf (text, STANZA_MARK "%s\n", args);
  do
    {
      line_size = MIN (stanza->body->len - offset, LINE_SIZE);
      if (line_size > 0)
        dimple_age_base64_append (text, stanza->body->data + offset, line_size);
      g_string_append_c (text, '\n');
      offset += line_size;
    }
  while (line_size == LINE_SIZE);
}

static void
compute_mac (const guint8       *data,
             gsize               covered,
             const DimpleAgeKey *file_key,
             guint8              mac[DIMPLE_AGE_MAC_SIZE])
{
  g_autoptr (DimpleAgeKey) key = dimple_age_key_new ();

  dimple_age_hkdf (file_key->bytes, DIMPLE_AGE_FILE_KEY_SIZE, NULL, 0, "header", key);
  dimple_age_hmac (key->bytes, sizeof key->bytes, data, covered, mac);
}

GString *
dimple_age_header_serialize (const DimpleAgeHeader *self,
                             const DimpleAgeKey    *file_key)
{
  GString *text = g_string_new (VERSION_LINE "\n");
  guint8 mac[DIMPLE_AGE_MAC_SIZE];

  for (guint i = 0; i < self->stanzas->len; i++)
    append_stanza (text, g_ptr_array_index (self->stanzas, i));
  g_string_append (text, MAC_MARK);
  compute_mac ((const guint8 *) text->str, text->len, file_key, mac);
  g_string_append_c (text, ' ');
  dimple_age_base64_append (text, mac, sizeof mac);
  g_string_append_c (text, '\n');
  return text;
}

static gboolean
is_equal (const guint8 *a,
          const guint8 *b,
          gsize         size)
{
  guint8 difference = 0;

  /* Without a branch: the time tells nothing about the MAC */
  for (gsize i = 0; i < size; i++)
    difference |= a[i] ^ b[i];
  return difference == 0;
}

gboolean
dimple_age_header_verify (const DimpleAgeHeader *self,
                          const guint8          *data,
                          const DimpleAgeKey    *file_key)
{
  guint8 mac[DIMPLE_AGE_MAC_SIZE];

  compute_mac (data, self->covered, file_key, mac);
  return is_equal (mac, self->mac, sizeof mac);
}
