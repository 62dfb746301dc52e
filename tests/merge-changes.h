/* merge-changes.h: transactions written by hand, for tests
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "merge-utils.h"

#define AUTHOR "0190a000-0000-7000-8000-000000000001"

/* Transaction number `time`; a group of changes each: table, operation and the rest as JSON. */
static inline DimpleTransaction *
make_transaction (guint64     time,
                  int         script,
                  const char *changes)
{
  DimpleTransaction *self = g_new0 (DimpleTransaction, 1);

  dimple_uuid7_format (time, 7, self->id);
  g_strlcpy (self->author, AUTHOR, sizeof self->author);
  self->script = script;
  self->changes = g_bytes_new (changes, strlen (changes));
  return self;
}

static inline void
merge_one (Database        *self,
           guint64          time,
           int              script,
           const char      *changes,
           DimpleChangeSet *told)
{
  g_autoptr(GPtrArray) transactions = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_transaction_free);
  g_autoptr(GError) error = NULL;

  g_ptr_array_add (transactions, make_transaction (time, script, changes));
  apply (self, transactions, told, &error);
  g_assert_no_error (error);
}

static inline void
assert_query (Database   *self,
              const char *sql,
              const char *expected)
{
  g_autofree char *text = query (self, sql);

  g_assert_cmpstr (text, ==, expected);
}

#define GROUP(table, op, columns, rows) \
  "{\"table\":\"" table "\",\"key\":[\"key\"],\"op\":\"" op "\",\"columns\":[" columns "],\"rows\":[" rows "]}"
#define INSERT(table, columns, key, values) GROUP (table, "insert", columns, "[[\"" key "\"],[" values "]]")
#define UPDATE(table, columns, key, values) GROUP (table, "update", columns, "[[\"" key "\"],[" values "],null]")
#define DELETE(table, key) GROUP (table, "delete", "", "[[\"" key "\"]]")
