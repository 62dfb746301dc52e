/* dimple-s3-xml.c: the documents that S3 and its clients send each other
 *
 * What S3 answers is a tree of elements without attributes that matter, with text in the leaves only.  So one reader
 * serves all documents: it keeps the path of the open elements, and hands over each leaf with its path and text.  It
 * trusts nothing: depth, text and the number of leaves are limited, the root has to have the expected name and to be
 * closed.  How large a document may be is the reader of the answer's to limit.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-s3-xml-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "dimple-error.h"

/* S3 has 4, its keys are 1024 bytes at most: 3 times as many when encoded.  A token may be somewhat longer. */
#define MAX_DEPTH 16
#define MAX_TEXT  16384
#define MAX_PATH  1024
#define MAX_LEAVES 200000

typedef void (*LeafFunc) (const char *path,
                          const char *text,
                          gpointer    user_data);
typedef void (*EndFunc)  (const char *path,
                          gpointer    user_data);

typedef struct
{
  const char *root;
  LeafFunc leaf;
  EndFunc end;
  gpointer user_data;

  GString *path;
  GString *text;
  guint depth;
  guint n_leaves;
  gboolean is_leaf;
  gboolean root_closed;
} Reader;

static gboolean
exceeds_limit (GError **error)
{
  g_set_error_literal (error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "beyond the limits");
  return TRUE;
}

/* A prefix of a namespace is of no interest */
static const char *
local_name (const char *name)
{
  const char *colon = strrchr (name, ':');

  return colon != NULL ? colon + 1 : name;
}

static void
on_start_element (GMarkupParseContext  *context,
                  const char           *name,
                  const char          **attribute_names,
                  const char          **attribute_values,
                  gpointer              user_data,
                  GError              **error)
{
  Reader *reader = user_data;

  name = local_name (name);
  if (reader->depth == 0 && (reader->root_closed || strcmp (name, reader->root) != 0))
    {
      g_set_error_literal (error, G_MARKUP_ERROR, G_MARKUP_ERROR_UNKNOWN_ELEMENT, "another root");
      return;
    }
  if (reader->depth >= MAX_DEPTH || reader->path->len + strlen (name) > MAX_PATH)
    {
      exceeds_limit (error);
      return;
    }

  /* The path starts below the root */
  if (reader->depth > 0)
    g_string_append_printf (reader->path, "/%s", name);
  g_string_truncate (reader->text, 0);
  reader->depth++;
  reader->is_leaf = TRUE;
}

static void
on_end_element (GMarkupParseContext  *context,
                const char           *name,
                gpointer              user_data,
                GError              **error)
{
  Reader *reader = user_data;
  char *parent;

  if (reader->is_leaf)
    {
      if (++reader->n_leaves > MAX_LEAVES && exceeds_limit (error))
        return;
      reader->leaf (reader->path->str, reader->text->str, reader->user_data);
    }
  else if (reader->end != NULL)
    {
      reader->end (reader->path->str, reader->user_data);
    }

  parent = strrchr (reader->path->str, '/');
  g_string_truncate (reader->path, parent != NULL ? parent - reader->path->str : 0);
  reader->is_leaf = FALSE;
  reader->depth--;
  reader->root_closed = reader->depth == 0;
}

static void
on_text (GMarkupParseContext  *context,
         const char           *text,
         gsize                 length,
         gpointer              user_data,
         GError              **error)
{
  Reader *reader = user_data;

  if (!reader->is_leaf)
    return;
  if (reader->text->len + length > MAX_TEXT)
    exceeds_limit (error);
  else
    g_string_append_len (reader->text, text, length);
}

/* Whether the document is whole */
static gboolean
read_document (GBytes     *document,
               const char *root,
               LeafFunc    leaf,
               EndFunc     end,
               gpointer    user_data)
{
  static const GMarkupParser parser = { on_start_element, on_end_element, on_text, NULL, NULL };
  g_autoptr (GMarkupParseContext) context = NULL;
  Reader reader = { .root = root, .leaf = leaf, .end = end, .user_data = user_data };
  gsize size;
  const char *text = g_bytes_get_data (document, &size);
  gboolean complete;

  reader.path = g_string_new (NULL);
  reader.text = g_string_new (NULL);
  context = g_markup_parse_context_new (&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &reader, NULL);

  complete = size > 0 &&
             g_markup_parse_context_parse (context, text, size, NULL) &&
             g_markup_parse_context_end_parse (context, NULL) &&
             reader.root_closed;

  g_string_free (reader.path, TRUE);
  g_string_free (reader.text, TRUE);
  return complete;
}

static gboolean
fail_to_understand (GError **error)
{
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE,
                       _("The answer is not one of S3. Check the address of the server, and whether a proxy or a login "
                         "page is in between."));
  return FALSE;
}

static void
set_text (char       **field,
          const char  *text)
{
  if (*field == NULL)
    *field = g_strdup (text);
}

/* One field of <Error>, wherever that is */
static void
read_error_field (DimpleS3Error *error,
                  const char    *name,
                  const char    *text)
{
  if (strcmp (name, "Code") == 0)
    set_text (&error->code, text);
  else if (strcmp (name, "Message") == 0)
    set_text (&error->message, text);
  else if (strcmp (name, "Region") == 0)
    set_text (&error->region, text);
  else if (strcmp (name, "Endpoint") == 0)
    set_text (&error->endpoint, text);
  else if (strcmp (name, "ServerTime") == 0)
    set_text (&error->server_time, text);
}

static void
on_error_leaf (const char *path,
               const char *text,
               gpointer    user_data)
{
  if (*path == '/')
    read_error_field (user_data, path + 1, text);
}

gboolean
dimple_s3_error_parse (GBytes        *document,
                       DimpleS3Error *parsed)
{
  memset (parsed, 0, sizeof *parsed);

  if (read_document (document, "Error", on_error_leaf, NULL, parsed) && parsed->code != NULL)
    return TRUE;

  dimple_s3_error_clear (parsed);
  return FALSE;
}

void
dimple_s3_error_clear (DimpleS3Error *self)
{
  g_clear_pointer (&self->code, g_free);
  g_clear_pointer (&self->message, g_free);
  g_clear_pointer (&self->region, g_free);
  g_clear_pointer (&self->endpoint, g_free);
  g_clear_pointer (&self->server_time, g_free);
}

typedef struct
{
  DimpleS3Listing *listing;
  gboolean encoded;
} ListingReader;

static void
on_listing_leaf (const char *path,
                 const char *text,
                 gpointer    user_data)
{
  ListingReader *reader = user_data;

  if (strcmp (path, "/Contents/Key") == 0)
    g_ptr_array_add (reader->listing->keys, g_strdup (text));
  else if (strcmp (path, "/IsTruncated") == 0)
    reader->listing->truncated = g_ascii_strcasecmp (text, "true") == 0;
  else if (strcmp (path, "/NextContinuationToken") == 0)
    set_text (&reader->listing->continuation_token, text);
  else if (strcmp (path, "/EncodingType") == 0)
    reader->encoded = g_ascii_strcasecmp (text, "url") == 0;
}

/* As HTML forms are encoded: a `+` is a space.  NULL if it is no text. */
static char *
decode_key (char *key)
{
  g_autofree char *decoded = NULL;

  g_strdelimit (key, "+", ' ');
  decoded = g_uri_unescape_string (key, NULL);
  if (decoded == NULL || !g_utf8_validate (decoded, -1, NULL))
    return NULL;

  return g_steal_pointer (&decoded);
}

/* A key that is no text is not one of ours, and left out */
static void
decode_keys (DimpleS3Listing *listing)
{
  g_autoptr (GPtrArray) encoded = g_steal_pointer (&listing->keys);

  listing->keys = g_ptr_array_new_full (encoded->len, g_free);
  for (guint i = 0; i < encoded->len; i++)
    {
      char *key = decode_key (g_ptr_array_index (encoded, i));

      if (key != NULL)
        g_ptr_array_add (listing->keys, key);
    }
}

gboolean
dimple_s3_listing_parse (GBytes           *document,
                         DimpleS3Listing  *parsed,
                         GError          **error)
{
  ListingReader reader = { .listing = parsed };

  memset (parsed, 0, sizeof *parsed);
  parsed->keys = g_ptr_array_new_with_free_func (g_free);

  if (!read_document (document, "ListBucketResult", on_listing_leaf, NULL, &reader))
    {
      dimple_s3_listing_clear (parsed);
      return fail_to_understand (error);
    }

  if (reader.encoded)
    decode_keys (parsed);
  return TRUE;
}

void
dimple_s3_listing_clear (DimpleS3Listing *self)
{
  g_clear_pointer (&self->keys, g_ptr_array_unref);
  g_clear_pointer (&self->continuation_token, g_free);
}

typedef struct
{
  DimpleS3DeleteResult *result;
  DimpleS3DeleteResult current;
} DeleteReader;

static void
on_delete_leaf (const char *path,
                const char *text,
                gpointer    user_data)
{
  DeleteReader *reader = user_data;

  if (strcmp (path, "/Error/Key") == 0)
    set_text (&reader->current.key, text);
  else if (g_str_has_prefix (path, "/Error/"))
    read_error_field (&reader->current.error, path + strlen ("/Error/"), text);
}

static void
on_delete_end (const char *path,
               gpointer    user_data)
{
  DeleteReader *reader = user_data;

  if (strcmp (path, "/Error") != 0)
    return;

  /* What is not there is gone, as was wished */
  if (reader->result->key == NULL && reader->current.key != NULL &&
      g_strcmp0 (reader->current.error.code, "NoSuchKey") != 0)
    {
      *reader->result = reader->current;
      memset (&reader->current, 0, sizeof reader->current);
    }
  dimple_s3_delete_result_clear (&reader->current);
}

gboolean
dimple_s3_delete_result_parse (GBytes                *document,
                               DimpleS3DeleteResult  *parsed,
                               GError               **error)
{
  DeleteReader reader = { .result = parsed };
  gboolean complete;

  memset (parsed, 0, sizeof *parsed);
  complete = read_document (document, "DeleteResult", on_delete_leaf, on_delete_end, &reader);
  dimple_s3_delete_result_clear (&reader.current);
  if (complete)
    return TRUE;

  dimple_s3_delete_result_clear (parsed);
  return fail_to_understand (error);
}

void
dimple_s3_delete_result_clear (DimpleS3DeleteResult *self)
{
  g_clear_pointer (&self->key, g_free);
  dimple_s3_error_clear (&self->error);
}

gboolean
dimple_s3_delete_can_hold (const char *key)
{
  for (const char *c = key; *c != '\0'; c = g_utf8_next_char (c))
    {
      gunichar character = g_utf8_get_char (c);

      if (character < 0x20 || character == 0x7f || (character & 0xfffe) == 0xfffe)
        return FALSE;
    }

  return TRUE;
}

GBytes *
dimple_s3_delete_build (const char * const *keys,
                        gsize               n_keys)
{
  GString *document = g_string_new ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                    "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");

  for (gsize i = 0; i < n_keys; i++)
    {
      g_autofree char *escaped = g_markup_escape_text (keys[i], -1);

      g_string_append_printf (document, "<Object><Key>%s</Key></Object>", escaped);
    }
  g_string_append (document, "</Delete>");

  return g_string_free_to_bytes (document);
}
