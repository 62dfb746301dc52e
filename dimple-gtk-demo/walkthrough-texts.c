/* walkthrough-texts.c: real text that is on every Debian system
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "walkthrough-texts.h"

#include "notes-text.h"

/* The place that is looked at only if the others have too little */
#define FALLBACK 2

static gboolean
is_any (const char *name)
{
  return TRUE;
}

static gboolean
is_readme (const char *name)
{
  return g_ascii_strncasecmp (name, "readme", strlen ("readme")) == 0;
}

static gboolean
is_copyright (const char *name)
{
  return g_str_equal (name, "copyright");
}

static int
compare_paths (gconstpointer a,
               gconstpointer b)
{
  return strcmp (g_file_peek_path (*(GFile **) a), g_file_peek_path (*(GFile **) b));
}

/*
 * walkthrough_texts_find:
 * @at_least: how many are wanted
 *
 * Finds the licenses and the README files of this system.  Where these are too few, as in a container, the copyright
 * files of the packages are added.
 *
 * Returns: (transfer full) (element-type GFile): the files, those of one kind in the order of their paths
 */
GPtrArray *
walkthrough_texts_find (guint    at_least,
                        GError **error)
{
  static const struct
  {
    const char      *folder;
    NotesTextFilter  filter;
  } places[] = {
    { "/usr/share/common-licenses", is_any },
    { "/usr/share/doc", is_readme },
    { "/usr/share/doc", is_copyright },
  };
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < G_N_ELEMENTS (places) && (i < FALLBACK || files->len < at_least); i++)
    {
      g_autoptr(GFile) folder = g_file_new_for_path (places[i].folder);
      g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func (g_object_unref);

      if (!notes_text_find (folder, places[i].filter, found, NULL, error))
        return NULL;
      g_ptr_array_sort (found, compare_paths);
      if (i == FALLBACK)
        g_ptr_array_set_size (found, MIN (found->len, at_least - files->len));
      g_ptr_array_extend_and_steal (files, g_steal_pointer (&found));
    }
  return g_steal_pointer (&files);
}

/* `bash/README.gz`, `common-licenses/GPL-3` */
char *
walkthrough_texts_dup_title (GFile *file)
{
  g_autoptr(GFile) parent = g_file_get_parent (file);
  g_autofree char *folder = g_file_get_basename (parent);
  g_autofree char *name = g_file_get_basename (file);
  g_autofree char *title = g_strdup_printf ("%s/%s", folder, name);

  return g_utf8_make_valid (title, -1);
}
