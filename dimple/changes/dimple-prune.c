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
  struct
  {
    gint64   seq;              /* where it begins */
    gsize    size;             /* of the pieces looked at */
    gsize    left;
    gboolean changed;
    gboolean is_empty;         /* nothing is left of them */
    gboolean is_chosen;        /* if another one follows */
  } looked_at;                 /* the transaction at hand */
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

/* -- The first pass ------------------------------------------------------------------------------------------------ */

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

/* -- What to drop -------------------------------------------------------------------------------------------------- */

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

/* After the last piece of a transaction. */
static void
judge_transaction (DimplePruner            *self,
                   const DimpleTransaction *transaction)
{
  gboolean is_dropped = self->looked_at.is_empty && !g_hash_table_contains (self->kept, transaction->id);

  self->looked_at.is_chosen = self->looked_at.changed || is_dropped;
  if (is_dropped)
    self->looked_at.left = 0;
  else
    self->looked_at.left = MAX (self->looked_at.left, 2);
}

/* When another one follows.  The last of all stays as it is: what comes next gets a greater seq than its last row, and
 * who has read the log that far must not miss it. */
static void
choose_transaction (DimplePruner *self)
{
  if (!self->looked_at.is_chosen)
    return;
  self->freed += (gint64) self->looked_at.size - (gint64) self->looked_at.left;
  g_array_append_val (self->chosen, self->looked_at.seq);
  self->looked_at.is_chosen = FALSE;
}

static gboolean
choose_piece (DimpleTransaction  *owned,
              gpointer            user_data,
              GError            **error)
{
  g_autoptr(DimpleTransaction) piece = owned;
  DimplePruner *self = user_data;
  g_autoptr(GBytes) left = NULL;
  gboolean is_empty;

  if (!piece->continues)
    choose_transaction (self);
  if (dimple_pruner_get_freed (self) >= self->enough || !is_old (self, piece->id))
    return TRUE;
  if (!piece->continues)
    {
      memset (&self->looked_at, 0, sizeof self->looked_at);
      self->looked_at.seq = piece->seq;
      self->looked_at.is_empty = TRUE;
    }
  if (!dimple_prune_changes (self->fold, piece->id, piece->script, piece->changes, is_prunable, self, &left, &is_empty,
                             error))
    return FALSE;
  self->looked_at.size += g_bytes_get_size (piece->changes);
  self->looked_at.left += is_empty ? 0 : g_bytes_get_size (left != NULL ? left : piece->changes);
  self->looked_at.changed |= left != NULL;
  self->looked_at.is_empty &= is_empty;
  if (!piece->more)
    judge_transaction (self, piece);
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
  self->looked_at.is_chosen = FALSE;
  if (!dimple_fold_join_log (self->fold, reader, NULL, want_row, self, error) ||
      !dimple_log_visit_since (reader, 0, choose_piece, self, error))
    return NULL;
  return g_array_ref (self->chosen);
}

/* -- Dropping it --------------------------------------------------------------------------------------------------- */

/* A transaction that is written anew, one row after the other: what is left moves up to where it begins, as it is
 * looked for there. */
typedef struct
{
  DimpleConnection *connection;
  char              id[DIMPLE_UUID_SIZE];
  GArray           *seqs;          /* of gint64: the rows that it had */
  guint             n_written;     /* of them */
  int               flags;         /* of the one written last; before that, of the first */
} Rewrite;

static gboolean
write_row (Rewrite  *self,
           guint     position,
           int       flags,
           GBytes   *changes,
           GError  **error)
{
  g_autoptr(DimpleStatement) statement = NULL;
  gsize size;
  const char *text = g_bytes_get_data (changes, &size);

  statement = dimple_connection_prepare (self->connection,
                                         "UPDATE dimple_log SET flags = ?2, changes = ?3 WHERE seq = ?1", error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, g_array_index (self->seqs, gint64, position));
  sqlite3_bind_int (statement, 2, flags);
  sqlite3_bind_text64 (statement, 3, text, size, SQLITE_STATIC, SQLITE_UTF8);
  self->flags = flags;
  self->n_written = position + 1;
  return dimple_statement_run (statement, error);
}

/* Runs a statement on one of the rows. */
static gboolean
change_row (Rewrite     *self,
            const char  *sql,
            guint        position,
            GError     **error)
{
  g_autoptr(DimpleStatement) statement = dimple_connection_prepare (self->connection, sql, error);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, g_array_index (self->seqs, gint64, position));
  return dimple_statement_run (statement, error);
}

/* The rows of a transaction are neighbours; `*more`: there is another one after that at `seq`. */
static gboolean
rewrite_row (DimplePruner  *self,
             Rewrite       *rewrite,
             gint64         seq,
             gboolean      *more,
             GError       **error)
{
  g_autoptr(DimpleTransaction) piece = NULL;
  g_autoptr(GBytes) left = NULL;
  g_autoptr(GError) failure = NULL;
  gboolean is_empty;
  int flags;

  *more = FALSE;
  piece = dimple_log_read_piece (rewrite->connection, seq, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  /* Another process has dropped it meanwhile. */
  if (piece == NULL || (rewrite->seqs->len > 0 && !g_str_equal (piece->id, rewrite->id)))
    return TRUE;

  flags = (piece->foreign ? DIMPLE_LOG_FOREIGN : 0) | (piece->deletes ? DIMPLE_LOG_DELETES : 0) |
          (piece->moved ? DIMPLE_LOG_MOVED : 0) | DIMPLE_LOG_PRUNED;
  if (rewrite->seqs->len == 0)
    rewrite->flags = flags;
  g_strlcpy (rewrite->id, piece->id, sizeof rewrite->id);
  g_array_append_val (rewrite->seqs, seq);
  *more = piece->more;
  if (!dimple_prune_changes (self->fold, piece->id, piece->script, piece->changes, is_prunable, self, &left, &is_empty,
                             error))
    return FALSE;
  return is_empty || write_row (rewrite, rewrite->n_written, flags | (piece->more ? DIMPLE_LOG_MORE : 0),
                                left != NULL ? left : piece->changes, error);
}

/* After the last row. */
static gboolean
end_rewrite (DimplePruner  *self,
             Rewrite       *rewrite,
             GError       **error)
{
  if (rewrite->n_written == 0 && rewrite->seqs->len > 0 && g_hash_table_contains (self->kept, rewrite->id))
    {
      g_autoptr(GBytes) stub = g_bytes_new_static ("[]", 2);

      if (!write_row (rewrite, 0, rewrite->flags, stub, error))
        return FALSE;
    }
  if (rewrite->n_written > 0 && (rewrite->flags & DIMPLE_LOG_MORE) != 0 &&
      !change_row (rewrite, "UPDATE dimple_log SET flags = flags & ~4 WHERE seq = ?", rewrite->n_written - 1, error))
    return FALSE;
  for (guint i = rewrite->n_written; i < rewrite->seqs->len; i++)
    {
      if (!change_row (rewrite, "DELETE FROM dimple_log WHERE seq = ?", i, error))
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
  Rewrite rewrite = { .connection = connection, .seqs = g_array_new (FALSE, FALSE, sizeof (gint64)) };
  gboolean more = TRUE, written = TRUE;

  G_STATIC_ASSERT (DIMPLE_LOG_MORE == 4);
  for (; written && more; seq++)
    written = rewrite_row (self, &rewrite, seq, &more, error);
  written = written && end_rewrite (self, &rewrite, error);
  g_array_unref (rewrite.seqs);
  return written;
}
