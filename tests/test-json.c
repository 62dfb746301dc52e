/* test-json.c: SQL values as JSON, there and back, and what must be refused
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <locale.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dimple-json-private.h"
#include "random-test.h"

static guint32 seed;
static int n_seeds = 300;

/* -- Values -------------------------------------------------------------------------------------------------------- */

static void
assert_same_value (const DimpleValue *a,
                   const DimpleValue *b)
{
  g_assert_cmpint (a->type, ==, b->type);
  switch (a->type)
    {
    case SQLITE_INTEGER:
      g_assert_cmpint (a->integer, ==, b->integer);
      break;
    case SQLITE_FLOAT:
      g_assert_cmpmem (&a->real, sizeof a->real, &b->real, sizeof b->real);
      break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
      g_assert_cmpmem (a->bytes, a->size, b->bytes, b->size);
      break;
    default:
      break;
    }
}

/* Writes a value, reads it back, and has json-glib read what was written. */
static char *
assert_round_trip (const DimpleValue *value)
{
  g_autoptr(GString) json = g_string_new ("[");
  g_autoptr(JsonParser) oracle = json_parser_new ();
  g_autoptr(GError) error = NULL;
  g_auto(DimpleJsonReader) reader = { 0 };
  DimpleValue read = { 0 };

  dimple_json_append_value (json, value);
  g_string_append_c (json, ']');

  dimple_json_reader_init (&reader, json->str, json->len);
  g_assert_cmpint (dimple_json_reader_next (&reader), ==, DIMPLE_JSON_BEGIN_ARRAY);
  g_assert_true (dimple_json_reader_next_value (&reader, &read));
  assert_same_value (value, &read);
  g_assert_cmpint (dimple_json_reader_next (&reader), ==, DIMPLE_JSON_END_ARRAY);
  g_assert_cmpint (dimple_json_reader_next (&reader), ==, DIMPLE_JSON_END);
  g_assert_cmpint (dimple_json_reader_next (&reader), ==, DIMPLE_JSON_END);

  json_parser_load_from_data (oracle, json->str, json->len, &error);
  g_assert_no_error (error);
  return g_strndup (json->str + 1, json->len - 2);
}

static void
assert_text_of (DimpleValue  value,
                const char  *expected)
{
  g_autofree char *text = assert_round_trip (&value);

  g_assert_cmpstr (text, ==, expected);
}

#define INTEGER(n) ((DimpleValue) { .type = SQLITE_INTEGER, .integer = (n) })
#define REAL(n) ((DimpleValue) { .type = SQLITE_FLOAT, .real = (n) })
#define BYTES(t, b) ((DimpleValue) { .type = (t), .bytes = (b), .size = sizeof (b) - 1 })

static void
test_value_texts (void)
{
  assert_text_of ((DimpleValue) { .type = SQLITE_NULL }, "null");
  assert_text_of ((DimpleValue) { .type = DIMPLE_VALUE_PRUNED }, "{\"pruned\":true}");
  assert_text_of (INTEGER (0), "0");
  assert_text_of (INTEGER (-1), "-1");
  assert_text_of (INTEGER (9007199254740992), "9007199254740992");
  assert_text_of (INTEGER (9007199254740993), "{\"integer\":\"9007199254740993\"}");
  assert_text_of (INTEGER (-9007199254740993), "{\"integer\":\"-9007199254740993\"}");
  assert_text_of (INTEGER (G_MAXINT64), "{\"integer\":\"9223372036854775807\"}");
  assert_text_of (INTEGER (G_MININT64), "{\"integer\":\"-9223372036854775808\"}");
  assert_text_of (REAL (0.0), "0.0");
  assert_text_of (REAL (-0.0), "-0.0");
  assert_text_of (REAL (1), "1.0");
  assert_text_of (REAL (-1.5), "-1.5");
  assert_text_of (REAL (0.1), "0.1");
  assert_text_of (REAL (1e300), "1e+300");
  assert_text_of (REAL (999999999999999), "999999999999999.0");
  assert_text_of (REAL (INFINITY), "{\"real\":\"inf\"}");
  assert_text_of (REAL (-INFINITY), "{\"real\":\"-inf\"}");
  assert_text_of (BYTES (SQLITE_TEXT, ""), "\"\"");
  assert_text_of (BYTES (SQLITE_TEXT, "a\"b\\c\n\x01/\x7f"), "\"a\\\"b\\\\c\\n\\u0001/\x7f\"");
  assert_text_of (BYTES (SQLITE_TEXT, "Größe 漢字 🎈"), "\"Größe 漢字 🎈\"");
  assert_text_of (BYTES (SQLITE_TEXT, "a\0b"), "{\"text\":\"610062\"}");
  assert_text_of (BYTES (SQLITE_TEXT, "\xff"), "{\"text\":\"ff\"}");
  assert_text_of (BYTES (SQLITE_TEXT, "\xed\xa0\x80"), "{\"text\":\"eda080\"}");
  assert_text_of (BYTES (SQLITE_BLOB, ""), "{\"hex\":\"\"}");
  assert_text_of (BYTES (SQLITE_BLOB, "\0\xff"), "{\"hex\":\"00ff\"}");
}

static void
test_nan_is_null (void)
{
  g_autoptr(GString) json = g_string_new (NULL);
  DimpleValue value = REAL (NAN);

  dimple_json_append_value (json, &value);
  g_assert_cmpstr (json->str, ==, "null");
}

static void
test_smallest_and_largest_reals (void)
{
  static const double numbers[] = { 4.9406564584124654e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
                                    9007199254740993.0, 1e15, 1e-7, 123456789.123456789, 5e-324 };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      DimpleValue value = REAL (numbers[i]);
      g_autofree char *text = assert_round_trip (&value);

      g_assert_nonnull (strpbrk (text, ".e"));
    }
}

static void
test_no_locale_in_numbers (void)
{
  g_autofree char *before = g_strdup (setlocale (LC_ALL, NULL));

  if (setlocale (LC_ALL, "de_DE.UTF-8") == NULL)
    {
      g_test_skip ("de_DE.UTF-8 is not installed");
      return;
    }
  assert_text_of (REAL (1.5), "1.5");
  setlocale (LC_ALL, before);
}

static gint64
random_int64 (GRand *rand)
{
  guint64 bits = (guint64) g_rand_int (rand) << 32 | g_rand_int (rand);

  return (gint64) (bits >> g_rand_int_range (rand, 0, 64)) * (g_rand_boolean (rand) ? 1 : -1);
}

static double
random_double (GRand *rand)
{
  guint64 bits = (guint64) g_rand_int (rand) << 32 | g_rand_int (rand);
  double number;

  if (g_rand_boolean (rand))
    return (double) g_rand_int_range (rand, -100000, 100000) / 100;
  memcpy (&number, &bits, sizeof number);
  return isnan (number) ? 0.5 : number;
}

static void
append_random_text (GString *text,
                    GRand   *rand)
{
  static const gunichar odd[] = { '"', '\\', '\n', 1, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x10ffff, '/', ' ' };

  for (int n = g_rand_int_range (rand, 0, 40); n > 0; n--)
    if (g_rand_int_range (rand, 0, 8) == 0)
      g_string_append_unichar (text, odd[g_rand_int_range (rand, 0, G_N_ELEMENTS (odd))]);
    else
      g_string_append_c (text, (char) g_rand_int_range (rand, 'a', 'z'));
}

static void
test_random_values (void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (seed);

  for (int i = 0; i < n_seeds * 100; i++)
    {
      g_autoptr(GString) bytes = g_string_new (NULL);
      g_autofree char *text = NULL;
      DimpleValue value = { 0 };

      append_random_text (bytes, rand);
      switch (g_rand_int_range (rand, 0, 5))
        {
        case 0:
          value = INTEGER (random_int64 (rand));
          break;
        case 1:
          value = REAL (random_double (rand));
          break;
        case 2:
          value.type = SQLITE_TEXT;
          break;
        case 3:
          value.type = SQLITE_BLOB;
          break;
        default:
          value.type = SQLITE_TEXT;             /* most likely not UTF-8 any more */
          if (bytes->len > 0)
            bytes->str[g_rand_int_range (rand, 0, (gint32) bytes->len)] = (char) g_rand_int_range (rand, 0, 256);
        }
      value.bytes = bytes->str;
      value.size = bytes->len;
      text = assert_round_trip (&value);
      g_assert_true (g_utf8_validate (text, -1, NULL));
    }
}

/* -- Documents ----------------------------------------------------------------------------------------------------- */

static JsonNode *
random_document (GRand *rand,
                 int    depth)
{
  int kind = g_rand_int_range (rand, 0, depth > 4 ? 5 : 7);
  g_autoptr(GString) text = g_string_new (NULL);

  append_random_text (text, rand);
  switch (kind)
    {
    case 0:
      return json_node_init_int (json_node_alloc (), random_int64 (rand));
    case 1:
      return json_node_init_double (json_node_alloc (), g_rand_double_range (rand, -1e6, 1e6));
    case 2:
      return json_node_init_boolean (json_node_alloc (), g_rand_boolean (rand));
    case 3:
      return json_node_init_null (json_node_alloc ());
    case 4:
      return json_node_init_string (json_node_alloc (), text->str);
    case 5:
      {
        g_autoptr(JsonArray) array = json_array_new ();

        for (int n = g_rand_int_range (rand, 0, 5); n > 0; n--)
          json_array_add_element (array, random_document (rand, depth + 1));
        return json_node_init_array (json_node_alloc (), array);
      }
    default:
      {
        g_autoptr(JsonObject) object = json_object_new ();

        for (int n = g_rand_int_range (rand, 0, 5); n > 0; n--)
          {
            g_autofree char *name = g_strdup_printf ("%s %d", text->str, n);

            json_object_set_member (object, name, random_document (rand, depth + 1));
          }
        return json_node_init_object (json_node_alloc (), object);
      }
    }
}

/* Reads the value of `token` back into json-glib's tree. */
static JsonNode *
read_document (DimpleJsonReader *reader,
               DimpleJsonToken   token)
{
  g_autofree char *text = NULL;

  switch (token)
    {
    case DIMPLE_JSON_NULL:
      return json_node_init_null (json_node_alloc ());
    case DIMPLE_JSON_TRUE:
    case DIMPLE_JSON_FALSE:
      return json_node_init_boolean (json_node_alloc (), token == DIMPLE_JSON_TRUE);
    case DIMPLE_JSON_NUMBER:
      if (reader->value.type == SQLITE_INTEGER)
        return json_node_init_int (json_node_alloc (), reader->value.integer);
      return json_node_init_double (json_node_alloc (), reader->value.real);
    case DIMPLE_JSON_STRING:
      text = g_strndup (reader->text, reader->size);
      return json_node_init_string (json_node_alloc (), text);
    case DIMPLE_JSON_BEGIN_ARRAY:
      {
        g_autoptr(JsonArray) array = json_array_new ();

        while ((token = dimple_json_reader_next (reader)) != DIMPLE_JSON_END_ARRAY)
          json_array_add_element (array, read_document (reader, token));
        return json_node_init_array (json_node_alloc (), array);
      }
    case DIMPLE_JSON_BEGIN_OBJECT:
      {
        g_autoptr(JsonObject) object = json_object_new ();

        while ((token = dimple_json_reader_next (reader)) == DIMPLE_JSON_NAME)
          {
            g_autofree char *name = g_strndup (reader->text, reader->size);

            json_object_set_member (object, name, read_document (reader, dimple_json_reader_next (reader)));
          }
        g_assert_cmpint (token, ==, DIMPLE_JSON_END_OBJECT);
        return json_node_init_object (json_node_alloc (), object);
      }
    default:
      g_assert_not_reached ();
    }
}

static void
test_against_json_glib (void)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed (seed);

  for (int i = 0; i < n_seeds * 10; i++)
    {
      g_autoptr(JsonNode) document = random_document (rand, 0);
      g_autofree char *json = json_to_string (document, g_rand_boolean (rand));
      g_autoptr(JsonNode) theirs = json_from_string (json, NULL);
      g_autoptr(JsonNode) ours = NULL;
      g_autofree char *copy = g_memdup2 (json, strlen (json));     /* no NUL: ASan sees a step too far */
      g_auto(DimpleJsonReader) reader = { 0 };
      g_auto(DimpleJsonReader) skipper = { 0 };

      if (theirs == NULL)                /* json-glib reads an empty document for a bare null */
        continue;
      dimple_json_reader_init (&reader, copy, strlen (json));
      ours = read_document (&reader, dimple_json_reader_next (&reader));
      g_assert_cmpint (dimple_json_reader_next (&reader), ==, DIMPLE_JSON_END);
      g_assert_true (json_node_equal (ours, theirs));

      dimple_json_reader_init (&skipper, copy, strlen (json));
      g_assert_true (dimple_json_reader_skip (&skipper));
      g_assert_cmpint (dimple_json_reader_next (&skipper), ==, DIMPLE_JSON_END);
    }
}

/* Reads a document to its end or first error. */
static gboolean
is_accepted (const char *json,
             gsize       size)
{
  g_autofree char *copy = g_memdup2 (json, size);
  g_auto(DimpleJsonReader) reader = { 0 };
  DimpleJsonToken token;

  dimple_json_reader_init (&reader, copy, size);
  while ((token = dimple_json_reader_next (&reader)) != DIMPLE_JSON_END && token != DIMPLE_JSON_ERROR)
    ;
  g_assert_cmpint (dimple_json_reader_next (&reader), ==, token);
  return token == DIMPLE_JSON_END;
}

static void
test_malformed (void)
{
  static const char * const bad[] = {
    "", " ", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,",
    "{\"a\":1,}", "{,}", "{\"a\" 1}", "{1:2}", "{a:1}", "[1}", "{\"a\":1]", "1 2", "[]]", "[] x", "tru", "nul", "nulll",
    "+1", "01", "-01", "1.", ".5", "1e", "1e+", "-", "--1", "0x1", "1e400", "-1e400", "NaN", "Infinity",
    "\"", "\"a", "\"\\", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
    "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\n\"", "\"\x01\"", "\"\xff\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"",
    "'a'", "[1]//", "\xef\xbb\xbf[]", "\v[]",
  };
  static const char * const good[] = {
    "null", " [ ] ", "{}", "[[],{}]", "-0", "1E5", "1e-5", "\"\\u0000\"", "\"\\ud83c\\udf88\"", "\"\\/\"",
    "{\"a\":1,\"a\":2}", "123456789012345678901234567890", "\t\r\n[1]\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    if (is_accepted (bad[i], strlen (bad[i])))
      g_error ("accepted: %s", bad[i]);
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    if (!is_accepted (good[i], strlen (good[i])))
      g_error ("refused: %s", good[i]);
  g_assert_false (is_accepted ("\"a\0b\"", 5));
  g_assert_false (is_accepted ("[]\0", 3));
}

static void
test_depth (void)
{
  g_autoptr(GString) json = g_string_new (NULL);

  for (int n = 0; n < 64; n++)
    g_string_append (json, n % 2 == 0 ? "[" : "{\"a\":");
  g_string_append_c (json, '1');
  for (int n = 63; n >= 0; n--)
    g_string_append_c (json, n % 2 == 0 ? ']' : '}');
  g_assert_true (is_accepted (json->str, json->len));

  g_string_prepend_c (json, '[');
  g_string_append_c (json, ']');
  g_assert_false (is_accepted (json->str, json->len));
}

static void
test_no_value (void)
{
  static const char * const bad[] = {
    "true", "false", "[]", "{}", "{\"hex\":\"0\"}", "{\"hex\":\"0g\"}", "{\"hex\":1}", "{\"integer\":\"x\"}",
    "{\"integer\":\"9223372036854775808\"}", "{\"integer\":5}", "{\"real\":\"nan\"}", "{\"pruned\":false}",
    "{\"other\":\"00\"}", "{\"hex\":\"00\",\"hex\":\"00\"}", "{\"hex\":\"00\"", "",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_auto(DimpleJsonReader) reader = { 0 };
      DimpleValue value = { 0 };

      dimple_json_reader_init (&reader, bad[i], strlen (bad[i]));
      g_assert_false (dimple_json_reader_next_value (&reader, &value));
      g_assert_cmpint (dimple_json_reader_next (&reader), ==, DIMPLE_JSON_ERROR);
    }
}

/* Damage anywhere is an error or another document, never a step outside the text. */
static void
test_damaged (void)
{
  static const char json[] = "[{\"table\":\"note\",\"key\":[\"key\"],\"rows\":[[[\"k\\u00e4\\ud83c\\udf88\"],[1,-2.5e3,"
                             "null,{\"hex\":\"00ff\"},true]]]},\"Größe\"]";
  g_autoptr(GRand) rand = g_rand_new_with_seed (seed);

  g_assert_true (is_accepted (json, sizeof json - 1));
  for (gsize size = 0; size < sizeof json - 1; size++)
    g_assert_false (is_accepted (json, size));
  for (int i = 0; i < n_seeds * 100; i++)
    {
      g_autofree char *damaged = g_strdup (json);

      for (int n = g_rand_int_range (rand, 1, 4); n > 0; n--)
        damaged[g_rand_int_range (rand, 0, sizeof json - 1)] = (char) g_rand_int_range (rand, 0, 256);
      is_accepted (damaged, sizeof json - 1);
    }
}

static void
test_unescaped_strings (void)
{
  g_autoptr(GString) json = g_string_new (NULL);

  dimple_json_append_string (json, "a\xff" "b", -1);
  g_assert_cmpstr (json->str, ==, "\"a\xef\xbf\xbd" "b\"");
  g_string_truncate (json, 0);
  dimple_json_append_string (json, "table name", 5);
  g_assert_cmpstr (json->str, ==, "\"table\"");
}

int
main (int   argc,
      char *argv[])
{
  seed = g_random_int ();
  seed = take_option (&argc, argv, "--seed", seed);
  n_seeds = (int) take_option (&argc, argv, "--seeds", (guint) n_seeds);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_message ("--seed=%u --seeds=%d", seed, n_seeds);

  g_test_add_func ("/json/value-texts", test_value_texts);
  g_test_add_func ("/json/nan-is-null", test_nan_is_null);
  g_test_add_func ("/json/smallest-and-largest-reals", test_smallest_and_largest_reals);
  g_test_add_func ("/json/no-locale-in-numbers", test_no_locale_in_numbers);
  g_test_add_func ("/json/random-values", test_random_values);
  g_test_add_func ("/json/against-json-glib", test_against_json_glib);
  g_test_add_func ("/json/malformed", test_malformed);
  g_test_add_func ("/json/depth", test_depth);
  g_test_add_func ("/json/no-value", test_no_value);
  g_test_add_func ("/json/damaged", test_damaged);
  g_test_add_func ("/json/unescaped-strings", test_unescaped_strings);
  return g_test_run ();
}
