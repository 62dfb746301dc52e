/* test-encrypted-storage.c: what an encrypted storage adds to the one beneath it
 *
 * That it is a storage at all is tested with all others in test-storage.c.  Work factors are small here, but where the
 * `age` command takes part.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <dimple.h>
#include <glib/gstdio.h>

#include "age-command.h"
#include "dimple-age-private.h"
#include "dimple-encrypted-storage-private.h"

#define PASSPHRASE   "correct horse"
#define WORK_FACTOR  2
#define PACK         "changes/a/1_2.json.gz"
#define MARKER       "dimple/0190163d-8694-739b-aea5-966c26f8ad91.json"
#define MARKER_TEXT  "{\"format\":1,\"encryption\":\"age\"}"
#define CLEAR_MARKER "{\"format\":1,\"encryption\":null}"

/* --- Helpers --- */

static DimpleStorage *
open_storage (DimpleStorage *inner,
              const char    *passphrase)
{
  DimpleStorage *storage = dimple_encrypted_storage_new (inner, passphrase);

  dimple_encrypted_storage_set_work_factor (DIMPLE_ENCRYPTED_STORAGE (storage), WORK_FACTOR);
  return storage;
}

static void
put (DimpleStorage *storage,
     const char    *key,
     const char    *text)
{
  g_autoptr (GBytes) contents = g_bytes_new (text, strlen (text));
  g_autoptr (GError) error = NULL;

  dimple_storage_put (storage, key, contents, NULL, &error);
  g_assert_no_error (error);
}

static void
assert_get (DimpleStorage *storage,
            const char    *key,
            const char    *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) contents = dimple_storage_get (storage, key, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (contents, NULL), g_bytes_get_size (contents), expected, strlen (expected));
}

static void
assert_get_fails (DimpleStorage *storage,
                  const char    *key,
                  int            code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dimple_storage_get (storage, key, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, code);
  g_assert_nonnull (strstr (error->message, code == DIMPLE_ERROR_BAD_PACK ? key : ""));
  g_assert_null (strstr (error->message, PASSPHRASE));
}

/* All keys, by as many pages as it takes */
static char *
list_all (DimpleStorage *storage,
          const char    *prefix)
{
  g_autoptr (GString) all = g_string_new (NULL);
  g_autofree char *last = NULL;

  while (TRUE)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) keys = dimple_storage_list (storage, prefix, last, NULL, &error);

      g_assert_no_error (error);
      if (keys[0] == NULL)
        return g_string_free (g_steal_pointer (&all), FALSE);
      for (gsize i = 0; keys[i] != NULL; i++)
        g_string_append_printf (all, "%s ", keys[i]);
      g_free (last);
      last = g_strdup (keys[g_strv_length (keys) - 1]);
    }
}

static void
assert_list (DimpleStorage *storage,
             const char    *prefix,
             const char    *expected)
{
  g_autofree char *all = list_all (storage, prefix);

  g_assert_cmpstr (all, ==, expected);
}

static guint
count_keys (DimpleStorage *storage,
            const char    *prefix)
{
  g_autofree char *all = list_all (storage, prefix);
  guint n = 0;

  for (const char *c = all; *c != '\0'; c++)
    n += *c == ' ';
  return n;
}

static char *
first_identity (DimpleStorage *inner)
{
  g_autofree char *all = list_all (inner, "identities/");

  return g_strndup (all, strcspn (all, " "));
}

static void
copy_object (DimpleStorage *from,
             DimpleStorage *to,
             const char    *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) contents = dimple_storage_get (from, key, NULL, &error);

  g_assert_no_error (error);
  dimple_storage_put (to, key, contents, NULL, &error);
  g_assert_no_error (error);
}

static void
remove_object (DimpleStorage *storage,
               const char    *key)
{
  const char * const keys[] = { key, NULL };
  g_autoptr (GError) error = NULL;

  dimple_storage_remove (storage, keys, NULL, &error);
  g_assert_no_error (error);
}

static gboolean
change_passphrase (DimpleStorage  *storage,
                   const char     *passphrase,
                   GError        **error)
{
  return dimple_encrypted_storage_change_passphrase (DIMPLE_ENCRYPTED_STORAGE (storage), passphrase, NULL, error);
}

/* --- What is where --- */

static void
test_names (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) wrapped = NULL;
  g_autofree char *identity = NULL;
  g_autofree char *names = NULL;
  g_autofree char *expected = NULL;
  g_autofree char *description = NULL;
  g_autoptr (GError) error = NULL;

  put (storage, MARKER, MARKER_TEXT);
  put (storage, PACK, "pack");
  put (storage, "other.age", "other");
  put (inner, "README.txt", "somebody else's");
  put (inner, MARKER ".age", "somebody else's");
  put (inner, ".age", "somebody else's");

  identity = first_identity (inner);
  names = list_all (inner, "");
  expected = g_strdup_printf (".age README.txt " PACK ".age " MARKER " " MARKER ".age %s other.age.age ", identity);
  g_assert_cmpstr (names, ==, expected);
  assert_list (storage, "", PACK " " MARKER " other.age ");
  assert_list (storage, "changes/", PACK " ");
  assert_list (storage, "other.age.", "");
  assert_list (storage, "identities/", "");

  assert_get (inner, MARKER, MARKER_TEXT);
  assert_get (storage, MARKER, MARKER_TEXT);
  assert_get (storage, PACK, "pack");
  assert_get_fails (storage, PACK ".age", DIMPLE_ERROR_NOT_FOUND);
  assert_get_fails (storage, "README.txt", DIMPLE_ERROR_NOT_FOUND);

  remove_object (storage, PACK);
  remove_object (storage, MARKER);
  assert_list (storage, "", "other.age ");

  g_object_get (storage, "storage", &wrapped, NULL);
  g_assert_true (wrapped == inner);
  description = dimple_storage_dup_description (storage);
  g_assert_cmpstr (description, ==, "Memory of this program, encrypted");
  g_assert_true (dimple_storage_check (storage, NULL, &error));
  g_assert_no_error (error);
}

/* What prints an object's properties finds no secret */
static void
test_properties (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  guint n_properties;
  g_autofree GParamSpec **properties = g_object_class_list_properties (G_OBJECT_GET_CLASS (storage), &n_properties);

  g_assert_cmpuint (n_properties, ==, 1);
  g_assert_cmpstr (properties[0]->name, ==, "storage");
}

static void
test_reserved_names (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (GBytes) contents = g_bytes_new ("x", 1);
  const char * const keys[] = { "a", "identities/a", NULL };
  g_autoptr (GError) error = NULL;

  g_assert_false (dimple_storage_put (storage, "identities/a", contents, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
  g_clear_error (&error);
  g_assert_false (dimple_storage_remove (storage, keys, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
  assert_get_fails (storage, "identities/a", DIMPLE_ERROR_PARAMETERS);
  assert_list (inner, "", "");
}

static void
on_keys (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (DimpleStorageRequest) request = user_data;
  g_auto (GStrv) keys = dimple_storage_list_finish (DIMPLE_STORAGE (source), result, NULL);
  guint page_size = GPOINTER_TO_UINT (g_object_get_data (source, "page-size"));

  for (guint i = g_strv_length (keys); i > page_size; i--)
    g_clear_pointer (&keys[i - 1], g_free);
  dimple_storage_request_complete_list (request, (const char * const *) keys);
}

static gboolean
on_list_request (DimpleStorage        *storage,
                 DimpleStorageRequest *request,
                 gpointer              user_data)
{
  if (dimple_storage_request_get_operation (request) != DIMPLE_STORAGE_LIST)
    return FALSE;

  dimple_storage_list_async (user_data, dimple_storage_request_get_key (request),
                             dimple_storage_request_get_start_after (request), NULL, on_keys, g_object_ref (request));
  return TRUE;
}

/* Names and their keys sort differently: each page has to be right whatever its size */
static void
test_order (void)
{
  static const char * const keys[] = {
    "a", "a b", "a!", "a-b", "a-b/c", "a.b", "a.age", "a/b", "a/b-c", "a0", "ab", "ab-", "b", "b-c-d", "b-c", "b--",
  };
  static const char * const prefixes[] = { "", "a", "a-", "a.", "a/b", "b-c" };
  g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) clear = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) writer = open_storage (memory, PASSPHRASE);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      put (writer, keys[i], "x");
      put (clear, keys[i], "x");
    }

  for (guint page_size = 1; page_size < 8; page_size++)
    {
      g_autoptr (DimpleStorage) custom = dimple_custom_storage_new ();
      g_autoptr (DimpleStorage) storage = open_storage (custom, PASSPHRASE);

      g_object_set_data (G_OBJECT (memory), "page-size", GUINT_TO_POINTER (page_size));
      g_signal_connect (custom, "request", G_CALLBACK (on_list_request), memory);
      for (gsize i = 0; i < G_N_ELEMENTS (prefixes); i++)
        {
          g_autofree char *expected = list_all (clear, prefixes[i]);

          assert_list (storage, prefixes[i], expected);
        }
      for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
        {
          g_auto (GStrv) expected = dimple_storage_list (clear, NULL, keys[i], NULL, NULL);
          g_auto (GStrv) found = dimple_storage_list (storage, NULL, keys[i], NULL, NULL);

          g_assert_cmpstr (found[0], ==, expected[0]);
        }
    }
}

/* A page that is not full is the last one: sync relies on it, so that one with nothing to do is one request */
static void
test_full_pages (void)
{
  g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) inner = dimple_test_storage_new (memory);
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_auto (GStrv) page = NULL;
  g_autofree char *last = NULL;
  g_autoptr (GError) error = NULL;
  guint n_requests;

  put (storage, PACK, "pack");
  put (storage, MARKER, MARKER_TEXT);
  n_requests = dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (inner));
  page = dimple_storage_list (storage, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (page), ==, 2);
  g_assert_cmpuint (dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (inner)), ==, n_requests + 1);

  for (guint i = 0; i < 2500; i++)
    {
      g_autofree char *name = g_strdup_printf ("changes/0190163d-8694-739b-aea5-966c26f8ad91/%04u.json.gz.age", i);

      put (memory, name, "x");
      if (i % 10 == 0)
        {
          g_autofree char *foreign = g_strdup_printf ("changes/0190163d-8694-739b-aea5-966c26f8ad91/%04u.tmp", i);

          put (memory, foreign, "x");
        }
    }
  for (guint i = 0; i < 3; i++)
    {
      g_clear_pointer (&page, g_strfreev);
      page = dimple_storage_list (storage, NULL, last, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_strv_length (page), ==, i < 2 ? 1000 : 502);
      g_free (last);
      last = g_strdup (page[g_strv_length (page) - 1]);
    }
}

/* --- The identity --- */

static void
test_scrypt_once (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  guint n_runs = dimple_age_get_n_scrypt_runs ();

  for (guint session = 0; session < 3; session++)
    {
      g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);

      for (guint i = 0; i < 20; i++)
        {
          g_autofree char *key = g_strdup_printf ("changes/a/%u.json.gz", i);

          put (storage, key, key);
          assert_get (storage, key, key);
        }
      /* Making the identity is one run, and so is opening it */
      g_assert_cmpuint (dimple_age_get_n_scrypt_runs (), ==, n_runs + session + 1);
    }
  g_assert_cmpuint (count_keys (inner, "identities/"), ==, 1);
}

typedef struct
{
  guint n_pending;
  guint n_cancelled;
} Calls;

static void
on_put (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  Calls *calls = user_data;
  g_autoptr (GError) error = NULL;

  dimple_storage_put_finish (DIMPLE_STORAGE (source), result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    calls->n_cancelled++;
  else
    g_assert_no_error (error);
  calls->n_pending--;
}

static void
put_async (DimpleStorage *storage,
           guint          number,
           GCancellable  *cancellable,
           Calls         *calls)
{
  g_autofree char *key = g_strdup_printf ("changes/a/%u.json.gz", number);
  g_autoptr (GBytes) contents = g_bytes_new (key, strlen (key));

  calls->n_pending++;
  dimple_storage_put_async (storage, key, contents, cancellable, on_put, calls);
}

/* Twenty that need an identity at once make one, also if the first is cancelled */
static void
test_at_once (gconstpointer cancels)
{
  g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) inner = dimple_test_storage_new (memory);
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Calls calls = { 0 };
  guint n_runs = dimple_age_get_n_scrypt_runs ();

  dimple_test_storage_set_latency (DIMPLE_TEST_STORAGE (inner), 2);
  for (guint i = 0; i < 20; i++)
    put_async (storage, i, i == 0 ? cancellable : NULL, &calls);
  if (cancels)
    g_cancellable_cancel (cancellable);
  while (calls.n_pending > 0)
    g_main_context_iteration (NULL, TRUE);

  g_assert_cmpuint (calls.n_cancelled, ==, cancels ? 1 : 0);
  g_assert_cmpuint (dimple_age_get_n_scrypt_runs (), ==, n_runs + 1);
  g_assert_cmpuint (count_keys (memory, "identities/"), ==, 1);
  g_assert_cmpuint (count_keys (memory, "changes/"), ==, cancels ? 19 : 20);
}

/* The call that leads cannot go on while its thread waits for another one */
static void
test_blocking_call_meanwhile (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  Calls calls = { 0 };

  put_async (storage, 1, NULL, &calls);
  put (storage, "changes/a/2.json.gz", "two");
  while (calls.n_pending > 0)
    g_main_context_iteration (NULL, TRUE);

  assert_get (storage, "changes/a/1.json.gz", "changes/a/1.json.gz");
  assert_get (storage, "changes/a/2.json.gz", "two");
}

static gboolean
on_turn (gpointer user_data)
{
  (*(guint *) user_data)++;
  return G_SOURCE_CONTINUE;
}

static void
test_main_loop_runs (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = dimple_encrypted_storage_new (inner, PASSPHRASE);
  Calls calls = { 0 };
  guint n_turns = 0;
  guint id = g_timeout_add (1, on_turn, &n_turns);

  dimple_encrypted_storage_set_work_factor (DIMPLE_ENCRYPTED_STORAGE (storage), 16);
  put_async (storage, 1, NULL, &calls);
  while (calls.n_pending > 0)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (id);

  /* On the main thread, scrypt would leave it a turn or two */
  g_assert_cmpuint (n_turns, >, 5);
}

static void
test_two_devices (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) elsewhere = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) first = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) second = open_storage (elsewhere, PASSPHRASE);
  g_autoptr (DimpleStorage) third = NULL;
  g_autoptr (DimpleStorage) fourth = NULL;
  g_autofree char *first_name = NULL;
  g_autofree char *second_name = NULL;

  put (first, "changes/a/1.json.gz", "of the first");
  put (second, "changes/b/1.json.gz", "of the second");
  first_name = first_identity (inner);
  second_name = first_identity (elsewhere);
  g_assert_cmpstr (first_name, <, second_name);
  copy_object (elsewhere, inner, second_name);
  copy_object (elsewhere, inner, "changes/b/1.json.gz.age");

  /* The first one has read the identities before there was the other one */
  assert_get (first, "changes/b/1.json.gz", "of the second");
  assert_get (first, "changes/a/1.json.gz", "of the first");

  third = open_storage (inner, PASSPHRASE);
  assert_get (third, "changes/a/1.json.gz", "of the first");
  assert_get (third, "changes/b/1.json.gz", "of the second");
  put (third, "changes/c/1.json.gz", "of the third");

  /* It is sealed for the smallest id */
  remove_object (inner, second_name);
  fourth = open_storage (inner, PASSPHRASE);
  assert_get (fourth, "changes/c/1.json.gz", "of the third");
  assert_get_fails (fourth, "changes/b/1.json.gz", DIMPLE_ERROR_PASSPHRASE);
}

static void
test_wrong_passphrase (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) wrong = open_storage (inner, "incorrect horse");
  g_autoptr (GBytes) contents = g_bytes_new ("x", 1);
  const char * const keys[] = { PACK, NULL };
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  g_autoptr (GError) error = NULL;
  guint n_runs;

  put (storage, PACK, "pack");
  before = list_all (inner, "");
  n_runs = dimple_age_get_n_scrypt_runs ();

  assert_get_fails (wrong, PACK, DIMPLE_ERROR_PASSPHRASE);
  g_assert_false (dimple_storage_put (wrong, "changes/b/1.json.gz", contents, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE);
  g_clear_error (&error);
  g_assert_false (dimple_storage_put (wrong, MARKER, contents, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE);
  g_clear_error (&error);
  g_assert_false (dimple_storage_remove (wrong, keys, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE);
  g_clear_error (&error);
  g_assert_false (change_passphrase (wrong, "another", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE);
  g_clear_error (&error);
  g_assert_false (dimple_storage_check (wrong, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE);

  after = list_all (inner, "");
  g_assert_cmpstr (after, ==, before);
  /* It was tried once, not six times */
  g_assert_cmpuint (dimple_age_get_n_scrypt_runs (), ==, n_runs + 1);
}

static void
test_identity_text (void)
{
  static const char * const bad[] = { "", "AGE-SECRET-KEY-1", "correct horse" };
  g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) inner = dimple_test_storage_new (memory);
  g_autoptr (DimpleAgeIdentity) identity = dimple_age_identity_generate (NULL);
  g_autoptr (DimpleAgeIdentity) other = dimple_age_identity_generate (NULL);
  g_autoptr (DimpleStorage) storage = NULL;
  g_autoptr (DimpleStorage) stranger = NULL;
  g_autoptr (DimpleStorage) by_passphrase = NULL;
  g_autoptr (GError) error = NULL;
  char text[128];

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_null (dimple_encrypted_storage_new_for_identity (inner, bad[i], &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE);
      g_clear_error (&error);
    }

  dimple_age_identity_write_text (identity, text, sizeof text);
  storage = dimple_encrypted_storage_new_for_identity (inner, text, &error);
  g_assert_no_error (error);
  put (storage, PACK, "pack");
  assert_get (storage, PACK, "pack");
  assert_list (memory, "", PACK ".age ");
  /* Nothing but what was asked for */
  g_assert_cmpuint (dimple_test_storage_get_n_requests (DIMPLE_TEST_STORAGE (inner)), ==, 2);

  dimple_age_identity_write_text (other, text, sizeof text);
  stranger = dimple_encrypted_storage_new_for_identity (inner, text, &error);
  g_assert_no_error (error);
  assert_get_fails (stranger, PACK, DIMPLE_ERROR_PASSPHRASE);

  /* Who has the identity can give the repository a passphrase */
  dimple_encrypted_storage_set_work_factor (DIMPLE_ENCRYPTED_STORAGE (storage), WORK_FACTOR);
  g_assert_true (change_passphrase (storage, PASSPHRASE, &error));
  g_assert_no_error (error);
  by_passphrase = open_storage (inner, PASSPHRASE);
  assert_get (by_passphrase, PACK, "pack");
}

/* --- Changing the passphrase --- */

static void
test_change_passphrase (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) other = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) old = NULL;
  g_autoptr (DimpleStorage) new = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  g_autoptr (GError) error = NULL;

  put (storage, PACK, "pack");
  assert_get (other, PACK, "pack");
  before = first_identity (inner);
  g_assert_true (change_passphrase (storage, "new", &error));
  g_assert_no_error (error);
  after = first_identity (inner);
  g_assert_cmpstr (after, !=, before);
  g_assert_cmpuint (count_keys (inner, "identities/"), ==, 1);

  put (storage, "changes/a/2.json.gz", "after");
  /* A device in mid-session goes on; when it starts again, it asks for the passphrase */
  assert_get (other, "changes/a/2.json.gz", "after");
  old = open_storage (inner, PASSPHRASE);
  assert_get_fails (old, PACK, DIMPLE_ERROR_PASSPHRASE);
  new = open_storage (inner, "new");
  assert_get (new, PACK, "pack");
  assert_get (new, "changes/a/2.json.gz", "after");

  g_assert_true (change_passphrase (new, PASSPHRASE, &error));
  g_assert_no_error (error);
  g_clear_object (&old);
  old = open_storage (inner, PASSPHRASE);
  assert_get (old, PACK, "pack");
}

static void
test_change_passphrase_of_two (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) elsewhere = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) first = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) second = open_storage (elsewhere, PASSPHRASE);
  g_autoptr (DimpleStorage) new = NULL;
  g_autofree char *second_name = NULL;
  g_autoptr (GError) error = NULL;
  guint n_runs;

  put (first, "changes/a/1.json.gz", "of the first");
  put (second, "changes/b/1.json.gz", "of the second");
  second_name = first_identity (elsewhere);
  copy_object (elsewhere, inner, second_name);
  copy_object (elsewhere, inner, "changes/b/1.json.gz.age");

  /* It has not seen the other identity yet, and has to take it along */
  g_assert_true (change_passphrase (first, "new", &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count_keys (inner, "identities/"), ==, 1);

  n_runs = dimple_age_get_n_scrypt_runs ();
  new = open_storage (inner, "new");
  assert_get (new, "changes/a/1.json.gz", "of the first");
  assert_get (new, "changes/b/1.json.gz", "of the second");
  g_assert_cmpuint (dimple_age_get_n_scrypt_runs (), ==, n_runs + 1);
}

/* Wherever it fails, one of the passphrases opens everything, and trying again ends it */
static void
test_change_passphrase_fails (void)
{
  static const struct
  {
    DimpleStorageOperation operation;
    guint after;
    gboolean applied;
  } faults[] = {
    { DIMPLE_STORAGE_LIST, 0, FALSE },
    { DIMPLE_STORAGE_PUT, 0, FALSE },
    { DIMPLE_STORAGE_PUT, 0, TRUE },
    { DIMPLE_STORAGE_GET, 0, FALSE },
    { DIMPLE_STORAGE_REMOVE, 0, FALSE },
    { DIMPLE_STORAGE_REMOVE, 0, TRUE },
  };
  g_autoptr (GError) fault = g_error_new_literal (DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE, "No network.");

  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (DimpleStorage) memory = dimple_memory_storage_new ();
      g_autoptr (DimpleStorage) inner = dimple_test_storage_new (memory);
      g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
      g_autoptr (DimpleStorage) old = NULL;
      g_autoptr (DimpleStorage) new = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("fault %" G_GSIZE_FORMAT, i);
      put (storage, PACK, "pack");
      dimple_test_storage_fail (DIMPLE_TEST_STORAGE (inner), faults[i].operation, faults[i].after, faults[i].applied,
                                fault);
      g_assert_false (change_passphrase (storage, "second", &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_OFFLINE);
      g_clear_error (&error);
      assert_get (storage, PACK, "pack");
      old = open_storage (memory, faults[i].operation == DIMPLE_STORAGE_REMOVE && faults[i].applied ? "second" : PASSPHRASE);
      assert_get (old, PACK, "pack");

      g_assert_true (change_passphrase (storage, "third", &error));
      g_assert_no_error (error);
      g_assert_cmpuint (count_keys (memory, "identities/"), ==, 1);
      new = open_storage (memory, "third");
      assert_get (new, PACK, "pack");
    }
}

static gboolean
on_lossy_request (DimpleStorage        *storage,
                  DimpleStorageRequest *request,
                  gpointer              user_data)
{
  GHashTable *objects = user_data;
  const char *key = dimple_storage_request_get_key (request);
  g_autofree gpointer *all = NULL;
  g_autoptr (GBytes) nothing = g_bytes_new_static ("", 0);
  const char * const *keys = dimple_storage_request_get_keys (request);

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
      dimple_storage_request_complete (request, nothing);
      break;

    case DIMPLE_STORAGE_REMOVE:
      for (gsize i = 0; keys[i] != NULL; i++)
        g_hash_table_remove (objects, keys[i]);
      dimple_storage_request_complete (request, NULL);
      break;

    default:
      g_assert_not_reached ();
    }
  return TRUE;
}

/* What cannot be read back replaces nothing */
static void
test_change_passphrase_not_kept (void)
{
  g_autoptr (GHashTable) objects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                          (GDestroyNotify) g_bytes_unref);
  g_autoptr (DimpleStorage) custom = dimple_custom_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (custom, PASSPHRASE);
  g_autoptr (GError) error = NULL;

  g_signal_connect (custom, "request", G_CALLBACK (on_lossy_request), objects);
  put (storage, PACK, "pack");
  g_assert_false (change_passphrase (storage, "new", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
  g_assert_cmpuint (g_hash_table_size (objects), ==, 3);
}

/* --- Mixed and damaged repositories --- */

static void
test_mixed (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (GError) error = NULL;

  put (storage, PACK, "pack");
  put (inner, "changes/a/3.json.gz.age", "{}");
  assert_get_fails (storage, "changes/a/3.json.gz", DIMPLE_ERROR_ENCRYPTION);
  put (inner, "changes/a/4.json.gz", "{}");
  g_assert_null (dimple_storage_list (storage, NULL, NULL, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION);
  g_assert_nonnull (strstr (error->message, "changes/a/4.json.gz"));
}

/* No identity gets into a repository that is not encrypted */
static void
test_clear_repository (void)
{
  static const char * const markers[] = { CLEAR_MARKER, "{\"format\":1}", "damaged", "", "[]" };
  g_autoptr (GBytes) contents = g_bytes_new ("x", 1);

  for (gsize i = 0; i < G_N_ELEMENTS (markers); i++)
    {
      g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
      g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
      g_autoptr (GError) error = NULL;

      put (inner, MARKER, markers[i]);
      g_assert_false (dimple_storage_put (storage, PACK, contents, NULL, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION);
      g_clear_error (&error);
      g_assert_false (dimple_storage_check (storage, NULL, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_ENCRYPTION);
      assert_list (inner, "", MARKER " ");
    }
}

static void
test_marker_of_age (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);

  put (inner, MARKER, MARKER_TEXT);
  put (storage, PACK, "pack");
  assert_get (storage, PACK, "pack");
}

static void
test_damaged (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (GBytes) sealed = NULL;
  g_autoptr (GBytes) cut = NULL;
  g_autoptr (GError) error = NULL;

  put (storage, PACK, "pack");
  sealed = dimple_storage_get (inner, PACK ".age", NULL, &error);
  g_assert_no_error (error);
  cut = g_bytes_new_from_bytes (sealed, 0, g_bytes_get_size (sealed) - 1);
  dimple_storage_put (inner, PACK ".age", cut, NULL, &error);
  g_assert_no_error (error);
  assert_get_fails (storage, PACK, DIMPLE_ERROR_BAD_PACK);
}

static void
test_damaged_identity (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) again = NULL;
  g_autoptr (DimpleStorage) without = NULL;
  g_autofree char *name = NULL;
  g_autoptr (GBytes) contents = g_bytes_new ("x", 1);
  g_autoptr (GError) error = NULL;

  put (storage, PACK, "pack");
  name = first_identity (inner);
  put (inner, "identities/damaged.age", "age-encryption.org/v1\n-> scr");
  put (inner, "identities/README", "somebody else's");

  /* Beside one that is good it does no harm */
  again = open_storage (inner, PASSPHRASE);
  assert_get (again, PACK, "pack");

  remove_object (inner, name);
  without = open_storage (inner, PASSPHRASE);
  g_assert_false (dimple_storage_put (without, PACK, contents, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK);
  g_assert_nonnull (strstr (error->message, "identities/damaged.age"));
}

static void
test_too_many_identities (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);

  for (guint i = 0; i < 65; i++)
    {
      g_autofree char *name = g_strdup_printf ("identities/%u.age", i);

      put (inner, name, "x");
    }
  assert_get_fails (storage, PACK, DIMPLE_ERROR_STORAGE);
}

static void
test_sealed_by_passphrase (void)
{
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);
  g_autoptr (DimpleStorage) wrong = open_storage (inner, "wrong");
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_recipient_new_for_passphrase (PASSPHRASE, WORK_FACTOR);
  g_autoptr (GBytes) contents = g_bytes_new ("pack", 4);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) sealed = dimple_age_seal (contents, &recipient, 1, &error);

  g_assert_no_error (error);
  dimple_storage_put (inner, PACK ".age", sealed, NULL, &error);
  g_assert_no_error (error);

  /* In a repository without an identity, and in one with one */
  assert_get (storage, PACK, "pack");
  assert_get_fails (wrong, PACK, DIMPLE_ERROR_PASSPHRASE);
  g_assert_cmpuint (count_keys (inner, "identities/"), ==, 0);
  put (storage, "changes/a/2.json.gz", "two");
  assert_get (storage, PACK, "pack");
}

/* A large object, and one of every size around a chunk */
static void
test_sizes (void)
{
  static const gsize sizes[] = { 0, 1, 65535, 65536, 65537, 5 * 1024 * 1024 };
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = open_storage (inner, PASSPHRASE);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) contents = g_bytes_new_take (g_strnfill (sizes[i], 'x'), sizes[i]);
      g_autoptr (GBytes) opened = NULL;
      g_autoptr (GError) error = NULL;

      dimple_storage_put (storage, PACK, contents, NULL, &error);
      g_assert_no_error (error);
      opened = dimple_storage_get (storage, PACK, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (opened, contents));
    }
}

/* --- Stock tools --- */

/* What doc/security.md says: the identity by the passphrase, and by the identity everything else */
static void
test_stock_age (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dimple-age-XXXXXX", NULL);
  g_autofree char *identity_path = g_build_filename (folder, "identity.age", NULL);
  g_autofree char *key_path = g_build_filename (folder, "key.txt", NULL);
  g_autofree char *pack_path = g_build_filename (folder, "pack.age", NULL);
  g_autofree char *plain_path = g_build_filename (folder, "plain", NULL);
  const char * const open_identity[] = { "age", "-d", "-o", key_path, identity_path, NULL };
  const char * const open_pack[] = { "age", "-d", "-i", key_path, pack_path, NULL };
  const char * const print_recipient[] = { "age-keygen", "-y", key_path, NULL };
  g_autoptr (DimpleStorage) inner = dimple_memory_storage_new ();
  g_autoptr (DimpleStorage) storage = dimple_encrypted_storage_new (inner, PASSPHRASE);
  g_autofree char *name = NULL;
  g_autofree char *recipient = NULL;
  g_autoptr (GBytes) identity = NULL;
  g_autoptr (GBytes) pack = NULL;
  g_autoptr (GBytes) opened = NULL;
  g_autoptr (GBytes) output = NULL;
  g_autoptr (GBytes) plaintext = g_bytes_new ("written by age", strlen ("written by age"));
  g_autoptr (GBytes) sealed = NULL;

  if (!age_command_is_there ())
    {
      g_rmdir (folder);
      return;
    }

  put (storage, PACK, "pack");
  name = first_identity (inner);
  identity = dimple_storage_get (inner, name, NULL, NULL);
  pack = dimple_storage_get (inner, PACK ".age", NULL, NULL);
  age_command_write (identity_path, identity);
  age_command_write (pack_path, pack);
  g_assert_true (age_command_run_with_passphrase (open_identity, PASSPHRASE));
  g_assert_true (age_command_run (open_pack, &opened));
  g_assert_cmpmem (g_bytes_get_data (opened, NULL), g_bytes_get_size (opened), "pack", 4);

  g_assert_true (age_command_run (print_recipient, &output));
  recipient = g_strndup (g_bytes_get_data (output, NULL), g_bytes_get_size (output));
  g_strstrip (recipient);
  age_command_write (plain_path, plaintext);
  {
    const char * const seal_pack[] = { "age", "-r", recipient, "-o", pack_path, plain_path, NULL };

    g_assert_true (age_command_run (seal_pack, NULL));
  }
  sealed = age_command_read (pack_path);
  dimple_storage_put (inner, "changes/b/1.json.gz.age", sealed, NULL, NULL);
  assert_get (storage, "changes/b/1.json.gz", "written by age");

  g_unlink (identity_path);
  g_unlink (key_path);
  g_unlink (pack_path);
  g_unlink (plain_path);
  g_rmdir (folder);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/encrypted-storage/names", test_names);
  g_test_add_func ("/encrypted-storage/properties", test_properties);
  g_test_add_func ("/encrypted-storage/reserved-names", test_reserved_names);
  g_test_add_func ("/encrypted-storage/order", test_order);
  g_test_add_func ("/encrypted-storage/full-pages", test_full_pages);
  g_test_add_func ("/encrypted-storage/scrypt-once", test_scrypt_once);
  g_test_add_data_func ("/encrypted-storage/at-once", GINT_TO_POINTER (FALSE), test_at_once);
  g_test_add_data_func ("/encrypted-storage/at-once-cancelled", GINT_TO_POINTER (TRUE), test_at_once);
  g_test_add_func ("/encrypted-storage/blocking-call-meanwhile", test_blocking_call_meanwhile);
  g_test_add_func ("/encrypted-storage/main-loop-runs", test_main_loop_runs);
  g_test_add_func ("/encrypted-storage/two-devices", test_two_devices);
  g_test_add_func ("/encrypted-storage/wrong-passphrase", test_wrong_passphrase);
  g_test_add_func ("/encrypted-storage/identity-text", test_identity_text);
  g_test_add_func ("/encrypted-storage/change-passphrase", test_change_passphrase);
  g_test_add_func ("/encrypted-storage/change-passphrase-of-two", test_change_passphrase_of_two);
  g_test_add_func ("/encrypted-storage/change-passphrase-fails", test_change_passphrase_fails);
  g_test_add_func ("/encrypted-storage/change-passphrase-not-kept", test_change_passphrase_not_kept);
  g_test_add_func ("/encrypted-storage/mixed", test_mixed);
  g_test_add_func ("/encrypted-storage/clear-repository", test_clear_repository);
  g_test_add_func ("/encrypted-storage/marker-of-age", test_marker_of_age);
  g_test_add_func ("/encrypted-storage/damaged", test_damaged);
  g_test_add_func ("/encrypted-storage/damaged-identity", test_damaged_identity);
  g_test_add_func ("/encrypted-storage/too-many-identities", test_too_many_identities);
  g_test_add_func ("/encrypted-storage/sealed-by-passphrase", test_sealed_by_passphrase);
  g_test_add_func ("/encrypted-storage/sizes", test_sizes);
  g_test_add_func ("/encrypted-storage/stock-age", test_stock_age);
  return g_test_run ();
}
