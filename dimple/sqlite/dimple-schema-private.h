/* dimple-schema-private.h: the tables of a database, as everything above sees them
 *
 * Read once after opening and after each migration from SQLite's own catalogue, and immutable from then on; reference-
 * counted, so that a reader may keep the one it started with.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-connection-private.h"

G_BEGIN_DECLS

typedef struct
{
  char     *name;
  char     *quoted;           /* for SQL: "name" */
  char     *declared_type;    /* "" if none */
  char     *collation;        /* "BINARY" … */
  char     *default_sql;      /* (nullable) the DEFAULT's text */
  int       key_position;     /* from 1 in the PRIMARY KEY; 0: not in it */
  gboolean  not_null;
  gboolean  generated;        /* VIRTUAL or STORED: never captured, never written */
  gboolean  is_virtual;       /* VIRTUAL: not in the file either */
} DimpleColumn;

/* Sets of columns, by their index in the table; bit 63 stands for all from 63 on. */
#define DIMPLE_ALL_COLUMNS G_MAXUINT64
#define DIMPLE_COLUMN_BIT(n) (G_GUINT64_CONSTANT (1) << MIN ((n), 63))

typedef struct
{
  char      *name;            /* of the index */
  GArray    *columns;         /* of guint: index into the table's columns; empty if an expression is among them */
  gboolean   partial;
  gboolean   has_expression;
  gboolean   is_primary_key;
} DimpleUniqueIndex;

typedef struct
{
  char  *parent;              /* table */
  char **columns;             /* of the child */
  char **parent_columns;      /* as many: the parent's key where none are written */
  gboolean updates_child;     /* ON DELETE SET NULL or SET DEFAULT */
} DimpleForeignKey;

typedef struct
{
  char         *name;
  char         *quoted;         /* for SQL: "name" */
  GPtrArray    *columns;        /* of DimpleColumn, in order, generated ones included */
  GArray       *key;            /* of guint: the PRIMARY KEY's columns, in its order; empty: the rowid is the key */
  GPtrArray    *unique_indexes; /* of DimpleUniqueIndex */
  GPtrArray    *foreign_keys;   /* of DimpleForeignKey */
  gboolean      without_rowid;
  gboolean      tracked;        /* captured into the log and synced; else local */
  gboolean      text_key;       /* one key column of TEXT affinity: the public key is its text, else a JSON array */
  gpointer      row_shape;      /* (nullable) atomic: what the store makes of its rows, once that is needed */
  const char   *rowid_name;     /* (nullable) "rowid", "_rowid_" or "oid", whichever no column hides; NULL: WITHOUT ROWID */
} DimpleTable;

typedef struct _DimpleSchema DimpleSchema;

/* `main` only; without Dimple's own (dimple_…) and SQLite's tables.  The table dimple_local tells which are local. */
DimpleSchema      *dimple_schema_load        (DimpleConnection  *connection,
                                              GError           **error);
DimpleSchema      *dimple_schema_ref         (DimpleSchema      *self);
void               dimple_schema_unref       (DimpleSchema      *self);
/* Names are compared as SQLite does: ASCII without case. */
const DimpleTable *dimple_schema_find        (DimpleSchema      *self,
                                              const char        *table);
guint              dimple_schema_get_n_tables (DimpleSchema     *self);
/* Whether REPLACE may leave a row without a parent unnoticed by SQLite. */
gboolean           dimple_schema_may_miss_parents (DimpleSchema   *self);
const DimpleTable *dimple_schema_get_table   (DimpleSchema      *self,
                                              guint              position);
/* The virtual table (FTS5 …) that a shadow table belongs to, or NULL. */
const char        *dimple_schema_find_owner  (DimpleSchema      *self,
                                              const char        *shadow_table);
/* Index into table->columns, or -1. */
int                dimple_table_find_column  (const DimpleTable *table,
                                              const char        *column);
/* The n-th column of the PRIMARY KEY. */
const DimpleColumn *dimple_table_get_key_column (const DimpleTable *table,
                                                 guint              position);
/* FALSE with DIMPLE_ERROR_UNTRACKABLE, naming what to write, if a table that is not local has no key to be synced
 * by. */
gboolean           dimple_schema_check       (DimpleSchema      *self,
                                              GError           **error);

/* A quoted identifier, for building SQL: "na""me". */
char              *dimple_quote              (const char        *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleSchema, dimple_schema_unref)

G_END_DECLS
