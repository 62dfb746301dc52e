/* test-pack.c: packs are read as they were written, and anything else is refused
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <gio/gio.h>

#include "dimple-error.h"
#include "dimple-pack-private.h"
#include "seeds-test.h"

#define AUTHOR "0192f000-0000-7000-8000-00000000aaaa"
#define OTHER_AUTHOR "0192f000-0000-7000-8000-00000000bbbb"

/* Id number `n` of run number `run`. */
static void
make_id (char  id[DIMPLE_UUID_SIZE],
         guint run,
         guint n)
{
  dimple_uuid7_format (DIMPLE_UUID_TIME (G_GINT64_CONSTANT (1700000000000) + n, 0), 0x1000 + run, id);
}

static DimpleTransaction *
make_transaction (guint       run,
                  guint       n,
                  const char *previous,
                  const char *changes)
{
  DimpleTransaction *transaction = g_new0 (DimpleTransaction, 1);

  make_id (transaction->id, run, n);
  g_strlcpy (transaction->author, AUTHOR, DIMPLE_UUID_SIZE);
  g_strlcpy (transaction->previous, previous, DIMPLE_UUID_SIZE);
  transaction->changes = g_bytes_new (changes, strlen (changes));
  return transaction;
}

/* Two runs: transactions 1 to 3 in the first, 4 and 5 in the second. */
static DimplePack *
make_pack (void)
{
  DimplePack *pack = dimple_pack_new ();
  char previous[DIMPLE_UUID_SIZE] = "", end_of_first[DIMPLE_UUID_SIZE], end[DIMPLE_UUID_SIZE];

  g_strlcpy (pack->name.author, AUTHOR, DIMPLE_UUID_SIZE);
  pack->author_name = g_strdup ("Ann's \"laptop\" ✓");
  for (guint n = 1; n <= 5; n++)
    {
      g_autofree char *changes = g_strdup_printf ("[{\"table\":\"note\", \"rows\":[[[\"k%u\"],[\"é\\n\",1.5]]]}]", n);
      DimpleTransaction *transaction = make_transaction (n > 3, n, previous, changes);

      if (n == 2)
        transaction->label = g_strdup ("Rename “x”");
      if (n == 5)
        transaction->script = 7;
      g_ptr_array_add (pack->transactions, transaction);
      g_strlcpy (previous, transaction->id, DIMPLE_UUID_SIZE);
    }
  make_id (end_of_first, 0, 3);
  make_id (end, 1, 5);
  dimple_pack_add_run (pack, "", end_of_first);
  dimple_pack_add_run (pack, end_of_first, end);
  return pack;
}

static DimpleTransaction *
get_transaction (DimplePack *pack,
                 guint       position)
{
  return g_ptr_array_index (pack->transactions, position);
}

static void
assert_equal_packs (DimplePack *a,
                    DimplePack *b)
{
  g_assert_cmpstr (a->name.author, ==, b->name.author);
  g_assert_cmpstr (a->name.first, ==, b->name.first);
  g_assert_cmpstr (a->name.last, ==, b->name.last);
  g_assert_cmpstr (a->name.digest, ==, b->name.digest);
  g_assert_cmpstr (a->author_name, ==, b->author_name);
  g_assert_cmpuint (a->runs->len, ==, b->runs->len);
  for (guint i = 0; i < a->runs->len; i++)
    {
      g_assert_cmpstr (g_array_index (a->runs, DimplePackRun, i).after, ==,
                       g_array_index (b->runs, DimplePackRun, i).after);
      g_assert_cmpstr (g_array_index (a->runs, DimplePackRun, i).last, ==,
                       g_array_index (b->runs, DimplePackRun, i).last);
    }
  g_assert_cmpuint (a->transactions->len, ==, b->transactions->len);
  for (guint i = 0; i < a->transactions->len; i++)
    {
      DimpleTransaction *one = get_transaction (a, i), *other = get_transaction (b, i);

      g_assert_cmpstr (one->id, ==, other->id);
      g_assert_cmpstr (one->previous, ==, other->previous);
      g_assert_cmpstr (one->author, ==, other->author);
      g_assert_cmpstr (one->label, ==, other->label);
      g_assert_cmpint (one->script, ==, other->script);
      g_assert_cmpint (one->pruned, ==, other->pruned);
      g_assert_true (g_bytes_equal (one->changes, other->changes));
      g_assert_true (other->foreign);
    }
}

static DimplePack *
round_trip (DimplePack *pack)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = dimple_pack_encode (pack, &error);
  g_autofree char *key = NULL;
  DimplePack *read;

  g_assert_no_error (error);
  key = dimple_pack_name_format (&pack->name);
  read = dimple_pack_decode (key, bytes, &error);
  g_assert_no_error (error);
  return read;
}

static void
test_round_trip (void)
{
  g_autoptr(DimplePack) pack = make_pack ();
  g_autoptr(DimplePack) read = round_trip (pack);
  g_autoptr(GBytes) bytes = dimple_pack_encode (pack, NULL);
  g_autoptr(GBytes) again = dimple_pack_encode (read, NULL);

  assert_equal_packs (pack, read);
  g_assert_true (g_bytes_equal (bytes, again));
}

static void
test_pruned (void)
{
  g_autoptr(DimplePack) pack = make_pack ();
  g_autoptr(DimplePack) read = NULL, other = NULL;
  g_autofree char *key = NULL;
  DimpleTransaction *stub = get_transaction (pack, 1);

  g_ptr_array_remove_index (pack->transactions, 2);
  stub->pruned = TRUE;
  g_bytes_unref (stub->changes);
  stub->changes = g_bytes_new_static ("[]", 2);
  read = round_trip (pack);
  assert_equal_packs (pack, read);
  g_assert_cmpuint (strlen (pack->name.digest), ==, DIMPLE_PACK_DIGEST_LENGTH);
  key = dimple_pack_name_format (&pack->name);
  g_assert_nonnull (strstr (key, pack->name.digest));

  /* What is pruned otherwise is called otherwise. */
  g_ptr_array_remove_index (pack->transactions, 1);
  other = round_trip (pack);
  g_assert_cmpstr (other->name.digest, !=, read->name.digest);
}

static void
test_names (void)
{
  static const char * const bad[] = {
    "", "changes/", "dimple/" AUTHOR ".json", "changes/" AUTHOR "/", "changes/" AUTHOR "/x.json.gz",
    "changes/0192f000-0000-7000-8000-00000000AAAA/0192f000-0000-7000-8000-000000000001_"
    "0192f000-0000-7000-8000-000000000001.json.gz",
    "changes/" AUTHOR "/0192f000-0000-7000-8000-000000000001_0192f000-0000-7000-8000-000000000001.json",
    "changes/" AUTHOR "/0192f000-0000-7000-8000-000000000001_0192f000-0000-7000-8000-000000000001.json.gz.age",
    "changes/" AUTHOR "/0192f000-0000-7000-8000-000000000002_0192f000-0000-7000-8000-000000000001.json.gz",
    "changes/" AUTHOR "/0192f000-0000-7000-8000-000000000001_0192f000-0000-7000-8000-000000000001.123.json.gz",
    "changes/" AUTHOR "/0192f000-0000-7000-8000-000000000001_0192f000-0000-7000-8000-000000000001."
    "0123456789abcdeg.json.gz",
    "changes/" AUTHOR "/x/0192f000-0000-7000-8000-000000000001_0192f000-0000-7000-8000-000000000001.json.gz",
  };
  static const char * const good[] = {
    "changes/" AUTHOR "/0192f000-0000-7000-8000-000000000001_0192f000-0000-7000-8000-000000000001.json.gz",
    "changes/" AUTHOR "/0192f000-0000-7000-8000-000000000001_0192f000-0000-7000-8000-000000000002."
    "0123456789abcdef.json.gz",
  };
  DimplePackName name;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (dimple_pack_name_parse (&name, bad[i]));
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *key = NULL;

      g_assert_true (dimple_pack_name_parse (&name, good[i]));
      key = dimple_pack_name_format (&name);
      g_assert_cmpstr (key, ==, good[i]);
    }
}

/* -- What is refused ----------------------------------------------------------------------------------------------- */

static void
assert_refused (const char *key,
                GBytes     *contents,
                int         code)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(DimplePack) pack = dimple_pack_decode (key, contents, &error);

  g_assert_null (pack);
  g_assert_error (error, DIMPLE_ERROR, code);
  g_assert_nonnull (strstr (error->message, key));
}

/* The JSON of a good pack, and its key. */
static char *
make_json (char **key)
{
  g_autoptr(DimplePack) pack = make_pack ();
  g_autoptr(GBytes) bytes = dimple_pack_encode (pack, NULL);
  g_autoptr(GBytes) body = dimple_gunzip (bytes, DIMPLE_PACK_LIMIT, NULL);

  *key = dimple_pack_name_format (&pack->name);
  return g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
}

static void
assert_json_refused (const char *key,
                     const char *json,
                     int         code)
{
  g_autoptr(GBytes) contents = dimple_gzip (json, strlen (json), NULL);

  assert_refused (key, contents, code);
}

/* `find` and `replace` have %N for the id of transaction N. */
static char *
fill_in_ids (const char *text)
{
  g_autoptr(GString) filled = g_string_new (text);

  for (guint n = 0; n <= 9; n++)
    {
      char id[DIMPLE_UUID_SIZE], mark[] = { '%', (char) ('0' + n), '\0' };

      make_id (id, n > 3, n);
      g_string_replace (filled, mark, id, 0);
    }
  return g_string_free (g_steal_pointer (&filled), FALSE);
}

static void
test_altered (void)
{
  static const struct { const char *find, *replace; } alterations[] = {
    { "{\"format\":1,", "{" },                                          /* incomplete */
    { "{\"format\":1,", "{\"format\":0," },
    { "{\"format\":1,", "{\"format\":\"1\"," },
    { "\"runs\":", "\"walks\":" },
    { "\"transactions\":", "\"walks\":" },
    { "\"author\":", "\"walks\":" },
    { "\"previous\":", "\"walks\":" },
    { "\"changes\":", "\"walks\":" },
    { AUTHOR, OTHER_AUTHOR },                                           /* another object */
    { "\"first\":\"%1\"", "\"first\":\"%2\"" },
    { "\"last\":\"%5\"", "\"last\":\"%4\"" },
    { "\"first\":", "\"first\":\"%1\",\"first\":" },                    /* twice */
    { "\"id\":\"%2\"", "\"id\":\"%2\",\"id\":\"%2\"" },
    { "\"id\":\"%1\"", "\"id\":\"%0\"" },                               /* another chain */
    { "\"id\":\"%2\"", "\"id\":\"%3\"" },
    { "\"id\":\"%3\"", "\"id\":\"%6\"" },
    { "\"id\":\"%3\"", "\"id\":\"X\"" },
    { "\"previous\":\"%2\"", "\"previous\":\"%1\"" },
    { "\"previous\":\"%2\"", "\"previous\":\"%9\"" },
    { "\"previous\":null", "\"previous\":\"%0\"" },
    { "\"previous\":\"%2\"", "\"previous\":2" },
    { "[[null,\"%3\"],[\"%3\",\"%5\"]]", "[]" },                        /* other runs */
    { "[[null,\"%3\"],[\"%3\",\"%5\"]]", "[[null,\"%3\"]]" },
    { "[[null,\"%3\"],[\"%3\",\"%5\"]]", "[[\"%3\",\"%5\"]]" },
    { "[[null,\"%3\"],[\"%3\",\"%5\"]]", "[[\"%3\",\"%5\"],[null,\"%3\"]]" },
    { "[[null,\"%3\"],[\"%3\",\"%5\"]]", "[[null,\"%5\"]]" },
    { "[[null,\"%3\"],[\"%3\",\"%5\"]]", "[[null,\"%3\"],[\"%2\",\"%5\"]]" },
    { "[[null,\"%3\"],[\"%3\",\"%5\"]]", "[[null,\"%3\"],[\"%3\"]]" },
    { "[[null,\"%3\"],[\"%3\",\"%5\"]]", "[[null,\"%3\",1],[\"%3\",\"%5\"]]" },
    { "[[null,\"%3\"],[\"%3\",\"%5\"]]", "[[\"%2\",\"%3\"],[\"%3\",\"%5\"]]" },
    { "\"script\":7", "\"script\":-1" },
    { "\"script\":7", "\"script\":1e3" },
    { "\"script\":7", "\"script\":99999999999" },
    { "\"script\":7", "\"pruned\":true" },                              /* pruned, under the name of the full one */
    { "\"script\":7", "\"pruned\":1" },
    { "\"label\":\"Rename", "\"label\":\"\\u0000Rename" },
    { "\"changes\":[", "\"changes\":{\"x\":[" },
    { "\"changes\":[{", "\"changes\":[[" },
    { "}]}", "}]" },                                                    /* not JSON */
    { "]}\n", "]}\n]" },
    { "]}\n", "" },
    { "é", "\xff" },
  };
  g_autofree char *key = NULL;
  g_autofree char *json = make_json (&key);

  for (guint i = 0; i < G_N_ELEMENTS (alterations); i++)
    {
      g_autofree char *find = fill_in_ids (alterations[i].find);
      g_autofree char *replace = fill_in_ids (alterations[i].replace);
      g_autofree char *shown = g_utf8_make_valid (replace, -1);
      g_autoptr(GString) altered = g_string_new (json);

      g_test_message ("%s -> %s", find, shown);
      g_assert_cmpuint (g_string_replace (altered, find, replace, 1), ==, 1);
      assert_json_refused (key, altered->str, DIMPLE_ERROR_BAD_PACK);
    }
}

static void
test_another_name (void)
{
  g_autoptr(DimplePack) pack = make_pack ();
  g_autoptr(GBytes) bytes = dimple_pack_encode (pack, NULL);
  DimplePackName name = pack->name;
  g_autofree char *of_other_author = NULL, *shorter = NULL, *pruned = NULL;

  g_strlcpy (name.author, OTHER_AUTHOR, DIMPLE_UUID_SIZE);
  of_other_author = dimple_pack_name_format (&name);
  name = pack->name;
  make_id (name.last, 1, 4);
  shorter = dimple_pack_name_format (&name);
  name = pack->name;
  g_strlcpy (name.digest, "0123456789abcdef", sizeof name.digest);
  pruned = dimple_pack_name_format (&name);

  assert_refused (of_other_author, bytes, DIMPLE_ERROR_BAD_PACK);
  assert_refused (shorter, bytes, DIMPLE_ERROR_BAD_PACK);
  assert_refused (pruned, bytes, DIMPLE_ERROR_BAD_PACK);
  assert_refused ("changes/x", bytes, DIMPLE_ERROR_BAD_PACK);
}

static void
test_too_new (void)
{
  g_autofree char *key = NULL;
  g_autofree char *json = make_json (&key);
  g_autoptr(GString) altered = g_string_new (json);

  g_string_replace (altered, "\"format\":1", "\"format\":2", 1);
  assert_json_refused (key, altered->str, DIMPLE_ERROR_TOO_NEW);
  /* Of what a newer one looks like nothing else is known. */
  assert_json_refused (key, "{\"format\":99,\"x\":[{}]}", DIMPLE_ERROR_TOO_NEW);
}

static void
test_unknown_members (void)
{
  g_autofree char *key = NULL;
  g_autofree char *json = make_json (&key);
  g_autoptr(GString) altered = g_string_new (json);
  g_autoptr(GBytes) contents = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(DimplePack) pack = NULL;

  g_string_replace (altered, "\"previous\":", "\"x\":[{\"y\":[1,2]}],\"previous\":", 0);
  g_string_replace (altered, "\"runs\":", "\"z\":{\"y\":null},\"runs\":", 1);
  g_string_replace (altered, "\"author\":{", "\"author\":{\"color\":\"red\",", 1);
  contents = dimple_gzip (altered->str, altered->len, NULL);
  pack = dimple_pack_decode (key, contents, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (pack->transactions->len, ==, 5);
}

/* An id of the year 6429 would leave no room for later ones. */
static void
test_far_future (void)
{
  g_autoptr(DimplePack) pack = dimple_pack_new ();
  g_autofree char *key = NULL;
  g_autoptr(GBytes) bytes = NULL;
  DimpleTransaction *transaction = make_transaction (0, 1, "", "[]");

  dimple_uuid7_format (DIMPLE_UUID_TIME (DIMPLE_CLOCK_ID_LIMIT, 0), 0x1000, transaction->id);
  g_strlcpy (pack->name.author, AUTHOR, DIMPLE_UUID_SIZE);
  g_ptr_array_add (pack->transactions, transaction);
  dimple_pack_add_run (pack, "", transaction->id);
  bytes = dimple_pack_encode (pack, NULL);
  key = dimple_pack_name_format (&pack->name);
  assert_refused (key, bytes, DIMPLE_ERROR_BAD_PACK);
}

static void
test_deep (void)
{
  g_autofree char *key = NULL;
  g_autofree char *json = make_json (&key);
  g_autofree char *nested = g_strnfill (200000, '[');
  g_autoptr(GString) altered = g_string_new (json);
  g_autofree char *member = g_strdup_printf ("\"changes\":[%s", nested);

  g_string_replace (altered, "\"changes\":[", member, 1);
  assert_json_refused (key, altered->str, DIMPLE_ERROR_BAD_PACK);
}

/* Half a MiB that would be 600 MiB. */
static void
test_bomb (void)
{
  g_autofree char *key = NULL;
  g_autofree char *json = make_json (&key);
  g_autofree char *spaces = g_strnfill (32 * 1024 * 1024, ' ');
  g_autoptr(GZlibCompressor) compressor = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9);
  g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr(GOutputStream) stream = g_converter_output_stream_new (memory, G_CONVERTER (compressor));
  g_autoptr(GBytes) contents = NULL;

  for (int i = 0; i < 17; i++)
    g_assert_true (g_output_stream_write_all (stream, spaces, 32 * 1024 * 1024, NULL, NULL, NULL));
  g_assert_true (g_output_stream_write_all (stream, json, strlen (json), NULL, NULL, NULL));
  g_assert_true (g_output_stream_close (stream, NULL, NULL));
  contents = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
  g_assert_cmpuint (g_bytes_get_size (contents), <, 1024 * 1024);
  assert_refused (key, contents, DIMPLE_ERROR_BAD_PACK);
}

static void
test_truncated (void)
{
  g_autoptr(DimplePack) pack = make_pack ();
  g_autoptr(GBytes) bytes = dimple_pack_encode (pack, NULL);
  g_autofree char *key = dimple_pack_name_format (&pack->name);

  for (gsize size = 0; size < g_bytes_get_size (bytes); size++)
    {
      g_autoptr(GBytes) part = g_bytes_new_from_bytes (bytes, 0, size);

      assert_refused (key, part, DIMPLE_ERROR_BAD_PACK);
    }
}

static void
test_trailing (void)
{
  g_autoptr(DimplePack) pack = make_pack ();
  g_autoptr(GBytes) bytes = dimple_pack_encode (pack, NULL);
  g_autofree char *key = dimple_pack_name_format (&pack->name);
  g_autoptr(GByteArray) longer = g_byte_array_new ();
  g_autoptr(GBytes) contents = NULL;

  g_byte_array_append (longer, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_byte_array_append (longer, (const guint8 *) "x", 1);
  contents = g_byte_array_free_to_bytes (g_steal_pointer (&longer));
  assert_refused (key, contents, DIMPLE_ERROR_BAD_PACK);
}

/* gzip's checksum finds what was altered outside; inside it, nothing may crash. */
static void
test_random (void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (seed);
  g_autofree char *key = NULL;
  g_autofree char *json = make_json (&key);
  gsize size = strlen (json);

  for (guint round = 0; round < n_seeds; round++)
    {
      g_autofree char *bytes = g_memdup2 (json, size);
      gsize length = round % 3 == 0 ? (gsize) g_rand_int_range (random, 0, (gint32) size) : size;
      int n_changes = g_rand_int_range (random, 1, 6);
      g_autoptr(GBytes) plain = NULL, zipped = NULL;
      g_autoptr(DimplePack) pack = NULL;

      for (int i = 0; i < n_changes; i++)
        bytes[g_rand_int_range (random, 0, (gint32) size)] = (char) g_rand_int_range (random, 0, 256);
      plain = g_bytes_new (bytes, length);
      assert_refused (key, plain, DIMPLE_ERROR_BAD_PACK);
      zipped = dimple_gzip (bytes, length, NULL);
      pack = dimple_pack_decode (key, zipped, NULL);
      if (pack != NULL)
        g_assert_cmpuint (pack->transactions->len, >, 0);
    }
}

/* Any tool that opens gzip opens a pack. */
static void
test_gunzip_command (void)
{
  g_autoptr(DimplePack) pack = make_pack ();
  g_autoptr(GBytes) bytes = dimple_pack_encode (pack, NULL);
  g_autoptr(GBytes) body = dimple_gunzip (bytes, DIMPLE_PACK_LIMIT, NULL);
  g_autoptr(GBytes) output = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocess) process = NULL;
  g_autofree char *command = g_find_program_in_path ("gunzip");

  if (command == NULL)
    {
      g_test_skip ("there is no gunzip");
      return;
    }
  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, command, "-c",
                              NULL);
  g_assert_no_error (error);
  g_subprocess_communicate (process, bytes, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (process));
  g_assert_true (g_bytes_equal (output, body));
}

int
main (int    argc,
      char **argv)
{
  seeds_test_init (&argc, &argv, 300);

  g_test_add_func ("/pack/round-trip", test_round_trip);
  g_test_add_func ("/pack/pruned", test_pruned);
  g_test_add_func ("/pack/names", test_names);
  g_test_add_func ("/pack/altered", test_altered);
  g_test_add_func ("/pack/another-name", test_another_name);
  g_test_add_func ("/pack/too-new", test_too_new);
  g_test_add_func ("/pack/unknown-members", test_unknown_members);
  g_test_add_func ("/pack/far-future", test_far_future);
  g_test_add_func ("/pack/deep", test_deep);
  g_test_add_func ("/pack/bomb", test_bomb);
  g_test_add_func ("/pack/truncated", test_truncated);
  g_test_add_func ("/pack/trailing", test_trailing);
  g_test_add_func ("/pack/random", test_random);
  g_test_add_func ("/pack/gunzip-command", test_gunzip_command);
  return g_test_run ();
}
