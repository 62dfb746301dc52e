/* dimple-prune.c: dropping from the log what later changes have superseded
 *
 * A row that only one transaction names has nothing to lose.  So the first pass counts, in a table of fixed size, how
 * often each row is named; rows that share a place in it are taken for one, and looked at in vain.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-prune-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-prune-changes-private.h"

/* Places of two bits each: a row's changes are none, one or more. */
#define N_PLACES (1u << 23)
/* The changes of so many bytes are looked at in one pass: what is known of their rows is kept in memory. */
#define PART_SIZE (32 * 1024 * 1024)

struct _DimplePruner
{
  DimpleSchema *schema;
  gint64        before;
  guint64       enough;
  gint64        freed;         /* a stub may be larger than what it stands for */

  guint8       *places;
  guint64       size;          /* of changes to rows that have several, in bytes */
  guint         n_parts;
  guint         part;
  DimpleFold   *fold;          /* of the part's rows */
  GHashTable   *rules;         /* set of "table\ncolumn", lower case: these do not simply have the last value */
  GHashTable   *kept;          /* set of ids: transactions that stay even if they are empty */
  GHashTable   *newest;        /* author -> its newest id */
  char          last[DIMPLE_UUID_SIZE];

  GArray       *chosen;        /* of the pass: of gint64 */
};

DimplePruner *
dimple_pruner_new (DimpleSchema *schema,
                   gint64        before,
                   guint64       enough)
{
  DimplePruner *self = g_new0 (DimplePruner, 1);

  self->schema = dimple_schema_ref (schema);
  self->before = before;
  self->enough = enough;
  self->places = g_malloc0 (N_PLACES / 4);
  self->rules = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->kept = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->newest = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
dimple_pruner_free (DimplePruner *self)
{
  g_clear_pointer (&self->fold, dimple_fold_free);
  g_clear_pointer (&self->chosen, g_array_unref);
  g_hash_table_unref (self->rules);
  g_hash_table_unref (self->kept);
  g_hash_table_unref (self->newest);
  dimple_schema_unref (self->schema);
  g_free (self->places);
  g_free (self);
}

guint
dimple_pruner_get_n_parts (DimplePruner *self)
{
  return self->n_parts;
}

guint64
dimple_pruner_get_freed (DimplePruner *self)
{
  return (guint64) MAX (self->freed, 0);
}

/* -- The first pass --------------------------------------------------------------------------------------------------- */

static guint64
hash_row (const DimpleChangeGroup *group)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (const char *c = group->table_name; *c != '\0'; c++)
    hash = (hash ^ (guint8) *c) * G_GUINT64_CONSTANT (0x100000001b3);
  for (guint i = 0; i < group->key->len; i++)
    hash = (hash ^ group->key->data[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash ^ hash >> 29;
}

static guint
get_count (DimplePruner *self,
           guint64       hash)
{
  guint place = (guint) (hash % N_PLACES);

  return self->places[place / 4] >> (place % 4 * 2) & 3;
}

static void
count (DimplePruner *self,
       guint64       hash,
       gsize         size)
{
  guint place = (guint) (hash % N_PLACES);
  guint n = get_count (self, hash);

  if (n > 0)
    self->size += size;
  if (n < 2)
    self->places[place / 4] = (guint8) (self->places[place / 4] + (1u << (place % 4 * 2)));
}

static gboolean
count_changes (DimplePruner             *self,
               const DimpleTransaction  *transaction,
               GError                  **error)
{
  g_auto(DimpleChangeReader) reader = { 0 };
  g_auto(DimpleChangeGroup) group = { 0 };
  g_autoptr(GError) failure = NULL;

  dimple_change_reader_init (&reader, transaction->changes, transaction->script);
  dimple_change_group_init (&group);
  while (failure == NULL && dimple_change_reader_next_group (&reader, &failure))
    {
      const char *before = reader.json.position;

      dimple_change_group_set (&group, self->fold, &reader);
      while (dimple_change_reader_next_row (&reader, &failure))
        {
          dimple_change_group_set_key (&group, &reader);
          count (self, hash_row (&group), (gsize) (reader.json.position - before));
          before = reader.json.position;
        }
    }
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
look_at (DimpleTransaction  *owned,
         gpointer            user_data,
         GError            **error)
{
  g_autoptr(DimpleTransaction) transaction = owned;
  DimplePruner *self = user_data;
  const char *newest = g_hash_table_lookup (self->newest, transaction->author);

  if (newest == NULL || strcmp (newest, transaction->id) < 0)
    g_hash_table_insert (self->newest, g_strdup (transaction->author), g_strdup (transaction->id));
  g_strlcpy (self->last, transaction->id, sizeof self->last);
  return count_changes (self, transaction, error);
}

/* Adds the texts that a statement gives. */
static gboolean
load_set (GHashTable        *set,
          DimpleConnection  *reader,
          const char        *sql,
          GError           **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (reader, sql, error);
  g_autoptr(GError) failure = NULL;

  if (statement == NULL)
    return FALSE;
  while (dimple_statement_step (statement, &failure))
    g_hash_table_add (set, g_strdup ((const char *) sqlite3_column_text (statement, 0)));
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static void
keep_newest (DimplePruner *self)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, self->newest);
  while (g_hash_table_iter_next (&iter, NULL, &id))
    g_hash_table_add (self->kept, g_strdup (id));
  g_hash_table_add (self->kept, g_strdup (self->last));
}

gboolean
dimple_pruner_look (DimplePruner      *self,
                    DimpleConnection  *reader,
                    GError           **error)
{
  /* For the names of tables and columns. */
  self->fold = dimple_fold_new (self->schema);
  if (!load_set (self->rules, reader,
                 "SELECT lower (\"table\") || char (10) || lower (\"column\") FROM dimple_merge_rule "
                 "WHERE rule <> 0", error) ||
      !load_set (self->kept, reader, "SELECT first FROM dimple_pack UNION SELECT last FROM dimple_pack", error) ||
      !dimple_log_visit_since (reader, 0, look_at, self, error))
    return FALSE;
  keep_newest (self);
  self->n_parts = self->size > 0 ? 1 + (guint) (self->size / PART_SIZE) : 0;
  return TRUE;
}

/* -- What to drop ----------------------------------------------------------------------------------------------------- */

static DimpleFoldedRow *
want_row (DimpleFold              *fold,
          const DimpleChangeGroup *group,
          gpointer                 user_data)
{
  DimplePruner *self = user_data;
  guint64 hash = hash_row (group);

  if (get_count (self, hash) < 2 || hash / N_PLACES % self->n_parts != self->part)
    return NULL;
  return dimple_fold_want (fold, group->table, group->table_name, group->key->data, group->key->len);
}

static gboolean
is_prunable (const char *table,
             const char *column,
             gpointer    user_data)
{
  DimplePruner *self = user_data;
  g_autofree char *name = NULL, *lower = NULL;

  if (g_hash_table_size (self->rules) == 0)
    return TRUE;
  name = g_strdup_printf ("%s\n%s", table, column);
  lower = g_ascii_strdown (name, -1);
  return !g_hash_table_contains (self->rules, lower);
}

static gboolean
is_old (DimplePruner *self,
        const char   *id)
{
  guint64 time = 0;

  return dimple_uuid7_parse (id, &time, NULL) && DIMPLE_UUID_MILLISECONDS (time) < self->before;
}

static gboolean
choose_transaction (DimpleTransaction  *owned,
                    gpointer            user_data,
                    GError            **error)
{
  g_autoptr(DimpleTransaction) transaction = owned;
  DimplePruner *self = user_data;
  g_autoptr(GBytes) left = NULL;
  gboolean is_empty, is_dropped;

  if (dimple_pruner_get_freed (self) >= self->enough || !is_old (self, transaction->id))
    return TRUE;
  if (!dimple_prune_changes (self->fold, transaction->id, transaction->script, transaction->changes, is_prunable, self,
                             &left, &is_empty, error))
    return FALSE;
  is_dropped = is_empty && !g_hash_table_contains (self->kept, transaction->id);
  if (left == NULL && !is_dropped)
    return TRUE;

  self->freed += (gint64) g_bytes_get_size (transaction->changes);
  self->freed -= is_dropped ? 0 : (gint64) g_bytes_get_size (left);
  g_array_append_val (self->chosen, transaction->seq);
  return TRUE;
}

GArray *
dimple_pruner_choose (DimplePruner      *self,
                      guint              part,
                      DimpleConnection  *reader,
                      GError           **error)
{
  g_clear_pointer (&self->fold, dimple_fold_free);
  g_clear_pointer (&self->chosen, g_array_unref);
  self->fold = dimple_fold_new (self->schema);
  self->chosen = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->part = part;
  if (!dimple_fold_join_log (self->fold, reader, NULL, want_row, self, error) ||
      !dimple_log_visit_since (reader, 0, choose_transaction, self, error))
    return NULL;
  return g_array_ref (self->chosen);
}

/* -- Dropping it ------------------------------------------------------------------------------------------------------ */

/* A row of the log: a transaction, or a part of a large one. */
typedef struct
{
  gint64  seq;
  int     flags;
  GBytes *changes;
} Part;

static void
part_clear (gpointer data)
{
  g_clear_pointer (&((Part *) data)->changes, g_bytes_unref);
}

typedef struct
{
  char    id[DIMPLE_UUID_SIZE];
  int     script;
  int     flags;         /* of the first row */
  GArray *seqs;          /* of gint64: the rows that there are */
  GArray *parts;         /* of Part: what is left of them, of which none is empty */
} Rewrite;

/* Takes a part into what is left. */
static gboolean
take_part (DimplePruner  *self,
           Rewrite       *rewrite,
           gint64         seq,
           int            flags,
           GBytes        *changes,
           GError       **error)
{
  g_autoptr(GBytes) left = NULL;
  gboolean is_empty;

  if (!dimple_prune_changes (self->fold, rewrite->id, rewrite->script, changes, is_prunable, self, &left, &is_empty, error))
    return FALSE;
  g_array_append_val (rewrite->seqs, seq);
  if (!is_empty)
    {
      Part part = { seq, flags, g_bytes_ref (left != NULL ? left : changes) };

      g_array_append_val (rewrite->parts, part);
    }
  return TRUE;
}

static gboolean
read_parts (DimplePruner      *self,
            DimpleConnection  *connection,
            gint64             seq,
            Rewrite           *rewrite,
            GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;
  gboolean more = TRUE;

  statement = dimple_connection_prepare (connection, "SELECT seq, flags, changes, id, script FROM dimple_log "
                                                     "WHERE seq >= ? ORDER BY seq", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, seq);
  while (more && failure == NULL && dimple_statement_step (statement, &failure))
    {
      g_autoptr(GBytes) changes = NULL;
      int flags = sqlite3_column_int (statement, 1);

      /* Another process has dropped it meanwhile. */
      if (rewrite->seqs->len == 0 && sqlite3_column_int64 (statement, 0) != seq)
        break;
      g_strlcpy (rewrite->id, (const char *) sqlite3_column_text (statement, 3), DIMPLE_UUID_SIZE);
      rewrite->script = sqlite3_column_int (statement, 4);
      rewrite->flags = rewrite->seqs->len == 0 ? flags : rewrite->flags;
      changes = g_bytes_new (sqlite3_column_text (statement, 2), (gsize) sqlite3_column_bytes (statement, 2));
      more = (flags & DIMPLE_LOG_MORE) != 0;
      take_part (self, rewrite, sqlite3_column_int64 (statement, 0), flags, changes, &failure);
    }
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
write_row (DimpleConnection  *connection,
           gint64             seq,
           int                flags,
           GBytes            *changes,
           GError           **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  gsize size;
  const char *text;

  statement = dimple_connection_prepare (connection, changes != NULL ?
                                         "UPDATE dimple_log SET flags = ?2, changes = ?3 WHERE seq = ?1" :
                                         "DELETE FROM dimple_log WHERE seq = ?1", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, seq);
  if (changes != NULL)
    {
      text = g_bytes_get_data (changes, &size);
      sqlite3_bind_int (statement, 2, flags);
      sqlite3_bind_text64 (statement, 3, text, size, SQLITE_STATIC, SQLITE_UTF8);
    }
  return dimple_statement_run (statement, error);
}

/* What is left moves up to where the transaction begins, as it is looked for there. */
static gboolean
write_parts (Rewrite           *rewrite,
             DimpleConnection  *connection,
             GError           **error)
{
  for (guint i = 0; i < rewrite->seqs->len; i++)
    {
      const Part *part = i < rewrite->parts->len ? &g_array_index (rewrite->parts, Part, i) : NULL;
      int flags = 0;

      if (part != NULL)
        {
          flags = (part->flags & ~DIMPLE_LOG_MORE) | DIMPLE_LOG_PRUNED;
          flags |= i + 1 < rewrite->parts->len ? DIMPLE_LOG_MORE : 0;
        }
      if (!write_row (connection, g_array_index (rewrite->seqs, gint64, i), flags, part != NULL ? part->changes : NULL,
                      error))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_pruner_rewrite (DimplePruner      *self,
                       DimpleConnection  *connection,
                       gint64             seq,
                       GError           **error)
{
  Rewrite rewrite = { .seqs = g_array_new (FALSE, FALSE, sizeof (gint64)),
                      .parts = g_array_new (FALSE, FALSE, sizeof (Part)) };
  gboolean written = FALSE;

  g_array_set_clear_func (rewrite.parts, part_clear);
  if (read_parts (self, connection, seq, &rewrite, error))
    {
      if (rewrite.parts->len == 0 && g_hash_table_contains (self->kept, rewrite.id))
        {
          Part stub = { seq, rewrite.flags, g_bytes_new_static ("[]", 2) };

          g_array_append_val (rewrite.parts, stub);
        }
      written = write_parts (&rewrite, connection, error);
    }
  g_array_unref (rewrite.seqs);
  g_array_unref (rewrite.parts);
  return written;
}
