/* test-local-storage.c: what is special about a folder
 *
 * Some cases run in a process of their own, which gives up its rights, mounts a small file system, or is killed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dimple.h>
#include <glib/gstdio.h>

#include "dimple-local-names-private.h"

#define NOBODY 65534
#define OBJECT_SIZE (3 * 1024 * 1024)

static char *program;

typedef struct
{
  char *path;
  DimpleStorage *storage;
} Fixture;

static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  g_autoptr (GFile) folder = NULL;

  fixture->path = g_dir_make_tmp ("dimple-local-XXXXXX", NULL);
  g_assert_nonnull (fixture->path);
  folder = g_file_new_for_path (fixture->path);
  fixture->storage = dimple_local_storage_new (folder);
}

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

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (GFile) folder = g_file_new_for_path (fixture->path);

  g_clear_object (&fixture->storage);
  remove_folder (folder);
  g_free (fixture->path);
}

static void
put (DimpleStorage *storage,
     const char    *key,
     const char    *contents)
{
  g_autoptr (GBytes) bytes = g_bytes_new (contents, strlen (contents));
  g_autoptr (GError) error = NULL;

  dimple_storage_put (storage, key, bytes, NULL, &error);
  g_assert_no_error (error);
}

static void
assert_put_fails (DimpleStorage *storage,
                  const char    *key,
                  DimpleError    code)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr (GError) error = NULL;

  g_assert_false (dimple_storage_put (storage, key, bytes, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, (int) code);
}

static void
assert_contents (DimpleStorage *storage,
                 const char    *key,
                 const char    *contents)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = dimple_storage_get (storage, key, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), contents, strlen (contents));
}

/* `expected` is divided by blanks */
static void
assert_keys (DimpleStorage *storage,
             const char    *expected)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) keys = dimple_storage_list (storage, NULL, NULL, NULL, &error);
  g_autofree char *joined = NULL;

  g_assert_no_error (error);
  joined = g_strjoinv (" ", keys);
  g_assert_cmpstr (joined, ==, expected);
}

static char *
write_file (Fixture    *fixture,
            const char *name,
            const char *contents)
{
  char *path = g_build_filename (fixture->path, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, contents, -1, NULL));
  return path;
}

/* --- What is synced to the disk, and when --- */

static struct
{
  const char *target;           /* watched if not NULL */
  goffset size;
  guint n_files;
  guint n_folders;
  gboolean too_late;
  int fails_with;               /* errno, for files */
} disk;

/* In place of the C library's */
int
fsync (int fd)
{
  struct stat info;

  if (fstat (fd, &info) != 0)
    return -1;

  if (S_ISDIR (info.st_mode))
    {
      disk.n_folders++;
      return 0;
    }

  disk.n_files++;
  if (disk.target != NULL && (info.st_size != disk.size || g_file_test (disk.target, G_FILE_TEST_EXISTS)))
    disk.too_late = TRUE;
  if (disk.fails_with == 0)
    return 0;
  errno = disk.fails_with;
  return -1;
}

static void
test_synced_before_moved (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autofree char *target = g_build_filename (fixture->path, "some", "new", "object", NULL);

  memset (&disk, 0, sizeof disk);
  disk.target = target;
  disk.size = strlen ("contents");
  put (fixture->storage, "some/new/object", "contents");

  g_assert_cmpuint (disk.n_files, ==, 1);
  g_assert_false (disk.too_late);
  /* The two that have a new folder in them, and the one that has the file */
  g_assert_cmpuint (disk.n_folders, ==, 3);
  memset (&disk, 0, sizeof disk);
}

static void
test_sync_fails (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autoptr (GDir) folder = NULL;

  put (fixture->storage, "object", "first");

  disk.fails_with = EIO;
  assert_put_fails (fixture->storage, "object", DIMPLE_ERROR_STORAGE);
  disk.fails_with = ENOSPC;
  assert_put_fails (fixture->storage, "object", DIMPLE_ERROR_FULL);
  disk.fails_with = EINVAL;
  put (fixture->storage, "another", "not every file system can");
  memset (&disk, 0, sizeof disk);

  assert_contents (fixture->storage, "object", "first");
  folder = g_dir_open (fixture->path, 0, NULL);
  g_assert_nonnull (g_dir_read_name (folder));
  g_assert_nonnull (g_dir_read_name (folder));
  g_assert_null (g_dir_read_name (folder));
}

/* --- Names --- */

static void
test_plain_names (void)
{
  static const char * const plain[] = {
    "dimple/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b.json",
    "identities/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b.age",
    "changes/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b/"
    "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b_019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b.json.gz.age",
    "changes/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b/"
    "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b_019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b."
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.json.gz.age",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (plain); i++)
    {
      g_autofree char *path = dimple_local_path_from_key (plain[i]);
      g_autofree char *key = dimple_local_key_from_path (plain[i]);

      g_assert_cmpstr (path, ==, plain[i]);
      g_assert_cmpstr (key, ==, plain[i]);
    }
}

static void
test_escaped_names (void)
{
  static const struct
  {
    const char *key;
    const char *path;
  } pairs[] = {
    { "A b", "=41=20b" },
    { "what?", "what=3f" },
    { "=", "=3d" },
    { ".hidden/a.", "=2ehidden/a=2e" },
    { "...", "=2e.=2e" },
    { "con/nul.txt/com7/lpt", "=63on/=6eul.txt/=63om7/lpt" },
    { "desktop.ini", "=64esktop.ini" },
    { "caf\xc3\xa9", "caf=c3=a9" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree char *path = dimple_local_path_from_key (pairs[i].key);
      g_autofree char *key = dimple_local_key_from_path (pairs[i].path);

      g_assert_cmpstr (path, ==, pairs[i].path);
      g_assert_cmpstr (key, ==, pairs[i].key);
    }
}

static void
test_foreign_names (void)
{
  static const char * const foreign[] = {
    "", ".DS_Store", ".stfolder", "desktop.ini", "Thumbs.db", "thumbs.db", "name (conflicted copy).json", "A",
    "a.", ".a", "=41=4", "=zz", "=4A", "=61", "a=", "a=/b", "=00", "=2f", "con", "a//b", "a/", "/a", "=ff",
    "caf\xc3\xa9",
    "a.sync-conflict-20260101-120000-ABCDEFG.json", "~$a", "#recycle",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      g_autofree char *key = dimple_local_key_from_path (foreign[i]);

      g_assert_cmpstr (key, ==, NULL);
    }
}

static void
assert_takes_everywhere (const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);

  for (gsize i = 0; names[i] != NULL; i++)
    {
      gsize length = strlen (names[i]);

      g_assert_cmpuint (length, >, 0);
      g_assert_cmpuint (length, <=, 201);
      g_assert_cmpuint (strspn (names[i], "abcdefghijklmnopqrstuvwxyz0123456789-_.="), ==, length);
      g_assert_cmpint (names[i][0], !=, '.');
      g_assert_cmpint (names[i][length - 1], !=, '.');
    }
}

/* Random keys of letters that matter */
static void
test_names_are_reversible (void)
{
  static const char letters[] = "aA.=/ -~:cCoOnN4\xc3\xa9";

  for (guint i = 0; i < 20000; i++)
    {
      g_autoptr (GString) key = g_string_new (NULL);
      gboolean is_long = i % 10 == 0;
      guint length = g_test_rand_int_range (1, is_long ? 1000 : 8);
      g_autofree char *path = NULL;
      g_autofree char *same = NULL;

      while (key->len < length)
        {
          char c = letters[g_test_rand_int_range (0, is_long ? 5 : sizeof letters - 3)];

          if (g_test_rand_int_range (0, 10) == 0)
            g_string_append (key, "\xc3\xa9");
          else if (c != '/')
            g_string_append_c (key, c);
          else if (key->len > 0 && key->str[key->len - 1] != '/' && key->str[key->len - 1] != '.')
            g_string_append_c (key, '/');
        }
      g_string_append_c (key, 'z');

      path = dimple_local_path_from_key (key->str);
      assert_takes_everywhere (path);
      same = dimple_local_key_from_path (path);
      g_assert_cmpstr (same, ==, strstr (key->str, "/./") || strstr (key->str, "/../") ||
                                 g_str_has_prefix (key->str, "./") || g_str_has_prefix (key->str, "../") ?
                                 NULL : key->str);
    }
}

/* --- Other files in the folder --- */

static void
test_foreign_files (Fixture       *fixture,
                    gconstpointer  data)
{
  static const char * const foreign[] = {
    ".DS_Store", "desktop.ini", "Thumbs.db", ".stfolder/marker", "name (conflicted copy).json",
    "folder/a.sync-conflict-20260101-120000-ABCDEFG.json", "folder/.~lock.a.json#", "A", "=41=4", "long=/rest",
    "caf\xe9",
  };
  g_autofree char *loop = g_build_filename (fixture->path, "folder", "loop", NULL);
  g_autofree char *pipe = g_build_filename (fixture->path, "pipe", NULL);

  put (fixture->storage, "a.json", "ours");
  put (fixture->storage, "folder/b.json", "ours");
  for (gsize i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      g_autofree char *path = write_file (fixture, foreign[i], "theirs");
    }
  g_assert_cmpint (symlink ("..", loop), ==, 0);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);

  assert_keys (fixture->storage, "a.json folder/b.json");
  assert_contents (fixture->storage, "a.json", "ours");

  /* What somebody else put there under a name of ours is an object */
  g_free (write_file (fixture, "folder/c.json", "copied by hand"));
  assert_keys (fixture->storage, "a.json folder/b.json folder/c.json");
  assert_contents (fixture->storage, "folder/c.json", "copied by hand");
}

static void
test_abandoned_files (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autofree char *young = write_file (fixture, "folder/.dimple-1.tmp", "being written");
  g_autofree char *old = write_file (fixture, "folder/.dimple-2.tmp", "its writer died");
  g_autofree char *other = write_file (fixture, "folder/.other-2.tmp", "not ours");
  struct timespec two_days_ago[2] = { { time (NULL) - 2 * 24 * 3600 }, { time (NULL) - 2 * 24 * 3600 } };

  g_assert_cmpint (utimensat (AT_FDCWD, old, two_days_ago, 0), ==, 0);
  g_assert_cmpint (utimensat (AT_FDCWD, other, two_days_ago, 0), ==, 0);

  assert_keys (fixture->storage, "");
  g_assert_true (g_file_test (young, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (old, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (other, G_FILE_TEST_EXISTS));
}

static void
test_object_in_the_way (Fixture       *fixture,
                        gconstpointer  data)
{
  put (fixture->storage, "a", "x");
  assert_put_fails (fixture->storage, "a/b", DIMPLE_ERROR_STORAGE);
  put (fixture->storage, "c/d", "x");
  assert_put_fails (fixture->storage, "c", DIMPLE_ERROR_STORAGE);
  assert_keys (fixture->storage, "a c/d");
}

/* --- A folder that cannot be used --- */

static void
assert_fails (const char  *path,
              DimpleError  code)
{
  g_autoptr (GFile) folder = g_file_new_for_path (path);
  g_autoptr (DimpleStorage) storage = dimple_local_storage_new (folder);
  const char *keys[] = { "a/b", NULL };
  g_autoptr (GError) list_error = NULL;
  g_autoptr (GError) get_error = NULL;
  g_autoptr (GError) remove_error = NULL;
  g_autoptr (GError) check_error = NULL;

  g_assert_null (dimple_storage_list (storage, NULL, NULL, NULL, &list_error));
  g_assert_error (list_error, DIMPLE_ERROR, (int) code);
  g_assert_nonnull (strstr (list_error->message, path));
  assert_put_fails (storage, "a", code);
  assert_put_fails (storage, "a/b", code);
  g_assert_null (dimple_storage_get (storage, "a/b", NULL, &get_error));
  g_assert_error (get_error, DIMPLE_ERROR, (int) code);
  g_assert_false (dimple_storage_remove (storage, keys, NULL, &remove_error));
  g_assert_error (remove_error, DIMPLE_ERROR, (int) code);
  g_assert_false (dimple_storage_check (storage, NULL, &check_error));
  g_assert_error (check_error, DIMPLE_ERROR, (int) code);
}

static void
test_no_folder (Fixture       *fixture,
                gconstpointer  data)
{
  g_autofree char *missing = g_build_filename (fixture->path, "not", "there", NULL);
  g_autofree char *file = write_file (fixture, "file", "not a folder");
  g_autofree char *below = g_build_filename (file, "folder", NULL);

  assert_fails (missing, DIMPLE_ERROR_NO_SUCH_STORAGE);
  assert_fails (file, DIMPLE_ERROR_NO_SUCH_STORAGE);
  assert_fails (below, DIMPLE_ERROR_NO_SUCH_STORAGE);
  /* Nothing was made on the way: a mount point must not be filled while nothing is mounted there */
  g_assert_false (g_file_test (missing, G_FILE_TEST_EXISTS));

  /* It may come later */
  {
    g_autoptr (GFile) folder = g_file_new_for_path (missing);
    g_autoptr (DimpleStorage) storage = dimple_local_storage_new (folder);

    assert_put_fails (storage, "a", DIMPLE_ERROR_NO_SUCH_STORAGE);
    g_assert_cmpint (g_mkdir_with_parents (missing, 0755), ==, 0);
    put (storage, "a", "x");
    assert_contents (storage, "a", "x");
  }
}

static void
give_up_root (void)
{
  if (getuid () == 0)
    {
      g_assert_cmpint (setgid (NOBODY), ==, 0);
      g_assert_cmpint (setuid (NOBODY), ==, 0);
    }
}

/* Modes mean nothing to root, so a process of nobody's tries */
static void
test_no_permission (void)
{
  g_autofree char *path = NULL;
  g_autofree char *object = NULL;

  if (g_test_subprocess ())
    {
      const char *folder_path = g_getenv ("DIMPLE_TEST_FOLDER");
      g_autoptr (GFile) folder = g_file_new_for_path (folder_path);
      g_autoptr (DimpleStorage) storage = dimple_local_storage_new (folder);
      const char *keys[] = { "a", NULL };
      g_autoptr (GError) error = NULL;

      give_up_root ();
      if (g_str_equal (g_getenv ("DIMPLE_TEST_MODE"), "closed"))
        {
          assert_fails (folder_path, DIMPLE_ERROR_DENIED);
          return;
        }

      assert_contents (storage, "a", "x");
      assert_keys (storage, "a");
      assert_put_fails (storage, "a", DIMPLE_ERROR_DENIED);
      assert_put_fails (storage, "b/c", DIMPLE_ERROR_DENIED);
      g_assert_false (dimple_storage_remove (storage, keys, NULL, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED);
      return;
    }

  path = g_dir_make_tmp ("dimple-denied-XXXXXX", NULL);
  object = g_build_filename (path, "a", NULL);
  g_assert_true (g_file_set_contents (object, "x", 1, NULL));
  g_setenv ("DIMPLE_TEST_FOLDER", path, TRUE);

  g_assert_cmpint (g_chmod (path, 0555), ==, 0);
  g_setenv ("DIMPLE_TEST_MODE", "read-only", TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();

  g_assert_cmpint (g_chmod (path, 0), ==, 0);
  g_setenv ("DIMPLE_TEST_MODE", "closed", TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();

  g_assert_cmpint (g_chmod (path, 0755), ==, 0);
  g_assert_cmpint (g_unlink (object), ==, 0);
  g_assert_cmpint (g_rmdir (path), ==, 0);
}

/* A file system of 256 KiB that only this process sees */
static gboolean
mount_small_disk (const char *path)
{
  return unshare (CLONE_NEWNS | (getuid () != 0 ? CLONE_NEWUSER : 0)) == 0 &&
         mount (NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) == 0 &&
         mount ("dimple-test", path, "tmpfs", 0, "size=256k") == 0;
}

static void
use_small_disk (const char *path)
{
  g_autoptr (GFile) folder = g_file_new_for_path (path);
  g_autoptr (DimpleStorage) storage = dimple_local_storage_new (folder);
  g_autofree char *data = g_malloc0 (1024 * 1024);
  g_autoptr (GBytes) too_much = g_bytes_new (data, 1024 * 1024);
  g_autoptr (GBytes) half = g_bytes_new (data, 128 * 1024);
  const char *half_keys[] = { "half", NULL };
  const char *keys[] = { "a", NULL };
  g_autoptr (GError) full_error = NULL;
  g_autoptr (GError) denied_error = NULL;
  g_autoptr (GError) error = NULL;

  put (storage, "a", "x");
  g_assert_false (dimple_storage_put (storage, "a", too_much, NULL, &full_error));
  g_assert_error (full_error, DIMPLE_ERROR, DIMPLE_ERROR_FULL);
  assert_contents (storage, "a", "x");
  /* What was written of it is gone, or this would not fit */
  dimple_storage_put (storage, "half", half, NULL, &error);
  g_assert_no_error (error);
  dimple_storage_remove (storage, half_keys, NULL, &error);
  g_assert_no_error (error);

  g_assert_cmpint (mount (NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
  assert_put_fails (storage, "b", DIMPLE_ERROR_DENIED);
  g_assert_false (dimple_storage_remove (storage, keys, NULL, &denied_error));
  g_assert_error (denied_error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED);
  assert_contents (storage, "a", "x");
}

static void
test_full_disk (void)
{
  g_autofree char *path = NULL;

  if (g_test_subprocess ())
    {
      path = g_strdup (g_getenv ("DIMPLE_TEST_FOLDER"));
      g_assert_true (mount_small_disk (path));
      if (g_str_equal (g_getenv ("DIMPLE_TEST_MODE"), "use"))
        use_small_disk (path);
      return;
    }

  path = g_dir_make_tmp ("dimple-full-XXXXXX", NULL);
  g_setenv ("DIMPLE_TEST_FOLDER", path, TRUE);
  g_setenv ("DIMPLE_TEST_MODE", "try", TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  if (g_test_trap_has_passed ())
    {
      g_setenv ("DIMPLE_TEST_MODE", "use", TRUE);
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
    }
  else
    g_test_skip ("a small file system cannot be mounted here, neither as root nor in a user namespace");

  g_assert_cmpint (g_rmdir (path), ==, 0);
}

/* --- A writer that is killed --- */

/* The contents say whether they are whole: the same byte all over, and always as many */
G_NORETURN static void
write_until_killed (const char *path)
{
  g_autoptr (GFile) folder = g_file_new_for_path (path);
  g_autoptr (DimpleStorage) storage = dimple_local_storage_new (folder);
  g_autofree guint8 *data = g_malloc (OBJECT_SIZE);

  /* Not to go on for ever if the test fails */
  prctl (PR_SET_PDEATHSIG, SIGKILL);

  for (guint i = 0; ; i++)
    {
      g_autofree char *key = g_strdup_printf ("folder-%u/%u", i % 3, i % 5);
      g_autoptr (GBytes) contents = NULL;
      g_autoptr (GError) error = NULL;

      memset (data, i, OBJECT_SIZE);
      contents = g_bytes_new_static (data, OBJECT_SIZE);
      if (!dimple_storage_put (storage, key, contents, NULL, &error))
        g_error ("%s", error->message);
    }
}

static guint
assert_whole_objects (DimpleStorage *storage)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) keys = dimple_storage_list (storage, NULL, NULL, NULL, &error);
  guint n_keys;

  g_assert_no_error (error);
  n_keys = g_strv_length (keys);
  for (guint i = 0; i < n_keys; i++)
    {
      g_autoptr (GBytes) contents = dimple_storage_get (storage, keys[i], NULL, &error);
      const guint8 *data;

      g_assert_no_error (error);
      g_assert_cmpuint (g_bytes_get_size (contents), ==, OBJECT_SIZE);
      data = g_bytes_get_data (contents, NULL);
      g_assert_cmpint (memcmp (data, data + 1, OBJECT_SIZE - 1), ==, 0);
    }
  return n_keys;
}

static guint
count_temporary_files (const char *path)
{
  guint n = 0;

  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *name = g_strdup_printf ("folder-%u", i);
      g_autofree char *folder_path = g_build_filename (path, name, NULL);
      g_autoptr (GDir) folder = g_dir_open (folder_path, 0, NULL);
      const char *file;

      while (folder != NULL && (file = g_dir_read_name (folder)) != NULL)
        n += g_str_has_suffix (file, ".tmp");
    }
  return n;
}

static void
test_killed_writer (Fixture       *fixture,
                    gconstpointer  data)
{
  guint n_tries = 0;

  /* Until a kill has hit in mid-write three times */
  while (count_temporary_files (fixture->path) < 3)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GSubprocess) writer = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error,
                                                         program, "--write", fixture->path, NULL);

      g_assert_no_error (error);
      while (assert_whole_objects (fixture->storage) == 0)
        g_thread_yield ();
      g_usleep (g_test_rand_int_range (0, 10000));
      g_subprocess_force_exit (writer);
      g_subprocess_wait (writer, NULL, NULL);

      g_assert_cmpuint (assert_whole_objects (fixture->storage), >, 0);
      g_assert_cmpuint (++n_tries, <, 200);
    }
}

/* --- Threads --- */

typedef struct
{
  GAsyncResult *result;
} Answer;

static void
on_answer (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Answer *answer = user_data;

  g_assert_null (answer->result);
  answer->result = g_object_ref (result);
}

static void
answer_wait (Answer *answer)
{
  while (answer->result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

/* Reading a pipe waits until somebody writes: as long as a drive that hangs */
static void
test_does_not_block (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *path = g_build_filename (fixture->path, "pipe", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) contents = NULL;
  g_autoptr (GError) error = NULL;
  Answer late = { NULL };
  Answer cancelled = { NULL };

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  dimple_storage_get_async (fixture->storage, "pipe", NULL, on_answer, &late);
  dimple_storage_get_async (fixture->storage, "pipe", cancellable, on_answer, &cancelled);

  put (fixture->storage, "other", "x");
  assert_contents (fixture->storage, "other", "x");
  assert_keys (fixture->storage, "other");
  g_cancellable_cancel (cancellable);
  answer_wait (&cancelled);
  g_assert_null (dimple_storage_get_finish (fixture->storage, cancelled.result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  g_assert_null (late.result);
  {
    int fd = open (path, O_WRONLY);

    g_assert_cmpint (fd, >=, 0);
    close (fd);
  }
  answer_wait (&late);
  contents = dimple_storage_get_finish (fixture->storage, late.result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (contents), ==, 0);

  g_object_unref (late.result);
  g_object_unref (cancelled.result);
}

static void
wait_for_end (GTask        *task,
              gpointer      source,
              gpointer      task_data,
              GCancellable *cancellable)
{
  GMutex *mutex = task_data;

  g_mutex_lock (mutex);
  g_mutex_unlock (mutex);
  g_task_return_boolean (task, TRUE);
}

/* The threads that all of the process shares may be taken */
static void
test_own_threads (Fixture       *fixture,
                  gconstpointer  data)
{
  GMutex mutex;
  Answer answers[40] = { { NULL } };

  g_mutex_init (&mutex);
  g_mutex_lock (&mutex);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      g_autoptr (GTask) task = g_task_new (NULL, NULL, on_answer, &answers[i]);

      g_task_set_task_data (task, &mutex, NULL);
      g_task_run_in_thread (task, wait_for_end);
    }

  put (fixture->storage, "folder/a", "x");
  assert_contents (fixture->storage, "folder/a", "x");
  assert_keys (fixture->storage, "folder/a");

  g_mutex_unlock (&mutex);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      answer_wait (&answers[i]);
      g_object_unref (answers[i].result);
    }
  g_mutex_clear (&mutex);
}

/* A storage may be let go while it works */
static void
test_dropped (Fixture       *fixture,
              gconstpointer  data)
{
  g_autoptr (GBytes) contents = g_bytes_new_static ("x", 1);
  g_autoptr (GFile) folder = g_file_new_for_path (fixture->path);

  for (guint i = 0; i < 50; i++)
    {
      DimpleStorage *storage = dimple_local_storage_new (folder);
      Answer answer = { NULL };

      dimple_storage_put_async (storage, "a", contents, NULL, on_answer, &answer);
      g_object_unref (storage);
      answer_wait (&answer);
      g_assert_true (dimple_storage_put_finish (storage, answer.result, NULL));
      g_object_unref (answer.result);
    }
}

/* --- Addresses --- */

static void
test_uri (Fixture       *fixture,
          gconstpointer  data)
{
  g_autofree char *uri = g_filename_to_uri (fixture->path, NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (DimpleStorage) storage = dimple_storage_new_for_uri (uri, &error);
  g_autoptr (DimpleStorage) memory = NULL;
  g_autoptr (GFile) folder = NULL;
  g_autofree char *path = NULL;

  g_assert_no_error (error);
  g_object_get (storage, "folder", &folder, NULL);
  path = g_file_get_path (folder);
  g_assert_cmpstr (path, ==, fixture->path);

  memory = dimple_storage_new_for_uri ("memory:", &error);
  g_assert_no_error (error);
  g_assert_true (DIMPLE_IS_MEMORY_STORAGE (memory));
}

static void
test_bad_uri (void)
{
  static const char * const bad[] = {
    "", "folder", "/tmp/folder", "http://example.org/", "file:relative", "file://elsewhere/folder", "file:///a%00b",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (dimple_storage_new_for_uri (bad[i], &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_PARAMETERS);
    }
}

static void
test_description (void)
{
  g_autoptr (GFile) remote = g_file_new_for_uri ("dav://user:geheim@example.org/folder");
  g_autoptr (DimpleStorage) storage = dimple_local_storage_new (remote);
  g_autofree char *description = dimple_storage_dup_description (storage);

  g_assert_null (strstr (description, "geheim"));
  g_assert_nonnull (strstr (description, "example.org"));
}

#define ADD(path, test) g_test_add ("/local-storage/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int   argc,
      char *argv[])
{
  if (argc == 3 && g_str_equal (argv[1], "--write"))
    write_until_killed (argv[2]);

  program = argv[0];
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  ADD ("synced-before-moved", test_synced_before_moved);
  ADD ("sync-fails", test_sync_fails);
  g_test_add_func ("/local-storage/plain-names", test_plain_names);
  g_test_add_func ("/local-storage/escaped-names", test_escaped_names);
  g_test_add_func ("/local-storage/foreign-names", test_foreign_names);
  g_test_add_func ("/local-storage/names-are-reversible", test_names_are_reversible);
  ADD ("foreign-files", test_foreign_files);
  ADD ("abandoned-files", test_abandoned_files);
  ADD ("object-in-the-way", test_object_in_the_way);
  ADD ("no-folder", test_no_folder);
  g_test_add_func ("/local-storage/no-permission", test_no_permission);
  g_test_add_func ("/local-storage/full-disk", test_full_disk);
  ADD ("killed-writer", test_killed_writer);
  ADD ("does-not-block", test_does_not_block);
  ADD ("own-threads", test_own_threads);
  ADD ("dropped", test_dropped);
  ADD ("uri", test_uri);
  g_test_add_func ("/local-storage/bad-uri", test_bad_uri);
  g_test_add_func ("/local-storage/description", test_description);

  return g_test_run ();
}
