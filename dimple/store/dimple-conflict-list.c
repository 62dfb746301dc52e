/* dimple-conflict-list.c: all shelved rows, as a live list
 *
 * The shelf is read when the list is made, as it is nearly always empty or short; who edited a row last needs a look
 * into the log, and comes with the first reading in the store's own thread.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-conflict-private.h"

#include "dimple-fold-private.h"
#include "dimple-follower-private.h"
#include "dimple-store-internal-private.h"

struct _DimpleConflictList
{
  GObject         parent_instance;
  DimpleStore    *store;
  DimpleFollower *follower;
  GPtrArray      *conflicts;     /* of DimpleConflict, by table and key */
};

static void list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (DimpleConflictList, dimple_conflict_list, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

static GType
dimple_conflict_list_get_item_type (GListModel *model)
{
  return DIMPLE_TYPE_CONFLICT;
}

static guint
dimple_conflict_list_get_n_items (GListModel *model)
{
  return DIMPLE_CONFLICT_LIST (model)->conflicts->len;
}

static gpointer
dimple_conflict_list_get_item (GListModel *model,
                               guint       position)
{
  DimpleConflictList *self = DIMPLE_CONFLICT_LIST (model);

  return position < self->conflicts->len ? g_object_ref (g_ptr_array_index (self->conflicts, position)) : NULL;
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = dimple_conflict_list_get_item_type;
  iface->get_n_items = dimple_conflict_list_get_n_items;
  iface->get_item = dimple_conflict_list_get_item;
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

/* The fold of the shelved rows, which knows of their last edits; NULL: it could not be read. */
static DimpleFold *
fold_rows (DimpleConnection *connection,
           DimpleSchema     *schema,
           GPtrArray        *rows)
{
  g_autoptr(DimpleFold) fold = dimple_fold_new (schema);
  const char *since = NULL;

  for (guint i = 0; i < rows->len; i++)
    {
      const DimpleShelvedRow *row = g_ptr_array_index (rows, i);

      dimple_fold_want (fold, row->table, row->table->name, row->key->data, row->key->len);
      if (row->created != NULL && (since == NULL || strcmp (row->created, since) < 0))
        since = row->created;
    }
  return dimple_fold_join_log (fold, connection, since, NULL, NULL, NULL) ? g_steal_pointer (&fold) : NULL;
}

static const char *
find_edit (DimpleFold             *fold,
           const DimpleShelvedRow *row)
{
  const DimpleFoldedRow *folded = NULL;

  if (fold != NULL)
    folded = dimple_fold_find (fold, row->table->name, row->key->data, row->key->len);
  return folded != NULL && folded->edit.id != NULL ? folded->edit.id : row->created;
}

static int
compare_states (gconstpointer a,
                gconstpointer b)
{
  return dimple_conflict_state_compare (*(DimpleConflictState * const *) a, *(DimpleConflictState * const *) b);
}

/* In the order of the list.  `wanted` (nullable): a set of "table\0key"s whose rivals are asked for. */
static GPtrArray *
read_states (DimpleStore *store,
             GHashTable  *wanted,
             gboolean     with_edits)
{
  DimpleConnection *reader = dimple_store_acquire_reader (store, NULL);
  g_autoptr(GPtrArray) states = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_conflict_state_free);
  g_autoptr(DimpleSchema) schema = NULL;
  g_autoptr(GPtrArray) rows = NULL;
  g_autoptr(DimpleFold) fold = NULL;

  if (reader == NULL)
    return NULL;
  /* what the reader sees, which the writer may have left behind */
  if (dimple_connection_exec (reader, "BEGIN", NULL))
    schema = dimple_schema_load (reader, NULL);
  if (schema != NULL)
    rows = dimple_shelf_read (reader, schema, NULL);
  if (rows != NULL && rows->len > 0 && with_edits)
    fold = fold_rows (reader, schema, rows);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const DimpleShelvedRow *row = g_ptr_array_index (rows, i);
      DimpleConflictState *state = dimple_conflict_state_new (reader, row, find_edit (fold, row));
      g_autofree char *name = g_strconcat (state->table, "\n", state->key, NULL);

      if (wanted != NULL && g_hash_table_contains (wanted, name))
        state->rivals = g_str_equal (row->reason, "unique") ? dimple_shelf_find_rivals (reader, row, NULL)
                                                            : g_ptr_array_new ();
      g_ptr_array_add (states, state);
    }
  dimple_connection_exec (reader, "ROLLBACK", NULL);
  dimple_store_release_reader (store, reader);
  if (rows == NULL)
    return NULL;
  g_ptr_array_sort (states, compare_states);
  return g_steal_pointer (&states);
}

/* -- Taking over --------------------------------------------------------------------------------------------------- */

/* The conflict of the same row as `state`; both are in order, and `next` is where to look from. */
static DimpleConflict *
find_conflict (GPtrArray                 *conflicts,
               guint                     *next,
               const DimpleConflictState *state)
{
  for (; *next < conflicts->len; (*next)++)
    {
      DimpleConflict *conflict = g_ptr_array_index (conflicts, *next);
      int order = dimple_conflict_state_compare (dimple_conflict_get_state (conflict), state);

      if (order == 0)
        return g_ptr_array_index (conflicts, (*next)++);
      if (order > 0)
        return NULL;
    }
  return NULL;
}

static void
take_states (DimpleConflictList *self,
             GPtrArray          *states)
{
  g_autoptr(GPtrArray) old = self->conflicts;
  GPtrArray *now = g_ptr_array_new_with_free_func (g_object_unref);
  guint next = 0, start = 0, end = 0;

  g_ptr_array_set_free_func (states, NULL);
  for (guint i = 0; i < states->len; i++)
    {
      DimpleConflictState *state = g_ptr_array_index (states, i);
      DimpleConflict *conflict = find_conflict (old, &next, state);

      if (conflict != NULL)
        dimple_conflict_update (conflict, state);
      g_ptr_array_add (now, conflict != NULL ? g_object_ref (conflict) : dimple_conflict_new (self->store, state));
    }
  g_ptr_array_unref (states);

  while (start < old->len && start < now->len && old->pdata[start] == now->pdata[start])
    start++;
  while (end < old->len - start && end < now->len - start &&
         old->pdata[old->len - 1 - end] == now->pdata[now->len - 1 - end])
    end++;
  self->conflicts = now;
  if (old->len - start - end > 0 || now->len - start - end > 0)
    g_list_model_items_changed (G_LIST_MODEL (self), start, old->len - start - end, now->len - start - end);
}

static gpointer
prepare (GObject *owner)
{
  DimpleConflictList *self = DIMPLE_CONFLICT_LIST (owner);
  GHashTable *wanted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < self->conflicts->len; i++)
    {
      DimpleConflict *conflict = g_ptr_array_index (self->conflicts, i);
      const DimpleConflictState *state = dimple_conflict_get_state (conflict);

      if (dimple_conflict_wants_rivals (conflict))
        g_hash_table_add (wanted, g_strconcat (state->table, "\n", state->key, NULL));
    }
  return wanted;
}

static gpointer
read_all (DimpleStore *store,
          gpointer     request)
{
  g_autoptr(GHashTable) wanted = request;

  return read_states (store, wanted, TRUE);
}

static gboolean
take (GObject  *owner,
      gpointer  result)
{
  take_states (DIMPLE_CONFLICT_LIST (owner), result);
  return FALSE;
}

static const DimpleFollowerFuncs follower_funcs = {
  prepare, read_all, take, (void (*) (gpointer)) g_ptr_array_unref
};

/* -- The object ---------------------------------------------------------------------------------------------------- */

DimpleConflictList *
dimple_conflict_list_new (DimpleStore *store)
{
  DimpleConflictList *self = g_object_new (DIMPLE_TYPE_CONFLICT_LIST, NULL);
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default ();
  GPtrArray *states;

  self->store = g_object_ref (store);
  self->follower = dimple_follower_new (store, context, &follower_funcs, G_OBJECT (self));
  states = read_states (store, NULL, FALSE);
  if (states != NULL)
    take_states (self, states);
  if (self->conflicts->len > 0)
    dimple_follower_start (self->follower);
  return self;
}

static void
dimple_conflict_list_finalize (GObject *object)
{
  DimpleConflictList *self = DIMPLE_CONFLICT_LIST (object);

  g_clear_pointer (&self->follower, dimple_follower_free);
  g_ptr_array_unref (self->conflicts);
  g_clear_object (&self->store);

  G_OBJECT_CLASS (dimple_conflict_list_parent_class)->finalize (object);
}

static void
dimple_conflict_list_class_init (DimpleConflictListClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = dimple_conflict_list_finalize;
}

static void
dimple_conflict_list_init (DimpleConflictList *self)
{
  self->conflicts = g_ptr_array_new_with_free_func (g_object_unref);
}

/**
 * dimple_store_get_conflicts:
 * @self: a store
 *
 * Lists the rows that are shelved: they exist, and are not shown as something is in their way.  The list is live; as
 * long as somebody has it, each call gives the same object, whose items are the same objects as long as the conflicts
 * last.
 *
 * The list belongs to the thread-default main context in which it is first asked for.
 *
 * Returns: (transfer full): the conflicts, of [class@Conflict]
 */
GListModel *
dimple_store_get_conflicts (DimpleStore *self)
{
  GListModel *list;

  g_return_val_if_fail (DIMPLE_IS_STORE (self), NULL);

  list = g_weak_ref_get (&self->conflicts);
  if (list == NULL)
    {
      list = G_LIST_MODEL (dimple_conflict_list_new (self));
      g_weak_ref_set (&self->conflicts, list);
    }
  return list;
}
