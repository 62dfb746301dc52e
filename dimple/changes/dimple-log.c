/* dimple-log.c: the log of transactions, which is the history and what is synced
 *
 * At commit one row is written and no other page is touched: a page more in a transaction costs as much as a third of a
 * small insert.  So nothing else is kept up to date there; what an own transaction's `previous` is, where the clock
 * stands, and what was deleted all follow from the log's end.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-log-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-change-reader-private.h"
#include "dimple-error.h"

/* Big enough that a row's overhead does not count, small enough that a bulk transaction needs little memory. */
#define PIECE_SIZE (256 * 1024)

static gsize piece_size = PIECE_SIZE;

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
  guint              n_pieces;
  int                flags;
  GString           *json;                         /* of the piece being written */

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

gint64
dimple_log_writer_get_last_own (DimpleLogWriter *self)
{
  return self->last_own;
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

/* -- Where the log ends -------------------------------------------------------------------------------------------- */

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
        g_set_error_literal (&local_error, DIMPLE_ERROR, DIMPLE_ERROR_CORRUPT,
                             _("The database is damaged: it does not know this device. Restore a backup."));
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  self->author = sqlite3_column_int64 (statement, 0);
  copy_id_column (self->author_id, statement, 1);
  copy_id_column (self->newest, statement, 2);
  self->last_own = sqlite3_column_int64 (statement, 3);
  return TRUE;
}

/* The last row says all: if it is our author's own, it is the newest there is; if not, append() has noted the
 * newest. */
static gboolean
load_end (DimpleLogWriter  *self,
          GError          **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) local_error = NULL;

  statement = dimple_connection_prepare (self->connection,
                                         "SELECT seq, id, author, flags FROM dimple_log ORDER BY seq DESC LIMIT 1",
                                         error);
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

/* -- Writing one local transaction --------------------------------------------------------------------------------- */

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
  self->n_pieces = 0;
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
      self->insert = dimple_connection_prepare (self->connection, "INSERT INTO dimple_log VALUES (?,?,?,?,?,?,?,?)",
                                                error);
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
write_piece (DimpleLogWriter  *self,
             gboolean          more,
             GError          **error)
{
  gint64 seq;

  close_group (self);
  g_string_append_c (self->json, ']');
  ensure_id (self);
  seq = (gint64) self->time + self->n_pieces;

  if (!insert_row (self, seq, self->id, self->author, self->written[0] != '\0' ? self->written : self->newest,
                   self->script, self->flags | (more ? DIMPLE_LOG_MORE : 0), self->n_pieces == 0 ? self->label : NULL,
                   self->json->str, self->json->len, error))
    return FALSE;
  dimple_clock_observe (self->clock, (guint64) seq);
  self->last_own = seq;
  self->n_pieces++;
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
  g_string_append (self->json, "],\"op\":\"");
  g_string_append (self->json, dimple_operation_get_name (operation));
  g_string_append (self->json, "\",\"columns\":[");
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

  if (self->json->len >= piece_size && !write_piece (self, TRUE, error))
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
  else if (operation == DIMPLE_OPERATION_UPDATE && row->rowid != row->old_rowid)
    self->flags |= DIMPLE_LOG_MOVED;
  return TRUE;
}

gboolean
dimple_log_writer_end (DimpleLogWriter  *self,
                       char              id[DIMPLE_UUID_SIZE],
                       GError          **error)
{
  id[0] = '\0';
  if (self->json->len == 0 && self->n_pieces == 0)
    return TRUE;
  if (!write_piece (self, FALSE, error))
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

/* -- Transactions from elsewhere ----------------------------------------------------------------------------------- */

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
dimple_log_append_piece (DimpleLogWriter          *self,
                         const DimpleTransaction  *transaction,
                         GBytes                   *changes,
                         guint                     piece,
                         gboolean                  more,
                         GError                  **error)
{
  gsize size;
  const char *json = g_bytes_get_data (changes, &size);
  int flags = DIMPLE_LOG_FOREIGN | (transaction->pruned ? DIMPLE_LOG_PRUNED : 0) | (more ? DIMPLE_LOG_MORE : 0);
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
  if (!insert_row (self, (gint64) seq, transaction->id, author, transaction->previous, transaction->script, flags,
                   piece == 0 ? transaction->label : NULL, json, size, error))
    return FALSE;
  dimple_clock_observe (self->clock, seq);
  return TRUE;
}

gboolean
dimple_log_append (DimpleLogWriter          *self,
                   const DimpleTransaction  *transaction,
                   GError                  **error)
{
  return dimple_log_append_piece (self, transaction, transaction->changes, 0, FALSE, error);
}

void
dimple_log_set_piece_size (gsize size)
{
  piece_size = size > 0 ? size : PIECE_SIZE;
}
