/* dimple-sync-split.c: a transaction that is too large for one pack, as parts
 *
 * A part is as many of its pieces in the log as fit into a pack.  Whoever fetches it keeps a part as one piece, of
 * which no two fit into a pack together: so every device that has the transaction splits it into the same parts, under
 * the same names, and can put those that are missing.
 *
 * It is read twice, as the names say what is in all parts; and no more than one part of it is ever in memory.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-split-private.h"

#include <string.h>

typedef struct
{
  gint64 seq;            /* of its first piece */
  guint  n_pieces;
  gsize  size;
  char   digest[DIMPLE_PACK_DIGEST_LENGTH + 1];      /* of this part alone */
} Part;

struct _DimpleSyncSplit
{
  GArray *parts;         /* of Part */
  gsize   size;          /* of all of them */
  char    digest[DIMPLE_PACK_DIGEST_LENGTH + 1];
  guint   next;
};

/* -- Looking at it ------------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleSyncSplit *split;
  GChecksum       *digest;       /* of all parts */
  GChecksum       *part_digest;  /* of the last one */
  gboolean         is_open;      /* and so is its array */
} Look;

static void
update (Look       *self,
        const char *text,
        gsize       size)
{
  g_checksum_update (self->digest, (const guchar *) text, (gssize) size);
  g_checksum_update (self->part_digest, (const guchar *) text, (gssize) size);
}

static void
close_part (Look *self)
{
  guint n_parts = self->split->parts->len;

  if (n_parts == 0)
    return;
  update (self, self->is_open ? "]" : "[]", self->is_open ? 1 : 2);
  dimple_pack_digest_get (self->part_digest, g_array_index (self->split->parts, Part, n_parts - 1).digest);
}

static void
begin_part (Look       *self,
            gint64      seq,
            const char *id)
{
  Part part = { .seq = seq };

  close_part (self);
  if (self->split->parts->len > 0)
    g_checksum_update (self->digest, (const guchar *) "\n", 1);
  g_array_append_val (self->split->parts, part);
  g_clear_pointer (&self->part_digest, g_checksum_free);
  self->part_digest = g_checksum_new (G_CHECKSUM_SHA256);
  self->is_open = FALSE;
  update (self, id, DIMPLE_UUID_LENGTH);
  update (self, " ", 1);
}

/* Pieces are joined as dimple_log_join_changes() does it. */
static gboolean
look_at_piece (DimpleTransaction  *owned,
               gpointer            user_data,
               GError            **error)
{
  g_autoptr(DimpleTransaction) piece = owned;
  Look *self = user_data;
  GArray *parts = self->split->parts;
  gsize size;
  const char *changes = g_bytes_get_data (piece->changes, &size);
  Part *part = parts->len > 0 ? &g_array_index (parts, Part, parts->len - 1) : NULL;

  if (part == NULL || part->size + dimple_transaction_measure (piece) > dimple_pack_get_size ())
    {
      begin_part (self, piece->seq, piece->id);
      part = &g_array_index (parts, Part, parts->len - 1);
    }
  part->n_pieces++;
  part->size += dimple_transaction_measure (piece);
  self->split->size += dimple_transaction_measure (piece);
  if (size > 2)
    {
      update (self, self->is_open ? "," : "[", 1);
      update (self, changes + 1, size - 2);
      self->is_open = TRUE;
    }
  return TRUE;
}

DimpleSyncSplit *
dimple_sync_split_new (DimpleConnection  *reader,
                       gint64             seq,
                       GError           **error)
{
  g_autoptr(DimpleSyncSplit) self = g_new0 (DimpleSyncSplit, 1);
  Look look = { .split = self };
  gboolean looked;

  self->parts = g_array_new (FALSE, FALSE, sizeof (Part));
  look.digest = g_checksum_new (G_CHECKSUM_SHA256);
  looked = dimple_log_visit_one (reader, seq, look_at_piece, &look, error);
  close_part (&look);
  dimple_pack_digest_get (look.digest, self->digest);
  g_checksum_free (look.digest);
  g_clear_pointer (&look.part_digest, g_checksum_free);
  return looked && self->parts->len > 1 ? g_steal_pointer (&self) : NULL;
}

void
dimple_sync_split_free (DimpleSyncSplit *self)
{
  g_array_unref (self->parts);
  g_free (self);
}

double
dimple_sync_split_get_progress (DimpleSyncSplit *self)
{
  return self->next / (double) self->parts->len;
}

/* -- Reading it ---------------------------------------------------------------------------------------------------- */

/* The pieces of a part as one; NULL without an error if some are not there. */
static DimpleTransaction *
read_pieces (const Part        *part,
             DimpleConnection  *reader,
             GError           **error)
{
  g_autoptr(DimpleTransaction) transaction = NULL;
  g_autoptr(GString) changes = g_string_sized_new (part->size);

  for (guint i = 0; i < part->n_pieces; i++)
    {
      g_autoptr(DimpleTransaction) piece = dimple_log_read_piece (reader, part->seq + i, error);
      gsize size;
      const char *text;

      if (piece == NULL)
        return NULL;
      text = g_bytes_get_data (piece->changes, &size);
      dimple_log_join_changes (changes, text, size);
      if (transaction == NULL)
        transaction = g_steal_pointer (&piece);
    }
  g_bytes_unref (transaction->changes);
  transaction->changes = g_string_free_to_bytes (g_steal_pointer (&changes));
  return g_steal_pointer (&transaction);
}

DimplePack *
dimple_sync_split_next (DimpleSyncSplit   *self,
                        DimpleConnection  *reader,
                        GError           **error)
{
  g_autoptr(DimplePack) pack = dimple_pack_new ();
  DimpleTransaction *transaction;
  const Part *part;
  char digest[DIMPLE_PACK_DIGEST_LENGTH + 1];

  if (self->next == self->parts->len)
    return NULL;
  part = &g_array_index (self->parts, Part, self->next++);
  transaction = read_pieces (part, reader, error);
  if (transaction == NULL)
    return NULL;
  if (self->next > 1)
    g_clear_pointer (&transaction->label, g_free);
  g_ptr_array_add (pack->transactions, transaction);
  dimple_pack_digest (pack, digest);
  if (!g_str_equal (digest, part->digest))
    return NULL;

  pack->name.part = self->next;
  pack->name.n_parts = self->parts->len;
  pack->whole_size = self->size;
  memcpy (pack->name.digest, self->digest, sizeof self->digest);
  return g_steal_pointer (&pack);
}
