/* log-utils.h: reading whole transactions from a log, for tests
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-log-private.h"

/* A visitor that adds whole transactions to a GPtrArray. */
static inline gboolean
log_collect (DimpleTransaction  *piece,
             gpointer            user_data,
             GError            **error)
{
  GPtrArray *transactions = user_data;
  DimpleTransaction *whole = NULL;
  GString *changes = NULL;
  gsize size;
  const char *text;

  if (!piece->continues)
    {
      g_ptr_array_add (transactions, piece);
      return TRUE;
    }
  whole = g_ptr_array_index (transactions, transactions->len - 1);
  text = g_bytes_get_data (whole->changes, &size);
  changes = g_string_new_len (text, (gssize) size);
  text = g_bytes_get_data (piece->changes, &size);
  dimple_log_join_changes (changes, text, size);
  g_bytes_unref (whole->changes);
  whole->changes = g_string_free_to_bytes (changes);
  whole->more = piece->more;
  dimple_transaction_free (piece);
  return TRUE;
}
