/* dimple-conflict.c: a row that cannot be shown, as another one is in its way
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-conflict-private.h"

#include <glib/gi18n-lib.h>

#include "dimple-enum-types.h"
#include "dimple-enums.h"
#include "dimple-key-private.h"
#include "dimple-read-only-properties-private.h"
#include "dimple-row.h"

/**
 * DimpleConflict:
 *
 * A row that exists and cannot be shown: a shelved row.
 *
 * Devices that did not hear of each other may both add a row of one name to a table whose names are UNIQUE, or one adds
 * a note to a folder that the other deletes.  Both rows are kept; the older one is shown, the other is shelved and told
 * of here.  See [method@Store.get_conflicts].
 *
 * To resolve a conflict, set what is in the way in its [property@Conflict:row] and [method@Store.save] that, or edit or
 * delete either row by any other means.  As soon as nothing is in the way of the row any more it is shown, and the
 * conflict goes by itself.
 *
 * A conflict belongs to the thread whose main context its list has.
 */
struct _DimpleConflict
{
  GObject              parent_instance;
  DimpleStore         *store;
  DimpleConflictState *state;
  GObject             *row;         /* (nullable) made when asked for */
  GListStore          *rivals;      /* (nullable) the same */
  GDateTime           *time;
};

enum
{
  PROP_0,
  PROP_TABLE,
  PROP_KEY,
  PROP_REASON,
  PROP_MESSAGE,
  PROP_ROW,
  PROP_RIVALS,
  PROP_TIME,
  PROP_AUTHOR_NAME,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE (DimpleConflict, dimple_conflict, G_TYPE_OBJECT)

/* -- What is known ------------------------------------------------------------------------------------------------- */

DimpleConflictState *
dimple_conflict_state_new (DimpleConnection       *connection,
                           const DimpleShelvedRow *row,
                           const char             *edit)
{
  DimpleConflictState *self = g_new0 (DimpleConflictState, 1);
  g_autoptr(GString) key = g_string_new (NULL);
  g_autofree char *author = NULL;
  guint64 time = 0;

  dimple_key_append_record (key, row->table, row->key->data);
  self->table = g_strdup (row->table->name);
  self->key = g_string_free (g_steal_pointer (&key), FALSE);
  self->reason = g_strdup (row->reason);
  self->shape = dimple_row_shape_for_table (row->table);
  self->record = g_bytes_new (row->record->data, row->record->len);
  if (edit != NULL)
    {
      dimple_uuid7_parse (edit, &time, NULL);
      dimple_log_find_author (connection, edit, &author, &self->author_name, NULL);
    }
  self->time = DIMPLE_UUID_MILLISECONDS (time);
  return self;
}

void
dimple_conflict_state_free (DimpleConflictState *self)
{
  g_free (self->table);
  g_free (self->key);
  g_free (self->reason);
  g_free (self->author_name);
  g_bytes_unref (self->record);
  g_clear_pointer (&self->rivals, g_ptr_array_unref);
  g_free (self);
}

int
dimple_conflict_state_compare (const DimpleConflictState *a,
                               const DimpleConflictState *b)
{
  int order = strcmp (a->table, b->table);

  return order != 0 ? order : strcmp (a->key, b->key);
}

static DimpleConflictReason
get_reason (DimpleConflict *self)
{
  const struct
  {
    const char           *name;
    DimpleConflictReason  reason;
  } reasons[] = {
    { "foreign-key", DIMPLE_CONFLICT_FOREIGN_KEY },
    { "not-null", DIMPLE_CONFLICT_NOT_NULL },
    { "check", DIMPLE_CONFLICT_CHECK },
    { "type", DIMPLE_CONFLICT_TYPE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
    if (g_str_equal (self->state->reason, reasons[i].name))
      return reasons[i].reason;
  return DIMPLE_CONFLICT_UNIQUE;
}

static char *
dup_message (DimpleConflict *self)
{
  switch (get_reason (self))
    {
    case DIMPLE_CONFLICT_FOREIGN_KEY:
      return g_strdup_printf (_("This row of “%s” cannot be shown, as a row that it belongs to is not there any more. "
                                "Let it belong to another one, or delete it."), self->state->table);
    case DIMPLE_CONFLICT_NOT_NULL:
      return g_strdup_printf (_("This row of “%s” cannot be shown, as a value that it must have is missing. "
                                "Fill it in, or delete the row."), self->state->table);
    case DIMPLE_CONFLICT_CHECK:
      return g_strdup_printf (_("This row of “%s” cannot be shown, as its values do not fit together. "
                                "Change one of them, or delete the row."), self->state->table);
    case DIMPLE_CONFLICT_TYPE:
      return g_strdup_printf (_("This row of “%s” cannot be shown, as one of its values is of the wrong kind. "
                                "Change it, or delete the row."), self->state->table);
    case DIMPLE_CONFLICT_UNIQUE:
    default:
      return g_strdup_printf (_("This row of “%s” cannot be shown, as an older one has a value that only one of them "
                                "may have. Change it in one of the two, or delete one of them."), self->state->table);
    }
}

/* -- The row and its rivals ---------------------------------------------------------------------------------------- */

static GObject *
make_row (DimpleRowShape *shape,
          GBytes         *record)
{
  gsize size;
  const guint8 *bytes = g_bytes_get_data (record, &size);

  return dimple_row_shape_create (shape, 0, bytes, size);
}

static void
update_row (DimpleRowShape *shape,
            GObject        *row,
            GBytes         *record)
{
  gsize size;
  const guint8 *bytes = g_bytes_get_data (record, &size);

  dimple_row_shape_update (shape, row, bytes, size);
}

static GObject *
get_row (DimpleConflict *self)
{
  if (self->row == NULL)
    self->row = make_row (self->state->shape, self->state->record);
  return self->row;
}

static char *
dup_key_of (DimpleRowShape *shape,
            GBytes         *record)
{
  g_autoptr(GString) key = g_string_new (NULL);

  dimple_row_shape_append_key (shape, g_bytes_get_data (record, NULL), key);
  return g_string_free (g_steal_pointer (&key), FALSE);
}

/* Rows that stay are the same objects. */
static void
show_rivals (DimpleConflict *self,
             GPtrArray      *records)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func (g_object_unref);
  guint n_before = g_list_model_get_n_items (G_LIST_MODEL (self->rivals));
  gboolean same = n_before == records->len;

  for (guint i = 0; i < records->len; i++)
    {
      GBytes *record = g_ptr_array_index (records, i);
      g_autofree char *key = dup_key_of (self->state->shape, record);
      GObject *row = NULL;

      for (guint j = 0; j < n_before && row == NULL; j++)
        {
          g_autoptr(GObject) other = g_list_model_get_item (G_LIST_MODEL (self->rivals), j);
          g_autofree char *other_key = dimple_row_dup_key (other);

          if (g_strcmp0 (key, other_key) != 0)
            continue;
          update_row (self->state->shape, other, record);
          row = g_steal_pointer (&other);
          same &= j == i;
        }
      same &= row != NULL;
      g_ptr_array_add (rows, row != NULL ? row : make_row (self->state->shape, record));
    }
  if (!same)
    g_list_store_splice (self->rivals, 0, n_before, rows->pdata, rows->len);
}

/* Of the last commit; none if that cannot be read. */
static GPtrArray *
read_rivals (DimpleConflict *self)
{
  DimpleConnection *reader = dimple_store_acquire_reader (self->store, NULL);
  g_autoptr(DimpleSchema) schema = dimple_store_ref_schema (self->store);
  const DimpleTable *table = dimple_schema_find (schema, self->state->table);
  g_autoptr(GByteArray) key = g_byte_array_new ();
  g_autoptr(DimpleShelvedRow) row = NULL;
  GPtrArray *rivals = NULL;

  if (reader == NULL)
    return NULL;
  if (table != NULL && dimple_key_parse (table, self->state->key, key, NULL))
    row = dimple_shelf_find (reader, table, key->data, NULL);
  if (row != NULL)
    rivals = dimple_shelf_find_rivals (reader, row, NULL);
  dimple_store_release_reader (self->store, reader);
  return rivals;
}

static GListStore *
get_rivals (DimpleConflict *self)
{
  g_autoptr(GPtrArray) records = NULL;

  if (self->rivals != NULL)
    return self->rivals;
  self->rivals = g_list_store_new (DIMPLE_TYPE_ROW);
  if (get_reason (self) == DIMPLE_CONFLICT_UNIQUE)
    records = read_rivals (self);
  if (records != NULL)
    show_rivals (self, records);
  return self->rivals;
}

gboolean
dimple_conflict_wants_rivals (DimpleConflict *self)
{
  return self->rivals != NULL;
}

/* -- The object ---------------------------------------------------------------------------------------------------- */

static void
set_state (DimpleConflict      *self,
           DimpleConflictState *state)
{
  g_clear_pointer (&self->state, dimple_conflict_state_free);
  self->state = state;
  g_clear_pointer (&self->time, g_date_time_unref);
  self->time = dimple_time_new_from_milliseconds (state->time);
}

DimpleConflict *
dimple_conflict_new (DimpleStore         *store,
                     DimpleConflictState *state)
{
  DimpleConflict *self = g_object_new (DIMPLE_TYPE_CONFLICT, NULL);

  self->store = g_object_ref (store);
  set_state (self, state);
  return self;
}

const DimpleConflictState *
dimple_conflict_get_state (DimpleConflict *self)
{
  return self->state;
}

void
dimple_conflict_update (DimpleConflict      *self,
                        DimpleConflictState *state)
{
  DimpleConflictState *old = g_steal_pointer (&self->state);
  gboolean same_shape = old->shape == state->shape;

  g_object_freeze_notify (G_OBJECT (self));
  set_state (self, state);
  if (g_strcmp0 (old->reason, state->reason) != 0)
    {
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_REASON]);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MESSAGE]);
    }
  if (old->time != state->time)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TIME]);
  if (g_strcmp0 (old->author_name, state->author_name) != 0)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_AUTHOR_NAME]);
  /* after a migration the table has other columns */
  if (!same_shape)
    {
      g_clear_object (&self->row);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ROW]);
      if (self->rivals != NULL)
        g_list_store_remove_all (self->rivals);
    }
  else if (self->row != NULL)
    update_row (state->shape, self->row, state->record);
  if (self->rivals != NULL && state->rivals != NULL)
    show_rivals (self, state->rivals);
  g_object_thaw_notify (G_OBJECT (self));
  dimple_conflict_state_free (old);
}

static void
dimple_conflict_get_property (GObject    *object,
                              guint       property_id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  DimpleConflict *self = DIMPLE_CONFLICT (object);

  switch (property_id)
    {
    case PROP_TABLE:
      g_value_set_string (value, self->state->table);
      break;
    case PROP_KEY:
      g_value_set_string (value, self->state->key);
      break;
    case PROP_REASON:
      g_value_set_enum (value, (int) get_reason (self));
      break;
    case PROP_MESSAGE:
      g_value_take_string (value, dup_message (self));
      break;
    case PROP_ROW:
      g_value_set_object (value, get_row (self));
      break;
    case PROP_RIVALS:
      g_value_set_object (value, get_rivals (self));
      break;
    case PROP_TIME:
      g_value_set_boxed (value, self->time);
      break;
    case PROP_AUTHOR_NAME:
      g_value_set_string (value, self->state->author_name);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
dimple_conflict_finalize (GObject *object)
{
  DimpleConflict *self = DIMPLE_CONFLICT (object);

  g_clear_pointer (&self->state, dimple_conflict_state_free);
  g_clear_object (&self->row);
  g_clear_object (&self->rivals);
  g_clear_pointer (&self->time, g_date_time_unref);
  g_clear_object (&self->store);

  G_OBJECT_CLASS (dimple_conflict_parent_class)->finalize (object);
}

static void
dimple_conflict_class_init (DimpleConflictClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = dimple_conflict_finalize;
  object_class->get_property = dimple_conflict_get_property;

  /**
   * DimpleConflict:table:
   *
   * The row's table.
   */
  properties[PROP_TABLE] = dimple_property_new_string ("table");

  /**
   * DimpleConflict:key:
   *
   * The row's key, as [method@Store.update] takes it.
   */
  properties[PROP_KEY] = dimple_property_new_string ("key");

  /**
   * DimpleConflict:reason:
   *
   * Why the row is not shown: the first reason that applies.
   */
  properties[PROP_REASON] =
    dimple_property_new_enum ("reason", DIMPLE_TYPE_CONFLICT_REASON, DIMPLE_CONFLICT_UNIQUE);

  /**
   * DimpleConflict:message:
   *
   * The same as sentences for the user, translated.
   */
  properties[PROP_MESSAGE] = dimple_property_new_string ("message");

  /**
   * DimpleConflict:row:
   *
   * The row with its values: set some, and [method@Store.save] it.
   */
  properties[PROP_ROW] = dimple_property_new_object ("row", DIMPLE_TYPE_ROW);

  /**
   * DimpleConflict:rivals: (type Gio.ListModel)
   *
   * The rows that are shown and that it collides with, of [class@Row]; the first hundred of them.  Empty if the reason
   * is not %DIMPLE_CONFLICT_UNIQUE.  Live; read when it is first asked for, which blocks for a moment.
   */
  properties[PROP_RIVALS] = dimple_property_new_object ("rivals", G_TYPE_LIST_MODEL);

  /**
   * DimpleConflict:time:
   *
   * When the row was edited last.
   */
  properties[PROP_TIME] = dimple_property_new_time ("time");

  /**
   * DimpleConflict:author-name:
   *
   * What the device that did so is called; %NULL if that is not known.
   */
  properties[PROP_AUTHOR_NAME] = dimple_property_new_string ("author-name");

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
dimple_conflict_init (DimpleConflict *self)
{
}
