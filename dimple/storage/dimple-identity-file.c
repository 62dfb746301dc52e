/* dimple-identity-file.c: identities as `age -i` reads them, sealed by a passphrase
 *
 * Lines of comments, which begin with #, and of secret keys.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-identity-file-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-error.h"

#define COMMENT  "# Opens the packs of an encrypted Dimple repository: age -d -i THIS_FILE PACK\n"

/* A line: more than any key needs */
#define LINE_SIZE 128

typedef struct
{
  char *text;
  gsize size;           /* allocated */
} SecretText;

static void
secret_text_free (gpointer user_data)
{
  SecretText *self = user_data;

  dimple_age_secret_free (self->text, self->size);
  g_free (self);
}

static GBytes *
serialize (GPtrArray *identities)
{
  SecretText *secret = g_new0 (SecretText, 1);
  char *end;

  secret->size = strlen (COMMENT) + identities->len * LINE_SIZE;
  secret->text = dimple_age_secret_alloc (secret->size);
  end = stpcpy (secret->text, COMMENT);
  for (guint i = 0; i < identities->len; i++)
    {
      end += dimple_age_identity_write_text (g_ptr_array_index (identities, i), end, LINE_SIZE);
      *end++ = '\n';
    }
  return g_bytes_new_with_free_func (secret->text, end - secret->text, secret_text_free, secret);
}

GBytes *
dimple_identity_file_seal (GPtrArray                *identities,
                           const DimpleAgeIdentity  *passphrase,
                           guint                     work_factor,
                           GError                  **error)
{
  g_autoptr (GBytes) text = serialize (identities);
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_identity_with_work_factor (passphrase, work_factor);

  return dimple_age_seal (text, &recipient, 1, error);
}

static GPtrArray *
parse (const char *text,
       gsize       size)
{
  g_autoptr (GPtrArray) identities = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_age_identity_unref);
  const char *end = text + size;

  while (text < end)
    {
      const char *line_end = memchr (text, '\n', end - text);
      gsize length = (line_end != NULL ? line_end : end) - text;
      DimpleAgeIdentity *identity;

      if (length > 0 && *text != '#')
        {
          identity = dimple_age_identity_new_for_text (text, length, NULL);
          if (identity == NULL)
            return NULL;
          g_ptr_array_add (identities, identity);
        }
      text += length + (line_end != NULL ? 1 : 0);
    }
  return identities->len > 0 ? g_steal_pointer (&identities) : NULL;
}

GPtrArray *
dimple_identity_file_open (GBytes             *sealed,
                           DimpleAgeIdentity  *passphrase,
                           GError            **error)
{
  g_autoptr (GBytes) text = dimple_age_open_secret (sealed, &passphrase, 1, NULL, error);
  GPtrArray *identities;
  const char *data;
  gsize size;

  if (text == NULL)
    return NULL;

  data = g_bytes_get_data (text, &size);
  identities = parse (data, size);
  if (identities == NULL)
    g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK, _("There is no age identity in it."));
  return identities;
}
