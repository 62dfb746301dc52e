/* fuzz-pack.c: what is read from an object of the log: its name, gzip, JSON, and the changes in it
 *
 * "changes/…" up to the end of the line is an object's name, behind which are its contents, compressed if they are not
 * JSON: no fuzzer finds a CRC.  Anything else are the changes of one transaction, behind the number of its script.
 *
 * What has to hold: a pack that is accepted is what its name says, and is the same once written and read again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "fuzz.h"

#include <string.h>

#include "dimple-change-reader-private.h"
#include "dimple-error.h"
#include "dimple-pack-private.h"

static void
check_error (gboolean      success,
             const GError *error)
{
  g_assert_true (success == (error == NULL));
  if (error != NULL)
    g_assert_true (g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK) ||
                   g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW));
}

static void
read_changes (GBytes *changes,
              int     script)
{
  g_auto (DimpleChangeReader) reader = { { 0, } };
  g_autoptr (GError) error = NULL;

  dimple_change_reader_init (&reader, changes, script);
  while (error == NULL && dimple_change_reader_next_group (&reader, &error))
    while (dimple_change_reader_next_row (&reader, &error))
      g_assert_cmpuint (reader.key->len, >, 0);

  check_error (error == NULL, error);
}

static void
check_equal (DimplePack *a,
             DimplePack *b)
{
  g_assert_cmpstr (a->author_name, ==, b->author_name);
  g_assert_cmpuint (a->runs->len, ==, b->runs->len);
  g_assert_cmpuint (a->transactions->len, ==, b->transactions->len);
  for (guint i = 0; i < a->transactions->len; i++)
    {
      const DimpleTransaction *one = g_ptr_array_index (a->transactions, i);
      const DimpleTransaction *other = g_ptr_array_index (b->transactions, i);

      g_assert_cmpstr (one->id, ==, other->id);
      g_assert_cmpstr (one->previous, ==, other->previous);
      g_assert_cmpstr (one->label, ==, other->label);
      g_assert_cmpint (one->script, ==, other->script);
      g_assert_cmpint (one->pruned, ==, other->pruned);
      g_assert_true (g_bytes_equal (one->changes, other->changes));
    }
}

static void
check_pack (DimplePack *pack,
            const char *key)
{
  g_autofree char *name = dimple_pack_name_format (&pack->name);
  g_autofree char *name_again = NULL;
  g_autoptr (DimplePack) again = NULL;
  g_autoptr (GBytes) encoded = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (name, ==, key);
  for (guint i = 0; i < pack->transactions->len; i++)
    {
      const DimpleTransaction *transaction = g_ptr_array_index (pack->transactions, i);

      read_changes (transaction->changes, transaction->script);
    }

  encoded = dimple_pack_encode (pack, &error);
  g_assert_no_error (error);
  name_again = dimple_pack_name_format (&pack->name);
  again = dimple_pack_decode (name_again, encoded, &error);
  g_assert_no_error (error);
  check_equal (pack, again);
}

static void
read_object (const char *text,
             gsize       size)
{
  const char *end = memchr (text, '\n', size);
  gsize rest = end != NULL ? size - (gsize) (end + 1 - text) : 0;
  g_autofree char *key = g_strndup (text, size - rest - (end != NULL ? 1 : 0));
  g_autoptr (DimplePack) pack = NULL;
  g_autoptr (GBytes) contents = NULL;
  g_autoptr (GError) error = NULL;

  if (rest > 0 && end[1] == '{')
    contents = dimple_gzip (end + 1, rest, NULL);
  else
    contents = g_bytes_new (text + size - rest, rest);

  pack = dimple_pack_decode (key, contents, &error);
  check_error (pack != NULL, error);
  if (pack != NULL)
    check_pack (pack, key);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  const char *text = (const char *) data;
  g_autoptr (GBytes) changes = NULL;

  if (size >= strlen ("changes/") && memcmp (text, "changes/", strlen ("changes/")) == 0)
    {
      read_object (text, size);
    }
  else if (size > 0)
    {
      changes = g_bytes_new (text + 1, size - 1);
      read_changes (changes, g_ascii_digit_value (*text));
    }
  return 0;
}
