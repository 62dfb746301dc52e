/* dimple-store-sync.c: what syncing needs of a store
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-store-internal-private.h"

#include "dimple-merge-private.h"

typedef struct
{
  GPtrArray *transactions;
  gint64     known_seq;
} Arrival;

/* The ids that came from elsewhere since the caller looked: another process may be syncing, too. */
static GHashTable *
find_newcomers (DimpleConnection  *connection,
                gint64             known_seq,
                GError           **error)
{
  g_autoptr(GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) step_error = NULL;

  statement = dimple_connection_prepare (connection, "SELECT id FROM dimple_log WHERE seq > ? AND flags & 1", error);
  if (statement == NULL)
    return NULL;
  sqlite3_bind_int64 (statement, 1, known_seq);
  while (dimple_statement_step (statement, &step_error))
    g_hash_table_add (ids, g_strdup ((const char *) sqlite3_column_text (statement, 0)));
  if (step_error == NULL)
    return g_steal_pointer (&ids);
  g_propagate_error (error, g_steal_pointer (&step_error));
  return NULL;
}

static gboolean
merge (DimpleWriter     *writer,
       DimpleChangeSet  *changes,
       gpointer          user_data,
       GError          **error)
{
  const Arrival *arrival = user_data;
  DimpleConnection *connection = dimple_writer_get_connection (writer);
  g_autoptr(GHashTable) newcomers = find_newcomers (connection, arrival->known_seq, error);
  g_autoptr(GPtrArray) missing = g_ptr_array_new ();

  if (newcomers == NULL)
    return FALSE;
  for (guint i = 0; i < arrival->transactions->len; i++)
    {
      DimpleTransaction *transaction = g_ptr_array_index (arrival->transactions, i);

      if (!g_hash_table_contains (newcomers, transaction->id))
        g_ptr_array_add (missing, transaction);
    }
  return missing->len == 0 ||
         dimple_merge_apply (connection, dimple_writer_get_schema (writer), dimple_writer_get_log (writer), missing,
                             changes, error);
}

gboolean
dimple_store_apply (DimpleStore  *self,
                    GPtrArray    *transactions,
                    gint64        known_seq,
                    GError      **error)
{
  Arrival arrival = { transactions, known_seq };

  return dimple_writer_run_uncaptured (self->writer, DIMPLE_ORIGIN_SYNC, merge, &arrival, error);
}

gboolean
dimple_store_sync_to_disk (DimpleStore  *self,
                           GError      **error)
{
  return dimple_writer_sync_to_disk (self->writer, error);
}

/* -- Dimple's own small tables ------------------------------------------------------------------------------------- */

gboolean
dimple_store_write_own (DimpleStore         *self,
                        DimpleOwnWriteFunc   func,
                        gpointer             user_data,
                        GError             **error)
{
  return dimple_writer_run_own (self->writer, func, user_data, error);
}

/* The texts that a query of one parameter (nullable) gives, from the last commit. */
static GPtrArray *
read_texts (DimpleStore  *self,
            const char   *sql,
            const char   *parameter,
            GError      **error)
{
  DimpleConnection *reader = dimple_store_acquire_reader (self, error);
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GError) step_error = NULL;
  sqlite3_stmt *statement;

  if (reader == NULL)
    return NULL;
  statement = dimple_connection_prepare (reader, sql, &step_error);
  if (statement != NULL)
    {
      if (parameter != NULL)
        sqlite3_bind_text (statement, 1, parameter, -1, SQLITE_STATIC);
      while (dimple_statement_step (statement, &step_error))
        g_ptr_array_add (texts, g_strdup ((const char *) sqlite3_column_text (statement, 0)));
      dimple_statement_release (statement);
    }
  dimple_store_release_reader (self, reader);
  if (step_error == NULL)
    return g_steal_pointer (&texts);
  g_propagate_error (error, g_steal_pointer (&step_error));
  return NULL;
}

typedef struct
{
  const char *sql;
  const char *first;
  const char *second;
} Note;

static gboolean
write_note (DimpleConnection  *connection,
            gpointer           user_data,
            GError           **error)
{
  const Note *note = user_data;
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (connection, note->sql, error);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, note->first, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, note->second, -1, SQLITE_STATIC);
  return dimple_statement_run (statement, error);
}

char *
dimple_store_dup_state (DimpleStore  *self,
                        const char   *name,
                        GError      **error)
{
  g_autoptr(GPtrArray) texts = read_texts (self, "SELECT value FROM dimple_state WHERE name = ?", name, error);

  return texts != NULL && texts->len > 0 ? g_strdup (g_ptr_array_index (texts, 0)) : NULL;
}

gboolean
dimple_store_set_state (DimpleStore  *self,
                        const char   *name,
                        const char   *value,
                        GError      **error)
{
  Note note = { "INSERT OR REPLACE INTO dimple_state VALUES (?, ?)", name, value };

  return dimple_store_write_own (self, write_note, &note, error);
}

gboolean
dimple_store_set_author_name (DimpleStore  *self,
                              const char   *author,
                              const char   *name,
                              GError      **error)
{
  Note note = { "INSERT INTO dimple_author (id, name) VALUES (?, ?)"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name", author, name };

  return dimple_store_write_own (self, write_note, &note, error);
}

char *
dimple_store_dup_author_name (DimpleStore  *self,
                              const char   *author,
                              GError      **error)
{
  g_autoptr(GPtrArray) texts = read_texts (self, "SELECT name FROM dimple_author WHERE id = ?", author, error);

  return texts != NULL && texts->len > 0 ? g_strdup (g_ptr_array_index (texts, 0)) : NULL;
}

char **
dimple_store_dup_authors (DimpleStore  *self,
                          GError      **error)
{
  g_autoptr(GPtrArray) texts = read_texts (self, "SELECT id FROM dimple_author WHERE own IS NOT NULL ORDER BY own",
                                           NULL, error);

  if (texts == NULL)
    return NULL;
  g_ptr_array_add (texts, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&texts), FALSE);
}

static gboolean
add_author (DimpleWriter     *writer,
            DimpleChangeSet  *changes,
            gpointer          user_data,
            GError          **error)
{
  dimple_clock_new_run (dimple_writer_get_clock (writer));
  return dimple_log_add_author (dimple_writer_get_connection (writer), user_data, error) &&
         dimple_log_writer_load (dimple_writer_get_log (writer), error);
}

gboolean
dimple_store_take_new_author (DimpleStore  *self,
                              GError      **error)
{
  g_autofree char *author = dimple_store_dup_author (self);
  g_autofree char *name = dimple_store_dup_author_name (self, author, NULL);

  if (!dimple_writer_run_uncaptured (self->writer, DIMPLE_ORIGIN_LOCAL, add_author, name, error))
    return FALSE;
  dimple_store_notify_author (self);
  return TRUE;
}
