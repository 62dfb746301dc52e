/* dimple-settle-decide.c: which rows are shown of those that may be each other's parents and rivals
 *
 * All rows start undecided; then, for ever:
 *
 *   1. oldest first, hide a row that collides with a shown one, or wants a parent that is neither shown nor undecided;
 *      show a row whose parents are all shown, if no older undecided row collides with it;
 *   2. if that decided nothing: of the undecided rows with which no older undecided one collides, show the greatest set
 *      whose parents are all shown or in the set (rows that are each other's parents);
 *   3. if that is empty, rows wait in a circle for their own rivals: take the oldest with its undecided ancestors, and
 *      show them all, or, if two of them collide, hide it;
 *   4. at the end, oldest first, show what 3 has hidden if by now it has its parents and collides with nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-settle-decide-private.h"

/* -- Candidates ---------------------------------------------------------------------------------------------------- */

DimpleCandidate *
dimple_candidate_new (DimpleFoldedRow *row)
{
  DimpleCandidate *self = g_new0 (DimpleCandidate, 1);

  self->row = row;
  self->entries = g_ptr_array_new ();
  self->wants = g_ptr_array_new ();
  self->offers = g_ptr_array_new ();
  return self;
}

void
dimple_candidate_free (gpointer pointer)
{
  DimpleCandidate *self = pointer;

  g_ptr_array_unref (self->entries);
  g_ptr_array_unref (self->wants);
  g_ptr_array_unref (self->offers);
  g_free (self);
}

/* -- Sets of rows -------------------------------------------------------------------------------------------------- */

void
dimple_row_set_init (DimpleRowSet *self)
{
  self->holders = g_hash_table_new (g_str_hash, g_str_equal);
  self->offers = g_hash_table_new (g_str_hash, g_str_equal);
}

void
dimple_row_set_clear (DimpleRowSet *self)
{
  g_clear_pointer (&self->holders, g_hash_table_unref);
  g_clear_pointer (&self->offers, g_hash_table_unref);
}

static gboolean
offers_any (DimpleRowSet *self,
            const char   *want)
{
  return g_hash_table_lookup (self->offers, want) != NULL;
}

static void
row_set_add (DimpleRowSet    *self,
             DimpleCandidate *row)
{
  for (guint i = 0; i < row->entries->len; i++)
    g_hash_table_insert (self->holders, g_ptr_array_index (row->entries, i), row);
  for (guint i = 0; i < row->offers->len; i++)
    {
      char *offer = g_ptr_array_index (row->offers, i);

      g_hash_table_insert (self->offers, offer,
                           GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (self->offers, offer)) + 1));
    }
}

static void
row_set_remove (DimpleRowSet    *self,
                DimpleCandidate *row)
{
  for (guint i = 0; i < row->entries->len; i++)
    if (g_hash_table_lookup (self->holders, g_ptr_array_index (row->entries, i)) == row)
      g_hash_table_remove (self->holders, g_ptr_array_index (row->entries, i));
  for (guint i = 0; i < row->offers->len; i++)
    {
      char *offer = g_ptr_array_index (row->offers, i);
      guint n_offers = GPOINTER_TO_UINT (g_hash_table_lookup (self->offers, offer)) - 1;

      g_hash_table_insert (self->offers, offer, GUINT_TO_POINTER (n_offers));
    }
}

DimpleCandidate *
dimple_row_set_find_rival (DimpleRowSet    *self,
                           DimpleCandidate *row)
{
  for (guint i = 0; i < row->entries->len; i++)
    {
      DimpleCandidate *holder = g_hash_table_lookup (self->holders, g_ptr_array_index (row->entries, i));

      if (holder != NULL && holder != row)
        return holder;
    }
  return NULL;
}

static gboolean
offers_itself (DimpleCandidate *row,
               const char      *want)
{
  return g_ptr_array_find_with_equal_func (row->offers, want, g_str_equal, NULL);
}

const char *
dimple_row_set_find_missing (DimpleRowSet    *self,
                             DimpleCandidate *row)
{
  for (guint i = 0; i < row->wants->len; i++)
    {
      const char *want = g_ptr_array_index (row->wants, i);

      if (!offers_any (self, want) && !offers_itself (row, want))
        return want;
    }
  return NULL;
}

/* -- Deciding ------------------------------------------------------------------------------------------------------ */

static void
show (DimpleRowSet    *shown,
      DimpleCandidate *row)
{
  row->decided = row->shown = TRUE;
  row_set_add (shown, row);
}

/* Step 1, once over the undecided rows; FALSE: it decided nothing. */
static gboolean
conclude (DimpleRowSet *shown,
          DimpleRowSet *alive,
          GPtrArray    *undecided,
          GHashTable   *first)
{
  gboolean progress = FALSE;

  g_hash_table_remove_all (first);
  for (guint i = 0; i < undecided->len; i++)
    {
      DimpleCandidate *row = g_ptr_array_index (undecided, i);
      gboolean opposed = FALSE;

      for (guint j = 0; j < row->entries->len; j++)
        opposed |= g_hash_table_contains (first, g_ptr_array_index (row->entries, j));
      if (dimple_row_set_find_rival (shown, row) != NULL || dimple_row_set_find_missing (alive, row) != NULL)
        {
          row_set_remove (alive, row);
          row->decided = progress = TRUE;
        }
      else if (opposed || dimple_row_set_find_missing (shown, row) != NULL)
        {
          for (guint j = 0; j < row->entries->len; j++)
            if (!g_hash_table_contains (first, g_ptr_array_index (row->entries, j)))
              g_hash_table_insert (first, g_ptr_array_index (row->entries, j), row);
        }
      else
        {
          show (shown, row);
          progress = TRUE;
        }
    }
  return progress;
}

/* Step 2; FALSE: no such set. */
static gboolean
show_circles (DimpleRowSet *shown,
              GPtrArray    *undecided,
              GHashTable   *first)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new ();
  gboolean shrunk = TRUE;

  for (guint i = 0; i < undecided->len; i++)
    {
      DimpleCandidate *row = g_ptr_array_index (undecided, i);
      gboolean unopposed = TRUE;

      for (guint j = 0; j < row->entries->len; j++)
        unopposed &= g_hash_table_lookup (first, g_ptr_array_index (row->entries, j)) == row;
      if (unopposed)
        {
          show (shown, row);
          g_ptr_array_add (rows, row);
        }
    }
  while (shrunk)
    {
      shrunk = FALSE;
      for (guint i = 0; i < rows->len; i++)
        {
          DimpleCandidate *row = g_ptr_array_index (rows, i);

          if (!row->shown || dimple_row_set_find_missing (shown, row) == NULL)
            continue;
          row->shown = row->decided = FALSE;
          row_set_remove (shown, row);
          shrunk = TRUE;
        }
    }
  for (guint i = 0; i < rows->len; i++)
    if (((DimpleCandidate *) g_ptr_array_index (rows, i))->shown)
      return TRUE;
  return FALSE;
}

/* Adds to `family` what the oldest undecided row needs shown with it; FALSE if two of them collide. */
static gboolean
collect_family (DimpleRowSet *shown,
                GPtrArray    *undecided,
                GPtrArray    *family)
{
  g_auto(DimpleRowSet) members = { 0 };

  dimple_row_set_init (&members);
  g_ptr_array_add (family, g_ptr_array_index (undecided, 0));
  row_set_add (&members, g_ptr_array_index (undecided, 0));
  for (guint next = 0; next < family->len; next++)
    {
      DimpleCandidate *member = g_ptr_array_index (family, next);

      for (guint i = 0; i < member->wants->len; i++)
        {
          const char *want = g_ptr_array_index (member->wants, i);
          DimpleCandidate *parent = NULL;

          if (offers_any (shown, want) || offers_any (&members, want) || offers_itself (member, want))
            continue;
          for (guint j = 0; j < undecided->len && parent == NULL; j++)
            if (offers_itself (g_ptr_array_index (undecided, j), want))
              parent = g_ptr_array_index (undecided, j);
          if (parent == NULL || dimple_row_set_find_rival (&members, parent) != NULL)
            return FALSE;
          row_set_add (&members, parent);
          g_ptr_array_add (family, parent);
        }
    }
  return TRUE;
}

/* Step 4. */
static void
show_late (DimpleRowSet *shown,
           GPtrArray    *candidates)
{
  gboolean progress = TRUE;

  while (progress)
    {
      progress = FALSE;
      for (guint i = 0; i < candidates->len; i++)
        {
          DimpleCandidate *row = g_ptr_array_index (candidates, i);

          if (row->shown || dimple_row_set_find_missing (shown, row) != NULL ||
              dimple_row_set_find_rival (shown, row) != NULL)
            continue;
          show (shown, row);
          progress = TRUE;
        }
    }
}

static void
drop_decided (GPtrArray *undecided)
{
  guint left = 0;

  for (guint i = 0; i < undecided->len; i++)
    if (!((DimpleCandidate *) g_ptr_array_index (undecided, i))->decided)
      undecided->pdata[left++] = g_ptr_array_index (undecided, i);
  g_ptr_array_set_size (undecided, (int) left);
}

void
dimple_candidates_decide (GPtrArray    *candidates,
                          DimpleRowSet *shown)
{
  g_autoptr(GPtrArray) undecided = g_ptr_array_copy (candidates, NULL, NULL);
  g_autoptr(GHashTable) first = g_hash_table_new (g_str_hash, g_str_equal);
  g_auto(DimpleRowSet) alive = { 0 };       /* what can still be a parent */
  gboolean given_up = FALSE;

  g_ptr_array_set_free_func (undecided, NULL);
  dimple_row_set_init (&alive);
  for (guint i = 0; i < undecided->len; i++)
    row_set_add (&alive, g_ptr_array_index (undecided, i));

  while (undecided->len > 0)
    {
      if (!conclude (shown, &alive, undecided, first) && !show_circles (shown, undecided, first))
        {
          g_autoptr(GPtrArray) family = g_ptr_array_new ();
          DimpleCandidate *oldest = g_ptr_array_index (undecided, 0);

          for (guint i = 0; i < undecided->len; i++)
            ((DimpleCandidate *) g_ptr_array_index (undecided, i))->tied = TRUE;
          if (collect_family (shown, undecided, family))
            for (guint i = 0; i < family->len; i++)
              show (shown, g_ptr_array_index (family, i));
          else
            {
              row_set_remove (&alive, oldest);
              oldest->decided = given_up = TRUE;
            }
        }
      drop_decided (undecided);
    }
  if (given_up)
    show_late (shown, candidates);
}
