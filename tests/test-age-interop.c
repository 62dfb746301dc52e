/* test-age-interop.c: files of ours in the `age` command, and files of its in ours
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include <dimple.h>
#include <glib/gstdio.h>

#include "age-command.h"
#include "dimple-age-private.h"

#define PASSPHRASE "tr0ub4dor & 3 übergroße pferde"

static const gsize sizes[] = { 0, 1, 65535, 65536, 65537, 10 * 1024 * 1024 };

typedef struct
{
  char *folder;
  char *key_path;
  char *other_key_path;
  char *plain_path;
  char *sealed_path;
  char *opened_path;
} Fixture;

static char *
make_key (Fixture    *fixture,
          const char *name)
{
  char *path = g_build_filename (fixture->folder, name, NULL);
  const char * const argv[] = { "age-keygen", "-o", path, NULL };

  g_assert_true (age_command_run (argv, NULL));
  return path;
}

static void
set_up (Fixture       *fixture,
        gconstpointer  user_data)
{
  fixture->folder = g_dir_make_tmp ("dimple-age-XXXXXX", NULL);
  g_assert_nonnull (fixture->folder);
  fixture->plain_path = g_build_filename (fixture->folder, "plain", NULL);
  fixture->sealed_path = g_build_filename (fixture->folder, "sealed.age", NULL);
  fixture->opened_path = g_build_filename (fixture->folder, "opened", NULL);
  if (!age_command_is_there ())
    return;

  fixture->key_path = make_key (fixture, "key.txt");
  fixture->other_key_path = make_key (fixture, "other-key.txt");
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  user_data)
{
  char *paths[] = { fixture->key_path, fixture->other_key_path, fixture->plain_path, fixture->sealed_path,
                    fixture->opened_path };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      if (paths[i] != NULL)
        unlink (paths[i]);
      g_free (paths[i]);
    }
  g_rmdir (fixture->folder);
  g_free (fixture->folder);
}

static GBytes *
make_plaintext (gsize size)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (size);
  guint8 *data = g_malloc (MAX (size, 1));

  for (gsize i = 0; i < size; i++)
    data[i] = g_rand_int (rand) & 0xff;
  return g_bytes_new_take (data, size);
}

static DimpleAgeIdentity *
read_identity (const char *path)
{
  g_autofree char *line = age_command_read_line (path, "AGE-SECRET-KEY-1");
  g_autoptr (GError) error = NULL;
  DimpleAgeIdentity *identity = dimple_age_identity_new_for_text (line, strlen (line), &error);

  g_assert_no_error (error);
  return identity;
}

static char *
recipient_text (const char *path)
{
  g_autoptr (DimpleAgeIdentity) identity = read_identity (path);
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_identity_get_recipient (identity);

  return dimple_age_recipient_dup_text (recipient);
}

static void
test_keys (Fixture       *fixture,
           gconstpointer  user_data)
{
  const char *argv[] = { "age-keygen", "-y", fixture->key_path, NULL };
  g_autoptr (GBytes) output = NULL;
  g_autofree char *recipient = NULL;

  if (fixture->key_path == NULL)
    return;

  g_assert_true (age_command_run (argv, &output));
  recipient = recipient_text (fixture->key_path);
  g_assert_cmpmem (g_bytes_get_data (output, NULL), g_bytes_get_size (output) - 1, recipient, strlen (recipient));
}

static void
test_age_opens (Fixture       *fixture,
                gconstpointer  user_data)
{
  DimpleAgeRecipient *recipients[2];

  if (fixture->key_path == NULL)
    return;

  for (gsize i = 0; i < G_N_ELEMENTS (recipients); i++)
    {
      g_autoptr (DimpleAgeIdentity) identity = read_identity (i == 0 ? fixture->other_key_path : fixture->key_path);

      recipients[i] = dimple_age_identity_get_recipient (identity);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) plaintext = make_plaintext (sizes[i]);
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) sealed = dimple_age_seal (plaintext, recipients, G_N_ELEMENTS (recipients), &error);
      const char * const keys[] = { fixture->key_path, fixture->other_key_path };

      g_assert_no_error (error);
      age_command_write (fixture->sealed_path, sealed);
      for (gsize j = 0; j < G_N_ELEMENTS (keys); j++)
        {
          const char * const argv[] = { "age", "-d", "-i", keys[j], fixture->sealed_path, NULL };
          g_autoptr (GBytes) opened = NULL;

          g_assert_true (age_command_run (argv, &opened));
          g_assert_true (g_bytes_equal (opened, plaintext));
        }
    }

  for (gsize i = 0; i < G_N_ELEMENTS (recipients); i++)
    dimple_age_recipient_unref (recipients[i]);
}

/* By both forms */
static void
assert_opens (GBytes            *sealed,
              DimpleAgeIdentity *identity,
              GBytes            *plaintext)
{
  g_autoptr (GInputStream) input = g_memory_input_stream_new_from_bytes (sealed);
  g_autoptr (GOutputStream) output = g_memory_output_stream_new_resizable ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) opened = dimple_age_open (sealed, &identity, 1, NULL, &error);
  g_autoptr (GBytes) streamed = NULL;

  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (opened, plaintext));
  dimple_age_open_stream (input, output, &identity, 1, NULL, NULL, &error);
  g_assert_no_error (error);
  g_output_stream_close (output, NULL, NULL);
  streamed = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (output));
  g_assert_true (g_bytes_equal (streamed, plaintext));
}

static void
test_we_open (Fixture       *fixture,
              gconstpointer  user_data)
{
  g_autofree char *recipient = NULL;
  g_autofree char *other_recipient = NULL;
  g_autoptr (DimpleAgeIdentity) identity = NULL;
  g_autoptr (DimpleAgeIdentity) other_identity = NULL;

  if (fixture->key_path == NULL)
    return;

  recipient = recipient_text (fixture->key_path);
  other_recipient = recipient_text (fixture->other_key_path);
  identity = read_identity (fixture->key_path);
  other_identity = read_identity (fixture->other_key_path);
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) plaintext = make_plaintext (sizes[i]);
      const char * const argv[] = { "age", "-r", recipient, "-r", other_recipient, "-o", fixture->sealed_path,
                                    fixture->plain_path, NULL };
      g_autoptr (GBytes) sealed = NULL;

      age_command_write (fixture->plain_path, plaintext);
      g_assert_true (age_command_run (argv, NULL));
      sealed = age_command_read (fixture->sealed_path);
      assert_opens (sealed, identity, plaintext);
      assert_opens (sealed, other_identity, plaintext);
    }
}

static void
test_age_opens_passphrase (Fixture       *fixture,
                           gconstpointer  user_data)
{
  const char * const argv[] = { "age", "-d", "-o", fixture->opened_path, fixture->sealed_path, NULL };
  g_autoptr (GBytes) plaintext = make_plaintext (1000);
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_recipient_new_for_passphrase (PASSPHRASE,
                                                                                      DIMPLE_AGE_WORK_FACTOR);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) sealed = dimple_age_seal (plaintext, &recipient, 1, &error);
  g_autoptr (GBytes) opened = NULL;

  g_assert_no_error (error);
  if (fixture->key_path == NULL)
    return;

  age_command_write (fixture->sealed_path, sealed);
  g_assert_true (age_command_run_with_passphrase (argv, PASSPHRASE));
  opened = age_command_read (fixture->opened_path);
  g_assert_true (g_bytes_equal (opened, plaintext));
}

static void
test_we_open_passphrase (Fixture       *fixture,
                         gconstpointer  user_data)
{
  const char * const argv[] = { "age", "-p", "-o", fixture->sealed_path, fixture->plain_path, NULL };
  g_autoptr (GBytes) plaintext = make_plaintext (1000);
  g_autoptr (DimpleAgeIdentity) identity = dimple_age_identity_new_for_passphrase (PASSPHRASE);
  g_autoptr (GBytes) sealed = NULL;
  g_autoptr (GBytes) opened = NULL;
  g_autoptr (GError) error = NULL;

  if (fixture->key_path == NULL)
    return;

  age_command_write (fixture->plain_path, plaintext);
  g_assert_true (age_command_run_with_passphrase (argv, PASSPHRASE));
  sealed = age_command_read (fixture->sealed_path);
  opened = dimple_age_open (sealed, &identity, 1, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (opened, plaintext));
}

#define ADD(name, func) g_test_add ("/age-interop/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  ADD ("keys", test_keys);
  ADD ("age-opens", test_age_opens);
  ADD ("we-open", test_we_open);
  ADD ("age-opens-passphrase", test_age_opens_passphrase);
  ADD ("we-open-passphrase", test_we_open_passphrase);
  return g_test_run ();
}
