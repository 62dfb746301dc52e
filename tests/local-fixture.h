/* local-fixture.h: a storage in a folder of its own, for tests
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <string.h>

#include <dimple.h>
#include <glib/gstdio.h>

#include "folder.h"

typedef struct
{
  char *path;
  DimpleStorage *storage;
} Fixture;

static inline void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  g_autoptr (GFile) folder = NULL;

  fixture->path = g_dir_make_tmp ("dimple-local-XXXXXX", NULL);
  g_assert_nonnull (fixture->path);
  folder = g_file_new_for_path (fixture->path);
  fixture->storage = dimple_local_storage_new (folder);
}

static inline void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  g_autoptr (GFile) folder = g_file_new_for_path (fixture->path);

  g_clear_object (&fixture->storage);
  remove_folder (folder);
  g_free (fixture->path);
}

static inline void
put (DimpleStorage *storage,
     const char    *key,
     const char    *contents)
{
  g_autoptr (GBytes) bytes = g_bytes_new (contents, strlen (contents));
  g_autoptr (GError) error = NULL;

  dimple_storage_put (storage, key, bytes, NULL, &error);
  g_assert_no_error (error);
}

static inline void
assert_put_fails (DimpleStorage *storage,
                  const char    *key,
                  DimpleError    code)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr (GError) error = NULL;

  g_assert_false (dimple_storage_put (storage, key, bytes, NULL, &error));
  g_assert_error (error, DIMPLE_ERROR, (int) code);
}

static inline void
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
static inline void
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

static inline char *
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
