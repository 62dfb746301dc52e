/* test-local-disk.c: a folder on a disk that fails, is full, may not be written, or loses its power
 *
 * Some cases run in a process of their own, which gives up its rights, mounts a small file system, or is killed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local-fixture.h"

#define NOBODY 65534
#define OBJECT_SIZE (3 * 1024 * 1024)

static char *program;

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

#define ADD(path, test) g_test_add ("/local-disk/" path, Fixture, NULL, set_up, test, tear_down)

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
  ADD ("no-folder", test_no_folder);
  g_test_add_func ("/local-disk/no-permission", test_no_permission);
  g_test_add_func ("/local-disk/full-disk", test_full_disk);
  ADD ("killed-writer", test_killed_writer);

  return g_test_run ();
}
