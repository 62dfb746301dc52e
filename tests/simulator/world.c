/* world.c: the script, and healing
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "dimple-age-private.h"
#include "dimple-uuid-private.h"

#include "dimple-merge-private.h"
#include "dimple-pack-private.h"

#include "simulator.h"

#define MAX_ROUNDS 40

static const char * const step_names[] = {
  [STEP_EDIT] = "edits",
  [STEP_SYNC] = "syncs",
  [STEP_UPGRADE] = "gets a newer app",
  [STEP_REOPEN] = "ends and starts",
  [STEP_CRASH] = "is killed",
  [STEP_POWER_CUT] = "has a power cut",
  [STEP_SECOND] = "waits a second",
  [STEP_PRUNE] = "prunes its history",
  [STEP_HARM] = "suffers",
};

/* -- Dice ---------------------------------------------------------------------------------------------------------- */

Dice
dice_new (guint64 seed,
          guint64 stream)
{
  Dice self = { seed * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15) ^ stream * G_GUINT64_CONSTANT (0xd1b54a32d192ed03) };

  dice_roll (&self);
  return self;
}

/* SplitMix64. */
guint64
dice_roll (Dice *self)
{
  guint64 bits = self->state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  bits = (bits ^ bits >> 30) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  bits = (bits ^ bits >> 27) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return bits ^ bits >> 31;
}

guint
dice_below (Dice  *self,
            guint  n)
{
  return (guint) (dice_roll (self) % n);
}

gboolean
dice_chance (Dice  *self,
             guint  permille)
{
  return dice_below (self, 1000) < permille;
}

/* -- A world of a seed --------------------------------------------------------------------------------------------- */

static void
make_script (World *self,
             Dice  *dice)
{
  guint weights[N_STEP_KINDS] = {
    [STEP_EDIT] = 600,
    [STEP_SYNC] = dice_pick (dice, 50, 150, 400),
    [STEP_UPGRADE] = self->migrating ? 30 : 0,
    [STEP_REOPEN] = 20,
    [STEP_CRASH] = self->crash_rate > 0 ? 20 : 0,
    [STEP_POWER_CUT] = self->crash_rate > 0 ? 15 : 0,
    [STEP_SECOND] = 30,
    [STEP_PRUNE] = self->pruning ? 40 : 0,
    [STEP_HARM] = self->hostile ? dice_pick (dice, 20, 80) : 0,
  };
  guint total = 0;

  for (guint kind = 0; kind < N_STEP_KINDS; kind++)
    total += weights[kind];
  for (guint i = 0; i < self->n_steps; i++)
    {
      guint roll = dice_below (dice, total);
      Step step = { .kind = 0, .device = dice_below (dice, MAX_DEVICES), .seed = dice_roll (dice) };

      while (roll >= weights[step.kind])
        roll -= weights[step.kind++];
      g_array_append_val (self->script, step);
    }
}

static gint64
pick_skew (Dice *dice)
{
  /* Half of them are right; the others minutes to ten years off. */
  if (dice_chance (dice, 500))
    return 0;
  return (gint64) pow (10, 4.8 + dice_below (dice, 670) / 100.0) * (dice_chance (dice, 500) ? 1 : -1);
}

/* How large is large: with tiny packs nearly every transaction of several rows travels in parts. */
static void
pick_sizes (World *self)
{
  Dice dice = dice_new (self->seed, 3);

  self->piece_size = dice_pick (&dice, 0, 1, 1, 1, 300);
  self->pack_size = dice_pick (&dice, 0, 0, 300, 500, 900);
  self->max_touched = dice_pick (&dice, 0, 1, 2, 5);
}

/* What others do to a bucket, and listings of some time ago, are for buckets that all see alike. */
static void
pick_carrier (World *self)
{
  Dice dice = dice_new (self->seed, 9);
  guint rate = dice_pick (&dice, 100, 400, 800);

  if (self->hostile || self->n_buckets > 1 || !dice_chance (&dice, 350))
    return;
  self->carry_rate = rate;
  self->stale_rate = 0;
}

static World *
world_new (guint seed)
{
  World *self = g_new0 (World, 1);
  Dice dice = dice_new (seed, 1);

  self->seed = seed;
  self->devices = g_ptr_array_new_with_free_func ((GDestroyNotify) device_free);
  self->script = g_array_new (FALSE, FALSE, sizeof (Step));
  self->committed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->destroyed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->fault_rate = dice_pick (&dice, 0, 20, 100);
  self->stale_rate = dice_pick (&dice, 0, 100, 400);
  self->crash_rate = dice_pick (&dice, 0, 30, 150);
  self->hostile = dice_chance (&dice, 400);
  self->migrating = dice_chance (&dice, 400);
  self->pruning = dice_chance (&dice, 300);
  self->n_steps = dice_pick (&dice, 15, 30, 30, 60, 60, 120, 240);
  self->n_buckets = dice_pick (&dice, 1, 1, 2);
  make_script (self, &dice);
  dice = dice_new (seed, 6);
  self->sealed = dice_pick (&dice, 0, 0, 0, 1, 2, 3);
  self->cancel_rate = dice_pick (&dice, 0, 50, 250);
  pick_sizes (self);
  pick_carrier (self);
  dice = dice_new (seed, 10);
  self->by_passphrase = self->sealed != 0 && dice_chance (&dice, 500);
  return self;
}

static void
world_free (World *self)
{
  harm_free_backups (self);
  g_ptr_array_unref (self->devices);
  for (guint i = 0; i < self->n_buckets; i++)
    g_clear_pointer (&self->buckets[i], bucket_free);
  g_array_unref (self->script);
  g_hash_table_unref (self->committed);
  g_hash_table_unref (self->destroyed);
  g_strfreev (self->scripts);
  g_free (self);
}

static Device *
add_device (World *self,
            Dice  *dice,
            guint  reaches,
            guint  version)
{
  Device *device = device_new (self, reaches, NULL);

  device->dice = dice_new (self->seed, 100 + device->number);
  device->skew = pick_skew (dice);
  device->version = version;
  device_open (device);
  device_note (device);
  sim_trace ("device %u: app %u, clock %+.1f days off, reaches%s%s", device->number, device->version,
             (double) device->skew / 86400000, reaches & 1 ? " one" : "", reaches & 2 ? " two" : "");
  return device;
}

/* Of two buckets some devices reach only one; the first device set both up. */
static void
populate (World *self)
{
  static const char * const names[] = { "one", "two" };
  Dice dice = dice_new (self->seed, 2);
  guint n_devices = 2 + dice_below (&dice, 4), all;

  self->scripts = app_new (&dice);
  for (guint i = 0; self->scripts[i] != NULL; i++)
    sim_trace ("script %u:\n%s", i + 1, self->scripts[i]);
  for (guint i = 0; i < self->n_buckets; i++)
    {
      self->buckets[i] = bucket_new (self, names[i]);
      self->buckets[i]->sealed = (self->sealed >> i & 1) != 0;
      if (self->carry_rate > 0)
        self->buckets[i]->carrier = carrier_new ();
      count_add (COUNT_BUCKETS, 1);
      count_add (COUNT_CARRIED_FOLDERS, self->carry_rate > 0);
      count_add (COUNT_SEALED_BUCKETS, self->buckets[i]->sealed);
      count_add (COUNT_PASSPHRASES, self->buckets[i]->sealed && self->by_passphrase);
      if (self->buckets[i]->sealed && self->by_passphrase)
        self->buckets[i]->identities = g_ptr_array_new_with_free_func ((GDestroyNotify) dimple_age_identity_unref);
    }
  all = (1u << self->n_buckets) - 1;
  for (guint i = 0; i < n_devices; i++)
    add_device (self, &dice, all == 3 && n_devices > 2 && (i == 1 || i == 2) ? i : all,
                self->migrating ? 1 + dice_below (&dice, N_VERSIONS) : 1);
  if (self->n_buckets > 1)
    device_sync (g_ptr_array_index (self->devices, 0), FALSE);
}

/* -- Steps --------------------------------------------------------------------------------------------------------- */

static void
upgrade (Device *device)
{
  if (device->version == N_VERSIONS)
    return;
  device->version++;
  if (device_migrate (device))
    count_add (COUNT_MIGRATIONS, 1);
}

static void
plan_cancel (World      *self,
             const Step *step,
             Device     *device)
{
  Dice dice = dice_new (step->seed, 7);

  if (dice_chance (&dice, self->cancel_rate))
    device_plan_cancel (device, &dice);
}

/* What others did to their folders arrives in its own, or some of it. */
static void
bring (World      *self,
       const Step *step,
       Device     *device)
{
  Dice dice = dice_new (step->seed, 9);

  if (self->carry_rate > 0)
    carrier_bring (self->buckets[0]->carrier, device, &dice, self->carry_rate);
}

static void
perform (World      *self,
         const Step *step,
         Device     *device,
         Dice       *dice)
{
  switch (step->kind)
    {
    case STEP_EDIT:
      device_edit (device, dice);
      break;
    case STEP_SYNC:
      plan_cancel (self, step, device);
      bring (self, step, device);
      device_sync (device, TRUE);
      break;
    case STEP_UPGRADE:
      upgrade (device);
      break;
    case STEP_REOPEN:
      device_close (device);
      device_open (device);
      break;
    case STEP_CRASH:
    case STEP_POWER_CUT:
      disk_die (device->disk);
      break;
    case STEP_SECOND:
      device_wait_a_second (device);
      break;
    case STEP_PRUNE:
      device_prune (device);
      break;
    case STEP_HARM:
      harm (self, device, dice);
      break;
    case N_STEP_KINDS:
    default:
      g_assert_not_reached ();
    }
}

static void
run_step (World *self,
          guint  n)
{
  const Step *step = &g_array_index (self->script, Step, n);
  Dice dice = dice_new (step->seed, 3);
  Device *device = g_ptr_array_index (self->devices, step->device % self->devices->len);
  gboolean power_cut = step->kind == STEP_POWER_CUT;

  sim_trace ("%u: device %u %s", n, device->number, step_names[step->kind]);
  count_add (COUNT_STEPS, 1);
  self->now += dice_pick (&dice, 0, 1, 1000, 86400000);
  device->dice = dice_new (step->seed, 4);
  device_set_time (device);
  if ((step->kind <= STEP_UPGRADE || step->kind == STEP_PRUNE) && dice_chance (&dice, self->crash_rate))
    {
      disk_die_after (device->disk, dice_below (&dice, dice_pick (&dice, 5, 30, 100)));
      power_cut = dice_chance (&dice, 300);
    }
  perform (self, step, device, &dice);
  if (disk_is_dead (device->disk))
    {
      if (power_cut)
        count_add (COUNT_POWER_CUTS, 1);
      device_recover (device, power_cut);
    }
  disk_die_after (device->disk, G_MAXUINT);
  device_note (device);
  if (dice_chance (&dice, 40))
    {
      check_device (device);
      /* Dearer than all the rest of a step. */
      if (dice_chance (&dice, 400))
        check_replay (device, &dice);
    }
}

/* -- Healing ------------------------------------------------------------------------------------------------------- */

static void
shuffle_devices (World *self,
                 guint *order,
                 Dice  *dice)
{
  for (guint i = 0; i < self->devices->len; i++)
    {
      guint other = dice_below (dice, i + 1);

      order[i] = order[other];
      order[other] = i;
    }
}

/* TRUE: nothing was to be done any more. */
static gboolean
sync_all (World *self,
          Dice  *dice)
{
  guint order[MAX_DEVICES];
  gboolean rest = TRUE;

  shuffle_devices (self, order, dice);
  for (guint i = 0; i < self->devices->len; i++)
    {
      Device *device = g_ptr_array_index (self->devices, order[i]);

      sim_trace ("  device %u syncs", device->number);
      device_set_time (device);
      if (!device_sync (device, FALSE) || device->n_requests[DIMPLE_STORAGE_GET] > 0 ||
          device->n_requests[DIMPLE_STORAGE_PUT] > 0 || device->n_requests[DIMPLE_STORAGE_REMOVE] > 0)
        rest = FALSE;
      device_note (device);
    }
  return rest;
}

static void
end_faults (World *self,
            Dice  *dice)
{
  gboolean upgrade_all = dice_chance (dice, 700);

  sim_trace ("from now on nothing fails");
  /* All that is carried has arrived. */
  g_clear_pointer (&self->buckets[0]->carrier, carrier_free);
  for (guint i = 0; i < self->devices->len; i++)
    {
      Device *device = g_ptr_array_index (self->devices, i);

      if (self->migrating && upgrade_all)
        device->version = N_VERSIONS;
      device_close (device);
      device_open (device);
      device_note (device);
    }
  if (self->devices->len < MAX_DEVICES && dice_chance (dice, 300))
    {
      count_add (COUNT_LATE_DEVICES, 1);
      /* It finds a repository, even if somebody emptied the bucket, or damaged the marker, which the user deletes. */
      if (!device_sync (g_ptr_array_index (self->devices, 0), FALSE))
        device_sync (g_ptr_array_index (self->devices, 0), FALSE);
      add_device (self, dice, (1u << self->n_buckets) - 1, self->migrating && upgrade_all ? N_VERSIONS : 1);
    }
}

static void
sync_until_rest (World *self,
                 Dice  *dice)
{
  for (guint round = 1; !sync_all (self, dice); round++)
    {
      if (round == MAX_ROUNDS)
        sim_fail ("the devices never stop syncing");
    }
}

/* Where it may be in parts, and somebody does harm. */
static void
let_visit (World *self)
{
  Dice dice = dice_new (self->seed, 9);

  if (!self->hostile || self->pack_size == 0 || dice_chance (&dice, 500))
    return;
  /* It finds a repository, even if somebody emptied the bucket. */
  device_sync (g_ptr_array_index (self->devices, 0), FALSE);
  harm_visit (self, &dice);
}

/* All go on writing.  Of two that wrote under one author id, as one is a copy of the other, each notices. */
static void
live_on (World *self,
         Dice  *dice)
{
  guint n_written[MAX_DEVICES];

  for (guint i = 0; i < self->devices->len; i++)
    {
      Device *device = g_ptr_array_index (self->devices, i);

      n_written[i] = device->written->len;
      for (guint j = 0; j < 3; j++)
        device_edit (device, dice);
      device_note (device);
    }
  sync_until_rest (self, dice);
  check_equal (self, "after all went on");

  for (guint i = 0; i < self->devices->len; i++)
    {
      Device *one = g_ptr_array_index (self->devices, i);
      g_autofree char *author = NULL;

      g_object_get (one->store, "author", &author, NULL);
      for (guint j = 0; j < i; j++)
        {
          Device *other = g_ptr_array_index (self->devices, j);
          g_autofree char *other_author = NULL;

          g_object_get (other->store, "author", &other_author, NULL);
          if (strcmp (author, other_author) == 0 && one->written->len > n_written[i] &&
              other->written->len > n_written[j])
            sim_fail ("devices %u and %u both write as %s", other->number, one->number, author);
        }
    }
}

static void
heal (World *self)
{
  Dice dice = dice_new (self->seed, 5);
  gboolean calm, rest = FALSE;
  Device *device;

  let_visit (self);
  calm = self->n_buckets == 1 && !self->harmed;
  end_faults (self, &dice);
  for (guint round = 1; !rest; round++)
    {
      if (round == MAX_ROUNDS)
        sim_fail ("the devices never stop syncing");
      sim_trace ("round %u", round);
      rest = sync_all (self, &dice);
      if (round == 2 && calm)
        {
          check_equal (self, "after two rounds");
          count_add (COUNT_TWO_ROUNDS, 1);
        }
    }
  for (guint i = 0; i < self->devices->len; i++)
    {
      check_device (g_ptr_array_index (self->devices, i));
      check_deletes (g_ptr_array_index (self->devices, i));
    }
  check_equal (self, "at rest");
  if (self->harmed || dice_chance (&dice, 100))
    live_on (self, &dice);
  check_idle (self);
  check_foreign (self, &dice);
  device = g_ptr_array_index (self->devices, dice_below (&dice, self->devices->len));
  count_add (COUNT_SHELVED, device_select_number (device, "SELECT count (*) FROM dimple_shelf"));
  count_add (COUNT_DESTROYED, g_hash_table_size (self->destroyed));
  check_replay (device, &dice);
  dice = dice_new (self->seed, 8);
  check_verify (self, &dice);
}

guint
world_get_n_steps (guint seed)
{
  World *self = world_new (seed);
  guint n = self->n_steps;

  world_free (self);
  return n;
}

void
world_run (guint   seed,
           GArray *steps)
{
  World *self;

  dimple_uuid_repeat (seed);
  self = world_new (seed);
  dimple_log_set_piece_size (self->piece_size);
  dimple_pack_set_size (self->pack_size);
  dimple_merge_set_max_touched (self->max_touched);
  dimple_table_changes_set_max_named (self->max_touched);
  count_add (COUNT_SEEDS, 1);
  populate (self);
  for (guint i = 0; i < (steps != NULL ? steps->len : self->n_steps); i++)
    run_step (self, steps != NULL ? g_array_index (steps, guint, i) : i);
  heal (self);
  world_free (self);
  leaks_check ();
}
