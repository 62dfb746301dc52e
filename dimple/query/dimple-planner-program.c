/* dimple-planner-program.c: what the program that SQLite makes of a statement looks at, and how often
 *
 * EXPLAIN tells the program.  Every b-tree that it opens must be of a table of FROM, and no opcode may stand for a
 * subquery or an aggregate.  That a join gives one row at the most for a row of its base table is proved by the program
 * having no loop.  Only two things that look like one are none: the way back to show a LEFT JOIN's row once without its
 * partner, and the search for a key in a UNIQUE index that holds no NULL, which finds one row at the most.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-planner-private.h"

#include <string.h>

typedef struct
{
  char *opcode;
  int   p1;
  int   p2;
  int   p3;
  char *p4;       /* (nullable) */
} Instruction;

static void
instruction_clear (gpointer data)
{
  Instruction *instruction = data;

  g_free (instruction->opcode);
  g_free (instruction->p4);
}

sqlite3_stmt *
dimple_planner_explain (DimplePlanner *self,
                        const char    *explain,
                        const char    *sql)
{
  g_autofree char *explain_sql = g_strdup_printf ("%s %s", explain, sql);

  return dimple_connection_prepare (self->connection, explain_sql, NULL);
}

static GArray *
load_program (DimplePlanner *self,
              const char    *sql)
{
  g_autoptr(DimpleStatement) statement = dimple_planner_explain (self, "EXPLAIN", sql);
  GArray *program;

  if (statement == NULL)
    return NULL;
  program = g_array_new (FALSE, FALSE, sizeof (Instruction));
  g_array_set_clear_func (program, instruction_clear);
  while (dimple_statement_step (statement, NULL))
    {
      Instruction instruction = {
        .opcode = g_strdup ((const char *) sqlite3_column_text (statement, 1)),
        .p1 = sqlite3_column_int (statement, 2),
        .p2 = sqlite3_column_int (statement, 3),
        .p3 = sqlite3_column_int (statement, 4),
        .p4 = g_strdup ((const char *) sqlite3_column_text (statement, 5)),
      };

      g_array_append_val (program, instruction);
    }
  return program;
}

static const Instruction *
get (GArray *program,
     guint   address)
{
  return &g_array_index (program, Instruction, address);
}

static gboolean
is (const Instruction *instruction,
    const char        *opcode)
{
  return g_str_equal (instruction->opcode, opcode);
}

/* -- What it looks at ---------------------------------------------------------------------------------------------- */

/* The table that a b-tree is of; *name: what it is called itself. */
static const DimpleTable *
find_tree (DimplePlanner *self,
           int            root_page,
           char         **name)
{
  g_autoptr(DimpleStatement) statement =
    dimple_connection_prepare (self->connection, "SELECT tbl_name, name FROM sqlite_schema WHERE rootpage = ?", NULL);

  if (statement == NULL)
    return NULL;
  sqlite3_bind_int (statement, 1, root_page);
  if (!dimple_statement_step (statement, NULL))
    return NULL;
  if (name != NULL)
    *name = g_strdup ((const char *) sqlite3_column_text (statement, 1));
  return dimple_schema_find (self->plan->schema, (const char *) sqlite3_column_text (statement, 0));
}

static gboolean
is_of_tables (DimplePlanner *self,
              int            root_page)
{
  const DimpleTable *table = find_tree (self, root_page, NULL);

  return table != NULL && dimple_planner_has_table (self, table->name);
}

/* -- That it has no loop ------------------------------------------------------------------------------------------- */

static const Instruction *
find_only (GArray     *program,
           const char *opcode,
           int         cursor)
{
  const Instruction *found = NULL;

  for (guint i = 0; i < program->len; i++)
    if (is (get (program, i), opcode) && get (program, i)->p1 == cursor)
      {
        if (found != NULL)
          return NULL;
        found = get (program, i);
      }
  return found;
}

/* Whether no two rows have the same values in the first columns of an index, and none has NULL there. */
static gboolean
is_unique (const DimpleTable *table,
           const char        *index_name,
           guint              n_columns)
{
  for (guint i = 0; i < table->unique_indexes->len; i++)
    {
      const DimpleUniqueIndex *index = g_ptr_array_index (table->unique_indexes, i);

      if (!g_str_equal (index->name, index_name))
        continue;
      if (index->partial || index->has_expression || index->columns->len != n_columns)
        return FALSE;
      for (guint c = 0; c < n_columns; c++)
        {
          const DimpleColumn *column = g_ptr_array_index (table->columns, g_array_index (index->columns, guint, c));

          /* No row of a synced table has NULL in its key. */
          if (!column->not_null && (column->key_position == 0 || !table->tracked))
            return FALSE;
        }
      return TRUE;
    }
  return FALSE;
}

/* SeekGE to a key; IdxGT, which leaves behind it; …; Next to that IdxGT. */
static gboolean
finds_one_row (DimplePlanner     *self,
               GArray            *program,
               const Instruction *next)
{
  const Instruction *open = find_only (program, "OpenRead", next->p1);
  const Instruction *seek = find_only (program, "SeekGE", next->p1);
  const Instruction *leave = find_only (program, "IdxGT", next->p1);
  g_autofree char *name = NULL;
  const DimpleTable *table;
  guint64 n_columns;

  if (open == NULL || seek == NULL || leave == NULL || find_only (program, "Next", next->p1) != next ||
      leave != get (program, (guint) next->p2) || seek->p3 != leave->p3 || g_strcmp0 (seek->p4, leave->p4) != 0 ||
      seek->p4 == NULL || !g_ascii_string_to_unsigned (seek->p4, 10, 1, G_MAXUINT16, &n_columns, NULL))
    return FALSE;
  table = find_tree (self, open->p2, &name);
  return table != NULL && is_unique (table, name, (guint) n_columns);
}

/* IfPos, which leaves if there was a partner; NullRow of the partner's cursors; Goto back. */
static gboolean
shows_without_partner (GArray *program,
                       guint   address)
{
  guint i = address;

  while (i > 0 && is (get (program, i - 1), "NullRow"))
    i--;
  return i > 0 && i < address && is (get (program, i - 1), "IfPos") && get (program, i - 1)->p2 == (int) address + 1;
}

/* The end of what is done once, before the statement proper. */
static gboolean
begins_program (GArray *program,
                guint   address)
{
  return get (program, address)->p2 == 1 && is (get (program, 0), "Init") && (int) address >= get (program, 0)->p2;
}

static gboolean
check_loops (DimplePlanner *self,
             GArray        *program)
{
  static const char * const loops[] = {
    "Prev", "VNext", "SorterNext", "Gosub", "Return", "Yield", "RowSetRead", "RowSetTest", "DecrJumpZero", "IfNotZero",
  };

  for (guint i = 0; i < program->len; i++)
    {
      const Instruction *instruction = get (program, i);
      gboolean is_loop = FALSE;

      for (guint l = 0; l < G_N_ELEMENTS (loops); l++)
        is_loop |= is (instruction, loops[l]);
      if (is (instruction, "Next"))
        is_loop = !finds_one_row (self, program, instruction);
      else if (is (instruction, "Goto") && instruction->p2 <= (int) i)
        is_loop = !shows_without_partner (program, i) && !begins_program (program, i);
      else if (is (instruction, "If") || is (instruction, "IfNot") || is (instruction, "IfPos"))
        is_loop = instruction->p2 <= (int) i;
      if (is_loop)
        return dimple_planner_refuse (self, "a row of %s may be in it several times",
                                      dimple_planner_get_table (self, self->base)->table->name);
    }
  return TRUE;
}

/* -- Public -------------------------------------------------------------------------------------------------------- */

gboolean
dimple_planner_check_program (DimplePlanner *self,
                              const char    *sql,
                              gboolean       one_row)
{
  static const char * const refused[] = {
    "AggStep", "AggStep1", "AggInverse", "AggFinal", "AggValue", "Count", "InitCoroutine", "Program", "VOpen",
    "VFilter",
  };
  g_autoptr(GArray) program = load_program (self, sql);

  if (program == NULL)
    return dimple_planner_refuse (self, "SQLite does not explain it");
  for (guint i = 0; i < program->len; i++)
    {
      const Instruction *instruction = get (program, i);

      for (guint r = 0; r < G_N_ELEMENTS (refused); r++)
        if (is (instruction, refused[r]))
          return dimple_planner_refuse (self, "its bytecode has %s: an aggregate, subquery or virtual table",
                                        instruction->opcode);
      if (is (instruction, "OpenRead") && !is_of_tables (self, instruction->p2))
        return dimple_planner_refuse (self, "it reads other tables than those of its FROM");
    }
  return !one_row || check_loops (self, program);
}

gboolean
dimple_planner_is_searched (DimplePlanner *self,
                            const char    *sql)
{
  g_autoptr(DimpleStatement) statement = dimple_planner_explain (self, "EXPLAIN QUERY PLAN", sql);

  if (statement == NULL)
    return FALSE;
  while (dimple_statement_step (statement, NULL))
    {
      const char *step = (const char *) sqlite3_column_text (statement, 3);

      /* An automatic index is made from all rows, each time. */
      if (g_str_has_prefix (step, "SCAN") || strstr (step, "AUTOMATIC") != NULL)
        return FALSE;
    }
  return TRUE;
}
