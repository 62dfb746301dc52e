/* dimple-capture.c: which rows a transaction changed, whatever changed them
 *
 * Recording in the hook what a row becomes would be wrong in more than half of all transactions that undo a part of
 * themselves (conflict clauses, RAISE, savepoints).  So only what a row was when it was first touched is kept.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-capture-private.h"

#include <math.h>
#include <string.h>

#include "dimple-capture-table-private.h"
#include "dimple-error.h"

/* How many bytes of old rows stay in memory */
#define SPILL_LIMIT (64 * 1024 * 1024)

/* What is known of a name that the hook has met */
typedef struct
{
  char               *name;
  DimpleCaptureTable *table;       /* (nullable) collected row by row */
  char               *owner;       /* (nullable) the virtual table that it is a shadow of */
  GError             *error;       /* (nullable) why its rows cannot be read */
  gboolean            touched;
} Source;

struct _DimpleCapture
{
  DimpleConnection   *connection;
  DimpleSchema       *schema;      /* (nullable) */
  GHashTable         *sources;     /* Source by its name */
  Source             *last;        /* (nullable) the one met last */
  GPtrArray          *touched;     /* of Source: tables, in the order in which they were met */
  GPtrArray          *shadows;     /* of Source: the same of shadow tables */
  DimpleCaptureSpill  spill;
  DimpleCaptureScratch scratch;
  GByteArray         *key;         /* scratch */
  GByteArray         *other_key;   /* scratch */
  GError             *error;       /* (nullable) what went wrong in the hook, where nothing can be returned */
  gboolean            paused;
};

static void
source_free (Source *source)
{
  g_clear_pointer (&source->table, dimple_capture_table_free);
  g_clear_error (&source->error);
  g_free (source->owner);
  g_free (source->name);
  g_free (source);
}

static Source *
add_source (DimpleCapture *self,
            const char    *name)
{
  Source *source = g_new0 (Source, 1);

  source->name = g_strdup (name);
  g_hash_table_insert (self->sources, source->name, source);
  return source;
}

/* Names come from SQLite as they were declared, so they are compared exactly.  Those that the schema does not list
 * (SQLite's and Dimple's own) are remembered too, with nothing to collect. */
static Source *
find_source (DimpleCapture *self,
             const char    *name)
{
  Source *source = self->last;

  if (source != NULL && strcmp (source->name, name) == 0)
    return source;

  source = g_hash_table_lookup (self->sources, name);
  if (source == NULL)
    {
      source = add_source (self, name);
      source->owner = g_strdup (dimple_schema_find_owner (self->schema, name));
    }
  self->last = source;
  return source;
}

/* -- In the hook --------------------------------------------------------------------------------------------------- */

static void
fail (DimpleCapture *self,
      int            result)
{
  if (self->error == NULL)
    dimple_connection_set_error (self->connection, result, &self->error);
}

/* After the old row was appended at `position`. */
static void
keep_old (DimpleCapture    *self,
          DimpleTouchedRow *row,
          guint64           position)
{
  if (dimple_capture_spill_settle (&self->spill, self->error == NULL ? &self->error : NULL))
    row->old = position;
}

/* Steps to the only row that a SELECT finds, which must be there, and keeps it. */
static void
select_old (DimpleCapture      *self,
            DimpleCaptureTable *table,
            DimpleTouchedRow   *row)
{
  guint64 position = dimple_capture_spill_get_end (&self->spill);
  int result = sqlite3_step (table->select_one);

  if (result == SQLITE_ROW)
    {
      dimple_capture_table_read (table, table->select_one, self->spill.memory);
      keep_old (self, row, position);
    }
  else
    fail (self, result == SQLITE_DONE ? SQLITE_CORRUPT : result);
  sqlite3_reset (table->select_one);
}

static void
touch_rowid (DimpleCapture      *self,
             DimpleCaptureTable *table,
             gint64              rowid)
{
  DimpleTouchedRow *row = dimple_touched_add_rowid (&table->touched, rowid);
  guint64 position = dimple_capture_spill_get_end (&self->spill);

  if (row == NULL)
    return;

  if (dimple_capture_table_read_old (table, dimple_connection_get_handle (self->connection), self->spill.memory))
    {
      keep_old (self, row, position);
      return;
    }
  sqlite3_bind_int64 (table->select_one, 1, rowid);
  select_old (self, table, row);
}

/* Takes every row of the table as touched: those that were touched before are known already, so the others are as they
 * were. */
static void
touch_all (DimpleCapture      *self,
           DimpleCaptureTable *table)
{
  g_autoptr(GByteArray) record = g_byte_array_new ();
  int result;

  while ((result = sqlite3_step (table->select_range)) == SQLITE_ROW)
    {
      DimpleTouchedRow *row;

      g_byte_array_set_size (record, 0);
      g_byte_array_set_size (self->other_key, 0);
      dimple_capture_table_read (table, table->select_range, record);
      dimple_capture_table_append_key (table, record->data, self->other_key);
      row = dimple_touched_add_key (&table->touched, self->other_key->data, self->other_key->len);
      if (row != NULL)
        {
          guint64 position = dimple_capture_spill_get_end (&self->spill);

          g_byte_array_append (self->spill.memory, record->data, record->len);
          keep_old (self, row, position);
        }
    }
  if (result != SQLITE_DONE)
    fail (self, result);
  sqlite3_reset (table->select_range);
}

/* The key that a row has, or will have, by the preupdate interface. */
static gboolean
get_key (DimpleCapture      *self,
         DimpleCaptureTable *table,
         int                 operation,
         gboolean            new_key,
         GByteArray         *key,
         gboolean           *doubtful)
{
  sqlite3 *db = dimple_connection_get_handle (self->connection);

  g_byte_array_set_size (key, 0);
  for (guint i = 0; i < table->key->len; i++)
    {
      const DimpleCaptureKey *part = &g_array_index (table->key, DimpleCaptureKey, i);
      sqlite3_value *sqlite_value = NULL;
      DimpleValue value;
      int result;

      if (!new_key)
        result = sqlite3_preupdate_old (db, part->column, &sqlite_value);
      else
        result = sqlite3_preupdate_new (db, operation == SQLITE_UPDATE ? part->updated_column : part->column,
                                        &sqlite_value);
      if (result != SQLITE_OK)
        {
          fail (self, result);
          return FALSE;
        }
      dimple_value_from_sqlite (&value, sqlite_value);
      if (value.type == SQLITE_FLOAT && fabs (value.real) >= 0x1p53)
        *doubtful = TRUE;
      dimple_capture_append_key_value (key, &value);
    }
  return TRUE;
}

static void
touch_old_key (DimpleCapture      *self,
               DimpleCaptureTable *table,
               int                 operation)
{
  DimpleTouchedRow *row;
  gboolean doubtful = FALSE;
  const guint8 *position;

  if (!get_key (self, table, operation, FALSE, self->key, &doubtful))
    return;
  if (doubtful && table->has_doubtful_key)
    {
      touch_all (self, table);
      return;
    }
  row = dimple_touched_add_key (&table->touched, self->key->data, self->key->len);
  if (row == NULL)
    return;

  position = self->key->data;
  for (guint i = 0; i < table->key->len; i++)
    {
      DimpleValue value;

      position = dimple_record_read (position, &value);
      dimple_value_bind (&value, table->select_one, (int) i + 1);
    }
  select_old (self, table, row);
}

static void
touch_keys (DimpleCapture      *self,
            DimpleCaptureTable *table,
            int                 operation)
{
  gboolean doubtful = FALSE;

  if (operation != SQLITE_INSERT)
    touch_old_key (self, table, operation);
  if (operation != SQLITE_DELETE && get_key (self, table, operation, TRUE, self->other_key, &doubtful))
    dimple_touched_add_key (&table->touched, self->other_key->data, self->other_key->len);
}

static void
before_change (void         *user_data,
               sqlite3      *db,
               int           operation,
               const char   *database,
               const char   *name,
               sqlite3_int64 old_rowid,
               sqlite3_int64 new_rowid)
{
  DimpleCapture *self = user_data;
  Source *source;

  if (self->paused || self->schema == NULL || strcmp (database, "main") != 0)
    return;

  source = find_source (self, name);
  if (!source->touched)
    {
      if (source->table == NULL && source->owner == NULL && source->error == NULL)
        return;
      source->touched = TRUE;
      g_ptr_array_add (source->owner != NULL ? self->shadows : self->touched, source);
    }
  if (source->table == NULL)
    return;

  if (source->table->table->without_rowid)
    {
      touch_keys (self, source->table, operation);
      return;
    }
  if (operation != SQLITE_INSERT)
    touch_rowid (self, source->table, old_rowid);
  if (operation == SQLITE_INSERT || (operation == SQLITE_UPDATE && new_rowid != old_rowid))
    dimple_touched_add_fresh (&source->table->touched, new_rowid);
}

static void
after_rollback (void *user_data)
{
  dimple_capture_clear (user_data);
}

/* -- Around it ----------------------------------------------------------------------------------------------------- */

DimpleCapture *
dimple_capture_new (DimpleConnection *connection)
{
  DimpleCapture *self = g_new0 (DimpleCapture, 1);
  sqlite3 *db = dimple_connection_get_handle (connection);

  self->connection = connection;
  self->sources = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) source_free);
  self->touched = g_ptr_array_new ();
  self->shadows = g_ptr_array_new ();
  self->key = g_byte_array_new ();
  self->other_key = g_byte_array_new ();
  dimple_capture_spill_init (&self->spill, SPILL_LIMIT);
  dimple_capture_scratch_init (&self->scratch);
  sqlite3_preupdate_hook (db, before_change, self);
  sqlite3_rollback_hook (db, after_rollback, self);
  return self;
}

void
dimple_capture_free (DimpleCapture *self)
{
  sqlite3 *db = dimple_connection_get_handle (self->connection);

  sqlite3_preupdate_hook (db, NULL, NULL);
  sqlite3_rollback_hook (db, NULL, NULL);
  dimple_capture_set_schema (self, NULL);
  dimple_capture_scratch_clear (&self->scratch);
  dimple_capture_spill_clear (&self->spill);
  g_byte_array_unref (self->other_key);
  g_byte_array_unref (self->key);
  g_ptr_array_unref (self->shadows);
  g_ptr_array_unref (self->touched);
  g_hash_table_unref (self->sources);
  g_free (self);
}

void
dimple_capture_set_schema (DimpleCapture *self,
                           DimpleSchema  *schema)
{
  dimple_capture_clear (self);
  self->last = NULL;
  g_hash_table_remove_all (self->sources);
  if (schema != NULL)
    dimple_schema_ref (schema);
  g_clear_pointer (&self->schema, dimple_schema_unref);
  self->schema = schema;
  if (schema == NULL)
    return;

  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *table = dimple_schema_get_table (schema, i);
      Source *source = add_source (self, table->name);

      source->table = dimple_capture_table_new (self->connection, table, &source->error);
    }
}

void
dimple_capture_set_paused (DimpleCapture *self,
                           gboolean       paused)
{
  self->paused = paused;
}

void
dimple_capture_set_spill_limit (DimpleCapture *self,
                                gsize          limit)
{
  self->spill.limit = limit;
}

gboolean
dimple_capture_is_empty (DimpleCapture *self)
{
  return self->touched->len == 0 && self->shadows->len == 0;
}

static void
forget_rows (DimpleCapture *self)
{
  for (guint i = 0; i < self->touched->len; i++)
    {
      Source *source = g_ptr_array_index (self->touched, i);

      source->touched = FALSE;
      if (source->table != NULL)
        dimple_touched_empty (&source->table->touched);
    }
  g_ptr_array_set_size (self->touched, 0);
  dimple_capture_spill_empty (&self->spill);
  g_clear_error (&self->error);
}

static void
forget_shadows (DimpleCapture *self)
{
  for (guint i = 0; i < self->shadows->len; i++)
    ((Source *) g_ptr_array_index (self->shadows, i))->touched = FALSE;
  g_ptr_array_set_size (self->shadows, 0);
}

void
dimple_capture_clear (DimpleCapture *self)
{
  forget_rows (self);
  forget_shadows (self);
}

static gboolean
net_sources (DimpleCapture      *self,
             DimpleCaptureFunc   func,
             gpointer            user_data,
             GError            **error)
{
  if (self->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&self->error));
      return FALSE;
    }
  if (!dimple_capture_spill_open (&self->spill, error))
    return FALSE;

  for (guint i = 0; i < self->touched->len; i++)
    {
      Source *source = g_ptr_array_index (self->touched, i);

      if (source->error != NULL)
        {
          g_propagate_error (error, g_error_copy (source->error));
          return FALSE;
        }
      if (!dimple_capture_table_net (source->table, self->connection, &self->spill, &self->scratch, func, user_data,
                                     error))
        return FALSE;
    }
  return TRUE;
}

/* After an error, too, everything is forgotten: the caller rolls back to where it began to collect. */
gboolean
dimple_capture_net (DimpleCapture      *self,
                    DimpleCaptureFunc   func,
                    gpointer            user_data,
                    GError            **error)
{
  gboolean done = net_sources (self, func, user_data, error);

  forget_rows (self);
  return done;
}

static gboolean
is_first_of_owner (GPtrArray *shadows,
                   guint      position)
{
  const char *owner = ((Source *) g_ptr_array_index (shadows, position))->owner;

  for (guint i = 0; i < position; i++)
    if (strcmp (((Source *) g_ptr_array_index (shadows, i))->owner, owner) == 0)
      return FALSE;
  return TRUE;
}

void
dimple_capture_net_virtual (DimpleCapture *self,
                            GFunc          func,
                            gpointer       user_data)
{
  for (guint i = 0; i < self->shadows->len; i++)
    if (is_first_of_owner (self->shadows, i))
      func (((Source *) g_ptr_array_index (self->shadows, i))->owner, user_data);
  forget_shadows (self);
}

void
dimple_captured_record_read (const DimpleTable *table,
                             const guint8      *record,
                             guint              column,
                             DimpleValue       *value)
{
  guint n_before = 0;

  for (guint i = 0; i < column; i++)
    n_before += !((const DimpleColumn *) g_ptr_array_index (table->columns, i))->generated;
  dimple_record_read (dimple_record_skip (record, n_before), value);
}
