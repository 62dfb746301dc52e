/* dimple-pack-private.h: a piece of one author's log, as an object of a repository
 *
 *   changes/{author}/{first}_{last}[.{digest}[.{part}of{parts}]].json.gz
 *
 * holds the path of transactions from `last` back to `first` as gzipped JSON:
 *
 *   {"format":1, "author":{"id":"…","name":"…"}, "first":"…", "last":"…", "runs":[[after,last],…],
 *    "transactions":[{"id":"…","previous":"…","script":1,"pruned":true,"label":"…","changes":[…]},…]}
 *
 * `format` comes first.  `runs` are the intervals (after, last] of runs that the path consists of, in order; an `after`
 * of another run, or null, is where a run began.  Transactions come in the order of their ids.  `previous` is null for
 * the first ever; `script` is left out for edits, `pruned` unless true, `label` if there is none.  `changes` is as in
 * the log, see dimple-log-private.h.  Members that a reader does not know are skipped.
 *
 * Where something was pruned, the name has a digest: the first 16 hexadecimal digits of the SHA-256 of the lines
 * "{id} {changes}" of all transactions, joined by LF, so an object is never written in two ways under one name.
 *
 * A transaction that does not fit into one pack is written in parts, each of which is a pack of its own with some of
 * its changes, and says after `last` which one it is: "part":{"digest":"…","number":2,"of":7}.  They have one digest,
 * of the lines "{id} {changes}" of all parts, and apply as one; the last part is put after all others, so where it is
 * listed the others were.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-pack-table-private.h"

G_BEGIN_DECLS

#define DIMPLE_PACK_FORMAT 1

/* A pack is filled up to this many bytes before compression; a row that is bigger makes a bigger pack. */
gsize       dimple_pack_get_size    (void);
/* For tests; 0: as ever. */
void        dimple_pack_set_size    (gsize                  size);
void        dimple_pack_set_limit   (gsize                  limit);
/* Nothing bigger is written, nor read: a few hundred KiB could else blow up to all memory. */
#define DIMPLE_PACK_LIMIT (512 * 1024 * 1024)

#define DIMPLE_PACK_DIGEST_LENGTH 16
/* No transaction has more parts than that. */
#define DIMPLE_PACK_MAX_PARTS 1000000

typedef struct
{
  char author[DIMPLE_UUID_SIZE];
  char first[DIMPLE_UUID_SIZE];
  char last[DIMPLE_UUID_SIZE];
  char digest[DIMPLE_PACK_DIGEST_LENGTH + 1];   /* "": nothing was pruned, and it is no part */
  guint part;                                   /* from 1; 0: no part */
  guint n_parts;
} DimplePackName;

/* FALSE if `key` is not the name of a pack. */
gboolean    dimple_pack_name_parse  (DimplePackName        *self,
                                     const char            *key);
char       *dimple_pack_name_format (const DimplePackName  *self);
/* That of one of the parts of the same transaction. */
char       *dimple_pack_name_format_part (const DimplePackName *self,
                                          guint                 part);

/* An interval (after, last] of a run. */
typedef struct
{
  char after[DIMPLE_UUID_SIZE];                 /* "": nothing was before */
  char last[DIMPLE_UUID_SIZE];
} DimplePackRun;

typedef struct
{
  DimplePackName  name;
  char           *author_name;                  /* (nullable) */
  GArray         *runs;                         /* of DimplePackRun */
  GPtrArray      *transactions;                 /* of DimpleTransaction */
  gsize           whole_size;                   /* of a part that is to be written: of all parts */
  gboolean        is_fetched;                   /* of one in parts: all of them came just now */
} DimplePack;

DimplePack *dimple_pack_new         (void);
void        dimple_pack_free        (DimplePack            *self);
void        dimple_pack_add_run     (DimplePack            *self,
                                     const char            *after,
                                     const char            *last);
/* Sets name.first, name.last and name.digest by the transactions, of which there must be some; a part has its
 * digest. */
void        dimple_pack_set_name    (DimplePack            *self);
/* Sets the name, too. */
GBytes     *dimple_pack_encode      (DimplePack            *self,
                                     GError               **error);
/* Of the transactions, as for a pack of which something was pruned. */
void        dimple_pack_digest      (DimplePack            *self,
                                     char                   digest[DIMPLE_PACK_DIGEST_LENGTH + 1]);
/* Adds to a digest the line of a transaction, or of a part of one. */
void        dimple_pack_digest_add  (GChecksum             *digest,
                                     gboolean               is_first,
                                     const char            *id,
                                     GBytes                *changes);
void        dimple_pack_digest_get  (GChecksum             *digest,
                                     char                   text[DIMPLE_PACK_DIGEST_LENGTH + 1]);
/* Believes nothing: the object must be what its name says.  DIMPLE_ERROR_BAD_PACK, or DIMPLE_ERROR_TOO_NEW. */
DimplePack *dimple_pack_decode      (const char            *key,
                                     GBytes                *contents,
                                     GError               **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimplePack, dimple_pack_free)

/* -- gzip ---------------------------------------------------------------------------------------------------------- */

GBytes     *dimple_gzip             (const char            *data,
                                     gsize                  size,
                                     GError               **error);
/* Fails on anything but one whole gzip file that has at most `limit` bytes in it. */
GBytes     *dimple_gunzip           (GBytes                *contents,
                                     gsize                  limit,
                                     GError               **error);

G_END_DECLS
