/* bench-gom.c: a list that is kept up to date with gom
 *
 * gom 0.4 tells of no change, so after each one an app asks again for its sorted list and fetches it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gom/gom.h>

#include "bench-notes.h"
#include "bench-peers.h"
#include "bench.h"

typedef struct
{
  GomResource  parent_instance;
  char        *key;
  char        *title;
  char        *body;
  char        *folder;
  gint64       modified;
  gboolean     starred;
} BenchGomNote;

typedef GomResourceClass BenchGomNoteClass;

enum { PROP_KEY = 1, PROP_TITLE, PROP_BODY, PROP_FOLDER, PROP_MODIFIED, PROP_STARRED };

static GType bench_gom_note_get_type (void);

G_DEFINE_TYPE (BenchGomNote, bench_gom_note, GOM_TYPE_RESOURCE)

static void
bench_gom_note_get_property (GObject    *object,
                             guint       id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  BenchGomNote *self = (BenchGomNote *) object;

  if (id == PROP_MODIFIED)
    g_value_set_int64 (value, self->modified);
  else if (id == PROP_STARRED)
    g_value_set_boolean (value, self->starred);
  else
    g_value_set_string (value, (&self->key)[id - PROP_KEY]);
}

static void
bench_gom_note_set_property (GObject      *object,
                             guint         id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  BenchGomNote *self = (BenchGomNote *) object;

  if (id == PROP_MODIFIED)
    self->modified = g_value_get_int64 (value);
  else if (id == PROP_STARRED)
    self->starred = g_value_get_boolean (value);
  else
    {
      g_free ((&self->key)[id - PROP_KEY]);
      (&self->key)[id - PROP_KEY] = g_value_dup_string (value);
    }
}

static void
bench_gom_note_finalize (GObject *object)
{
  BenchGomNote *self = (BenchGomNote *) object;

  for (guint i = 0; i < 4; i++)
    g_free ((&self->key)[i]);
  G_OBJECT_CLASS (bench_gom_note_parent_class)->finalize (object);
}

static void
bench_gom_note_class_init (BenchGomNoteClass *klass)
{
  static const char * const texts[] = { "key", "title", "body", "folder" };
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = bench_gom_note_get_property;
  object_class->set_property = bench_gom_note_set_property;
  object_class->finalize = bench_gom_note_finalize;
  gom_resource_class_set_table (klass, "note");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_object_class_install_property (object_class, PROP_KEY + i,
                                     g_param_spec_string (texts[i], NULL, NULL, NULL, G_PARAM_READWRITE));
  g_object_class_install_property (object_class, PROP_MODIFIED,
                                   g_param_spec_int64 ("modified", NULL, NULL, 0, G_MAXINT64, 0, G_PARAM_READWRITE));
  g_object_class_install_property (object_class, PROP_STARRED,
                                   g_param_spec_boolean ("starred", NULL, NULL, FALSE, G_PARAM_READWRITE));
  gom_resource_class_set_primary_key (klass, "key");
}

static void
bench_gom_note_init (BenchGomNote *self)
{
}

/* The same rows and index as for everybody else; gom finds its table there. */
static void
fill (const char *path,
      guint       n_rows)
{
  g_autoptr(BenchRaw) raw = bench_raw_open (path);

  bench_raw_begin (raw);
  for (guint i = 0; i < n_rows; i++)
    {
      BenchNote note;

      bench_note_fill (&note, i);
      bench_raw_insert (raw, &note);
    }
  bench_raw_commit (raw);
  bench_raw_execute (raw, "CREATE INDEX note_by_modified ON note (modified DESC, key)");
}

static GomResourceGroup *
list (GomRepository *repository,
      guint          n_rows)
{
  GomSorting *sorting = gom_sorting_new (bench_gom_note_get_type (), "modified", GOM_SORTING_DESCENDING,
                                         bench_gom_note_get_type (), "key", GOM_SORTING_ASCENDING, NULL);
  GError *error = NULL;
  GomResourceGroup *group = gom_repository_find_sorted_sync (repository, bench_gom_note_get_type (), NULL, sorting,
                                                             &error);

  g_object_unref (sorting);
  bench_check (group != NULL, error);
  bench_check (gom_resource_group_fetch_sync (group, 0, n_rows, &error), error);
  g_assert (gom_resource_group_get_count (group) == n_rows);
  return group;
}

double
bench_gom_measure (const char *folder,
                   guint       n_rows,
                   guint       n_changes)
{
  g_autofree char *path = g_build_filename (folder, "gom.db", NULL);
  g_autofree char *uri = g_strconcat ("file:", path, NULL);
  g_autoptr(GomAdapter) adapter = gom_adapter_new ();
  g_autoptr(GomRepository) repository = NULL;
  g_autoptr(GomResourceGroup) group = NULL;
  g_autoptr(BenchSeries) series = bench_series_new ();
  GError *error = NULL;

  fill (path, n_rows);
  bench_check (gom_adapter_open_sync (adapter, uri, &error), error);
  repository = gom_repository_new (adapter);
  group = list (repository, n_rows);
  for (guint i = 0; i < n_changes; i++)
    {
      g_autoptr(GomResource) note = g_object_ref (gom_resource_group_get_index (group, i * 7919u % n_rows));

      g_object_set (note, "modified", G_GINT64_CONSTANT (1700000000000) + i * 2654435761u % 100000000u, NULL);
      bench_check (gom_resource_save_sync (note, &error), error);
      bench_series_start (series);
      g_clear_object (&group);
      group = list (repository, n_rows);
      bench_series_stop (series);
    }
  g_clear_object (&group);
  bench_check (gom_adapter_close_sync (adapter, &error), error);
  return bench_series_median (series);
}
