/* dimple-row-sequence-private.h: rows in order, by rowid and sort key
 *
 * Finds, inserts and removes a row, tells its position, and gives the row at a position, each at about the same cost
 * for a thousand rows and for a million; a row takes its sort key and about 28 bytes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _DimpleRowSequence DimpleRowSequence;

DimpleRowSequence *dimple_row_sequence_new        (void);
void               dimple_row_sequence_free       (DimpleRowSequence  *self);
guint              dimple_row_sequence_get_n_rows (DimpleRowSequence  *self);
/* Adds a row at the end.  FALSE, and nothing is added, if it does not belong there: rows with equal sort keys are
 * ordered by rowid. */
gboolean           dimple_row_sequence_append     (DimpleRowSequence  *self,
                                                   gint64              rowid,
                                                   const guint8       *key,
                                                   guint               size);
/* Puts a row that is not there yet in its place; returns its position. */
guint              dimple_row_sequence_insert     (DimpleRowSequence  *self,
                                                   gint64              rowid,
                                                   const guint8       *key,
                                                   guint               size);
/* FALSE if there is no such row. */
gboolean           dimple_row_sequence_remove     (DimpleRowSequence  *self,
                                                   gint64              rowid,
                                                   guint              *position);
gboolean           dimple_row_sequence_find       (DimpleRowSequence  *self,
                                                   gint64              rowid,
                                                   guint              *position);
/* Whether the row's sort key is this one; FALSE too if there is no such row. */
gboolean           dimple_row_sequence_has_key    (DimpleRowSequence  *self,
                                                   gint64              rowid,
                                                   const guint8       *key,
                                                   guint               size);
gint64             dimple_row_sequence_get        (DimpleRowSequence  *self,
                                                   guint               position);
/* The sort key of a row, valid until the next change. */
const guint8      *dimple_row_sequence_get_key    (DimpleRowSequence  *self,
                                                   guint               position,
                                                   guint              *size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleRowSequence, dimple_row_sequence_free)

G_END_DECLS
