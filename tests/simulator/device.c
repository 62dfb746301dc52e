/* device.c: a store and its client, opened and opened again
 *
 * A device that dies in the middle of something gets errors from then on; what it was doing ends with them, and its
 * database is opened again as the disk has it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "simulator.h"

/* When the simulation begins, in ms. */
#define EPOCH G_GINT64_CONSTANT (1700000000000)

/* Of the main loop, until an object has to be gone. */
#define MAX_TURNS 100000

/* -- Reading ------------------------------------------------------------------------------------------------------- */

/* As SQL. */
static void
append_value (GString      *text,
              sqlite3_stmt *statement,
              int           column)
{
  const guint8 *bytes;
  char *quoted;

  switch (sqlite3_column_type (statement, column))
    {
    case SQLITE_NULL:
      g_string_append (text, "NULL");
      break;
    case SQLITE_TEXT:
      quoted = sqlite3_mprintf ("%Q", sqlite3_column_text (statement, column));
      g_string_append (text, quoted);
      sqlite3_free (quoted);
      break;
    case SQLITE_BLOB:
      bytes = sqlite3_column_blob (statement, column);
      g_string_append (text, "x'");
      for (int i = 0; i < sqlite3_column_bytes (statement, column); i++)
        g_string_append_printf (text, "%02x", bytes[i]);
      g_string_append_c (text, '\'');
      break;
    default:
      g_string_append (text, (const char *) sqlite3_column_text (statement, column));
    }
}

/* `parameter` (nullable) is the one that `sql` has: what has a value in its text is prepared anew each time. */
static char *
select_with (DimpleStore *store,
             const char  *sql,
             const char  *parameter)
{
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (store, &error);
  sqlite3_stmt *statement = reader != NULL ? dimple_connection_prepare (reader, sql, &error) : NULL;
  GString *text = g_string_new ("");

  if (statement != NULL && parameter != NULL)
    sqlite3_bind_text (statement, 1, parameter, -1, SQLITE_STATIC);
  while (statement != NULL && dimple_statement_step (statement, &error))
    {
      for (int column = 0; column < sqlite3_column_count (statement); column++)
        {
          if (column > 0)
            g_string_append_c (text, ' ');
          append_value (text, statement, column);
        }
      g_string_append_c (text, '\n');
    }
  if (error != NULL)
    sim_fail ("“%s” cannot be read: %s", sql, error->message);
  dimple_statement_release (statement);
  dimple_store_release_reader (store, reader);
  return g_string_free (text, FALSE);
}

char *
store_select (DimpleStore *store,
              const char  *sql)
{
  return select_with (store, sql, NULL);
}

char *
device_select (Device     *self,
               const char *sql)
{
  return store_select (self->store, sql);
}

gint64
device_select_number (Device     *self,
                      const char *sql)
{
  g_autofree char *text = device_select (self, sql);

  return g_ascii_strtoll (text, NULL, 10);
}

static GHashTable *
read_ids (Device     *self,
          const char *sql)
{
  GHashTable *ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *text = device_select (self, sql);
  g_auto(GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
    g_hash_table_add (ids, g_strndup (lines[i] + 1, strlen (lines[i]) - 2));
  return ids;
}

GHashTable *
device_get_ids (Device *self)
{
  return read_ids (self, "SELECT id FROM dimple_log");
}

DimpleHeld *
device_get_held (Device *self)
{
  DimpleHeld *held = dimple_held_new ();
  g_autoptr(GError) error = NULL;
  DimpleConnection *reader = dimple_store_acquire_reader (self->store, &error);

  if (reader == NULL || !dimple_held_update (held, reader, &error))
    sim_fail ("what device %u holds cannot be read: %s", self->number, error->message);
  dimple_store_release_reader (self->store, reader);
  return held;
}

/* -- What was committed -------------------------------------------------------------------------------------------- */

void
device_note (Device *self)
{
  gint64 last_seq = device_select_number (self, "SELECT max (seq) FROM dimple_log");
  g_autofree char *noted = g_strdup_printf ("%" G_GINT64_FORMAT, self->noted_seq);
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;

  if (last_seq <= self->noted_seq)
    return;
  text = select_with (self->store, "SELECT DISTINCT id FROM dimple_log WHERE seq > ? AND NOT flags & 1 ORDER BY id",
                      noted);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
    {
      char *id = g_strndup (lines[i] + 1, strlen (lines[i]) - 2);
      g_autofree char *newer = NULL;

      if (g_hash_table_contains (self->world->committed, id))
        {
          g_free (id);
          continue;
        }
      newer = select_with (self->store,
                           "SELECT 1 FROM dimple_log AS newer JOIN dimple_log AS mine ON mine.id = ? "
                           "WHERE newer.id > mine.id AND newer.seq < mine.seq LIMIT 1", id);
      if (*newer != '\0')
        sim_fail ("device %u wrote %s after it knew a greater id", self->number, id);
      count_add (COUNT_TRANSACTIONS, 1);
      g_hash_table_add (self->world->committed, g_strdup (id));
      g_ptr_array_add (self->written, id);
    }
  self->noted_seq = last_seq;
}

/* What was reported as committed is there again, but for the last second before a power cut, if nobody else saw it. */
static void
check_kept (Device   *self,
            gboolean  power_cut)
{
  g_autoptr(GHashTable) ids = device_get_ids (self);
  g_autoptr(DimpleHeld) held = self->world->pruning ? device_get_held (self) : NULL;

  for (guint i = 0; i < self->written->len; i++)
    {
      const char *id = g_ptr_array_index (self->written, i);

      if (g_hash_table_contains (ids, id) || (held != NULL && dimple_held_has (held, id)))
        continue;
      if (!power_cut || i < self->n_durable)
        sim_fail ("device %u committed %s, and lacks it after %s", self->number, id,
                  power_cut ? "a power cut" : "a crash");
      if (g_hash_table_contains (self->uploaded, id))
        sim_fail ("device %u lost %s to a power cut, and had uploaded it", self->number, id);
      count_add (COUNT_LOST_TO_POWER, 1);
      g_hash_table_add (self->world->destroyed, g_strdup (id));
      g_ptr_array_remove_index (self->written, i--);
    }
  if (power_cut)
    self->n_durable = self->written->len;
}

/* -- Life ---------------------------------------------------------------------------------------------------------- */

void
device_set_time (Device *self)
{
  gint64 milliseconds = EPOCH + self->world->now + self->skew;
  g_autoptr(GDateTime) seconds = g_date_time_new_from_unix_utc (milliseconds / 1000);
  g_autoptr(GDateTime) time = seconds != NULL ? g_date_time_add (seconds, milliseconds % 1000 * 1000) : NULL;

  dimple_test_set_time (self->store, time);
}

gboolean
device_migrate (Device *self)
{
  g_autofree GStrv known = g_memdup2 (self->world->scripts, sizeof (char *) * (N_VERSIONS + 1));
  g_autoptr(GError) error = NULL;

  known[self->version] = NULL;
  if (dimple_store_migrate (self->store, (const char * const *) known, &error))
    return TRUE;
  if (!disk_is_dead (self->disk))
    sim_fail ("device %u cannot migrate to version %u: %s", self->number, self->version, error->message);
  return FALSE;
}

static gboolean
open_once (Device *self)
{
  g_autoptr(GError) error = NULL;

  disk_use (self->disk);
  self->store = dimple_store_open (NULL, &error);
  if (self->store != NULL)
    leaks_watch (self->store);
  if (self->store == NULL)
    {
      if (!disk_is_dead (self->disk))
        sim_fail ("device %u cannot be opened: %s", self->number, error->message);
      return FALSE;
    }
  if (self->world->pruning)
    g_object_set (self->store, "history-max-size", G_GUINT64_CONSTANT (1), NULL);
  self->client = dimple_sync_client_new (self->store, NULL);
  leaks_watch (self->client);
  for (guint i = 0; i < self->world->n_buckets; i++)
    {
      g_autoptr(DimpleStorage) storage = bucket_get_storage (self->world->buckets[i], self);

      if (self->reaches & 1u << i)
        dimple_sync_client_add_storage (self->client, storage);
    }
  device_set_time (self);
  return device_migrate (self) && !disk_is_dead (self->disk);
}

/* The end of a sync may hold an object until the main loop turns. */
static void
drop (gpointer object)
{
  g_object_add_weak_pointer (object, &object);
  g_object_unref (object);
  for (guint i = 0; object != NULL; i++)
    {
      if (i == MAX_TURNS)
        sim_fail ("an object is never freed");
      if (!g_main_context_iteration (NULL, FALSE))
        g_usleep (100);
    }
}

void
device_close (Device *self)
{
  if (self->client != NULL)
    drop (g_steal_pointer (&self->client));
  if (self->store != NULL)
    {
      dimple_store_close (self->store, NULL);
      drop (g_steal_pointer (&self->store));
    }
}

void
device_open (Device *self)
{
  while (!open_once (self))
    {
      device_close (self);
      disk_revive (self->disk, FALSE, NULL);
    }
}

void
device_recover (Device   *self,
                gboolean  power_cut)
{
  Dice dice = dice_new (self->world->seed, dice_roll (&self->dice));

  device_close (self);
  disk_revive (self->disk, power_cut, &dice);
  if (dice_chance (&dice, 100))
    disk_die_after (self->disk, dice_below (&dice, 40));
  device_open (self);
  self->noted_seq = 0;
  check_kept (self, power_cut);
  device_note (self);
}

Device *
device_new (World *world,
            guint  reaches,
            Disk  *disk)
{
  Device *self = g_new0 (Device, 1);

  self->world = world;
  self->number = world->devices->len;
  self->reaches = reaches;
  self->version = 1;
  self->requests_left = -1;
  self->written = g_ptr_array_new_with_free_func (g_free);
  self->uploaded = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->disk = disk != NULL ? disk : disk_new ();
  g_ptr_array_add (world->devices, self);
  count_add (COUNT_DEVICES, 1);
  return self;
}

void
device_free (Device *self)
{
  device_close (self);
  disk_free (self->disk);
  g_ptr_array_unref (self->written);
  g_hash_table_unref (self->uploaded);
  g_free (self);
}

void
device_replace (Device *self,
                Disk   *disk)
{
  device_close (self);
  disk_free (self->disk);
  self->disk = disk;
  g_ptr_array_set_size (self->written, 0);
  g_hash_table_remove_all (self->uploaded);
  self->n_durable = 0;
  self->noted_seq = 0;
  device_open (self);
}

/* -- What it does -------------------------------------------------------------------------------------------------- */

void
device_wait_a_second (Device *self)
{
  g_autoptr(GError) error = NULL;

  if (!dimple_store_sync_to_disk (self->store, &error))
    sim_fail ("device %u cannot sync its disk: %s", self->number, error->message);
  self->n_durable = self->written->len;
}

void
device_prune (Device *self)
{
  g_autoptr(GError) error = NULL;

  if (!dimple_store_prune (self->store, FALSE, &error) && !disk_is_dead (self->disk))
    sim_fail ("device %u cannot prune its history: %s", self->number, error->message);
  count_add (COUNT_PRUNINGS, 1);
}

/* What the message wants to be deleted: “dimple/….json” or “identities/….age”. */
static char *
find_damaged (const GError *error)
{
  static const char * const prefixes[] = { "dimple/", "identities/" };

  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++)
    {
      const char *found = strstr (error->message, prefixes[i]);

      if (found != NULL && g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK))
        return g_strndup (found, strcspn (found, "”"));
    }
  return NULL;
}

static void
delete_identity (Device     *self,
                 const char *key)
{
  for (guint i = 0; i < self->world->n_buckets; i++)
    {
      GBytes *contents = g_hash_table_lookup (self->world->buckets[i]->objects, key);
      g_autoptr(GPtrArray) identities = contents != NULL ? seal_read_identities (contents) : NULL;

      if (identities != NULL && identities->len == 0)
        g_hash_table_remove (self->world->buckets[i]->objects, key);
    }
}

static void
delete_marker (Device     *self,
               const char *key)
{
  for (guint i = 0; i < self->world->n_buckets; i++)
    {
      GBytes *contents = g_hash_table_lookup (self->world->buckets[i]->objects, key);

      if (contents != NULL && !bucket_is_marker (contents))
        g_hash_table_remove (self->world->buckets[i]->objects, key);
    }
}

/* The user does what the message says. */
static void
delete_damaged (Device       *self,
                const GError *error)
{
  g_autofree char *key = find_damaged (error);

  if (key == NULL)
    return;
  sim_trace ("      the user deletes %s", key);
  if (g_str_has_prefix (key, "identities/"))
    delete_identity (self, key);
  else
    delete_marker (self, key);
}

/* -- Syncing ------------------------------------------------------------------------------------------------------- */

static void
on_write (gpointer user_data)
{
  Device *self = user_data;

  if (self->running != NULL && !self->is_cancelled)
    device_cancel (self, COUNT_CANCELLED_AT_WRITE);
}

void
device_plan_cancel (Device *self,
                    Dice   *dice)
{
  guint n = dice_below (dice, dice_pick (dice, 4, 12, 40));

  self->cancellable = g_cancellable_new ();
  if (dice_chance (dice, 700))
    self->requests_left = (int) n;
  else
    disk_tell_after (self->disk, n, on_write, self);
}

/* Goes on only when the library has heard of it, so that a seed always gives the same. */
void
device_cancel (Device *self,
               Count   where)
{
  count_add (where, 1);
  sim_trace ("      … and the user cancels the sync");
  g_cancellable_cancel (self->cancellable);
  for (guint i = 0; !g_cancellable_is_cancelled (self->running); i++)
    {
      if (i == MAX_TURNS)
        sim_fail ("a sync of device %u does not notice that it is cancelled", self->number);
      g_usleep (100);
    }
  self->is_cancelled = TRUE;
}

/* What a sync may fail with, when no request fails. */
static gboolean
is_expected (Device       *self,
             const GError *error)
{
  return self->faulty || disk_is_dead (self->disk) ||
         /* In a folder that is carried, a part may be removed where the last one has not arrived. */
         ((self->world->harmed || self->world->carry_rate > 0) &&
          g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK)) ||
         /* All keys were deleted, until a device that knows the repository puts or makes one. */
         (self->world->harmed && self->world->by_passphrase &&
          g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_PASSPHRASE)) ||
         /* A new device that heard nothing of one bucket and begins another repository in the other one, only to find
          * out later that it was there; or one that knows just the marker that somebody deleted, until others write
          * it. */
         ((self->world->n_buckets > 1 || self->world->harmed) &&
          g_error_matches (error, DIMPLE_ERROR, DIMPLE_ERROR_REPOSITORY));
}

/* TRUE: it was used. */
static gboolean
end_cancellable (Device *self)
{
  gboolean was_cancelled = self->is_cancelled;

  self->is_cancelled = FALSE;
  self->running = NULL;
  self->requests_left = -1;
  disk_tell_after (self->disk, 0, NULL, NULL);
  g_clear_object (&self->cancellable);
  return was_cancelled;
}

gboolean
device_sync (Device   *self,
             gboolean  faulty)
{
  g_autoptr(GError) error = NULL;
  gboolean synced;

  self->faulty = faulty;
  memset (self->n_requests, 0, sizeof self->n_requests);
  count_add (COUNT_SYNCS, 1);
  synced = dimple_sync_client_sync (self->client, self->cancellable, &error);
  if (end_cancellable (self))
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        sim_fail ("a cancelled sync of device %u ended with: %s", self->number,
                  error != NULL ? error->message : "nothing");
    }
  else if (!synced)
    {
      count_add (COUNT_FAILED_SYNCS, 1);
      sim_trace ("    device %u: %s", self->number, error->message);
      if (!is_expected (self, error))
        sim_fail ("device %u cannot sync: %s", self->number, error->message);
      delete_damaged (self, error);
    }
  self->faulty = FALSE;
  return synced;
}
