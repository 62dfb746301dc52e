/* dimple-capture-spill-private.h: bytes kept in order, in memory at first and in an unlinked temporary file beyond a
 * size
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define DIMPLE_CAPTURE_SPILL_NONE G_MAXUINT64

typedef struct
{
  GByteArray  *memory;       /* what came last */
  gsize        limit;        /* how much of it before it is written away */
  guint64      written;      /* how much is in the file */
  int          file;         /* -1: none */
  GMappedFile *map;          /* (nullable) */
} DimpleCaptureSpill;

void          dimple_capture_spill_init    (DimpleCaptureSpill  *self,
                                            gsize                limit);
void          dimple_capture_spill_clear   (DimpleCaptureSpill  *self);
/* Forgets all that was kept. */
void          dimple_capture_spill_empty   (DimpleCaptureSpill  *self);
/* Where the next byte goes that the caller appends to `memory`. */
guint64       dimple_capture_spill_get_end (DimpleCaptureSpill  *self);
/* After something was appended. */
gboolean      dimple_capture_spill_settle  (DimpleCaptureSpill  *self,
                                            GError             **error);
/* Before dimple_capture_spill_at(); until more is appended. */
gboolean      dimple_capture_spill_open    (DimpleCaptureSpill  *self,
                                            GError             **error);
const guint8 *dimple_capture_spill_at      (DimpleCaptureSpill  *self,
                                            guint64              position);

G_END_DECLS
