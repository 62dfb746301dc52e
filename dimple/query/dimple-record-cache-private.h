/* dimple-record-cache-private.h: the rows that were read last
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _DimpleRecordCache DimpleRecordCache;

typedef struct
{
  gint64  rowid;
  gsize   size;
  guint8  bytes[];
} DimpleCachedRecord;

DimpleRecordCache        *dimple_record_cache_new       (void);
void                      dimple_record_cache_free      (DimpleRecordCache *self);
/* Before some are added, all of which are to stay. */
void                      dimple_record_cache_make_room (DimpleRecordCache *self);
void                      dimple_record_cache_add       (DimpleRecordCache *self,
                                                         gint64             rowid,
                                                         const GByteArray  *bytes);
/* NULL if it is not there; valid until room is made, or the row is added again or removed. */
const DimpleCachedRecord *dimple_record_cache_find      (DimpleRecordCache *self,
                                                         gint64             rowid);
void                      dimple_record_cache_remove    (DimpleRecordCache *self,
                                                         gint64             rowid);

G_END_DECLS
