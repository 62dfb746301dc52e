/* fuzz-s3-xml.c: the documents that S3 answers
 *
 * The first byte says what the rest is read as: “e” an error, “l” a listing, “d” what DeleteObjects answers.
 *
 * What has to hold: what fails leaves nothing behind, keys are text, and what is asked to be removed is what was
 * listed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "fuzz.h"

#include "dimple-error.h"
#include "dimple-s3-xml-private.h"

static void
collect_key (GMarkupParseContext  *context,
             const char           *text,
             gsize                 size,
             gpointer              user_data,
             GError              **error)
{
  GPtrArray *found = user_data;

  if (g_str_equal (g_markup_parse_context_get_element (context), "Key"))
    g_ptr_array_add (found, g_strndup (text, size));
}

/* What a server finds in our request: an empty key has no text in it */
static GPtrArray *
read_request (GBytes *document)
{
  static const GMarkupParser parser = { .text = collect_key };
  GPtrArray *found = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GMarkupParseContext) context = g_markup_parse_context_new (&parser, 0, found, NULL);
  g_autoptr (GError) error = NULL;

  g_markup_parse_context_parse (context, g_bytes_get_data (document, NULL), g_bytes_get_size (document), &error);
  g_assert_no_error (error);
  g_markup_parse_context_end_parse (context, &error);
  g_assert_no_error (error);
  return found;
}

static void
check_keys (GPtrArray *keys)
{
  g_autoptr (GPtrArray) removable = g_ptr_array_new ();
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GBytes) request = NULL;

  for (guint i = 0; i < keys->len; i++)
    {
      char *key = g_ptr_array_index (keys, i);

      g_assert_true (g_utf8_validate (key, -1, NULL));
      if (*key != '\0' && dimple_s3_delete_can_hold (key))
        g_ptr_array_add (removable, key);
    }

  request = dimple_s3_delete_build ((const char * const *) removable->pdata, removable->len);
  found = read_request (request);
  g_assert_cmpuint (found->len, ==, removable->len);
  for (guint i = 0; i < found->len; i++)
    g_assert_cmpstr (g_ptr_array_index (found, i), ==, g_ptr_array_index (removable, i));
}

static void
read_error (GBytes *document)
{
  g_auto (DimpleS3Error) parsed = { NULL };

  if (dimple_s3_error_parse (document, &parsed))
    g_assert_nonnull (parsed.code);
  else
    g_assert_true (parsed.code == NULL && parsed.message == NULL && parsed.endpoint == NULL);
}

static void
read_listing (GBytes *document)
{
  g_auto (DimpleS3Listing) parsed = { NULL };
  g_autoptr (GError) error = NULL;

  if (dimple_s3_listing_parse (document, &parsed, &error))
    {
      g_assert_no_error (error);
      check_keys (parsed.keys);
    }
  else
    {
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
      g_assert_true (parsed.keys == NULL && parsed.continuation_token == NULL);
    }
}

static void
read_delete_result (GBytes *document)
{
  g_auto (DimpleS3DeleteResult) parsed = { NULL };
  g_autoptr (GError) error = NULL;

  if (!dimple_s3_delete_result_parse (document, &parsed, &error))
    {
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
      g_assert_null (parsed.key);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  g_autoptr (GBytes) document = size > 0 ? g_bytes_new (data + 1, size - 1) : NULL;

  if (size == 0)
    return 0;

  switch (data[0])
    {
    case 'e':
      read_error (document);
      break;

    case 'l':
      read_listing (document);
      break;

    default:
      read_delete_result (document);
      break;
    }
  return 0;
}
