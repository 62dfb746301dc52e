/* carrier.c: a folder that a service carries from device to device, file by file, in any order
 *
 * Each device has a folder of its own.  What it does there is done in the other ones some time later: what came first
 * may arrive last, and a file may be gone somewhere before the one that replaces it is there.  Of two things done to
 * one file the later one counts, whatever the order in which they arrive.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "simulator.h"

/* A file that was put somewhere, or removed. */
typedef struct
{
  guint   time;
  char   *key;
  GBytes *contents;        /* NULL: removed */
} Event;

typedef struct
{
  GHashTable *objects;     /* key -> GBytes */
  GHashTable *times;       /* key -> time of what was done to it last */
  GPtrArray  *coming;      /* of Event */
} Folder;

struct _Carrier
{
  Folder folders[MAX_DEVICES];
  guint  time;
};

static void
event_free (gpointer data)
{
  Event *self = data;

  g_free (self->key);
  g_clear_pointer (&self->contents, g_bytes_unref);
  g_free (self);
}

Carrier *
carrier_new (void)
{
  Carrier *self = g_new0 (Carrier, 1);

  for (guint i = 0; i < MAX_DEVICES; i++)
    {
      Folder *folder = &self->folders[i];

      folder->objects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
      folder->times = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      folder->coming = g_ptr_array_new_with_free_func (event_free);
    }
  return self;
}

void
carrier_free (Carrier *self)
{
  for (guint i = 0; i < MAX_DEVICES; i++)
    {
      g_hash_table_unref (self->folders[i].objects);
      g_hash_table_unref (self->folders[i].times);
      g_ptr_array_unref (self->folders[i].coming);
    }
  g_free (self);
}

GHashTable *
carrier_get_objects (Carrier *self,
                     Device  *device)
{
  return self->folders[device->number].objects;
}

static void
apply (Folder      *folder,
       guint        time,
       const char  *key,
       GBytes      *contents)
{
  if (GPOINTER_TO_UINT (g_hash_table_lookup (folder->times, key)) > time)
    return;
  g_hash_table_insert (folder->times, g_strdup (key), GUINT_TO_POINTER (time));
  if (contents != NULL)
    g_hash_table_insert (folder->objects, g_strdup (key), g_bytes_ref (contents));
  else
    g_hash_table_remove (folder->objects, key);
}

void
carrier_take (Carrier    *self,
              Device     *device,
              const char *key,
              GBytes     *contents)
{
  self->time++;
  for (guint i = 0; i < MAX_DEVICES; i++)
    {
      Event *event;

      if (i == device->number)
        {
          apply (&self->folders[i], self->time, key, contents);
          continue;
        }
      event = g_new0 (Event, 1);
      event->time = self->time;
      event->key = g_strdup (key);
      event->contents = contents != NULL ? g_bytes_ref (contents) : NULL;
      g_ptr_array_add (self->folders[i].coming, event);
    }
}

void
carrier_bring (Carrier *self,
               Device  *device,
               Dice    *dice,
               guint    permille)
{
  Folder *folder = &self->folders[device->number];

  for (guint i = folder->coming->len; i > 0; i--)
    {
      const Event *event = g_ptr_array_index (folder->coming, i - 1);

      if (!dice_chance (dice, permille))
        continue;
      sim_trace ("    %s of %s arrives", event->contents != NULL ? "the file" : "the removal", event->key);
      count_add (COUNT_CARRIED, 1);
      apply (folder, event->time, event->key, event->contents);
      g_ptr_array_remove_index (folder->coming, i - 1);
    }
}
