/* dimple-sync-compact.c: which own packs are better written anew
 *
 * Packs that follow each other are joined when enough of about one size have come together, which gives one of the next
 * size: so a transaction is written anew once a size, and few small packs are left.  What is joined is put together
 * with what is new, as one pack, and costs no request of its own; what it replaces is removed by a later sync.
 *
 * A pack of which pruning has left less than half is written anew, too: that moves less than what it frees.
 *
 * Packs may overlap, where one was written by a listing that did not show the other.  Of two of them, what is written
 * anew of one lacks what the other has, so that it replaces neither, is itself replaced, and would be written again,
 * for ever.  So they are written anew together, as one pack, or not at all.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-sync-packs-private.h"

/* So many of one size are joined. */
#define FAN_IN 8
/* If nothing else is to be written, it has to be worth a request. */
#define FAN_IN_IDLE (4 * FAN_IN)
/* The sizes in bytes below which packs are of size 0, 1, …; those of half a full pack are left alone. */
static const gint64 limits[] = { 512, 4 * 1024, 32 * 1024, 256 * 1024, G_MAXINT64 };
/* At most this is written anew in one sync, or one transaction that is larger. */
#define MAX_REWRITTEN (8 * 1024 * 1024)
/* Pruning has to have freed this part of a full pack, 4 KiB, in some packs before they are worth a request. */
#define MIN_WASTE_PART 256
/* So many packs of which nothing is known are measured in one sync: each may mean to read a pack's worth of the log. */
#define MAX_MEASURED 64

typedef struct
{
  DimpleListedPack *pack;
  gint64            size;          /* in the log */
  gint64            waste;
  guint             tier;          /* G_N_ELEMENTS (limits): a full one */
  guint             next;          /* index + 1 of the one that goes on from this; 0: none */
  gboolean          goes_on;       /* from another */
} Candidate;

static guint
find_tier (gint64 size)
{
  guint tier = 0;

  if (size >= (gint64) dimple_pack_get_size () / 2)
    return G_N_ELEMENTS (limits);
  while (size >= limits[tier])
    tier++;
  return tier;
}

static GArray *
list_candidates (DimpleSyncPacks *self)
{
  GArray *candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));

  for (guint i = 0; i < self->packs->len; i++)
    {
      DimpleListedPack *pack = &g_array_index (self->packs, DimpleListedPack, i);
      const DimplePackSize *size = g_hash_table_lookup (self->session->sizes, pack->key);
      Candidate candidate = { .pack = pack };

      if (!pack->is_own || !pack->is_whole || pack->is_replaced || size == NULL || size->left < 0)
        continue;
      candidate.size = size->left;
      candidate.waste = size->left <= size->size / 2 ? size->size - size->left : 0;
      candidate.tier = find_tier (size->left);
      g_array_append_val (candidates, candidate);
    }
  return candidates;
}

static guint
hash_id (gconstpointer data)
{
  const DimpleId *id = data;

  return g_int64_hash (&id->time) ^ g_int64_hash (&id->tail);
}

static gboolean
equal_ids (gconstpointer a,
           gconstpointer b)
{
  return dimple_id_compare (a, b) == 0;
}

static void
link_candidates (GArray *candidates)
{
  g_autoptr(GHashTable) by_last = g_hash_table_new (hash_id, equal_ids);

  for (guint i = 0; i < candidates->len; i++)
    g_hash_table_insert (by_last, &g_array_index (candidates, Candidate, i).pack->last, GUINT_TO_POINTER (i + 1));
  for (guint i = 0; i < candidates->len; i++)
    {
      Candidate *candidate = &g_array_index (candidates, Candidate, i), *before;
      guint at = GPOINTER_TO_UINT (g_hash_table_lookup (by_last, &candidate->pack->before));

      before = at > 0 ? &g_array_index (candidates, Candidate, at - 1) : NULL;
      if (before == NULL || before->next > 0 || before->pack->name == candidate->pack->name)
        continue;
      before->next = i + 1;
      candidate->goes_on = TRUE;
    }
}

/* -- Choosing ------------------------------------------------------------------------------------------------------ */

typedef struct
{
  DimpleSyncPacks *packs;
  GArray          *candidates;
  guint            fan_in;
  gint64           left;       /* bytes that may still be chosen */
  gboolean         any;
} Choice;

static Candidate *
get_candidate (Choice *self,
               guint   number)
{
  return number > 0 ? &g_array_index (self->candidates, Candidate, number - 1) : NULL;
}

static gboolean
overlap (DimpleSyncPacks        *packs,
         const DimpleListedPack *one,
         const DimpleListedPack *other)
{
  for (guint i = 0; i < one->n_intervals; i++)
    for (guint j = 0; j < other->n_intervals; j++)
      {
        const DimpleInterval *a = &g_array_index (packs->intervals, DimpleInterval, one->path + i);
        const DimpleInterval *b = &g_array_index (packs->intervals, DimpleInterval, other->path + j);

        if (a->tail == b->tail && a->first <= b->last && b->first <= a->last)
          return TRUE;
      }
  return FALSE;
}

static Candidate *
find_candidate (Choice                 *self,
                const DimpleListedPack *pack)
{
  for (guint i = 0; i < self->candidates->len; i++)
    if (g_array_index (self->candidates, Candidate, i).pack == pack)
      return &g_array_index (self->candidates, Candidate, i);
  return NULL;
}

/* Those that have to be chosen together with `candidate`, itself included; NULL if they cannot be. */
static GPtrArray *
gather (Choice    *self,
        Candidate *candidate)
{
  g_autoptr(GPtrArray) group = g_ptr_array_new ();
  gint64 size = candidate->size;

  g_ptr_array_add (group, candidate);
  for (guint at = 0; at < group->len; at++)
    for (guint i = 0; i < self->packs->packs->len; i++)
      {
        const DimpleListedPack *pack = &g_array_index (self->packs->packs, DimpleListedPack, i);
        Candidate *member;

        if (pack->is_replaced || pack == ((Candidate *) g_ptr_array_index (group, at))->pack ||
            !overlap (self->packs, ((Candidate *) g_ptr_array_index (group, at))->pack, pack))
          continue;
        member = find_candidate (self, pack);
        if (member == NULL)
          return NULL;
        if (g_ptr_array_find (group, member, NULL))
          continue;
        g_ptr_array_add (group, member);
        size += member->size;
        /* It has to become one pack. */
        if (size > (gint64) dimple_pack_get_size () / 2)
          return NULL;
      }
  return g_steal_pointer (&group);
}

static void
choose (Choice    *self,
        Candidate *candidate)
{
  g_autoptr(GPtrArray) group = NULL;

  if (candidate->pack->is_chosen || (candidate->size > self->left && self->any))
    return;
  group = gather (self, candidate);
  for (guint i = 0; group != NULL && i < group->len; i++)
    {
      Candidate *member = g_ptr_array_index (group, i);

      self->left -= member->pack->is_chosen ? 0 : member->size;
      member->pack->is_chosen = TRUE;
      self->any = TRUE;
    }
}

/* Goes over the candidates from `first` on that are at most of `tier`; chooses them if enough are of just that.
 * Returns the one after them. */
static guint
choose_stretch (Choice *self,
                guint   first,
                guint   tier)
{
  guint n = 0, end = first;

  for (const Candidate *candidate; (candidate = get_candidate (self, end)) != NULL && candidate->tier <= tier;
       end = candidate->next)
    n += candidate->tier == tier;
  if (n >= self->fan_in)
    {
      for (guint at = first; at != end; at = get_candidate (self, at)->next)
        choose (self, get_candidate (self, at));
    }
  return end;
}

static void
choose_small (Choice *self,
              guint   first)
{
  for (guint tier = 0; tier < G_N_ELEMENTS (limits); tier++)
    {
      guint at = first;

      while (at > 0)
        {
          const Candidate *candidate = get_candidate (self, at);

          at = candidate->tier <= tier ? choose_stretch (self, at, tier) : candidate->next;
        }
    }
}

/* Those of which little is left, and with them the small ones around: a request is made anyway. */
static void
choose_wasted (Choice *self,
               guint   first)
{
  gint64 waste = 0;

  for (guint at = first; at > 0; at = get_candidate (self, at)->next)
    waste += get_candidate (self, at)->waste;
  if (waste < (gint64) dimple_pack_get_size () / MIN_WASTE_PART)
    return;
  for (guint at = first; at > 0; at = get_candidate (self, at)->next)
    {
      if (get_candidate (self, at)->waste > 0)
        choose (self, get_candidate (self, at));
    }
}

gboolean
dimple_sync_packs_choose (DimpleSyncPacks *self,
                          gboolean         is_writing)
{
  g_autoptr(GArray) candidates = list_candidates (self);
  Choice choice = { self, candidates, is_writing ? FAN_IN : FAN_IN_IDLE, MAX_REWRITTEN, FALSE };

  link_candidates (candidates);
  for (guint i = 0; i < candidates->len; i++)
    {
      if (g_array_index (candidates, Candidate, i).goes_on)
        continue;
      choose_wasted (&choice, i + 1);
      choose_small (&choice, i + 1);
    }
  return choice.any;
}

/* -- What is known of own packs ------------------------------------------------------------------------------------ */

gboolean
dimple_sync_packs_measure (DimpleSyncPacks   *self,
                           DimpleConnection  *reader,
                           GError           **error)
{
  guint n_measured = 0;

  /* The newest first, as the old ones are full. */
  for (guint i = self->packs->len; i-- > 0 && n_measured < MAX_MEASURED;)
    {
      const DimpleListedPack *pack = &g_array_index (self->packs, DimpleListedPack, i);
      DimplePackSize size;

      if (!pack->is_own || !pack->is_whole || pack->is_replaced ||
          g_hash_table_contains (self->session->sizes, pack->key))
        continue;
      if (!dimple_pack_table_measure (reader, pack->name->first, pack->name->last, &size.size, error))
        return FALSE;
      size.left = size.size;
      g_hash_table_insert (self->session->sizes, g_strdup (pack->key), g_memdup2 (&size, sizeof size));
      g_hash_table_add (self->session->unsaved, g_strdup (pack->key));
      n_measured++;
    }
  return TRUE;
}

gboolean
dimple_sync_sizes_load (DimpleSyncSession  *session,
                        GError            **error)
{
  DimpleConnection *reader;

  session->authors = dimple_store_dup_authors (session->store, error);
  if (session->authors == NULL)
    return FALSE;
  reader = dimple_store_acquire_reader (session->store, error);
  if (reader == NULL)
    return FALSE;
  session->sizes = dimple_pack_table_load (reader, error);
  dimple_store_release_reader (session->store, reader);
  return session->sizes != NULL;
}

void
dimple_sync_sizes_note (DimpleSyncSession *session,
                        const char        *key,
                        gsize              bytes)
{
  DimplePackSize size = { (gint64) bytes, (gint64) bytes };
  DimplePackName name;

  g_autofree char *noted = NULL;

  if (!dimple_pack_name_parse (&name, key) || !g_strv_contains ((const char * const *) session->authors, name.author))
    return;
  /* The first part stands for all of them. */
  noted = name.part > 0 ? dimple_pack_name_format_part (&name, 1) : g_strdup (key);
  g_hash_table_insert (session->sizes, g_strdup (noted), g_memdup2 (&size, sizeof size));
  g_hash_table_add (session->unsaved, g_strdup (noted));
  g_hash_table_add (session->listed, g_strdup (noted));
}

typedef struct
{
  DimpleSyncSession *session;
  GPtrArray         *gone;         /* keys */
} Saving;

static gboolean
write_sizes (DimpleConnection  *connection,
             gpointer           user_data,
             GError           **error)
{
  const Saving *saving = user_data;
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, saving->session->unsaved);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      DimplePackName name;

      dimple_pack_name_parse (&name, key);
      if (!dimple_pack_table_note (connection, key, name.first, name.last,
                                   g_hash_table_lookup (saving->session->sizes, key), error))
        return FALSE;
    }
  for (guint i = 0; i < saving->gone->len; i++)
    {
      if (!dimple_pack_table_forget (connection, g_ptr_array_index (saving->gone, i), error))
        return FALSE;
    }
  return TRUE;
}

gboolean
dimple_sync_sizes_save (DimpleSyncSession  *session,
                        gboolean            is_complete,
                        GError            **error)
{
  g_autoptr(GPtrArray) gone = g_ptr_array_new ();
  Saving saving = { session, gone };
  GHashTableIter iter;
  gpointer key;

  if (is_complete)
    {
      g_hash_table_iter_init (&iter, session->sizes);
      while (g_hash_table_iter_next (&iter, &key, NULL))
        {
          if (!g_hash_table_contains (session->listed, key))
            g_ptr_array_add (gone, key);
        }
    }
  if (gone->len == 0 && g_hash_table_size (session->unsaved) == 0)
    return TRUE;
  return dimple_store_write_own (session->store, write_sizes, &saving, error);
}
