/* dimple-merge-parents.c: rows without a parent that SQLite lets through
 *
 * Where ON DELETE SET NULL leads from a table back to itself, SQLite loses count if REPLACE takes a row out of the way
 * of one whose parent is missing, and commits that one (seen in 3.40.1).  Every other device would put it on the shelf.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-merge-private.h"

#include <string.h>

#include "dimple-error.h"
#include "dimple-key-private.h"
#include "dimple-merge-table-private.h"

static gboolean
check_rows (DimpleMergeTable          *table,
            const DimpleTableChanges  *changes,
            GError                   **error)
{
  const char *end = changes->keys->str + changes->keys->len;
  g_autoptr(GByteArray) key = g_byte_array_new ();

  for (const char *text = changes->keys->str; text < end; text += strlen (text) + 1)
    {
      gboolean orphan;

      g_byte_array_set_size (key, 0);
      if (!dimple_key_parse (table->table, text, key, error) ||
          !dimple_merge_table_is_orphan (table, key->data, &orphan, error))
        return FALSE;
      if (orphan)
        {
          /* as SQLite says it */
          g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT, "FOREIGN KEY constraint failed");
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
dimple_merge_check_parents (DimpleConnection  *connection,
                            DimpleSchema      *schema,
                            DimpleChangeSet   *changes,
                            GError           **error)
{
  for (guint i = 0; i < dimple_schema_get_n_tables (schema); i++)
    {
      const DimpleTable *definition = dimple_schema_get_table (schema, i);
      const DimpleTableChanges *of_table = dimple_change_set_find (changes, definition->name);
      g_autoptr(DimpleMergeTable) table = NULL;

      if (!definition->may_miss_parent || of_table == NULL)
        continue;
      table = dimple_merge_table_new (connection, schema, definition, NULL, error);
      if (table == NULL || !check_rows (table, of_table, error))
        return FALSE;
    }
  return TRUE;
}
