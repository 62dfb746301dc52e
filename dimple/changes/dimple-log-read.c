/* dimple-log-read.c: the log's transactions as a whole, for merging, packs and history
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-log-private.h"

#include <string.h>

static void
copy_id_column (char          id[DIMPLE_UUID_SIZE],
                sqlite3_stmt *statement,
                int           column)
{
  const char *text = (const char *) sqlite3_column_text (statement, column);

  g_strlcpy (id, text != NULL ? text : "", DIMPLE_UUID_SIZE);
}

void
dimple_transaction_free (DimpleTransaction *self)
{
  g_free (self->label);
  g_clear_pointer (&self->changes, g_bytes_unref);
  g_free (self);
}

#define SELECT_LOG \
  "SELECT l.seq, l.id, a.id, l.previous, l.script, l.flags, l.label, l.changes " \
  "FROM dimple_log AS l JOIN dimple_author AS a ON a.number = l.author "

static DimpleTransaction *
read_first_part (sqlite3_stmt *statement)
{
  DimpleTransaction *self = g_new0 (DimpleTransaction, 1);
  int flags = sqlite3_column_int (statement, 5);

  self->seq = sqlite3_column_int64 (statement, 0);
  copy_id_column (self->id, statement, 1);
  copy_id_column (self->author, statement, 2);
  copy_id_column (self->previous, statement, 3);
  self->script = sqlite3_column_int (statement, 4);
  self->pruned = (flags & DIMPLE_LOG_PRUNED) != 0;
  self->foreign = (flags & DIMPLE_LOG_FOREIGN) != 0;
  self->label = g_strdup ((const char *) sqlite3_column_text (statement, 6));
  return self;
}

/* Appends a part's groups to those before it: "[a,b]" and "[c]" become "[a,b,c]". */
static void
join_changes (GString      *changes,
              sqlite3_stmt *statement)
{
  const char *part = (const char *) sqlite3_column_text (statement, 7);
  gsize size = (gsize) sqlite3_column_bytes (statement, 7);

  if (changes->len > 0 && size > 2)
    {
      changes->str[changes->len - 1] = ',';
      part++;
      size--;
    }
  else if (changes->len > 0)
    return;
  g_string_append_len (changes, part, (gssize) size);
}

/* Reads the transaction that begins at the statement's row; afterwards the statement is at the next one, if `more`. */
static DimpleTransaction *
read_transaction (sqlite3_stmt  *statement,
                  gboolean      *more,
                  GError       **error)
{
  g_autoptr(DimpleTransaction) transaction = read_first_part (statement);
  g_autoptr(GError) local_error = NULL;
  GString *changes = g_string_new (NULL);
  gboolean unfinished;

  do
    {
      unfinished = (sqlite3_column_int (statement, 5) & DIMPLE_LOG_MORE) != 0;
      transaction->moved |= (sqlite3_column_int (statement, 5) & DIMPLE_LOG_MOVED) != 0;
      join_changes (changes, statement);
      *more = dimple_statement_step (statement, &local_error);
    }
  while (*more && unfinished);
  transaction->changes = g_string_free_to_bytes (changes);

  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }
  return g_steal_pointer (&transaction);
}

gboolean
dimple_log_visit_since (DimpleConnection          *connection,
                        gint64                     after,
                        DimpleTransactionVisitor   visitor,
                        gpointer                   user_data,
                        GError                   **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;
  gboolean more;

  statement = dimple_connection_prepare (connection, SELECT_LOG "WHERE l.seq > ? ORDER BY l.seq", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, after);

  more = dimple_statement_step (statement, &local_error);
  while (more && local_error == NULL)
    {
      DimpleTransaction *transaction = read_transaction (statement, &more, &local_error);

      if (transaction != NULL && !visitor (transaction, user_data, &local_error))
        break;
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

DimpleTransaction *
dimple_log_read_transaction (DimpleConnection  *connection,
                             gint64             seq,
                             GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  gboolean more;

  statement = dimple_connection_prepare (connection, SELECT_LOG "WHERE l.seq >= ? ORDER BY l.seq", error);
  if (statement == NULL)
    return NULL;
  sqlite3_bind_int64 (statement, 1, seq);
  if (!dimple_statement_step (statement, error) || sqlite3_column_int64 (statement, 0) != seq)
    return NULL;
  return read_transaction (statement, &more, error);
}

/* Runs a statement that gives the seqs and ids of rows, each transaction's together; lists where they begin. */
static GArray *
list_beginnings (sqlite3_stmt  *statement,
                 GError       **error)
{
  g_autoptr(GArray) seqs = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr(GError) local_error = NULL;
  char before[DIMPLE_UUID_SIZE] = "";

  while (dimple_statement_step (statement, &local_error))
    {
      gint64 seq = sqlite3_column_int64 (statement, 0);

      /* further parts have the id of the first */
      if (strcmp (before, (const char *) sqlite3_column_text (statement, 1)) != 0)
        g_array_append_val (seqs, seq);
      copy_id_column (before, statement, 1);
    }
  if (local_error == NULL)
    return g_steal_pointer (&seqs);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

static gboolean
visit_listed (DimpleConnection          *connection,
              GArray                    *seqs,
              DimpleTransactionVisitor   visitor,
              gpointer                   user_data,
              GError                   **error)
{
  for (guint i = 0; i < seqs->len; i++)
    {
      g_autoptr(GError) local_error = NULL;
      DimpleTransaction *transaction = dimple_log_read_transaction (connection, g_array_index (seqs, gint64, i),
                                                                    &local_error);

      if (transaction == NULL && local_error == NULL)      /* gone since: pruned by another process */
        continue;
      if (transaction == NULL || !visitor (transaction, user_data, &local_error))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
    }
  return TRUE;
}

/* No own row lies behind this seq.  Behind it may be any number of rows from elsewhere, which a sync in many batches
 * would otherwise walk over again and again. */
static gboolean
find_last_own (DimpleConnection  *connection,
               gint64            *seq,
               GError           **error)
{
  return dimple_connection_get_int64 (connection,
                                      "SELECT iif (flags & 1, (SELECT max (last_own) FROM dimple_author), seq) "
                                      "FROM dimple_log ORDER BY seq DESC LIMIT 1", 0, seq, error);
}

gboolean
dimple_log_visit_newer (DimpleConnection          *connection,
                        const char                *id,
                        DimpleTransactionVisitor   visitor,
                        gpointer                   user_data,
                        GError                   **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GArray) seqs = NULL;
  guint64 time = 0;
  gint64 last_own;

  if (!find_last_own (connection, &last_own, error))
    return FALSE;
  statement = dimple_connection_prepare (
    connection,
    "SELECT seq, id FROM dimple_log WHERE seq BETWEEN ?2 AND ?3 AND NOT flags & 1 AND id >= ?1 "
    "UNION ALL "
    "SELECT l.seq, l.id FROM dimple_author AS a CROSS JOIN dimple_log AS l INDEXED BY dimple_log_foreign"
    "  ON l.author = a.number AND l.flags & 1 AND l.id >= ?1", error);
  if (statement == NULL)
    return FALSE;
  dimple_uuid7_parse (id, &time, NULL);
  sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 2, (gint64) time);
  sqlite3_bind_int64 (statement, 3, last_own);
  seqs = list_beginnings (statement, error);
  return seqs != NULL && visit_listed (connection, seqs, visitor, user_data, error);
}

/* A run may be here both as our own and, after a backup was restored, as somebody's. */
#define SELECT_RANGE \
  "SELECT seq, id FROM dimple_log WHERE seq BETWEEN ?4 AND ?5 AND NOT flags & 1 AND id BETWEEN ?2 AND ?3" \
  "  AND substr(id, 20) = substr(?3, 20) AND author = (SELECT number FROM dimple_author WHERE id = ?1) " \
  "UNION ALL " \
  "SELECT seq, id FROM dimple_log WHERE flags & 1 AND id BETWEEN ?2 AND ?3" \
  "  AND substr(id, 20) = substr(?3, 20) AND author = (SELECT number FROM dimple_author WHERE id = ?1) "

static sqlite3_stmt *
prepare_range (DimpleConnection  *connection,
               const char        *sql,
               const char        *author,
               const char        *first,
               const char        *last,
               GError           **error)
{
  sqlite3_stmt *statement = dimple_connection_prepare (connection, sql, error);
  guint64 first_time = 0, last_time = 0;

  if (statement == NULL)
    return NULL;
  dimple_uuid7_parse (first, &first_time, NULL);
  dimple_uuid7_parse (last, &last_time, NULL);
  sqlite3_bind_text (statement, 1, author, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, first, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 3, last, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 4, (gint64) first_time);
  sqlite3_bind_int64 (statement, 5, (gint64) last_time);
  return statement;
}

/* Where the transactions of a run begin, in order. */
GArray *
dimple_log_find_range (DimpleConnection  *connection,
                       const char        *author,
                       const char        *first,
                       const char        *last,
                       GError           **error)
{
  g_autoptr(DimpleStatement) statement = prepare_range (connection, SELECT_RANGE "ORDER BY id, seq", author, first, last,
                                                        error);

  return statement != NULL ? list_beginnings (statement, error) : NULL;
}

gboolean
dimple_log_has_range (DimpleConnection  *connection,
                      const char        *author,
                      const char        *first,
                      const char        *last,
                      gboolean          *has,
                      GError           **error)
{
  g_autoptr(DimpleStatement) statement = prepare_range (connection, SELECT_RANGE "LIMIT 1", author, first, last, error);
  g_autoptr(GError) failure = NULL;

  if (statement == NULL)
    return FALSE;
  *has = dimple_statement_step (statement, &failure);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

gboolean
dimple_log_visit_range (DimpleConnection          *connection,
                        const char                *author,
                        const char                *first,
                        const char                *last,
                        DimpleTransactionVisitor   visitor,
                        gpointer                   user_data,
                        GError                   **error)
{
  g_autoptr(GArray) seqs = dimple_log_find_range (connection, author, first, last, error);

  return seqs != NULL && visit_listed (connection, seqs, visitor, user_data, error);
}

gboolean
dimple_log_find_author (DimpleConnection  *connection,
                        const char        *id,
                        char             **author,
                        char             **name,
                        GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;
  guint64 time = 0;

  *author = *name = NULL;
  statement = dimple_connection_prepare (
    connection,
    "SELECT a.id, a.name FROM dimple_log AS l JOIN dimple_author AS a ON a.number = l.author"
    " WHERE l.seq = ?2 AND l.id = ?1 "
    "UNION ALL "
    "SELECT a.id, a.name FROM dimple_author AS a CROSS JOIN dimple_log AS l INDEXED BY dimple_log_foreign"
    "  ON l.author = a.number AND l.flags & 1 AND l.id = ?1 LIMIT 1", error);
  if (statement == NULL)
    return FALSE;
  dimple_uuid7_parse (id, &time, NULL);
  sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 2, (gint64) time);
  if (dimple_statement_step (statement, &local_error))
    {
      *author = g_strdup ((const char *) sqlite3_column_text (statement, 0));
      *name = g_strdup ((const char *) sqlite3_column_text (statement, 1));
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}
