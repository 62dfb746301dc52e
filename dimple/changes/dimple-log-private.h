/* dimple-log-private.h: the log of transactions, which is the history and what is synced
 *
 *   dimple_log (seq, id, author, previous, script, flags, label, changes)
 *
 * `seq` orders the log by arrival.  A transaction written here has the 60 time bits of its id as seq (the clock is kept
 * ahead of every seq), so it is found by its rowid and needs no index; one from elsewhere has the greatest seq + 1, or
 * its own time bits if those are greater, and is in the partial index dimple_log_foreign (author, id).  So no seq is
 * smaller than the time of its id, and whatever is newer than an id lies behind the seq of its time.  A transaction too
 * big for one row continues in the rows after it, its pieces, of the same id: all but the last carry DIMPLE_LOG_MORE.
 * `author` is a number of dimple_author, `label` is of the first row only.
 *
 * `changes` is JSON; a piece is an array of groups, each of rows of one table, operation and set of columns:
 *
 *   [{"table":"note","key":["key"],"op":"insert","columns":["title","body"],"rows":[[["k1"],["T","B"]],…]}, …]
 *
 *   insert  [[key…],[new…]]           every column that is not generated and not in the key
 *   update  [[key…],[new…],[old…]]    only the columns that changed
 *   delete  [[key…],[old…]]           every column that is not generated and not in the key
 *
 * "rows" comes last in a group, and members that a reader does not know are skipped.  [old…] is null, or missing at the
 * end, where pruning dropped it.
 *
 * In a migration's transaction (script > 0) each row has one more array at its end: [anchor of the row, anchor of each
 * column…] (a delete: only the first); "" where the script saw nothing.  Values: null, numbers (REAL always with a
 * point or exponent), strings; what JSON cannot say is an object: {"hex":"00ff"} a blob, {"text":"hex"} a text that is
 * not UTF-8 or holds NUL, {"integer":"9007199254740993"} beyond 2^53, {"real":"inf"} or "-inf", {"pruned":true}.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-capture-private.h"
#include "dimple-clock-private.h"

G_BEGIN_DECLS

typedef enum
{
  DIMPLE_LOG_FOREIGN = 1 << 0,   /* came from elsewhere: in the partial index */
  DIMPLE_LOG_PRUNED  = 1 << 1,   /* something of it was dropped */
  DIMPLE_LOG_MORE    = 1 << 2,   /* goes on in the next row */
  DIMPLE_LOG_DELETES = 1 << 3,   /* written here, and has a delete: the merge looks for them once, see dimple-merge.c */
  DIMPLE_LOG_MOVED   = 1 << 4    /* written here, and a row that it updates has got another rowid by that */
} DimpleLogFlags;

/* The tables of Dimple's own, made if they are not there, and a first author; the list is in dimple-log-tables.c.
 * DIMPLE_ERROR_TOO_NEW if a newer library wrote them. */
#define DIMPLE_FORMAT 1
gboolean dimple_log_create_tables (DimpleConnection  *connection,
                                   GError           **error);
/* From now on this database writes under a new author id; load() the writer after it. */
gboolean dimple_log_add_author    (DimpleConnection  *connection,
                                   const char        *name,       /* (nullable) */
                                   GError           **error);

/* -- Writing one local transaction: begin, add each captured row, end ---------------------------------------------- */

typedef struct _DimpleLogWriter DimpleLogWriter;

DimpleLogWriter *dimple_log_writer_new   (DimpleConnection         *connection,
                                          DimpleClock              *clock);
void             dimple_log_writer_free  (DimpleLogWriter          *self);
/* After opening, after another process wrote (its seqs and ids are newer than the clock), after taking a new author,
 * and after a COMMIT that failed (the transactions that it held were never written). */
gboolean         dimple_log_writer_load  (DimpleLogWriter          *self,
                                          GError                  **error);
void             dimple_log_writer_begin (DimpleLogWriter          *self,
                                          const char               *label,     /* (nullable) */
                                          int                       script);
/* For script > 0, `anchors` is 1 + (number of columns written) texts (a delete: 1), else NULL. */
gboolean         dimple_log_writer_add   (DimpleLogWriter          *self,
                                          const DimpleCapturedRow  *row,
                                          const char * const       *anchors,
                                          GError                  **error);
/* Writes what is left; after that the writer is as before begin.  `id` receives the transaction's id, "" if no row was
 * added: then nothing is written. */
gboolean         dimple_log_writer_end   (DimpleLogWriter          *self,
                                          char                      id[DIMPLE_UUID_SIZE],
                                          GError                  **error);
/* The transaction (or savepoint) was rolled back after begin; id and previous are as before it. */
void             dimple_log_writer_undo  (DimpleLogWriter          *self);
const char      *dimple_log_writer_get_author (DimpleLogWriter     *self);
/* The seq of the last row that was written here. */
gint64           dimple_log_writer_get_last_own (DimpleLogWriter   *self);
/* The greatest time of all ids known (or a little more). */
guint64          dimple_log_writer_get_time   (DimpleLogWriter     *self);

/* -- Transactions, for merging, packs and history: whole, or in the pieces that their rows are --------------------- */

/* The changes of a piece of a transaction that is about to come into this log; NULL and an error if it cannot be read.
 * They are asked for in order, from the first on. */
typedef GBytes *(*DimplePieceFunc) (DimpleConnection  *connection,
                                    guint              piece,
                                    gpointer           user_data,
                                    GError           **error);

typedef struct
{
  char     id[DIMPLE_UUID_SIZE];
  char     author[DIMPLE_UUID_SIZE];
  char     previous[DIMPLE_UUID_SIZE];   /* "" : none */
  int      script;
  gboolean pruned;
  gboolean foreign;
  gboolean moved;                        /* DIMPLE_LOG_MOVED */
  gboolean deletes;                      /* DIMPLE_LOG_DELETES */
  gint64   seq;                          /* of this piece */
  gboolean continues;                    /* the piece before it is of the same transaction */
  gboolean more;                         /* and so is the one after it */
  char    *label;                        /* (nullable) in the first piece only */
  GBytes  *changes;                      /* (nullable) a JSON array; NULL: comes from read_piece() */

  /* From elsewhere, and too large to be held in memory */
  guint            n_pieces;
  gsize            size;                 /* of all of them */
  DimplePieceFunc  read_piece;
  gpointer         piece_data;
  GDestroyNotify   free_piece_data;      /* (nullable) */
} DimpleTransaction;

void     dimple_transaction_free  (DimpleTransaction *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleTransaction, dimple_transaction_free)

/* `piece` is the visitor's to free; FALSE with an error ends the visit. */
typedef gboolean (*DimpleTransactionVisitor) (DimpleTransaction  *piece,
                                              gpointer            user_data,
                                              GError            **error);

/* Visits the pieces of transactions with after < seq (0: all) in the order of seq. */
gboolean dimple_log_visit_since   (DimpleConnection          *connection,
                                   gint64                     after,
                                   DimpleTransactionVisitor   visitor,
                                   gpointer                   user_data,
                                   GError                   **error);
/* Visits the pieces of the transaction that begins at `seq`; none if it is not there. */
gboolean dimple_log_visit_one     (DimpleConnection          *connection,
                                   gint64                     seq,
                                   DimpleTransactionVisitor   visitor,
                                   gpointer                   user_data,
                                   GError                   **error);
/* Visits the pieces of those whose id is `id` or greater, wherever they came from. */
gboolean dimple_log_visit_newer   (DimpleConnection          *connection,
                                   const char                *id,
                                   DimpleTransactionVisitor   visitor,
                                   gpointer                   user_data,
                                   GError                   **error);
typedef struct
{
  gint64   seq;          /* where a transaction begins */
  gboolean more;         /* it has several pieces */
} DimpleLogPlace;

/* Where the transactions of one run (author, tail of `last`) with first <= id <= last are, in order:
 * DimpleLogPlaces. */
GArray  *dimple_log_find_range    (DimpleConnection          *connection,
                                   const char                *author,
                                   const char                *first,
                                   const char                *last,
                                   GError                   **error);
/* Whether there are any, or pruning has dropped all of them. */
gboolean dimple_log_has_range      (DimpleConnection          *connection,
                                    const char                *author,
                                    const char                *first,
                                    const char                *last,
                                    gboolean                  *has,
                                    GError                   **error);
/* The transaction that begins at `seq`, whole; NULL without an error if there is none. */
DimpleTransaction *dimple_log_read_transaction (DimpleConnection *connection,
                                                gint64            seq,
                                                GError          **error);
/* The piece at `seq`, with the label of its transaction; NULL without an error if there is none. */
DimpleTransaction *dimple_log_read_piece       (DimpleConnection *connection,
                                                gint64            seq,
                                                GError          **error);
/* Appends the changes of a piece to those before it: "[a,b]" and "[c]" become "[a,b,c]". */
void     dimple_log_join_changes  (GString                   *changes,
                                   const char                *piece,
                                   gsize                      size);
/* Whose transaction `id` is: NULL if it is not known here, or its author has no name. */
gboolean dimple_log_find_author   (DimpleConnection          *connection,
                                   const char                *id,
                                   char                     **author,
                                   char                     **name,
                                   GError                   **error);
/* Appends one from elsewhere; the caller knows that it is not there yet. */
gboolean dimple_log_append        (DimpleLogWriter           *self,
                                   const DimpleTransaction   *transaction,
                                   GError                   **error);
/* The same of a piece of one, `changes`; its pieces come one after the other. */
gboolean dimple_log_append_piece  (DimpleLogWriter           *self,
                                   const DimpleTransaction   *transaction,
                                   GBytes                    *changes,
                                   guint                      piece,
                                   gboolean                   more,
                                   GError                   **error);

/* For tests: how many bytes a piece that is written here has at least; 0: as ever. */
void     dimple_log_set_piece_size (gsize                     size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleLogWriter, dimple_log_writer_free)

G_END_DECLS
