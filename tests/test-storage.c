/* test-storage.c: what every kind of storage promises
 *
 * The same cases run against each kind of the table.  Add a kind by a function that makes one; a kind that is not there
 * (a server, say) gives the reason instead, and its cases are skipped with it.
 *
 * A storage may be shared with others, so each case keeps to a prefix of its own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <dimple.h>

#include "dimple-encrypted-storage-private.h"
#include "s3/real-servers.h"

typedef struct _Place Place;

typedef struct
{
  const char *name;
  /* Sets `secret` if there is one; NULL and `reason` if there is no such storage here */
  DimpleStorage *(*make) (Place *place);
} Kind;

struct _Place
{
  DimpleStorage *storage;
  char *base;                   /* the prefix of the case */
  const char *reason;           /* why there is no storage */
  const char *secret;           /* what a description may not show */
  char *folder;                 /* to be removed */
  gsize suffix_length;          /* of what the storage puts behind keys */
  guint page_size;              /* how many keys it lists at once, at most */
};

/* --- Kinds --- */

static DimpleStorage *
make_memory (Place *place)
{
  return dimple_memory_storage_new ();
}

static DimpleStorage *
make_local (Place *place)
{
  g_autoptr (GFile) folder = NULL;

  place->folder = g_dir_make_tmp ("dimple-storage-XXXXXX", NULL);
  g_assert_nonnull (place->folder);
  folder = g_file_new_for_path (place->folder);
  return dimple_local_storage_new (folder);
}

static DimpleStorage *
make_test (Place *place)
{
  g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();

  return dimple_test_storage_new (memory);
}

static DimpleStorage *
make_slow_test (Place *place)
{
  DimpleStorage *storage = make_test (place);

  dimple_test_storage_set_latency (DIMPLE_TEST_STORAGE (storage), 1);
  return storage;
}

static DimpleStorage *
make_encrypted (Place *place)
{
  g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();

  DimpleStorage *storage;

  place->secret = "correct horse";
  place->suffix_length = strlen (".age");
  storage = dimple_encrypted_storage_new (memory, place->secret);
  /* Each case has a storage of its own, and no time for the safe one */
  dimple_encrypted_storage_set_work_factor (DIMPLE_ENCRYPTED_STORAGE (storage), 2);
  return storage;
}

static void
answer_request (DimpleStorageRequest *request,
                GHashTable           *objects)
{
  const char *key = dimple_storage_request_get_key (request);
  const char * const *keys = dimple_storage_request_get_keys (request);
  g_autofree gpointer *all = NULL;
  GBytes *contents;

  switch (dimple_storage_request_get_operation (request))
    {
    case DIMPLE_STORAGE_LIST:
      all = g_hash_table_get_keys_as_array (objects, NULL);
      dimple_storage_request_complete_list (request, (const char * const *) all);
      break;

    case DIMPLE_STORAGE_PUT:
      g_hash_table_replace (objects, g_strdup (key), g_bytes_ref (dimple_storage_request_get_contents (request)));
      dimple_storage_request_complete (request, NULL);
      break;

    case DIMPLE_STORAGE_GET:
      contents = g_hash_table_lookup (objects, key);
      if (contents != NULL)
        dimple_storage_request_complete (request, contents);
      else
        {
          g_autoptr (GError) error = g_error_new (DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND, "No “%s” here.", key);

          dimple_storage_request_fail (request, error);
        }
      break;

    case DIMPLE_STORAGE_REMOVE:
      for (gsize i = 0; keys[i] != NULL; i++)
        g_hash_table_remove (objects, keys[i]);
      dimple_storage_request_complete (request, NULL);
      break;

    default:
      g_assert_not_reached ();
    }
}

static gboolean
on_request (DimpleCustomStorage  *storage,
            DimpleStorageRequest *request,
            gpointer              user_data)
{
  answer_request (request, user_data);
  return TRUE;
}

static DimpleStorage *
make_custom (Place *place)
{
  DimpleStorage *storage = dimple_custom_storage_new ();
  GHashTable *objects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);

  g_signal_connect_data (storage, "request", G_CALLBACK (on_request), objects,
                         (GClosureNotify) (GCallback) g_hash_table_unref, 0);
  return storage;
}

/* `flavor` is that of get_variable() */
static DimpleStorage *
make_s3 (Place      *place,
         const char *flavor,
         const char *endpoint)
{
  if (endpoint == NULL)
    {
      place->reason = "no server: see tests/s3/start-s3";
      return NULL;
    }

  place->secret = get_variable (flavor, "SECRET_KEY");
  return dimple_s3_storage_new (endpoint, NULL, get_variable (flavor, "BUCKET"), get_variable (flavor, "ACCESS_KEY"),
                                place->secret);
}

static DimpleStorage *
make_ceph (Place *place)
{
  return make_s3 (place, "S3", get_variable ("S3", "ENDPOINT"));
}

static DimpleStorage *
make_ceph_with_tls (Place *place)
{
  DimpleStorage *storage = make_s3 (place, "S3", get_variable ("S3", "TLS_ENDPOINT"));
  g_autoptr (GTlsDatabase) authorities = NULL;
  g_autoptr (GError) error = NULL;

  if (storage == NULL)
    return NULL;

  authorities = g_tls_file_database_new (get_variable ("S3", "CA"), &error);
  g_assert_no_error (error);
  g_object_set (storage, "tls-database", authorities, "path-style", FALSE, NULL);
  return storage;
}

static DimpleStorage *
make_swift (Place *place)
{
  /* See PAGE in s3/swift_server.py */
  place->page_size = 100;
  return make_s3 (place, "SWIFT", get_variable ("SWIFT", "ENDPOINT"));
}

static const Kind kinds[] = {
  { "memory", make_memory },
  { "local", make_local },
  { "custom", make_custom },
  { "test", make_test },
  { "test-slow", make_slow_test },
  { "encrypted", make_encrypted },
  { "ceph", make_ceph },
  { "ceph-tls", make_ceph_with_tls },
  { "swift", make_swift },
};

/* --- Helpers --- */

static char *
key_of (Place      *place,
        const char *name)
{
  return g_strconcat (place->base, name, NULL);
}

static void
put (Place      *place,
     const char *key,
     const char *contents)
{
  g_autoptr (GBytes) bytes = g_bytes_new (contents, strlen (contents));
  g_autoptr (GError) error = NULL;

  dimple_storage_put (place->storage, key, bytes, NULL, &error);
  g_assert_no_error (error);
}

static void
put_name (Place      *place,
          const char *name)
{
  g_autofree char *key = key_of (place, name);

  put (place, key, name);
}

static void
assert_contents (Place      *place,
                 const char *key,
                 const char *contents)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = dimple_storage_get (place->storage, key, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), contents, strlen (contents));
}

static void
assert_missing (Place      *place,
                const char *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = dimple_storage_get (place->storage, key, NULL, &error);

  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
  g_assert_null (bytes);
}

/* All names below the base that start with the prefix, page by page, without the base */
static char **
list_names (Place      *place,
            const char *prefix,
            const char *start_after,
            guint      *n_pages)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_autofree char *full_prefix = key_of (place, prefix);
  g_autofree char *last = start_after != NULL ? key_of (place, start_after) : NULL;
  guint pages = 0;

  while (TRUE)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) keys = dimple_storage_list (place->storage, full_prefix, last, NULL, &error);
      guint n_keys;

      g_assert_no_error (error);
      n_keys = g_strv_length (keys);
      g_assert_cmpuint (n_keys, <=, 1000);
      if (n_keys == 0)
        break;

      pages++;
      for (guint i = 0; i < n_keys; i++)
        {
          g_assert_true (g_str_has_prefix (keys[i], full_prefix));
          g_strv_builder_add (names, keys[i] + strlen (place->base));
        }
      g_free (last);
      last = g_strdup (keys[n_keys - 1]);
    }

  if (n_pages != NULL)
    *n_pages = pages;
  return g_strv_builder_end (names);
}

/* `expected` is divided by blanks */
static void
assert_names (Place      *place,
              const char *prefix,
              const char *start_after,
              const char *expected)
{
  g_auto (GStrv) names = list_names (place, prefix, start_after, NULL);
  g_autofree char *joined = g_strjoinv (" ", names);

  g_assert_cmpstr (joined, ==, expected);
}

typedef struct
{
  GPtrArray *results;           /* of GAsyncResult, in the order of their coming */
  guint n_pending;
} Answers;

static void
answers_clear (Answers *self)
{
  g_assert_cmpuint (self->n_pending, ==, 0);
  g_clear_pointer (&self->results, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answers, answers_clear)

static void
on_answer (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Answers *answers = user_data;

  g_assert_cmpuint (answers->n_pending, >, 0);
  answers->n_pending--;
  g_ptr_array_add (answers->results, g_object_ref (result));
}

static void
answers_init (Answers *self,
              guint    n_pending)
{
  self->results = g_ptr_array_new_with_free_func (g_object_unref);
  self->n_pending = n_pending;
}

static void
answers_wait (Answers *self)
{
  while (self->n_pending > 0)
    g_main_context_iteration (NULL, TRUE);
}

/* --- Cases --- */

static void
test_round_trip (Place *place)
{
  g_autofree char *a = key_of (place, "folder/a.json.gz");
  g_autofree char *b = key_of (place, "folder/b.json.gz");
  const char *both[] = { a, b, NULL };
  g_autoptr (GError) error = NULL;

  assert_names (place, "", NULL, "");
  put (place, a, "first");
  put (place, b, "second");
  assert_contents (place, a, "first");
  assert_contents (place, b, "second");
  assert_names (place, "", NULL, "folder/a.json.gz folder/b.json.gz");

  dimple_storage_remove (place->storage, both, NULL, &error);
  g_assert_no_error (error);
  assert_missing (place, a);
  assert_names (place, "", NULL, "");
}

static void
test_overwrite (Place *place)
{
  g_autofree char *key = key_of (place, "again");

  put (place, key, "a long text at first");
  put (place, key, "short");
  assert_contents (place, key, "short");
  put (place, key, "and then a longer one than ever");
  assert_contents (place, key, "and then a longer one than ever");
  assert_names (place, "", NULL, "again");
}

static void
test_empty_object (Place *place)
{
  g_autofree char *key = key_of (place, "empty");

  put (place, key, "");
  assert_contents (place, key, "");
  assert_names (place, "", NULL, "empty");
}

static void
test_large_object (Place *place)
{
  gsize size = 5 * 1024 * 1024;
  g_autofree guint32 *data = g_malloc (size);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GBytes) same = NULL;
  g_autofree char *key = key_of (place, "large");
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < size / sizeof *data; i++)
    data[i] = g_test_rand_int ();
  bytes = g_bytes_new (data, size);

  dimple_storage_put (place->storage, key, bytes, NULL, &error);
  g_assert_no_error (error);
  same = dimple_storage_get (place->storage, key, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, same));
}

static int
compare_strings (gconstpointer a,
                 gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static void
test_awkward_keys (Place *place)
{
  static const char * const awkward[] = {
    "with space", " leading space", "trailing space ", "a+b", "100%", "per%20cent", "%2F", "=41", "=", "a=/b",
    "quote\"s", "apostrophe's", "&amp;", "<tag>", "~tilde", "colon:", "semi;colon", "question?", "star*", "back\\slash",
    "hash#tag", "comma,", "at@", "pipe|", "[brackets]", "{braces}", "(parentheses)", "$dollar", "!bang", "caret^", "`",
    ".leading-dot", "trailing-dot.", "...", "UPPER", "Upper", "upper", "con", "nul.json", "com1", "aux/lpt9.txt",
    "caf\xc3\xa9", "cafe\xcc\x81", "\xe6\x97\xa5\xe6\x9c\xac/\xe8\xaa\x9e", "\xf0\x9f\x97\x92", "\xd0\x9f\xd0\xb8",
    "order/b", "order-b", "order.b", "order0b", "order b",
  };
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) listed = NULL;
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  gsize rest = 1024 - strlen (place->base) - place->suffix_length;

  for (gsize i = 0; i < G_N_ELEMENTS (awkward); i++)
    g_ptr_array_add (names, g_strdup (awkward[i]));
  g_ptr_array_add (names, g_strnfill (rest, 'x'));
  g_ptr_array_add (names, g_strnfill (rest, '.'));
  g_ptr_array_add (names, g_strnfill (rest, 'X'));
  g_ptr_array_add (names, g_strnfill (300, 'x'));

  for (guint i = 0; i < names->len; i++)
    put_name (place, names->pdata[i]);
  for (guint i = 0; i < names->len; i++)
    {
      g_ptr_array_add (keys, key_of (place, names->pdata[i]));
      assert_contents (place, keys->pdata[i], names->pdata[i]);
    }

  g_ptr_array_sort (names, compare_strings);
  listed = list_names (place, "", NULL, NULL);
  for (guint i = 0; i < names->len; i++)
    g_assert_cmpstr (listed[i], ==, names->pdata[i]);
  g_assert_null (listed[names->len]);

  /* Each one is found right after the one before, wherever a listing starts */
  for (guint i = 0; i + 1 < names->len; i++)
    {
      g_autofree char *before = key_of (place, names->pdata[i]);
      g_auto (GStrv) after = dimple_storage_list (place->storage, place->base, before, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (after[0] + strlen (place->base), ==, names->pdata[i + 1]);
    }

  g_ptr_array_add (keys, NULL);
  dimple_storage_remove (place->storage, (const char * const *) keys->pdata, NULL, &error);
  g_assert_no_error (error);
  assert_names (place, "", NULL, "");
}

static void
test_invalid_keys (Place *place)
{
  static const char * const invalid[] = {
    "", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "../a", "a/../b", "a/./b", "a/..", "\xff", "a\xc3",
    "a\nb", "\x7f",
  };
  g_autofree char *too_long = g_strnfill (1025, 'x');
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);

  for (gsize i = 0; i <= G_N_ELEMENTS (invalid); i++)
    {
      const char *key = i < G_N_ELEMENTS (invalid) ? invalid[i] : too_long;
      const char *keys[] = { "fine", key, NULL };
      g_autoptr (GError) put_error = NULL;
      g_autoptr (GError) get_error = NULL;
      g_autoptr (GError) remove_error = NULL;

      g_assert_false (dimple_storage_put (place->storage, key, contents, NULL, &put_error));
      g_assert_error (put_error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
      g_assert_true (g_utf8_validate (put_error->message, -1, NULL));
      g_assert_null (dimple_storage_get (place->storage, key, NULL, &get_error));
      g_assert_error (get_error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
      g_assert_false (dimple_storage_remove (place->storage, keys, NULL, &remove_error));
      g_assert_error (remove_error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
    }
}

static void
test_invalid_prefixes (Place *place)
{
  g_autofree char *too_long = g_strnfill (1025, 'x');
  const char *invalid[] = { too_long, "\xff", "a\xc3" };

  for (gsize i = 0; i < G_N_ELEMENTS (invalid); i++)
    {
      g_autoptr (GError) prefix_error = NULL;
      g_autoptr (GError) start_error = NULL;

      g_assert_null (dimple_storage_list (place->storage, invalid[i], NULL, NULL, &prefix_error));
      g_assert_error (prefix_error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
      g_assert_null (dimple_storage_list (place->storage, NULL, invalid[i], NULL, &start_error));
      g_assert_error (start_error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
    }
}

static void
test_prefixes (Place *place)
{
  static const char * const names[] = { "a", "ab/c", "ab/d", "ab-c", "abc", "b/a/x", "b/b/x", "c" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    put_name (place, names[i]);

  /* Byte order has the dash before the slash, and the slash before letters */
  assert_names (place, "", NULL, "a ab-c ab/c ab/d abc b/a/x b/b/x c");
  assert_names (place, "ab", NULL, "ab-c ab/c ab/d abc");
  assert_names (place, "ab/", NULL, "ab/c ab/d");
  assert_names (place, "b/b", NULL, "b/b/x");
  assert_names (place, "nothing", NULL, "");
  assert_names (place, "ab/c/", NULL, "");

  assert_names (place, "", "ab/c", "ab/d abc b/a/x b/b/x c");
  assert_names (place, "", "ab/", "ab/c ab/d abc b/a/x b/b/x c");
  assert_names (place, "", "ab/cc", "ab/d abc b/a/x b/b/x c");
  assert_names (place, "", "b/a/x/y", "b/b/x c");
  assert_names (place, "", "c", "");
  assert_names (place, "", "z", "");
  assert_names (place, "b/", "a", "b/a/x b/b/x");
  assert_names (place, "b/", "b/a/x", "b/b/x");
  assert_names (place, "ab", "b", "");
}

static void
test_whole_listing (Place *place)
{
  g_autofree char *key = key_of (place, "somewhere");
  g_autofree char *last = NULL;
  gboolean found = FALSE;

  put (place, key, "x");
  while (TRUE)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) keys = dimple_storage_list (place->storage, NULL, last, NULL, &error);
      guint n_keys;

      g_assert_no_error (error);
      n_keys = g_strv_length (keys);
      if (n_keys == 0)
        break;
      found |= g_strv_contains ((const char * const *) keys, key);
      g_free (last);
      last = g_strdup (keys[n_keys - 1]);
    }

  g_assert_true (found);
}

static void
test_many_keys (Place *place)
{
  const guint n_many = place->page_size + 5;
  g_auto (Answers) answers = { NULL };
  g_auto (GStrv) names = NULL;
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  guint n_pages;

  answers_init (&answers, n_many);
  for (guint i = 0; i < n_many; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u/%04u", i % 3, i);
      g_autoptr (GBytes) contents = g_bytes_new (name, strlen (name));

      g_ptr_array_add (keys, key_of (place, name));
      dimple_storage_put_async (place->storage, keys->pdata[i], contents, NULL, on_answer, &answers);
      while (answers.n_pending > n_many - i + 15)
        g_main_context_iteration (NULL, TRUE);
    }
  answers_wait (&answers);
  for (guint i = 0; i < n_many; i++)
    {
      dimple_storage_put_finish (place->storage, answers.results->pdata[i], &error);
      g_assert_no_error (error);
    }

  names = list_names (place, "", NULL, &n_pages);
  g_assert_cmpuint (g_strv_length (names), ==, n_many);
  g_assert_cmpuint (n_pages, >=, 2);
  for (guint i = 0; i + 1 < n_many; i++)
    g_assert_cmpint (strcmp (names[i], names[i + 1]), <, 0);

  g_ptr_array_add (keys, NULL);
  dimple_storage_remove (place->storage, (const char * const *) keys->pdata, NULL, &error);
  g_assert_no_error (error);
  assert_names (place, "", NULL, "");
}

/* A blocking call runs only its own context: it may not wait for what goes on, or has not quite ended, in that of its
 * caller. */
static void
test_block_amid_others (Place *place)
{
  const guint n_others = 12;
  g_autofree char *key = key_of (place, "amid");

  put (place, key, "Amid");
  for (guint round = 0; round < 4; round++)
    {
      g_auto (Answers) answers = { NULL };

      answers_init (&answers, n_others);
      for (guint i = 0; i < n_others; i++)
        dimple_storage_get_async (place->storage, key, NULL, on_answer, &answers);
      /* In the last round the answers are all there, and nothing else has been done since */
      while (answers.n_pending > n_others - round * n_others / 3)
        g_main_context_iteration (NULL, TRUE);
      assert_contents (place, key, "Amid");
      answers_wait (&answers);
      assert_contents (place, key, "Amid");
    }
}

static void
test_missing (Place *place)
{
  g_autofree char *key = key_of (place, "not-there");
  g_autofree char *deep = key_of (place, "no/such/folder/either");
  g_autofree char *there = key_of (place, "there");
  g_autofree char *below = key_of (place, "there/below");
  const char *keys[] = { key, there, deep, NULL };
  const char *none[] = { NULL };
  g_autoptr (GError) error = NULL;

  put (place, there, "x");
  assert_missing (place, key);
  assert_missing (place, deep);
  assert_missing (place, below);

  dimple_storage_remove (place->storage, keys, NULL, &error);
  g_assert_no_error (error);
  assert_missing (place, there);
  dimple_storage_remove (place->storage, keys, NULL, &error);
  g_assert_no_error (error);
  dimple_storage_remove (place->storage, none, NULL, &error);
  g_assert_no_error (error);
}

/* Where keys are paths, a part of one is no object */
static void
test_part_of_a_key (Place *place)
{
  g_autofree char *key = key_of (place, "a/b/c");
  g_autofree char *part = key_of (place, "a/b");
  const char *keys[] = { part, NULL };
  g_autoptr (GError) error = NULL;

  put (place, key, "x");
  assert_missing (place, part);
  dimple_storage_remove (place->storage, keys, NULL, &error);
  g_assert_no_error (error);
  assert_contents (place, key, "x");
}

#define N_CONCURRENT 40

static void
test_concurrent_requests (Place *place)
{
  g_autoptr (GError) error = NULL;

  for (guint round = 0; round < 2; round++)
    {
      g_auto (Answers) answers = { NULL };

      answers_init (&answers, N_CONCURRENT);
      for (guint i = 0; i < N_CONCURRENT; i++)
        {
          g_autofree char *name = g_strdup_printf ("folder-%u/object-%u", i % 7, i);
          g_autofree char *key = key_of (place, name);
          g_autoptr (GBytes) contents = g_bytes_new (name, strlen (name));

          if (round == 0)
            dimple_storage_put_async (place->storage, key, contents, NULL, on_answer, &answers);
          else
            dimple_storage_get_async (place->storage, key, NULL, on_answer, &answers);
        }
      /* Not before the calls have returned */
      g_assert_cmpuint (answers.n_pending, ==, N_CONCURRENT);
      answers_wait (&answers);

      for (guint i = 0; i < N_CONCURRENT; i++)
        {
          g_autoptr (GBytes) contents = NULL;

          if (round == 0)
            dimple_storage_put_finish (place->storage, answers.results->pdata[i], &error);
          else
            contents = dimple_storage_get_finish (place->storage, answers.results->pdata[i], &error);
          g_assert_no_error (error);
        }
    }

  for (guint i = 0; i < N_CONCURRENT; i++)
    {
      g_autofree char *name = g_strdup_printf ("folder-%u/object-%u", i % 7, i);
      g_autofree char *key = key_of (place, name);

      assert_contents (place, key, name);
    }
}

typedef struct
{
  Place *place;
  guint number;
  int *n_running;               /* atomic */
} Worker;

static gpointer
work (gpointer data)
{
  Worker *worker = data;

  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *name = g_strdup_printf ("same-folder/%u-%u", worker->number, i);
      g_autofree char *key = key_of (worker->place, name);

      put (worker->place, key, name);
      assert_contents (worker->place, key, name);
    }

  g_atomic_int_add (worker->n_running, -1);
  g_main_context_wakeup (NULL);
  return NULL;
}

static void
test_threads (Place *place)
{
  Worker workers[4];
  GThread *threads[G_N_ELEMENTS (workers)];
  g_auto (GStrv) names = NULL;
  int n_running = G_N_ELEMENTS (workers);

  for (gsize i = 0; i < G_N_ELEMENTS (workers); i++)
    {
      workers[i] = (Worker) { place, i, &n_running };
      threads[i] = g_thread_new ("worker", work, &workers[i]);
    }
  /* A custom storage answers in this thread */
  while (g_atomic_int_get (&n_running) > 0)
    g_main_context_iteration (NULL, TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (workers); i++)
    g_thread_join (threads[i]);

  names = list_names (place, "same-folder/", NULL, NULL);
  g_assert_cmpuint (g_strv_length (names), ==, 10 * G_N_ELEMENTS (workers));
}

static void
assert_cancelled (GError *error)
{
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_error_free (error);
}

static void
test_cancelled_before (Place *place)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *key = key_of (place, "never");
  const char *keys[] = { key, NULL };
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);
  GError *error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (dimple_storage_list (place->storage, NULL, NULL, cancellable, &error));
  assert_cancelled (g_steal_pointer (&error));
  g_assert_false (dimple_storage_put (place->storage, key, contents, cancellable, &error));
  assert_cancelled (g_steal_pointer (&error));
  g_assert_null (dimple_storage_get (place->storage, key, cancellable, &error));
  assert_cancelled (g_steal_pointer (&error));
  g_assert_false (dimple_storage_remove (place->storage, keys, cancellable, &error));
  assert_cancelled (g_steal_pointer (&error));
  g_assert_false (dimple_storage_check (place->storage, cancellable, &error));
  assert_cancelled (g_steal_pointer (&error));

  assert_missing (place, key);
}

static void
assert_nothing_but_cancelled (const GError *error)
{
  if (error != NULL)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* A request may be done before the cancellation comes; but it is answered once, and the storage goes on to work */
static void
test_cancelled_during (Place *place)
{
  g_autofree guint8 *data = g_malloc0 (1024 * 1024);
  g_autoptr (GBytes) contents = g_bytes_new (data, 1024 * 1024);
  g_autofree char *key = key_of (place, "perhaps");
  g_auto (Answers) puts = { NULL };
  g_auto (Answers) lists = { NULL };

  answers_init (&puts, 10);
  answers_init (&lists, 10);
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();

      dimple_storage_put_async (place->storage, key, contents, cancellable, on_answer, &puts);
      dimple_storage_list_async (place->storage, place->base, NULL, cancellable, on_answer, &lists);
      for (guint turns = 0; turns < i; turns++)
        g_main_context_iteration (NULL, FALSE);
      g_cancellable_cancel (cancellable);
    }
  answers_wait (&puts);
  answers_wait (&lists);

  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (GError) put_error = NULL;
      g_autoptr (GError) list_error = NULL;
      g_auto (GStrv) keys = NULL;

      dimple_storage_put_finish (place->storage, puts.results->pdata[i], &put_error);
      assert_nothing_but_cancelled (put_error);
      keys = dimple_storage_list_finish (place->storage, lists.results->pdata[i], &list_error);
      assert_nothing_but_cancelled (list_error);
    }
  put (place, key, "still alive");
  assert_contents (place, key, "still alive");
}

static void
test_description (Place *place)
{
  g_autofree char *description = dimple_storage_dup_description (place->storage);

  g_assert_cmpstr (description, !=, "");
  g_assert_true (g_utf8_validate (description, -1, NULL));
  if (place->secret != NULL)
    g_assert_null (strstr (description, place->secret));
}

static void
test_check (Place *place)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) left = NULL;

  dimple_storage_check (place->storage, NULL, &error);
  g_assert_no_error (error);

  left = dimple_storage_list (place->storage, "dimple-check", NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (left), ==, 0);
}

/* --- The table --- */

static const struct
{
  const char *name;
  void (*run) (Place *place);
} cases[] = {
  { "round-trip", test_round_trip },
  { "overwrite", test_overwrite },
  { "empty-object", test_empty_object },
  { "large-object", test_large_object },
  { "awkward-keys", test_awkward_keys },
  { "invalid-keys", test_invalid_keys },
  { "invalid-prefixes", test_invalid_prefixes },
  { "prefixes", test_prefixes },
  { "whole-listing", test_whole_listing },
  { "many-keys", test_many_keys },
  { "block-amid-others", test_block_amid_others },
  { "missing", test_missing },
  { "part-of-a-key", test_part_of_a_key },
  { "concurrent-requests", test_concurrent_requests },
  { "threads", test_threads },
  { "cancelled-before", test_cancelled_before },
  { "cancelled-during", test_cancelled_during },
  { "description", test_description },
  { "check", test_check },
};

typedef struct
{
  const Kind *kind;
  void (*run) (Place *place);
} Case;

static void
remove_folder (GFile *folder)
{
  g_autoptr (GFileEnumerator) children = g_file_enumerate_children (folder, G_FILE_ATTRIBUTE_STANDARD_NAME,
                                                                    G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, NULL, NULL);
  GFile *child;

  while (children != NULL && g_file_enumerator_iterate (children, NULL, &child, NULL, NULL) && child != NULL)
    remove_folder (child);
  g_file_delete (folder, NULL, NULL);
}

/* Also for a bucket that other tests use after this one */
static void
remove_objects (Place *place)
{
  while (TRUE)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) keys = dimple_storage_list (place->storage, place->base, NULL, NULL, &error);

      g_assert_no_error (error);
      if (keys[0] == NULL)
        break;
      dimple_storage_remove (place->storage, (const char * const *) keys, NULL, &error);
      g_assert_no_error (error);
    }
}

static void
run_case (gconstpointer data)
{
  const Case *test_case = data;
  Place place = { .page_size = 1000 };
  g_autofree char *uuid = g_uuid_string_random ();

  place.storage = test_case->kind->make (&place);
  if (place.storage == NULL)
    {
      g_test_skip (place.reason);
      return;
    }

  place.base = g_strdup_printf ("test-%s/", uuid);
  test_case->run (&place);
  remove_objects (&place);

  g_object_unref (place.storage);
  if (place.folder != NULL)
    {
      g_autoptr (GFile) folder = g_file_new_for_path (place.folder);

      remove_folder (folder);
    }
  g_free (place.folder);
  g_free (place.base);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (cases); j++)
      {
        g_autofree char *path = g_strdup_printf ("/storage/%s/%s", kinds[i].name, cases[j].name);
        Case *test_case = g_new (Case, 1);

        *test_case = (Case) { &kinds[i], cases[j].run };
        g_test_add_data_func_full (path, test_case, run_case, g_free);
      }

  return g_test_run ();
}
