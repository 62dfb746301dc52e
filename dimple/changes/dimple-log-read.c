/* dimple-log-read.c: the log's transactions, for merging, packs and history
 *
 * They are visited in pieces, so that no more than one row of the log is in memory at a time.
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
  if (self->free_piece_data != NULL)
    self->free_piece_data (self->piece_data);
  g_free (self);
}

#define SELECT_LOG \
  "SELECT l.seq, l.id, a.id, l.previous, l.script, l.flags, l.label, l.changes " \
  "FROM dimple_log AS l JOIN dimple_author AS a ON a.number = l.author "

/* The row that the statement is at, after `before` (nullable). */
static DimpleTransaction *
read_row (sqlite3_stmt            *statement,
          const DimpleTransaction *before)
{
  DimpleTransaction *self = g_new0 (DimpleTransaction, 1);
  int flags = sqlite3_column_int (statement, 5);
  const char *changes = (const char *) sqlite3_column_text (statement, 7);

  self->seq = sqlite3_column_int64 (statement, 0);
  copy_id_column (self->id, statement, 1);
  copy_id_column (self->author, statement, 2);
  copy_id_column (self->previous, statement, 3);
  self->script = sqlite3_column_int (statement, 4);
  self->pruned = (flags & DIMPLE_LOG_PRUNED) != 0;
  self->foreign = (flags & DIMPLE_LOG_FOREIGN) != 0;
  self->moved = (flags & DIMPLE_LOG_MOVED) != 0;
  self->deletes = (flags & DIMPLE_LOG_DELETES) != 0;
  self->continues = before != NULL && before->more && strcmp (before->id, self->id) == 0;
  self->more = (flags & DIMPLE_LOG_MORE) != 0;
  self->label = g_strdup ((const char *) sqlite3_column_text (statement, 6));
  self->changes = g_bytes_new (changes, (gsize) sqlite3_column_bytes (statement, 7));
  return self;
}

/* What the next piece has to know of the one before it, which the visitor may free. */
static void
remember (DimpleTransaction       *before,
          const DimpleTransaction *piece)
{
  memcpy (before->id, piece->id, sizeof before->id);
  before->more = piece->more;
}

void
dimple_log_join_changes (GString    *changes,
                         const char *piece,
                         gsize       size)
{
  if (changes->len > 0 && size <= 2)
    return;
  if (changes->len > 2)
    {
      changes->str[changes->len - 1] = ',';
      piece++;
      size--;
    }
  else
    g_string_truncate (changes, 0);
  g_string_append_len (changes, piece, (gssize) size);
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
  DimpleTransaction before = { 0 };

  statement = dimple_connection_prepare (connection, SELECT_LOG "WHERE l.seq > ? ORDER BY l.seq", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, after);
  while (dimple_statement_step (statement, &local_error))
    {
      DimpleTransaction *piece = read_row (statement, &before);

      remember (&before, piece);
      if (!visitor (piece, user_data, &local_error))
        break;
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

gboolean
dimple_log_visit_one (DimpleConnection          *connection,
                      gint64                     seq,
                      DimpleTransactionVisitor   visitor,
                      gpointer                   user_data,
                      GError                   **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;
  DimpleTransaction before = { .more = TRUE };

  statement = dimple_connection_prepare (connection, SELECT_LOG "WHERE l.seq >= ? ORDER BY l.seq", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, seq);
  while (before.more && dimple_statement_step (statement, &local_error))
    {
      DimpleTransaction *piece = read_row (statement, &before);
      gboolean is_of_it = before.id[0] != '\0' ? piece->continues : piece->seq == seq;

      remember (&before, piece);
      if (!is_of_it)
        {
          dimple_transaction_free (piece);
          break;
        }
      if (!visitor (piece, user_data, &local_error))
        break;
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

typedef struct
{
  DimpleTransaction *transaction;
  GString           *changes;
} Joining;

static gboolean
join_piece (DimpleTransaction  *piece,
            gpointer            user_data,
            GError            **error)
{
  Joining *joining = user_data;
  gsize size;
  const char *changes = g_bytes_get_data (piece->changes, &size);

  if (joining->transaction == NULL && !piece->more)
    {
      joining->transaction = piece;
      return TRUE;
    }
  if (joining->transaction == NULL)
    joining->changes = g_string_new (NULL);
  dimple_log_join_changes (joining->changes, changes, size);
  if (joining->transaction == NULL)
    joining->transaction = piece;
  else
    dimple_transaction_free (piece);
  return TRUE;
}

DimpleTransaction *
dimple_log_read_transaction (DimpleConnection  *connection,
                             gint64             seq,
                             GError           **error)
{
  Joining joining = { NULL, NULL };
  gboolean read = dimple_log_visit_one (connection, seq, join_piece, &joining, error);

  if (joining.changes != NULL)
    {
      g_bytes_unref (joining.transaction->changes);
      joining.transaction->changes = g_string_free_to_bytes (joining.changes);
      joining.transaction->more = FALSE;
    }
  if (!read)
    g_clear_pointer (&joining.transaction, dimple_transaction_free);
  return joining.transaction;
}

/* The row at `seq`, without what came before it. */
static DimpleTransaction *
read_at (DimpleConnection  *connection,
         gint64             seq,
         GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (connection, SELECT_LOG "WHERE l.seq = ?", error);

  if (statement == NULL)
    return NULL;
  sqlite3_bind_int64 (statement, 1, seq);
  return dimple_statement_step (statement, error) ? read_row (statement, NULL) : NULL;
}

/* The rows of a transaction are neighbours. */
static gboolean
find_label (DimpleConnection   *connection,
            DimpleTransaction  *piece,
            GError            **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (connection, "SELECT id, label FROM dimple_log WHERE seq < ? ORDER BY seq DESC",
                                         error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, piece->seq);
  while (piece->label == NULL && dimple_statement_step (statement, &local_error) &&
         strcmp ((const char *) sqlite3_column_text (statement, 0), piece->id) == 0)
    piece->label = g_strdup ((const char *) sqlite3_column_text (statement, 1));
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

DimpleTransaction *
dimple_log_read_piece (DimpleConnection  *connection,
                       gint64             seq,
                       GError           **error)
{
  g_autoptr(DimpleTransaction) piece = read_at (connection, seq, error);

  if (piece == NULL || (piece->label == NULL && !find_label (connection, piece, error)))
    return NULL;
  return g_steal_pointer (&piece);
}

/* Runs a statement that gives the seqs, ids and flags of rows, each transaction's together. */
static GArray *
list_places (sqlite3_stmt  *statement,
             GError       **error)
{
  g_autoptr(GArray) places = g_array_new (FALSE, FALSE, sizeof (DimpleLogPlace));
  g_autoptr(GError) local_error = NULL;
  char before[DIMPLE_UUID_SIZE] = "";

  while (dimple_statement_step (statement, &local_error))
    {
      DimpleLogPlace place = { sqlite3_column_int64 (statement, 0),
                               (sqlite3_column_int (statement, 2) & DIMPLE_LOG_MORE) != 0 };

      /* further pieces have the id of the first */
      if (strcmp (before, (const char *) sqlite3_column_text (statement, 1)) != 0)
        g_array_append_val (places, place);
      copy_id_column (before, statement, 1);
    }
  if (local_error == NULL)
    return g_steal_pointer (&places);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

static gboolean
visit_places (DimpleConnection          *connection,
              GArray                    *places,
              DimpleTransactionVisitor   visitor,
              gpointer                   user_data,
              GError                   **error)
{
  for (guint i = 0; i < places->len; i++)
    {
      if (!dimple_log_visit_one (connection, g_array_index (places, DimpleLogPlace, i).seq, visitor, user_data, error))
        return FALSE;
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
  g_autoptr(GArray) places = NULL;
  guint64 time = 0;
  gint64 last_own;

  if (!find_last_own (connection, &last_own, error))
    return FALSE;
  statement = dimple_connection_prepare (
    connection,
    "SELECT seq, id, flags FROM dimple_log WHERE seq BETWEEN ?2 AND ?3 AND NOT flags & 1 AND id >= ?1 "
    "UNION ALL "
    "SELECT l.seq, l.id, l.flags FROM dimple_author AS a CROSS JOIN dimple_log AS l INDEXED BY dimple_log_foreign"
    "  ON l.author = a.number AND l.flags & 1 AND l.id >= ?1", error);
  if (statement == NULL)
    return FALSE;
  dimple_uuid7_parse (id, &time, NULL);
  sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 2, (gint64) time);
  sqlite3_bind_int64 (statement, 3, last_own);
  places = list_places (statement, error);
  return places != NULL && visit_places (connection, places, visitor, user_data, error);
}

/* A run may be here both as our own and, after a backup was restored, as somebody's. */
#define SELECT_RANGE \
  "SELECT seq, id, flags FROM dimple_log WHERE seq BETWEEN ?4 AND ?5 AND NOT flags & 1 AND id BETWEEN ?2 AND ?3" \
  "  AND substr(id, 20) = substr(?3, 20) AND author = (SELECT number FROM dimple_author WHERE id = ?1) " \
  "UNION ALL " \
  "SELECT seq, id, flags FROM dimple_log WHERE flags & 1 AND id BETWEEN ?2 AND ?3" \
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
  g_autoptr(DimpleStatement) statement = prepare_range (connection, SELECT_RANGE "ORDER BY id, seq", author, first,
                                                        last, error);

  return statement != NULL ? list_places (statement, error) : NULL;
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

  if (statement == NULL)
    return FALSE;
  return dimple_statement_has_row (statement, has, error);
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
