/* dimple-pack.c: packs in memory, their names, and writing them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-pack-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-error.h"
#include "dimple-json-private.h"

#define PREFIX "changes/"
#define SUFFIX ".json.gz"
#define PACK_SIZE (1024 * 1024)

static gsize pack_size = PACK_SIZE;
static gsize limit = DIMPLE_PACK_LIMIT;

gsize
dimple_pack_get_size (void)
{
  return pack_size;
}

void
dimple_pack_set_size (gsize size)
{
  pack_size = size > 0 ? size : PACK_SIZE;
}

DimplePack *
dimple_pack_new (void)
{
  DimplePack *self = g_new0 (DimplePack, 1);

  self->runs = g_array_new (FALSE, FALSE, sizeof (DimplePackRun));
  self->transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  return self;
}

void
dimple_pack_free (DimplePack *self)
{
  g_free (self->author_name);
  g_array_unref (self->runs);
  g_ptr_array_unref (self->transactions);
  g_free (self);
}

void
dimple_pack_add_run (DimplePack *self,
                     const char *after,
                     const char *last)
{
  DimplePackRun run;

  g_strlcpy (run.after, after, sizeof run.after);
  g_strlcpy (run.last, last, sizeof run.last);
  g_array_append_val (self->runs, run);
}

void
dimple_pack_set_limit (gsize size)
{
  limit = size > 0 ? size : DIMPLE_PACK_LIMIT;
}

/* -- Names --------------------------------------------------------------------------------------------------------- */

/* Takes an id and the character after it. */
static gboolean
take_id (const char **text,
         char         id[DIMPLE_UUID_SIZE],
         char         end)
{
  if (strnlen (*text, DIMPLE_UUID_SIZE) < DIMPLE_UUID_LENGTH)
    return FALSE;
  g_strlcpy (id, *text, DIMPLE_UUID_SIZE);
  *text += DIMPLE_UUID_LENGTH;
  return dimple_uuid7_parse (id, NULL, NULL) && *(*text)++ == end;
}

static gboolean
take_digest (const char **text,
             char         digest[DIMPLE_PACK_DIGEST_LENGTH + 1])
{
  gsize length = strspn (*text, "0123456789abcdef");

  if (length != DIMPLE_PACK_DIGEST_LENGTH || (*text)[length] != '.')
    return FALSE;
  g_strlcpy (digest, *text, DIMPLE_PACK_DIGEST_LENGTH + 1);
  *text += length;
  return TRUE;
}

/* A number as it is written, and what comes after it. */
static gboolean
take_number (const char **text,
             guint       *number,
             const char  *end)
{
  gsize length = strspn (*text, "0123456789");

  if (length == 0 || length > 7 || **text == '0' || !g_str_has_prefix (*text + length, end))
    return FALSE;
  *number = (guint) g_ascii_strtoull (*text, NULL, 10);
  *text += length + strlen (end);
  return TRUE;
}

/* "{part}of{parts}." */
static gboolean
take_part (const char     **text,
           DimplePackName  *name)
{
  return take_number (text, &name->part, "of") && take_number (text, &name->n_parts, ".") && name->n_parts > 1 &&
         name->part <= name->n_parts && name->n_parts <= DIMPLE_PACK_MAX_PARTS && g_str_equal (name->first, name->last);
}

gboolean
dimple_pack_name_parse (DimplePackName *self,
                        const char     *key)
{
  const char *text = key;

  memset (self, 0, sizeof *self);
  if (!g_str_has_prefix (text, PREFIX))
    return FALSE;
  text += strlen (PREFIX);

  if (!take_id (&text, self->author, '/') || !take_id (&text, self->first, '_') || !take_id (&text, self->last, '.'))
    return FALSE;
  if (strcmp (self->first, self->last) > 0)
    return FALSE;
  if (!g_str_equal (text, SUFFIX + 1))
    {
      if (!take_digest (&text, self->digest))
        return FALSE;
      text++;
      if (!g_str_equal (text, SUFFIX + 1) && !take_part (&text, self))
        return FALSE;
    }
  return g_str_equal (text, SUFFIX + 1);
}

char *
dimple_pack_name_format (const DimplePackName *self)
{
  g_autofree char *part = self->part > 0 ? g_strdup_printf (".%uof%u", self->part, self->n_parts) : g_strdup ("");

  return g_strconcat (PREFIX, self->author, "/", self->first, "_", self->last,
                      *self->digest != '\0' ? "." : "", self->digest, part, SUFFIX, NULL);
}

char *
dimple_pack_name_format_part (const DimplePackName *self,
                              guint                 part)
{
  DimplePackName name = *self;

  name.part = part;
  return dimple_pack_name_format (&name);
}

/* -- Writing ------------------------------------------------------------------------------------------------------- */

/* Whether one reads this pack otherwise than the full one of these ends. */
static gboolean
is_pruned (DimplePack *self)
{
  const DimpleTransaction *before = NULL;

  for (guint i = 0; i < self->transactions->len; i++)
    {
      const DimpleTransaction *transaction = g_ptr_array_index (self->transactions, i);

      if (transaction->pruned || (before != NULL && !g_str_equal (transaction->previous, before->id)))
        return TRUE;
      before = transaction;
    }
  return FALSE;
}

void
dimple_pack_digest_add (GChecksum  *digest,
                        gboolean    is_first,
                        const char *id,
                        GBytes     *changes)
{
  gsize size;
  const guchar *text = g_bytes_get_data (changes, &size);

  if (!is_first)
    g_checksum_update (digest, (const guchar *) "\n", 1);
  g_checksum_update (digest, (const guchar *) id, DIMPLE_UUID_LENGTH);
  g_checksum_update (digest, (const guchar *) " ", 1);
  g_checksum_update (digest, text, (gssize) size);
}

void
dimple_pack_digest_get (GChecksum *digest,
                        char       text[DIMPLE_PACK_DIGEST_LENGTH + 1])
{
  g_strlcpy (text, g_checksum_get_string (digest), DIMPLE_PACK_DIGEST_LENGTH + 1);
}

void
dimple_pack_digest (DimplePack *self,
                    char        digest[DIMPLE_PACK_DIGEST_LENGTH + 1])
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);

  for (guint i = 0; i < self->transactions->len; i++)
    {
      const DimpleTransaction *transaction = g_ptr_array_index (self->transactions, i);

      dimple_pack_digest_add (checksum, i == 0, transaction->id, transaction->changes);
    }
  dimple_pack_digest_get (checksum, digest);
}

void
dimple_pack_set_name (DimplePack *self)
{
  const DimpleTransaction *first = g_ptr_array_index (self->transactions, 0);
  const DimpleTransaction *last = g_ptr_array_index (self->transactions, self->transactions->len - 1);

  g_strlcpy (self->name.first, first->id, DIMPLE_UUID_SIZE);
  g_strlcpy (self->name.last, last->id, DIMPLE_UUID_SIZE);
  if (self->name.part > 0)
    return;
  if (is_pruned (self))
    dimple_pack_digest (self, self->name.digest);
  else
    self->name.digest[0] = '\0';
}

/* Ids need no escapes. */
static void
append_id (GString    *json,
           const char *id)
{
  if (*id == '\0')
    {
      g_string_append (json, "null");
      return;
    }
  g_string_append_c (json, '"');
  g_string_append_len (json, id, DIMPLE_UUID_LENGTH);
  g_string_append_c (json, '"');
}

static void
append_runs (GString *json,
             GArray  *runs)
{
  g_string_append_c (json, '[');
  for (guint i = 0; i < runs->len; i++)
    {
      const DimplePackRun *run = &g_array_index (runs, DimplePackRun, i);

      g_string_append (json, i > 0 ? ",[" : "[");
      append_id (json, run->after);
      g_string_append_c (json, ',');
      append_id (json, run->last);
      g_string_append_c (json, ']');
    }
  g_string_append_c (json, ']');
}

static void
append_transaction (GString                 *json,
                    const DimpleTransaction *transaction)
{
  gsize size;
  const char *changes = g_bytes_get_data (transaction->changes, &size);

  g_string_append (json, "{\"id\":");
  append_id (json, transaction->id);
  g_string_append (json, ",\"previous\":");
  append_id (json, transaction->previous);
  if (transaction->script != 0)
    g_string_append_printf (json, ",\"script\":%d", transaction->script);
  if (transaction->pruned)
    g_string_append (json, ",\"pruned\":true");
  if (transaction->label != NULL)
    {
      g_string_append (json, ",\"label\":");
      dimple_json_append_string (json, transaction->label, -1);
    }
  g_string_append (json, ",\"changes\":");
  g_string_append_len (json, changes, (gssize) size);
  g_string_append_c (json, '}');
}

static void
append_head (GString    *json,
             DimplePack *self)
{
  g_string_append_printf (json, "{\"format\":%d,\"author\":{\"id\":", DIMPLE_PACK_FORMAT);
  append_id (json, self->name.author);
  if (self->author_name != NULL)
    {
      g_string_append (json, ",\"name\":");
      dimple_json_append_string (json, self->author_name, -1);
    }
  g_string_append (json, "},\"first\":");
  append_id (json, self->name.first);
  g_string_append (json, ",\"last\":");
  append_id (json, self->name.last);
  if (self->name.part > 0)
    g_string_append_printf (json, ",\"part\":{\"digest\":\"%s\",\"number\":%u,\"of\":%u}", self->name.digest,
                            self->name.part, self->name.n_parts);
  g_string_append (json, ",\"runs\":");
  append_runs (json, self->runs);
}

GBytes *
dimple_pack_encode (DimplePack  *self,
                    GError     **error)
{
  g_autoptr(GString) json = NULL;
  gsize size = 4096;

  g_return_val_if_fail (self->transactions->len > 0, NULL);

  for (guint i = 0; i < self->transactions->len; i++)
    size += dimple_transaction_measure (g_ptr_array_index (self->transactions, i));
  if (size > limit)
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED,
                   _("A change is too large to be synced: %s. Make such changes in several transactions."),
                   ((DimpleTransaction *) g_ptr_array_index (self->transactions, 0))->id);
      return NULL;
    }

  dimple_pack_set_name (self);
  json = g_string_sized_new (size);
  append_head (json, self);
  g_string_append (json, ",\"transactions\":[");
  for (guint i = 0; i < self->transactions->len; i++)
    {
      g_string_append (json, i > 0 ? ",\n" : "\n");
      append_transaction (json, g_ptr_array_index (self->transactions, i));
    }
  g_string_append (json, "]}\n");
  return dimple_gzip (json->str, json->len, error);
}
