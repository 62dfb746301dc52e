/* test-encrypted-identity.c: the identity of an encrypted storage: made and opened once, and sealed by another
 * passphrase
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "encrypted-fixture.h"

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
      old = open_storage (memory,
                          faults[i].operation == DIMPLE_STORAGE_REMOVE && faults[i].applied ? "second" : PASSPHRASE);
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

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/encrypted-identity/scrypt-once", test_scrypt_once);
  g_test_add_data_func ("/encrypted-identity/at-once", GINT_TO_POINTER (FALSE), test_at_once);
  g_test_add_data_func ("/encrypted-identity/at-once-cancelled", GINT_TO_POINTER (TRUE), test_at_once);
  g_test_add_func ("/encrypted-identity/blocking-call-meanwhile", test_blocking_call_meanwhile);
  g_test_add_func ("/encrypted-identity/main-loop-runs", test_main_loop_runs);
  g_test_add_func ("/encrypted-identity/two-devices", test_two_devices);
  g_test_add_func ("/encrypted-identity/wrong-passphrase", test_wrong_passphrase);
  g_test_add_func ("/encrypted-identity/identity-text", test_identity_text);
  g_test_add_func ("/encrypted-identity/change-passphrase", test_change_passphrase);
  g_test_add_func ("/encrypted-identity/change-passphrase-of-two", test_change_passphrase_of_two);
  g_test_add_func ("/encrypted-identity/change-passphrase-fails", test_change_passphrase_fails);
  g_test_add_func ("/encrypted-identity/change-passphrase-not-kept", test_change_passphrase_not_kept);
  return g_test_run ();
}
