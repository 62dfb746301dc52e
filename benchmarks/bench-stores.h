/* bench-stores.h: stores with the notes that benchmarks write
 *
 * What goes wrong ends the program.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <dimple.h>

#include "bench-notes.h"

G_BEGIN_DECLS

/* `path` (nullable): in memory.  `migrations`: NULL for that of BENCH_NOTES_SCHEMA. */
DimpleStore *bench_store_open   (const char          *path,
                                 const char * const  *migrations);
/* Takes it. */
void         bench_store_close  (DimpleStore         *store);
/* The note with a number, by a tuple, which is the fastest way that the API has. */
void         bench_store_insert (DimpleStore         *store,
                                 guint                number);
/* `parameters` (nullable) */
void         bench_store_execute (DimpleStore        *store,
                                  const char         *sql,
                                  GVariant           *parameters);
void         bench_store_sync   (DimpleStore         *store,
                                 DimpleStorage       *storage);

G_END_DECLS
