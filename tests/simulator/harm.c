/* harm.c: what others do to buckets and databases
 *
 * Objects are deleted, cut in half, swapped; a bucket is emptied; an old backup of a database is put back; a database
 * is copied to another machine, and both go on; a clock is set wrong; a device is gone for good, and a part of what it
 * wrote is lost.  What that leaves no copy of is lost, and nothing else may be.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "simulator.h"

typedef struct
{
  Device   *device;
  Disk     *disk;
  gboolean  joined;        /* it knows a repository */
} Backup;

#define MAX_BACKUPS 6

static void
backup_free (gpointer data)
{
  Backup *self = data;

  if (self->disk != NULL)
    disk_free (self->disk);
  g_free (self);
}

void
harm_keep_backup (World  *world,
                  Device *device)
{
  Backup *backup = g_new0 (Backup, 1);
  g_autofree char *known = device_select (device, "SELECT value FROM dimple_state WHERE name = 'repositories'");

  if (world->backups == NULL)
    world->backups = g_ptr_array_new_with_free_func (backup_free);
  if (world->backups->len == MAX_BACKUPS)
    g_ptr_array_remove_index (world->backups, 0);
  backup->device = device;
  backup->disk = disk_copy (device->disk);
  backup->joined = *known != '\0';
  g_ptr_array_add (world->backups, backup);
}

void
harm_free_backups (World *world)
{
  g_clear_pointer (&world->backups, g_ptr_array_unref);
}

/* -- What is left -------------------------------------------------------------------------------------------------- */

/* Of a transaction in parts the last one that is found, as `parts` counts (nullable: any), makes it whole. */
static void
add_pack (GHashTable *held,
          GHashTable *parts,
          Bucket     *bucket,
          const char *key)
{
  GBytes *contents = g_hash_table_lookup (bucket->objects, key);
  g_autoptr(DimplePack) pack = bucket_has_key (bucket, contents) ? bucket_read_pack (bucket, key, contents) : NULL;

  if (pack != NULL && pack->name.part > 0 && parts != NULL)
    {
      char *first = dimple_pack_name_format_part (&pack->name, 1);
      guint n = GPOINTER_TO_UINT (g_hash_table_lookup (parts, first)) + 1;

      g_hash_table_insert (parts, first, GUINT_TO_POINTER (n));
      if (n < pack->name.n_parts)
        return;
    }
  for (guint i = 0; pack != NULL && i < pack->transactions->len; i++)
    g_hash_table_add (held, g_strdup (((DimpleTransaction *) g_ptr_array_index (pack->transactions, i))->id));
}

GHashTable *
harm_find_held (World *world)
{
  GHashTable *held = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < world->devices->len; i++)
    {
      g_autoptr(GHashTable) ids = device_get_ids (g_ptr_array_index (world->devices, i));
      GHashTableIter iter;
      gpointer id;

      g_hash_table_iter_init (&iter, ids);
      while (g_hash_table_iter_next (&iter, &id, NULL))
        g_hash_table_add (held, g_strdup (id));
    }
  for (guint i = 0; i < world->n_buckets; i++)
    {
      g_autoptr(GPtrArray) keys = bucket_get_keys (world->buckets[i], "changes/");
      g_autoptr(GHashTable) parts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

      for (guint j = 0; j < keys->len; j++)
        add_pack (held, parts, world->buckets[i], g_ptr_array_index (keys, j));
    }
  return held;
}

static void
find_destroyed (World *world)
{
  g_autoptr(GHashTable) held = NULL;
  GHashTableIter iter;
  gpointer id;

  if (world->pruning)
    return;
  held = harm_find_held (world);
  g_hash_table_remove_all (world->destroyed);
  g_hash_table_iter_init (&iter, world->committed);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    {
      if (!g_hash_table_contains (held, id))
        g_hash_table_add (world->destroyed, g_strdup (id));
    }
}

/* -- Objects ------------------------------------------------------------------------------------------------------- */

/* Who found an empty bucket would begin another repository there if it knew none, or another one: that is the user's
 * doing. */
static gboolean
all_know_one_repository (World *world)
{
  g_auto(GStrv) ids = NULL;

  for (guint i = 0; i < world->devices->len; i++)
    {
      Device *device = g_ptr_array_index (world->devices, i);
      g_autofree char *known = device_select (device, "SELECT value FROM dimple_state WHERE name = 'repositories'");
      guint n_common = 0;

      if (i == 0)
        ids = g_strsplit_set (known, "',\n", -1);
      for (guint j = 0; ids[j] != NULL; j++)
        {
          if (*ids[j] != '\0' && strstr (known, ids[j]) == NULL)
            *ids[j] = '\0';
          n_common += *ids[j] != '\0';
        }
      if (n_common == 0)
        return FALSE;
    }
  /* Nor may a power cut take that. */
  for (guint i = 0; i < world->devices->len; i++)
    device_wait_a_second (g_ptr_array_index (world->devices, i));
  return TRUE;
}

/* What a value was dropped for may not be destroyed: that cannot be mended. */
static gboolean
is_needed (World      *world,
           Bucket     *bucket,
           const char *key)
{
  g_autoptr(GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GHashTable) held = NULL;
  g_autoptr(GBytes) contents = g_bytes_ref (g_hash_table_lookup (bucket->objects, key));
  GHashTableIter iter;
  gpointer id;
  gboolean needed = FALSE;

  if (!world->pruning)
    return FALSE;
  if (g_str_has_prefix (key, "identities/"))
    return TRUE;
  add_pack (ids, NULL, bucket, key);
  g_hash_table_remove (bucket->objects, key);
  held = harm_find_held (world);
  g_hash_table_insert (bucket->objects, g_strdup (key), g_bytes_ref (contents));
  g_hash_table_iter_init (&iter, ids);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    needed |= !g_hash_table_contains (held, id);
  return needed;
}

static void
swap (Bucket     *bucket,
      const char *key,
      const char *other)
{
  GBytes *one = g_bytes_ref (g_hash_table_lookup (bucket->objects, key));
  GBytes *two = g_bytes_ref (g_hash_table_lookup (bucket->objects, other));

  g_hash_table_insert (bucket->objects, g_strdup (key), two);
  g_hash_table_insert (bucket->objects, g_strdup (other), one);
}

static gboolean
harm_object (World *world,
             Dice  *dice)
{
  Bucket *bucket = world->buckets[dice_below (dice, world->n_buckets)];
  g_autoptr(GPtrArray) keys = bucket_get_keys (bucket, all_know_one_repository (world) ? "" : "changes/");
  const char *key, *other;

  if (keys->len == 0)
    return FALSE;
  key = g_ptr_array_index (keys, dice_below (dice, keys->len));
  other = g_ptr_array_index (keys, dice_below (dice, keys->len));
  if (is_needed (world, bucket, key) || is_needed (world, bucket, other))
    return FALSE;
  if (dice_chance (dice, 500))
    {
      sim_trace ("    somebody deletes %s/%s", bucket->name, key);
      count_add (COUNT_HARM_DELETED, 1);
      g_hash_table_remove (bucket->objects, key);
    }
  else if (dice_chance (dice, 500) && g_str_has_prefix (key, "changes/") && g_str_has_prefix (other, "changes/"))
    {
      sim_trace ("    somebody swaps %s/%s and %s", bucket->name, key, other);
      count_add (COUNT_HARM_SWAPPED, 1);
      swap (bucket, key, other);
    }
  else
    {
      GBytes *contents = g_hash_table_lookup (bucket->objects, key);

      sim_trace ("    somebody cuts %s/%s in half", bucket->name, key);
      count_add (COUNT_HARM_TRUNCATED, 1);
      g_hash_table_insert (bucket->objects, g_strdup (key),
                           g_bytes_new_from_bytes (contents, 0, g_bytes_get_size (contents) / 2));
    }
  bucket_note_past (bucket);
  return TRUE;
}

static gboolean
wipe (World *world,
      Dice  *dice)
{
  Bucket *bucket = world->buckets[dice_below (dice, world->n_buckets)];

  if (world->pruning || !all_know_one_repository (world))
    return FALSE;
  sim_trace ("    somebody empties %s", bucket->name);
  count_add (COUNT_HARM_WIPED, 1);
  g_hash_table_remove_all (bucket->objects);
  bucket_note_past (bucket);
  return TRUE;
}

/* -- Databases ----------------------------------------------------------------------------------------------------- */

static guint
count_whole_markers (Bucket *bucket)
{
  g_autoptr(GPtrArray) markers = bucket_get_keys (bucket, "dimple/");
  guint n = 0;

  for (guint i = 0; i < markers->len; i++)
    n += bucket_is_marker (g_hash_table_lookup (bucket->objects, g_ptr_array_index (markers, i)));
  return n;
}

/* Where no repository is, or will not be when the user has deleted its damaged marker, a device of before it joined
 * would begin another one, and what it has is of the old one. */
static gboolean
any_has_no_marker (World *world)
{
  for (guint i = 0; i < world->n_buckets; i++)
    {
      if (count_whole_markers (world->buckets[i]) == 0)
        return TRUE;
    }
  return FALSE;
}

static gboolean
restore (World  *world,
         Device *device,
         Dice   *dice)
{
  guint n = world->backups != NULL ? world->backups->len : 0;
  Backup *backup = n > 0 ? g_ptr_array_index (world->backups, dice_below (dice, n)) : NULL;

  if (backup == NULL || world->pruning || (!backup->joined && any_has_no_marker (world)))
    return FALSE;
  device = backup->device;
  sim_trace ("    an old backup of device %u is put back", device->number);
  count_add (COUNT_HARM_RESTORED, 1);
  device_replace (device, disk_copy (backup->disk));
  device_note (device);
  return TRUE;
}

static gboolean
copy (World  *world,
      Device *device)
{
  Device *twin;

  if (world->devices->len == MAX_DEVICES)
    return FALSE;
  twin = device_new (world, device->reaches, disk_copy (device->disk));
  sim_trace ("    the database of device %u is copied to device %u", device->number, twin->number);
  count_add (COUNT_HARM_COPIED, 1);
  twin->version = device->version;
  device_open (twin);
  device_note (twin);
  return TRUE;
}

static gboolean
set_clock (Device *device,
           Dice   *dice)
{
  /* A minute to a thousand years, fast or slow. */
  double exponent = 4.8 + dice_below (dice, 870) / 100.0;

  device->skew = (gint64) pow (10, exponent) * (dice_chance (dice, 500) ? 1 : -1);
  sim_trace ("    the clock of device %u is %+.1f days off", device->number, (double) device->skew / 86400000);
  count_add (COUNT_HARM_CLOCK, 1);
  return FALSE;
}

/* -- A visitor ----------------------------------------------------------------------------------------------------- */

/* The key of a part of what `author` wrote, of which there are more, the last one among them; NULL: there is none. */
static char *
find_part (Bucket     *bucket,
           const char *author,
           Dice       *dice)
{
  g_autofree char *prefix = g_strdup_printf ("changes/%s/", author);
  g_autoptr(GPtrArray) keys = bucket_get_keys (bucket, prefix);

  for (guint i = keys->len; i-- > 0;)
    {
      const char *key = g_ptr_array_index (keys, i);
      g_autoptr(DimplePack) pack = bucket_read_pack (bucket, key, g_hash_table_lookup (bucket->objects, key));

      if (pack == NULL || pack->name.part == pack->name.n_parts)
        g_ptr_array_remove_index (keys, i);
    }
  return keys->len > 0 ? g_strdup (g_ptr_array_index (keys, dice_below (dice, keys->len))) : NULL;
}

/* A device comes, writes, syncs, and is gone for good; and before anybody has seen it, a part of what it wrote is lost:
 * nobody can put that there again. */
void
harm_visit (World *world,
            Dice  *dice)
{
  Bucket *bucket = world->buckets[0];
  Device *visitor;
  g_autofree char *author = NULL, *part = NULL;

  if (world->pruning || world->devices->len == MAX_DEVICES)
    return;
  visitor = device_new (world, 1, NULL);
  sim_trace ("device %u visits %s", visitor->number, bucket->name);
  visitor->dice = dice_new (world->seed, 10);
  device_open (visitor);
  device_sync (visitor, FALSE);
  for (guint i = 0; i < 3; i++)
    device_edit (visitor, dice);
  device_note (visitor);
  if (device_sync (visitor, FALSE))
    {
      g_object_get (visitor->store, "author", &author, NULL);
      part = find_part (bucket, author, dice);
    }
  g_ptr_array_remove_index (world->devices, visitor->number);
  if (part != NULL)
    {
      sim_trace ("  and is gone for good, and so is %s/%s", bucket->name, part);
      count_add (COUNT_HARM_LOST_PART, 1);
      g_hash_table_remove (bucket->objects, part);
      bucket_note_past (bucket);
      world->harmed = TRUE;
    }
  find_destroyed (world);
}

/* -- Any of it ----------------------------------------------------------------------------------------------------- */

void
harm (World  *world,
      Device *device,
      Dice   *dice)
{
  gboolean harmed;

  switch (dice_below (dice, 9))
    {
    case 0:
      harmed = wipe (world, dice);
      break;
    case 1:
    case 2:
    case 3:
      harmed = harm_object (world, dice);
      break;
    case 4:
    case 5:
      harmed = restore (world, device, dice);
      break;
    case 6:
      harmed = copy (world, device);
      break;
    case 7:
      harm_keep_backup (world, device);
      harmed = FALSE;
      break;
    default:
      harmed = set_clock (device, dice);
    }
  if (!harmed)
    return;
  world->harmed = TRUE;
  find_destroyed (world);
}
