/* dimple-batch.c: many writes, one transaction
 *
 * A list of steps that is run as a whole: what a transaction with a function is in C, for languages whose functions may
 * not run on another thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-batch.h"

#include "dimple-error.h"
#include "dimple-store-internal-private.h"
#include "dimple-uuid-private.h"

/**
 * DimpleBatch:
 *
 * Many writes, one transaction: steps are collected, and [method@Batch.commit] does all of them or nothing.
 *
 * A batch belongs to one thread at a time, and is committed once.
 */

typedef enum
{
  STEP_INSERT,
  STEP_UPDATE,
  STEP_DELETE,
  STEP_EXECUTE
} StepKind;

typedef struct
{
  StepKind    kind;
  char       *subject;     /* the table, or the SQL; of g_ref_string_new() */
  char       *key;         /* (nullable) of an insert: one that is not among the values … */
  const char *key_column;  /* (nullable) … and its column; interned */
  GVariant   *values;      /* (nullable) */
} Step;

struct _DimpleBatch
{
  GObject      parent_instance;
  DimpleStore *store;
  GArray      *steps;      /* of Step */
  gboolean     committed;
};

G_DEFINE_FINAL_TYPE (DimpleBatch, dimple_batch, G_TYPE_OBJECT)

static void
clear_step (gpointer data)
{
  Step *step = data;

  g_ref_string_release (step->subject);
  g_free (step->key);
  g_clear_pointer (&step->values, g_variant_unref);
}

/* Most steps have the table or the SQL of the one before. */
static char *
ref_subject (DimpleBatch *self,
             const char  *subject)
{
  const Step *last = self->steps->len > 0 ? &g_array_index (self->steps, Step, self->steps->len - 1) : NULL;

  return last != NULL && g_str_equal (last->subject, subject) ? g_ref_string_acquire (last->subject)
                                                              : g_ref_string_new (subject);
}

/* Takes `values`, which is sunk. */
static void
add_step (DimpleBatch *self,
          StepKind     kind,
          const char  *subject,
          const char  *key,
          GVariant    *values)
{
  Step step = { .kind = kind, .subject = ref_subject (self, subject), .key = g_strdup (key), .values = values };

  g_array_append_val (self->steps, step);
}

/**
 * dimple_batch_new:
 * @store: a store
 *
 * Makes an empty batch.
 *
 * Returns: (transfer full): the batch
 */
DimpleBatch *
dimple_batch_new (DimpleStore *store)
{
  DimpleBatch *self;

  g_return_val_if_fail (DIMPLE_IS_STORE (store), NULL);

  self = g_object_new (DIMPLE_TYPE_BATCH, NULL);
  self->store = g_object_ref (store);
  return self;
}

/* The key column, if there is one and it is text: then the key can be known before the row is there. */
static const DimpleColumn *
find_text_key (DimpleSchema *schema,
               const char   *table_name)
{
  const DimpleTable *table = dimple_schema_find (schema, table_name);

  return table != NULL && table->text_key ? dimple_table_get_key_column (table, 0) : NULL;
}

/**
 * dimple_batch_insert:
 * @self: a batch
 * @table: a table with a key
 * @values: the row's values by column, as `a{sv}`; sunk if floating
 *
 * Adds the insertion of a row.  Where the table has one text key, a new UUIDv7 is taken if @values has none.
 *
 * Returns: (transfer full) (nullable): the key that the row will have; %NULL where it is not one text
 */
char *
dimple_batch_insert (DimpleBatch *self,
                     const char  *table,
                     GVariant    *values)
{
  g_autoptr(GVariant) sunk = g_variant_ref_sink (values);
  g_autoptr(DimpleSchema) schema = NULL;
  g_autoptr(GVariant) given = NULL;
  const DimpleColumn *column;
  char key[DIMPLE_UUID_SIZE];

  g_return_val_if_fail (DIMPLE_IS_BATCH (self), NULL);
  g_return_val_if_fail (table != NULL, NULL);
  g_return_val_if_fail (g_variant_is_of_type (values, G_VARIANT_TYPE_VARDICT), NULL);

  schema = dimple_store_ref_schema (self->store);
  column = find_text_key (schema, table);
  given = column != NULL ? dimple_given_values_look_up (sunk, column->name) : NULL;
  if (column == NULL || given != NULL)
    {
      add_step (self, STEP_INSERT, table, NULL, g_variant_ref (sunk));
      return given != NULL && g_variant_is_of_type (given, G_VARIANT_TYPE_STRING) ? g_variant_dup_string (given, NULL)
                                                                                  : NULL;
    }

  dimple_uuid7_new (key);
  add_step (self, STEP_INSERT, table, key, g_variant_ref (sunk));
  g_array_index (self->steps, Step, self->steps->len - 1).key_column = g_intern_string (column->name);
  return g_strdup (key);
}

/**
 * dimple_batch_update:
 * @self: a batch
 * @table: a table with a key
 * @key: the row's key
 * @values: the values to set by column, as `a{sv}`; sunk if floating
 *
 * Adds setting columns of a row.
 */
void
dimple_batch_update (DimpleBatch *self,
                     const char  *table,
                     const char  *key,
                     GVariant    *values)
{
  g_return_if_fail (DIMPLE_IS_BATCH (self));
  g_return_if_fail (table != NULL);
  g_return_if_fail (key != NULL);

  add_step (self, STEP_UPDATE, table, key, g_variant_ref_sink (values));
}

/**
 * dimple_batch_delete:
 * @self: a batch
 * @table: a table with a key
 * @key: the row's key
 *
 * Adds the deletion of a row.
 */
void
dimple_batch_delete (DimpleBatch *self,
                     const char  *table,
                     const char  *key)
{
  g_return_if_fail (DIMPLE_IS_BATCH (self));
  g_return_if_fail (table != NULL);
  g_return_if_fail (key != NULL);

  add_step (self, STEP_DELETE, table, key, NULL);
}

/**
 * dimple_batch_execute:
 * @self: a batch
 * @sql: one statement
 * @parameters: (nullable): its parameters, as for [method@Store.execute]; sunk if floating
 *
 * Adds an SQL statement.
 */
void
dimple_batch_execute (DimpleBatch *self,
                      const char  *sql,
                      GVariant    *parameters)
{
  g_return_if_fail (DIMPLE_IS_BATCH (self));
  g_return_if_fail (sql != NULL);

  add_step (self, STEP_EXECUTE, sql, NULL, parameters != NULL ? g_variant_ref_sink (parameters) : NULL);
}

static gboolean
run_step (DimpleStore  *store,
          const Step   *step,
          GError      **error)
{
  g_autofree char *key = NULL;

  switch (step->kind)
    {
    case STEP_INSERT:
      key = dimple_store_insert_with_key (store, step->subject, step->values, step->key_column, step->key, error);
      return key != NULL;
    case STEP_UPDATE:
      return dimple_store_update (store, step->subject, step->key, step->values, error);
    case STEP_DELETE:
      return dimple_store_delete (store, step->subject, step->key, error);
    default:
      return dimple_store_execute (store, step->subject, step->values, error);
    }
}

static gboolean
run_steps (DimpleStore  *store,
           gpointer      user_data,
           GError      **error)
{
  static const char * const verbs[] = { "insert into", "update of", "deletion from", "statement" };
  DimpleBatch *self = user_data;

  for (guint i = 0; i < self->steps->len; i++)
    {
      const Step *step = &g_array_index (self->steps, Step, i);

      if (!run_step (store, step, error))
        {
          g_prefix_error (error, "Step %u of the batch (%s %s): ", i + 1, verbs[step->kind], step->subject);
          return FALSE;
        }
    }
  return TRUE;
}

/**
 * dimple_batch_commit:
 * @self: a batch
 * @error: return location for an error
 *
 * Does all steps in one transaction, or nothing; blocking.  If it fails, the message names the step, and the batch may
 * be committed again.  A batch that is committed already fails with %DIMPLE_ERROR_FAILED.
 *
 * Returns: %TRUE if all is done
 */
gboolean
dimple_batch_commit (DimpleBatch  *self,
                     GError      **error)
{
  g_return_val_if_fail (DIMPLE_IS_BATCH (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (self->committed)
    {
      g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_FAILED, "The batch is committed already: make a new one");
      return FALSE;
    }
  self->committed = dimple_store_transaction (self->store, run_steps, self, error);
  return self->committed;
}

static void
commit_in_thread (GTask *task)
{
  GError *error = NULL;

  if (dimple_batch_commit (g_task_get_source_object (task), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * dimple_batch_commit_async:
 * @self: a batch
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): called when all is done
 * @user_data: for @callback
 *
 * Does all steps on the store's own thread, without blocking; see [method@Batch.commit].  Nothing may be added
 * meanwhile.
 */
void
dimple_batch_commit_async (DimpleBatch         *self,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (DIMPLE_IS_BATCH (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, dimple_batch_commit_async);
  g_task_set_check_cancellable (task, FALSE);
  dimple_worker_push (self->store->worker, task, commit_in_thread);
}

/**
 * dimple_batch_commit_finish:
 * @self: a batch
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Batch.commit_async].
 *
 * Returns: %TRUE if all is done
 */
gboolean
dimple_batch_commit_finish (DimpleBatch   *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
dimple_batch_finalize (GObject *object)
{
  DimpleBatch *self = DIMPLE_BATCH (object);

  g_array_unref (self->steps);
  g_clear_object (&self->store);

  G_OBJECT_CLASS (dimple_batch_parent_class)->finalize (object);
}

static void
dimple_batch_class_init (DimpleBatchClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = dimple_batch_finalize;
}

static void
dimple_batch_init (DimpleBatch *self)
{
  self->steps = g_array_new (FALSE, FALSE, sizeof (Step));
  g_array_set_clear_func (self->steps, clear_step);
}
