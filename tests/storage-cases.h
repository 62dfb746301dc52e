/* storage-cases.h: the same cases with each kind of storage, and what they need
 *
 * A storage may be shared with others, so each case keeps to a prefix of its own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "folder.h"
#include "storage-kinds.h"

typedef struct
{
  const char *name;
  void (*run) (Place *place);
} Case;

static inline char *
key_of (Place      *place,
        const char *name)
{
  return g_strconcat (place->base, name, NULL);
}

static inline void
put (Place      *place,
     const char *key,
     const char *contents)
{
  g_autoptr (GBytes) bytes = g_bytes_new (contents, strlen (contents));
  g_autoptr (GError) error = NULL;

  dimple_storage_put (place->storage, key, bytes, NULL, &error);
  g_assert_no_error (error);
}

static inline void
put_name (Place      *place,
          const char *name)
{
  g_autofree char *key = key_of (place, name);

  put (place, key, name);
}

static inline void
assert_contents (Place      *place,
                 const char *key,
                 const char *contents)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = dimple_storage_get (place->storage, key, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), contents, strlen (contents));
}

static inline void
assert_missing (Place      *place,
                const char *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = dimple_storage_get (place->storage, key, NULL, &error);

  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_NOT_FOUND);
  g_assert_null (bytes);
}

/* All names below the base that start with the prefix, page by page, without the base */
static inline char **
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
static inline void
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

static inline void
answers_clear (Answers *self)
{
  g_assert_cmpuint (self->n_pending, ==, 0);
  g_clear_pointer (&self->results, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answers, answers_clear)

static inline void
on_answer (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Answers *answers = user_data;

  g_assert_cmpuint (answers->n_pending, >, 0);
  answers->n_pending--;
  g_ptr_array_add (answers->results, g_object_ref (result));
}

static inline void
answers_init (Answers *self,
              guint    n_pending)
{
  self->results = g_ptr_array_new_with_free_func (g_object_unref);
  self->n_pending = n_pending;
}

static inline void
answers_wait (Answers *self)
{
  while (self->n_pending > 0)
    g_main_context_iteration (NULL, TRUE);
}

/* --- Running --- */

typedef struct
{
  const Kind *kind;
  const Case *test_case;
} KindCase;

/* Also for a bucket that other tests use after this one */
static inline void
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

static inline void
run_case (gconstpointer data)
{
  const KindCase *kind_case = data;
  Place place = { .page_size = 1000 };
  g_autofree char *uuid = g_uuid_string_random ();

  place.storage = kind_case->kind->make (&place);
  if (place.storage == NULL)
    {
      g_test_skip (place.reason);
      return;
    }

  place.base = g_strdup_printf ("test-%s/", uuid);
  kind_case->test_case->run (&place);
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

/* For main(): runs each case with each kind */
static inline int
run_cases (int          argc,
           char       **argv,
           const char  *suite,
           const Case  *cases,
           gsize        n_cases)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    for (gsize j = 0; j < n_cases; j++)
      {
        g_autofree char *path = g_strdup_printf ("/%s/%s/%s", suite, kinds[i].name, cases[j].name);
        KindCase *kind_case = g_new (KindCase, 1);

        *kind_case = (KindCase) { &kinds[i], &cases[j] };
        g_test_add_data_func_full (path, kind_case, run_case, g_free);
      }

  return g_test_run ();
}
