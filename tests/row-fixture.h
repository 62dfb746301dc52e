/* row-fixture.h: a database in memory, and the rows of a statement as objects
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"
#include "dimple-error.h"
#include "dimple-record-private.h"
#include "dimple-row-shape-private.h"
#include "dimple-row-value-private.h"
#include "dimple-schema-private.h"

typedef struct
{
  DimpleConnection *connection;
  DimpleSchema     *schema;
} Fixture;

static inline void
fixture_open (Fixture    *fixture,
              const char *sql)
{
  g_autoptr(GError) error = NULL;

  fixture->connection = dimple_connection_open ("/test-row", DIMPLE_CONNECTION_WRITER | DIMPLE_CONNECTION_IN_MEMORY,
                                                &error);
  g_assert_no_error (error);
  dimple_connection_exec (fixture->connection, sql, &error);
  g_assert_no_error (error);
  fixture->schema = dimple_schema_load (fixture->connection, &error);
  g_assert_no_error (error);
}

static inline void
fixture_clear (Fixture *fixture)
{
  dimple_schema_unref (fixture->schema);
  dimple_connection_free (fixture->connection);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static inline void
fixture_run (Fixture    *fixture,
             const char *sql)
{
  g_autoptr(GError) error = NULL;

  dimple_connection_exec (fixture->connection, sql, &error);
  g_assert_no_error (error);
}

static inline sqlite3_stmt *
fixture_prepare (Fixture    *fixture,
                 const char *sql)
{
  g_autoptr(GError) error = NULL;
  sqlite3_stmt *statement = dimple_connection_prepare (fixture->connection, sql, &error);

  g_assert_no_error (error);
  return statement;
}

static inline DimpleRowShape *
fixture_shape (Fixture    *fixture,
               const char *sql)
{
  g_autoptr(DimpleStatement) statement = fixture_prepare (fixture, sql);

  return dimple_row_shape_for_statement (statement, fixture->schema);
}

/* The record of a statement's first row */
static inline GByteArray *
fixture_record (Fixture    *fixture,
                const char *sql)
{
  g_autoptr(DimpleStatement) statement = fixture_prepare (fixture, sql);
  g_autoptr(GError) error = NULL;
  GByteArray *record = g_byte_array_new ();

  g_assert_true (dimple_statement_step (statement, &error));
  g_assert_no_error (error);
  for (int i = 0; i < sqlite3_column_count (statement); i++)
    dimple_record_append_column (record, statement, i);
  return record;
}

/* The first row of a statement; `type` as dimple_row_shape_create() takes it */
static inline GObject *
fixture_object (Fixture    *fixture,
                GType       type,
                const char *sql)
{
  DimpleRowShape *shape = fixture_shape (fixture, sql);
  g_autoptr(GByteArray) record = fixture_record (fixture, sql);

  return dimple_row_shape_create (shape, type, record->data, record->len);
}

static inline DimpleRow *
fixture_row (Fixture    *fixture,
             const char *sql)
{
  return DIMPLE_ROW (fixture_object (fixture, 0, sql));
}

/* Runs the statement again, and brings the object up to date. */
static inline void
fixture_update (Fixture    *fixture,
                GObject    *object,
                const char *sql)
{
  g_autoptr(GByteArray) record = fixture_record (fixture, sql);

  dimple_row_shape_update (dimple_row_shape_of (object), object, record->data, record->len);
}

/* Writes down which properties are notified. */
static inline void
note_property (GObject    *object,
               GParamSpec *property,
               GPtrArray  *notified)
{
  g_ptr_array_add (notified, (gpointer) property->name);
}

static inline GPtrArray *
watch (gpointer object)
{
  GPtrArray *notified = g_ptr_array_new ();

  g_signal_connect (object, "notify", G_CALLBACK (note_property), notified);
  return notified;
}

static inline int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return g_strcmp0 (*(const char **) a, *(const char **) b);
}

/* Each of them once, in any order; `expected` is sorted: "body title". */
static inline void
assert_notified (GPtrArray  *notified,
                 const char *expected)
{
  g_autofree char *names = NULL;

  g_ptr_array_sort (notified, compare_names);
  g_ptr_array_add (notified, NULL);
  names = g_strjoinv (" ", (char **) notified->pdata);
  g_assert_cmpstr (names, ==, expected);
  g_ptr_array_set_size (notified, 0);
}

/* What save() would write, as a{sv} is printed */
static inline char *
print_edits (const DimpleRowEdits *edits,
             gboolean              with_types)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr(GVariant) dictionary = NULL;

  for (guint i = 0; i < dimple_row_edits_get_n (edits); i++)
    {
      DimpleValue value;
      const char *column = dimple_row_edits_get (edits, i, NULL, &value);

      g_variant_builder_add (&builder, "{sv}", column, dimple_value_to_variant (&value));
    }
  dictionary = g_variant_ref_sink (g_variant_builder_end (&builder));
  return g_variant_print (dictionary, with_types);
}
