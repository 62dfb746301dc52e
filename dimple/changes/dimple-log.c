/* dimple-log.c: the log of transactions, which is the history and what is synced
 *
 * At commit one row is written and no other page is touched: a page more in a transaction costs as much as a third of a
 * small insert.  So nothing else is kept up to date there; what an own transaction's `previous` is, where the clock
 * stands, and what was deleted all follow from the log's end.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-log-private.h"

#include <string.h>

#include "dimple-change-reader-private.h"
#include "dimple-error.h"

/* Big enough that a row's overhead does not count, small enough that a bulk transaction needs little memory. */
#define PART_SIZE (256 * 1024)

struct _DimpleLogWriter
{
  DimpleConnection  *connection;
  DimpleClock       *clock;
  sqlite3_stmt      *insert;

  gint64             author;                       /* number */
  char               author_id[DIMPLE_UUID_SIZE];
  char               newest[DIMPLE_UUID_SIZE];     /* of the author, when load() looked */
  gint64             last_own;                     /* the seq of the last row written here, by any author */
  char               written[DIMPLE_UUID_SIZE];    /* the last of this run */
  guint64            run;                          /* the tail that `written` is of */

  /* the transaction being written */
  char               written_before[DIMPLE_UUID_SIZE];
  char              *label;
  int                script;
  guint64            time;                         /* of its id; 0: none yet */
  char               id[DIMPLE_UUID_SIZE];
  guint              n_parts;
  int                flags;
  GString           *json;                         /* of the part being written */

  /* its open group */
  const DimpleTable *table;
  DimpleOperation    operation;
  guint64            changed;
  GArray            *columns;                      /* of guint: index into table->columns */

  GPtrArray         *old_values;                   /* of const guint8 *: where each column's value is in the record */
  GPtrArray         *new_values;
};

DimpleLogWriter *
dimple_log_writer_new (DimpleConnection *connection,
                       DimpleClock      *clock)
{
  DimpleLogWriter *self = g_new0 (DimpleLogWriter, 1);

  self->connection = connection;
  self->clock = clock;
  self->json = g_string_new (NULL);
  self->columns = g_array_new (FALSE, FALSE, sizeof (guint));
  self->old_values = g_ptr_array_new ();
  self->new_values = g_ptr_array_new ();
  return self;
}

void
dimple_log_writer_free (DimpleLogWriter *self)
{
  g_clear_pointer (&self->insert, dimple_statement_release);
  g_string_free (self->json, TRUE);
  g_array_unref (self->columns);
  g_ptr_array_unref (self->old_values);
  g_ptr_array_unref (self->new_values);
  g_free (self->label);
  g_free (self);
}

const char *
dimple_log_writer_get_author (DimpleLogWriter *self)
{
  return self->author_id;
}

guint64
dimple_log_writer_get_time (DimpleLogWriter *self)
{
  return self->clock->last;
}

static void
copy_id (char        id[DIMPLE_UUID_SIZE],
         const char *text)
{
  g_strlcpy (id, text != NULL ? text : "", DIMPLE_UUID_SIZE);
}

static void
copy_id_column (char          id[DIMPLE_UUID_SIZE],
                sqlite3_stmt *statement,
                int           column)
{
  copy_id (id, (const char *) sqlite3_column_text (statement, column));
}

/* -- Where the log ends ---------------------------------------------------------------------------------------------- */

static gboolean
load_author (DimpleLogWriter  *self,
             GError          **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (self->connection,
                                         "SELECT number, id, newest, (SELECT max (last_own) FROM dimple_author) "
                                         "FROM dimple_author WHERE own IS NOT NULL ORDER BY own DESC LIMIT 1", error);
  if (statement == NULL)
    return FALSE;
  if (!dimple_statement_step (statement, &local_error))
    {
      if (local_error == NULL)
        g_set_error_literal (&local_error, DIMPLE_ERROR, DIMPLE_ERROR_CORRUPT, "The table dimple_author has no own author");
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  self->author = sqlite3_column_int64 (statement, 0);
  copy_id_column (self->author_id, statement, 1);
  copy_id_column (self->newest, statement, 2);
  self->last_own = sqlite3_column_int64 (statement, 3);
  return TRUE;
}

/* The last row says all: if it is our author's own, it is the newest there is; if not, append() has noted the newest. */
static gboolean
load_end (DimpleLogWriter  *self,
          GError          **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (self->connection,
                                         "SELECT seq, id, author, flags FROM dimple_log ORDER BY seq DESC LIMIT 1", error);
  if (statement == NULL)
    return FALSE;
  if (dimple_statement_step (statement, &local_error))
    {
      gboolean own = (sqlite3_column_int (statement, 3) & DIMPLE_LOG_FOREIGN) == 0;

      dimple_clock_observe (self->clock, (guint64) sqlite3_column_int64 (statement, 0));
      if (own)
        self->last_own = sqlite3_column_int64 (statement, 0);
      if (own && sqlite3_column_int64 (statement, 2) == self->author)
        copy_id_column (self->newest, statement, 1);
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

gboolean
dimple_log_writer_load (DimpleLogWriter  *self,
                        GError          **error)
{
  g_autofree char *author_before = g_strdup (self->author_id);

  if (!load_author (self, error) || !load_end (self, error))
    return FALSE;
  /* A failed COMMIT took back what this run had written after `newest` */
  if (strcmp (self->author_id, author_before) != 0 || strcmp (self->written, self->newest) > 0)
    self->written[0] = '\0';
  return TRUE;
}

/* -- Writing one local transaction ----------------------------------------------------------------------------------- */

void
dimple_log_writer_begin (DimpleLogWriter *self,
                         const char      *label,
                         int              script)
{
  memcpy (self->written_before, self->written, sizeof self->written);
  g_free (self->label);
  self->label = g_strdup (label);
  self->script = script;
  self->time = 0;
  self->n_parts = 0;
  self->flags = 0;
  self->table = NULL;
  g_string_truncate (self->json, 0);
}

/* The id is drawn when it is needed, so that a transaction without changes leaves no trace. */
static void
ensure_id (DimpleLogWriter *self)
{
  if (self->time != 0)
    return;
  if (self->run != self->clock->tail)
    {
      self->run = self->clock->tail;
      self->written[0] = '\0';
    }
  self->time = dimple_clock_next (self->clock);
  dimple_uuid7_format (self->time, self->clock->tail, self->id);
}

static void
close_group (DimpleLogWriter *self)
{
  if (self->table != NULL)
    g_string_append_len (self->json, "]}", 2);
  self->table = NULL;
}

static gboolean
insert_row (DimpleLogWriter  *self,
            gint64            seq,
            const char       *id,
            gint64            author,
            const char       *previous,
            int               script,
            int               flags,
            const char       *label,
            const char       *changes,
            gsize             size,
            GError          **error)
{
  if (self->insert == NULL)
    {
      self->insert = dimple_connection_prepare (self->connection, "INSERT INTO dimple_log VALUES (?,?,?,?,?,?,?,?)", error);
      if (self->insert == NULL)
        return FALSE;
    }
  sqlite3_bind_int64 (self->insert, 1, seq);
  sqlite3_bind_text (self->insert, 2, id, DIMPLE_UUID_LENGTH, SQLITE_STATIC);
  sqlite3_bind_int64 (self->insert, 3, author);
  sqlite3_bind_text (self->insert, 4, previous[0] != '\0' ? previous : NULL, -1, SQLITE_STATIC);
  sqlite3_bind_int (self->insert, 5, script);
  sqlite3_bind_int (self->insert, 6, flags);
  sqlite3_bind_text (self->insert, 7, label, -1, SQLITE_STATIC);
  sqlite3_bind_text64 (self->insert, 8, changes, size, SQLITE_STATIC, SQLITE_UTF8);
  return dimple_statement_run (self->insert, error);
}

static gboolean
write_part (DimpleLogWriter  *self,
            gboolean          more,
            GError          **error)
{
  gint64 seq;

  close_group (self);
  g_string_append_c (self->json, ']');
  ensure_id (self);
  seq = (gint64) self->time + self->n_parts;

  if (!insert_row (self, seq, self->id, self->author, self->written[0] != '\0' ? self->written : self->newest,
                   self->script, self->flags | (more ? DIMPLE_LOG_MORE : 0), self->n_parts == 0 ? self->label : NULL,
                   self->json->str, self->json->len, error))
    return FALSE;
  dimple_clock_observe (self->clock, (guint64) seq);
  self->last_own = seq;
  self->n_parts++;
  self->flags = 0;
  g_string_truncate (self->json, 0);
  return TRUE;
}

/* Where the value of each column is in a record; generated columns have none. */
static void
locate_values (const DimpleTable *table,
               const guint8      *record,
               GPtrArray         *values)
{
  g_ptr_array_set_size (values, (int) table->columns->len);
  for (guint i = 0; i < table->columns->len; i++)
    {
      const DimpleColumn *column = g_ptr_array_index (table->columns, i);

      values->pdata[i] = NULL;
      if (record == NULL || column->generated)
        continue;
      values->pdata[i] = (gpointer) record;
      record = dimple_record_skip (record, 1);
    }
}

static gboolean
values_differ (const guint8 *a,
               const guint8 *b)
{
  gsize size = dimple_record_skip (a, 1) - a;

  return size != (gsize) (dimple_record_skip (b, 1) - b) || memcmp (a, b, size) != 0;
}

static gboolean
is_written (DimpleLogWriter         *self,
            const DimpleCapturedRow *row,
            DimpleOperation          operation,
            guint                    column)
{
  const DimpleColumn *definition = g_ptr_array_index (row->table->columns, column);

  if (definition->generated || definition->key_position > 0)
    return FALSE;
  if (operation != DIMPLE_OPERATION_UPDATE)
    return TRUE;
  if (column < 63)
    return (row->changed >> column & 1) != 0;
  return (row->changed >> 63) != 0 &&
         values_differ (g_ptr_array_index (self->old_values, column), g_ptr_array_index (self->new_values, column));
}

static void
append_name (GString             *json,
             const DimpleTable   *table,
             guint                column,
             gboolean             first)
{
  const DimpleColumn *definition = g_ptr_array_index (table->columns, column);

  if (!first)
    g_string_append_c (json, ',');
  dimple_json_append_string (json, definition->name, -1);
}

/* Begins a group unless the open one is of the same table, operation and columns. */
static void
ensure_group (DimpleLogWriter         *self,
              const DimpleCapturedRow *row,
              DimpleOperation          operation)
{
  gboolean same_columns = operation != DIMPLE_OPERATION_UPDATE ||
                          (self->changed == row->changed && row->changed >> 63 == 0);

  if (self->table == row->table && self->operation == operation && same_columns)
    {
      g_string_append_c (self->json, ',');
      return;
    }

  close_group (self);
  self->table = row->table;
  self->operation = operation;
  self->changed = row->changed;
  g_array_set_size (self->columns, 0);

  g_string_append (self->json, self->json->len == 0 ? "[{\"table\":" : ",{\"table\":");
  dimple_json_append_string (self->json, row->table->name, -1);
  g_string_append (self->json, ",\"key\":[");
  for (guint i = 0; i < row->table->key->len; i++)
    append_name (self->json, row->table, g_array_index (row->table->key, guint, i), i == 0);
  g_string_append_printf (self->json, "],\"op\":\"%s\",\"columns\":[", dimple_operation_get_name (operation));
  for (guint i = 0; i < row->table->columns->len; i++)
    if (is_written (self, row, operation, i))
      {
        append_name (self->json, row->table, i, self->columns->len == 0);
        g_array_append_val (self->columns, i);
      }
  g_string_append (self->json, "],\"rows\":[");
}

static void
append_values (DimpleLogWriter *self,
               GArray          *columns,
               GPtrArray       *values)
{
  g_string_append_c (self->json, '[');
  for (guint i = 0; i < columns->len; i++)
    {
      DimpleValue value;

      if (i > 0)
        g_string_append_c (self->json, ',');
      dimple_record_read (g_ptr_array_index (values, g_array_index (columns, guint, i)), &value);
      dimple_json_append_value (self->json, &value);
    }
  g_string_append_c (self->json, ']');
}

static void
append_anchors (DimpleLogWriter    *self,
                const char * const *anchors)
{
  guint n_anchors = self->operation == DIMPLE_OPERATION_DELETE ? 1 : 1 + self->columns->len;

  for (guint i = 0; i < n_anchors; i++)
    {
      g_string_append (self->json, i == 0 ? ",[" : ",");
      dimple_json_append_string (self->json, anchors[i], -1);
    }
  g_string_append_c (self->json, ']');
}

gboolean
dimple_log_writer_add (DimpleLogWriter          *self,
                       const DimpleCapturedRow  *row,
                       const char * const       *anchors,
                       GError                  **error)
{
  DimpleOperation operation = row->old == NULL ? DIMPLE_OPERATION_INSERT
                            : row->now == NULL ? DIMPLE_OPERATION_DELETE
                            : DIMPLE_OPERATION_UPDATE;

  g_return_val_if_fail ((self->script > 0) == (anchors != NULL), FALSE);

  if (self->json->len >= PART_SIZE && !write_part (self, TRUE, error))
    return FALSE;

  locate_values (row->table, row->old, self->old_values);
  locate_values (row->table, row->now, self->new_values);
  ensure_group (self, row, operation);

  g_string_append_c (self->json, '[');
  append_values (self, row->table->key, row->now != NULL ? self->new_values : self->old_values);
  if (row->now != NULL)
    {
      g_string_append_c (self->json, ',');
      append_values (self, self->columns, self->new_values);
    }
  if (row->old != NULL)
    {
      g_string_append_c (self->json, ',');
      append_values (self, self->columns, self->old_values);
    }
  if (anchors != NULL)
    append_anchors (self, anchors);
  g_string_append_c (self->json, ']');

  if (operation == DIMPLE_OPERATION_DELETE)
    self->flags |= DIMPLE_LOG_DELETES;
  return TRUE;
}

gboolean
dimple_log_writer_end (DimpleLogWriter  *self,
                       char              id[DIMPLE_UUID_SIZE],
                       GError          **error)
{
  id[0] = '\0';
  if (self->json->len == 0 && self->n_parts == 0)
    return TRUE;
  if (!write_part (self, FALSE, error))
    return FALSE;
  memcpy (id, self->id, DIMPLE_UUID_SIZE);
  memcpy (self->written, self->id, DIMPLE_UUID_SIZE);
  return TRUE;
}

void
dimple_log_writer_undo (DimpleLogWriter *self)
{
  memcpy (self->written, self->written_before, sizeof self->written);
  self->table = NULL;
  g_string_truncate (self->json, 0);
}

/* -- Transactions from elsewhere ------------------------------------------------------------------------------------- */

/* The number of an author, who is made known if need be. */
static gboolean
find_author (DimpleConnection  *connection,
             const char        *id,
             gint64            *number,
             GError           **error)
{
  g_autoptr(DimpleStatement) find = NULL;
  g_autoptr(DimpleStatement) add = NULL;
  g_autoptr(GError) local_error = NULL;

  find = dimple_connection_prepare (connection, "SELECT number FROM dimple_author WHERE id = ?", error);
  if (find == NULL)
    return FALSE;
  sqlite3_bind_text (find, 1, id, -1, SQLITE_STATIC);
  if (dimple_statement_step (find, &local_error))
    {
      *number = sqlite3_column_int64 (find, 0);
      return TRUE;
    }
  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }

  add = dimple_connection_prepare (connection, "INSERT INTO dimple_author (id) VALUES (?)", error);
  if (add == NULL)
    return FALSE;
  sqlite3_bind_text (add, 1, id, -1, SQLITE_STATIC);
  if (!dimple_statement_run (add, error))
    return FALSE;
  *number = sqlite3_last_insert_rowid (dimple_connection_get_handle (connection));
  return TRUE;
}

/* The log's end is about to be somebody else's: what load() would have read there is noted. */
static gboolean
note_newest (DimpleLogWriter  *self,
             GError          **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  const char *newest = strcmp (self->written, self->newest) > 0 ? self->written : self->newest;

  statement = dimple_connection_prepare (self->connection,
                                         "UPDATE dimple_author SET newest = ?1, last_own = ?3 "
                                         "WHERE number = ?2 AND (newest IS NOT ?1 OR last_own IS NOT ?3)", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, newest[0] != '\0' ? newest : NULL, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 2, self->author);
  sqlite3_bind_int64 (statement, 3, self->last_own);
  return dimple_statement_run (statement, error);
}

gboolean
dimple_log_append (DimpleLogWriter          *self,
                   const DimpleTransaction  *transaction,
                   GError                  **error)
{
  gsize size;
  const char *changes = g_bytes_get_data (transaction->changes, &size);
  guint64 time, seq;
  gint64 author = 0;

  if (!dimple_uuid7_parse (transaction->id, &time, NULL))
    {
      g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK, "“%s” is no id of a transaction", transaction->id);
      return FALSE;
    }
  if (!note_newest (self, error) || !find_author (self->connection, transaction->author, &author, error))
    return FALSE;

  seq = MAX (self->clock->last + 1, time);
  if (!insert_row (self, (gint64) seq, transaction->id, author, transaction->previous, transaction->script,
                   DIMPLE_LOG_FOREIGN | (transaction->pruned ? DIMPLE_LOG_PRUNED : 0), transaction->label,
                   changes, size, error))
    return FALSE;
  dimple_clock_observe (self->clock, seq);
  return TRUE;
}

/* -- Reading --------------------------------------------------------------------------------------------------------- */

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

/* Where the transactions of a run begin, in order.  A run may be here both as our own and, after a backup was restored,
 * as somebody's. */
GArray *
dimple_log_find_range (DimpleConnection  *connection,
                       const char        *author,
                       const char        *first,
                       const char        *last,
                       GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  guint64 first_time = 0, last_time = 0;

  statement = dimple_connection_prepare (
    connection,
    "SELECT seq, id FROM dimple_log WHERE seq BETWEEN ?4 AND ?5 AND NOT flags & 1 AND id BETWEEN ?2 AND ?3"
    "  AND substr(id, 20) = substr(?3, 20) AND author = (SELECT number FROM dimple_author WHERE id = ?1) "
    "UNION ALL "
    "SELECT seq, id FROM dimple_log WHERE flags & 1 AND id BETWEEN ?2 AND ?3"
    "  AND substr(id, 20) = substr(?3, 20) AND author = (SELECT number FROM dimple_author WHERE id = ?1) "
    "ORDER BY id, seq", error);
  if (statement == NULL)
    return NULL;
  dimple_uuid7_parse (first, &first_time, NULL);
  dimple_uuid7_parse (last, &last_time, NULL);
  sqlite3_bind_text (statement, 1, author, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, first, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 3, last, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 4, (gint64) first_time);
  sqlite3_bind_int64 (statement, 5, (gint64) last_time);
  return list_beginnings (statement, error);
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
