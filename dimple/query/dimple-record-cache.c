/* dimple-record-cache.c: the rows that were read last
 *
 * Two generations: once the younger is full it is the older, and what was older is forgotten.  So nothing is to be
 * moved when a row is asked for.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-record-cache-private.h"

#include <string.h>

/* Of the younger generation */
#define MAX_RECORDS 512
#define MAX_BYTES (1024 * 1024)

struct _DimpleRecordCache
{
  GHashTable *younger;      /* of DimpleCachedRecord by its rowid */
  GHashTable *older;
  gsize       size;         /* bytes of the younger */
};

static GHashTable *
new_generation (void)
{
  return g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
}

DimpleRecordCache *
dimple_record_cache_new (void)
{
  DimpleRecordCache *self = g_new0 (DimpleRecordCache, 1);

  self->younger = new_generation ();
  self->older = new_generation ();
  return self;
}

void
dimple_record_cache_free (DimpleRecordCache *self)
{
  g_hash_table_unref (self->younger);
  g_hash_table_unref (self->older);
  g_free (self);
}

void
dimple_record_cache_make_room (DimpleRecordCache *self)
{
  GHashTable *oldest = self->older;

  if (g_hash_table_size (self->younger) < MAX_RECORDS && self->size < MAX_BYTES)
    return;
  self->older = self->younger;
  self->younger = oldest;
  self->size = 0;
  g_hash_table_remove_all (self->younger);
}

void
dimple_record_cache_add (DimpleRecordCache *self,
                         gint64             rowid,
                         const GByteArray  *bytes)
{
  DimpleCachedRecord *record = g_malloc (sizeof (DimpleCachedRecord) + bytes->len);

  record->rowid = rowid;
  record->size = bytes->len;
  memcpy (record->bytes, bytes->data, bytes->len);
  g_hash_table_replace (self->younger, &record->rowid, record);
  self->size += bytes->len;
}

const DimpleCachedRecord *
dimple_record_cache_find (DimpleRecordCache *self,
                          gint64             rowid)
{
  DimpleCachedRecord *record = g_hash_table_lookup (self->younger, &rowid);

  return record != NULL ? record : g_hash_table_lookup (self->older, &rowid);
}

void
dimple_record_cache_remove (DimpleRecordCache *self,
                            gint64             rowid)
{
  g_hash_table_remove (self->younger, &rowid);
  g_hash_table_remove (self->older, &rowid);
}
