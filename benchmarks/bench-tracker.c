/* bench-tracker.c: a list that is kept up to date with TinySPARQL and its notifier
 *
 * The notifier tells which resources changed; what the list is now an app has to ask again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <libtracker-sparql/tracker-sparql.h>

#include "bench-notes.h"
#include "bench-peers.h"
#include "bench.h"

#define PREFIX "PREFIX note: <http://example.org/note#> "
#define N_IN_BATCH 2000

static const char ontology[] =
  "@prefix note: <http://example.org/note#> .\n"
  "@prefix nao: <http://tracker.api.gnome.org/ontology/v3/nao#> .\n"
  "@prefix nrl: <http://tracker.api.gnome.org/ontology/v3/nrl#> .\n"
  "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .\n"
  "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
  "@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n"
  "note: a nrl:Namespace, nrl:Ontology ; nrl:prefix \"note\" ; nrl:lastModified \"2024-01-01T00:00:00Z\" .\n"
  "note:Note a rdfs:Class ; rdfs:subClassOf rdfs:Resource ; nrl:notify true .\n"
  "note:title a rdf:Property ; nrl:maxCardinality 1 ; rdfs:domain note:Note ; rdfs:range xsd:string .\n"
  "note:body a rdf:Property ; nrl:maxCardinality 1 ; rdfs:domain note:Note ; rdfs:range xsd:string .\n"
  "note:folder a rdf:Property ; nrl:maxCardinality 1 ; rdfs:domain note:Note ; rdfs:range xsd:string .\n"
  "note:modified a rdf:Property ; nrl:maxCardinality 1 ; nrl:indexed true ; rdfs:domain note:Note ;"
  "  rdfs:range xsd:integer .\n";

static const char list_sparql[] =
  PREFIX "SELECT ?n ?title ?folder ?modified { ?n a note:Note ; note:title ?title ; note:folder ?folder ; "
         "note:modified ?modified } ORDER BY DESC (?modified) ?n";

static TrackerSparqlConnection *
open_connection (const char *folder)
{
  g_autofree char *ontology_folder = g_build_filename (folder, "ontology", NULL);
  g_autofree char *ontology_path = g_build_filename (ontology_folder, "50-note.ontology", NULL);
  g_autofree char *database_folder = g_build_filename (folder, "database", NULL);
  g_autoptr(GFile) ontology_file = g_file_new_for_path (ontology_folder);
  g_autoptr(GFile) database_file = g_file_new_for_path (database_folder);
  TrackerSparqlConnection *connection;
  GError *error = NULL;

  g_mkdir_with_parents (ontology_folder, 0700);
  bench_check (g_file_set_contents (ontology_path, ontology, -1, &error), error);
  connection = tracker_sparql_connection_new (TRACKER_SPARQL_CONNECTION_FLAGS_NONE, database_file, ontology_file, NULL,
                                              &error);
  bench_check (connection != NULL, error);
  return connection;
}

static void
update (TrackerSparqlConnection *connection,
        const char              *sparql)
{
  GError *error = NULL;

  tracker_sparql_connection_update (connection, sparql, NULL, &error);
  bench_check (error == NULL, error);
}

static void
fill (TrackerSparqlConnection *connection,
      guint                    n_rows)
{
  for (guint i = 0; i < n_rows; i += N_IN_BATCH)
    {
      g_autoptr(GString) sparql = g_string_new (PREFIX "INSERT DATA { ");

      for (guint n = i; n < MIN (i + N_IN_BATCH, n_rows); n++)
        {
          BenchNote note;

          bench_note_fill (&note, n);
          g_string_append_printf (sparql, "<urn:uuid:%s> a note:Note ; note:title \"%s\" ; note:body \"%s\" ; "
                                  "note:folder \"%s\" ; note:modified %" G_GINT64_FORMAT " . ", note.key, note.title,
                                  note.body, note.folder, note.modified);
        }
      g_string_append (sparql, "}");
      update (connection, sparql->str);
    }
}

/* What a list model of such an app would hold. */
static guint
list (TrackerSparqlStatement *statement)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  g_autoptr(TrackerSparqlCursor) cursor = NULL;
  GError *error = NULL;

  cursor = tracker_sparql_statement_execute (statement, NULL, &error);
  bench_check (cursor != NULL, error);
  while (tracker_sparql_cursor_next (cursor, NULL, &error))
    {
      GStrv row = g_new0 (char *, 5);

      for (int i = 0; i < 4; i++)
        row[i] = g_strdup (tracker_sparql_cursor_get_string (cursor, i, NULL));
      g_ptr_array_add (rows, row);
    }
  bench_check (error == NULL, error);
  return rows->len;
}

static void
on_events (TrackerNotifier *notifier,
           const char      *service,
           const char      *graph,
           GPtrArray       *events,
           gboolean        *heard)
{
  *heard = TRUE;
}

static void
change (TrackerSparqlConnection *connection,
        guint                    number,
        guint                    version)
{
  g_autofree char *sparql = NULL;
  BenchNote note;

  bench_note_fill (&note, number);
  sparql = g_strdup_printf (PREFIX "DELETE { <urn:uuid:%s> note:modified ?m } "
                                   "INSERT { <urn:uuid:%s> note:modified %u } "
                                   "WHERE { <urn:uuid:%s> note:modified ?m }",
                            note.key, note.key, 1700000000 + version, note.key);
  update (connection, sparql);
}

double
bench_tracker_measure (const char *folder,
                       guint       n_rows,
                       guint       n_changes)
{
  g_autoptr(TrackerSparqlConnection) connection = open_connection (folder);
  g_autoptr(TrackerSparqlStatement) statement = NULL;
  g_autoptr(TrackerNotifier) notifier = NULL;
  g_autoptr(BenchSeries) series = bench_series_new ();
  gboolean heard = FALSE;
  GError *error = NULL;

  fill (connection, n_rows);
  statement = tracker_sparql_connection_query_statement (connection, list_sparql, NULL, &error);
  bench_check (statement != NULL, error);
  notifier = tracker_sparql_connection_create_notifier (connection);
  g_signal_connect (notifier, "events", G_CALLBACK (on_events), &heard);
  for (guint i = 0; i < n_changes; i++)
    {
      heard = FALSE;
      change (connection, i * 7919u % n_rows, i);
      bench_series_start (series);
      while (!heard)
        g_main_context_iteration (NULL, TRUE);
      g_assert (list (statement) == n_rows);
      bench_series_stop (series);
    }
  tracker_sparql_connection_close (connection);
  return bench_series_median (series);
}
