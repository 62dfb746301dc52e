/* simulator.h: devices, apps, buckets and their bad luck, all from one seed
 *
 * A World is made from a seed: an app with its migrations, devices whose clocks are wrong, buckets that fail.  Its
 * script is a list of steps, each with dice of its own, so that a step taken out leaves the others what they were: that
 * is how a failure is shrunk.  Nothing here asks a real clock or real randomness, and one thread at a time does
 * everything.
 *
 *   disk.c      where a device's database is, and what a crash or a power cut leaves of it
 *   bucket.c    storages, and all that may happen to a request
 *   carrier.c   a folder that a service carries from device to device
 *   seal.c      buckets whose objects are sealed
 *   app.c       generated schemas and migrations
 *   device.c    a store and its client, opened and opened again
 *   edits.c     what users do to rows
 *   harm.c      what others do to buckets and databases
 *   checks.c    what must hold
 *   verify.c    what the library itself says of it
 *   leaks.c     what must be gone at the end
 *   world.c     the script, and healing
 *   run.c       processes that run seeds, and shrinking
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple.h"

#include "dimple-error.h"
#include "dimple-held-private.h"
#include "dimple-pack-private.h"
#include "dimple-store-private.h"
#include "dimple-test.h"

#define MAX_DEVICES 6
#define MAX_BUCKETS 2
#define N_VERSIONS 3

typedef struct _World World;
typedef struct _Device Device;

/* -- Dice ---------------------------------------------------------------------------------------------------------- */

typedef struct
{
  guint64 state;
} Dice;

Dice     dice_new    (guint64 seed,
                      guint64 stream);
guint64  dice_roll   (Dice   *self);
/* 0 … n - 1 */
guint    dice_below  (Dice   *self,
                      guint   n);
gboolean dice_chance (Dice   *self,
                      guint   permille);

#define dice_pick(self, ...) \
  (((const guint[]) { __VA_ARGS__ })[dice_below (self, G_N_ELEMENTS (((const guint[]) { __VA_ARGS__ })))])

/* -- What is counted ----------------------------------------------------------------------------------------------- */

typedef enum
{
  COUNT_SEEDS,
  COUNT_DEVICES,
  COUNT_BUCKETS,
  COUNT_SEALED_BUCKETS,
  COUNT_PASSPHRASES,
  COUNT_CARRIED_FOLDERS,
  COUNT_STEPS,
  COUNT_STATEMENTS,
  COUNT_REFUSED_STATEMENTS,
  COUNT_REFUSED_COMMITS,
  COUNT_ROLLBACKS,
  COUNT_TRANSACTIONS,
  COUNT_MIGRATIONS,
  COUNT_RESOLVED,
  COUNT_PRUNINGS,
  COUNT_DROPPED,
  COUNT_SYNCS,
  COUNT_FAILED_SYNCS,
  COUNT_CANCELLED_AT_REQUEST,
  COUNT_CANCELLED_AT_WRITE,
  COUNT_LISTS,
  COUNT_GETS,
  COUNT_PUTS,
  COUNT_REMOVALS,
  COUNT_PARTS,
  COUNT_COMPACTIONS,
  COUNT_CARRIED,
  COUNT_FAULT_BEFORE,
  COUNT_FAULT_AFTER,
  COUNT_FAULT_STALE,
  COUNT_FAULT_TRUNCATED_LIST,
  COUNT_FAULT_TRUNCATED_GET,
  COUNT_FAULT_LATE,
  COUNT_CRASH_REQUEST,
  COUNT_CRASH_WRITE,
  COUNT_POWER_CUTS,
  COUNT_LOST_TO_POWER,
  COUNT_HARM_DELETED,
  COUNT_HARM_TRUNCATED,
  COUNT_HARM_SWAPPED,
  COUNT_HARM_WIPED,
  COUNT_HARM_RESTORED,
  COUNT_HARM_COPIED,
  COUNT_HARM_CLOCK,
  COUNT_HARM_LOST_PART,
  COUNT_DESTROYED,
  COUNT_LATE_DEVICES,
  COUNT_TWO_ROUNDS,
  COUNT_SHELVED,
  COUNT_REPLAYS,
  COUNT_COMPARED,
  COUNT_VERIFIED,
  COUNT_REPAIRED,
  COUNT_PLANTED,
  N_COUNTS
} Count;

void count_add (Count  what,
                gint64 n);

/* -- Failing and telling ------------------------------------------------------------------------------------------- */

/* Ends the process that runs this seed. */
void sim_fail  (const char *format,
                ...) G_GNUC_PRINTF (1, 2) G_GNUC_NORETURN;
/* Into the trace, if there is one. */
void sim_trace (const char *format,
                ...) G_GNUC_PRINTF (1, 2);

/* -- Disks --------------------------------------------------------------------------------------------------------- */

typedef struct _Disk Disk;

Disk    *disk_new        (void);
void     disk_free       (Disk    *self);
/* The next database that is opened in memory is the one on this disk. */
void     disk_use        (Disk    *self);
/* The disk hears nothing any more after `n` writes: the process is dead, though it does not know. */
void     disk_die_after  (Disk    *self,
                          guint    n);
void     disk_die        (Disk    *self);
/* `func` is called at the write after `n` more of other threads than the present one; NULL: not at all. */
void     disk_tell_after (Disk    *self,
                          guint    n,
                          void   (*func) (gpointer user_data),
                          gpointer user_data);
gboolean disk_is_dead    (Disk    *self);
gboolean disk_is_any_dead (void);
/* After everything was closed: lives again, with all that was written; or, after a power cut, with what was synced. */
void     disk_revive     (Disk    *self,
                          gboolean power_cut,
                          Dice    *dice);
/* What a backup made between two transactions has. */
Disk    *disk_copy       (Disk    *self);

/* -- A folder that is carried -------------------------------------------------------------------------------------- */

typedef struct _Carrier Carrier;

Carrier    *carrier_new         (void);
void        carrier_free        (Carrier    *self);
/* What a device sees. */
GHashTable *carrier_get_objects (Carrier    *self,
                                 Device     *device);
/* A device has put an object, or removed it. */
void        carrier_take        (Carrier    *self,
                                 Device     *device,
                                 const char *key,
                                 GBytes     *contents);       /* (nullable) */
/* Some of what others have done arrives. */
void        carrier_bring       (Carrier    *self,
                                 Device     *device,
                                 Dice       *dice,
                                 guint       permille);

/* -- Buckets ------------------------------------------------------------------------------------------------------- */

typedef struct
{
  World      *world;
  const char *name;
  gboolean    sealed;
  GPtrArray  *identities;      /* (nullable) of DimpleAgeIdentity: all that there ever were; sealed by a passphrase */
  Carrier    *carrier;         /* (nullable) */
  GHashTable *objects;         /* key -> GBytes; once all that is carried has arrived */
  GQueue      past;            /* of sets of keys, newest first */
} Bucket;

Bucket        *bucket_new         (World      *world,
                                   const char *name);
void           bucket_free        (Bucket     *self);
/* All keys, in order. */
GPtrArray     *bucket_get_keys    (Bucket     *self,
                                   const char *prefix);
/* What listings may show from now on. */
void           bucket_note_past   (Bucket     *self);
/* How a device reaches it. */
DimpleStorage *bucket_get_storage (Bucket     *self,
                                   Device     *device);
/* The pack that `contents` are; NULL if they are none, or another one than `key` says. */
DimplePack    *bucket_read_pack   (Bucket     *self,
                                   const char *key,
                                   GBytes     *contents);
gboolean       bucket_is_marker   (GBytes     *contents);
/* Whether they can be opened by who has the bucket alone. */
gboolean       bucket_has_key     (Bucket     *self,
                                   GBytes     *contents);

/* Whatever is put into `storage` is sealed, for the one identity that all are given, or by the one passphrase. */
DimpleStorage *seal_storage       (DimpleStorage *storage,      /* (transfer full) */
                                   gboolean       by_passphrase);
/* What an object of identities holds: none if it is damaged. */
GPtrArray     *seal_read_identities (GBytes    *contents);
/* NULL if it cannot be opened. */
GBytes        *seal_open          (GBytes     *sealed,
                                   GPtrArray  *identities);    /* (nullable) the one that all are given */

/* -- Apps ---------------------------------------------------------------------------------------------------------- */

/* The scripts of the newest version; an older app knows only the first ones. */
GStrv app_new (Dice *dice);

/* -- Devices ------------------------------------------------------------------------------------------------------- */

struct _Device
{
  World            *world;
  guint             number;
  Disk             *disk;
  DimpleStore      *store;
  DimpleSyncClient *client;
  guint             reaches;           /* bit n: bucket n */
  guint             version;           /* of the app: how many scripts it knows */
  gint64            skew;              /* ms */

  GPtrArray        *written;           /* ids that its database must have, in order */
  guint             n_durable;         /* of them, those that a power cut leaves */
  gint64            noted_seq;
  GHashTable       *uploaded;          /* set of ids that it put somewhere */

  /* while it syncs */
  Dice              dice;
  gboolean          faulty;
  guint             n_requests[4];     /* by DimpleStorageOperation */
  GCancellable     *cancellable;       /* (nullable) the user's */
  GCancellable     *running;           /* (nullable) what the library makes of it */
  int               requests_left;     /* until the user cancels; -1: never */
  gboolean          is_cancelled;
};

Device  *device_new     (World   *world,
                         guint    reaches,
                         Disk    *disk);      /* (nullable) (transfer full) a copy of another's */
void     device_free    (Device  *self);
void     device_open    (Device  *self);
/* As when the app ends. */
void     device_close   (Device  *self);
/* Puts it right after whatever may have killed it. */
void     device_recover (Device  *self,
                         gboolean power_cut);
/* The database is another one now. */
void     device_replace (Device  *self,
                         Disk    *disk);      /* (transfer full) */
/* Remembers what was committed. */
void     device_note    (Device  *self);
void     device_set_time (Device *self);
/* FALSE: it died. */
gboolean device_migrate (Device  *self);
gboolean device_sync    (Device  *self,
                         gboolean faulty);
/* The user will cancel the next sync somewhere in the middle. */
void     device_plan_cancel (Device *self,
                             Dice   *dice);
/* That is now.  On the thread of the sync. */
void     device_cancel  (Device  *self,
                         Count    where);
void     device_wait_a_second (Device *self);
/* Drops from its history all that is superseded. */
void     device_prune    (Device  *self);
/* Everything in its log: the set of ids. */
GHashTable *device_get_ids (Device *self);
/* What it goes on holding when pruning has dropped it. */
DimpleHeld *device_get_held (Device *self);
/* The rows that a query gives, one a line. */
char    *device_select  (Device     *self,
                         const char *sql);
gint64   device_select_number (Device     *self,
                               const char *sql);
char    *store_select   (DimpleStore *store,
                         const char  *sql);

void     device_edit    (Device  *self,
                         Dice    *dice);

/* -- The world ----------------------------------------------------------------------------------------------------- */

typedef enum
{
  STEP_EDIT,
  STEP_SYNC,
  STEP_UPGRADE,
  STEP_REOPEN,
  STEP_CRASH,
  STEP_POWER_CUT,
  STEP_SECOND,
  STEP_PRUNE,
  STEP_HARM,
  N_STEP_KINDS
} StepKind;

typedef struct
{
  StepKind kind;
  guint    device;
  guint64  seed;
} Step;

struct _World
{
  guint       seed;
  GStrv       scripts;
  GPtrArray  *devices;
  Bucket     *buckets[MAX_BUCKETS];
  guint       n_buckets;
  guint       sealed;              /* bit n: bucket n */
  gboolean    by_passphrase;       /* … and not for an identity that all are given */
  guint       carry_rate;          /* permille, of files that arrive before a sync; 0: nothing is carried */
  GArray     *script;              /* of Step */

  guint       fault_rate;          /* permille, of requests */
  guint       stale_rate;
  guint       crash_rate;          /* of steps */
  gboolean    hostile;
  gboolean    harmed;
  gboolean    migrating;
  gboolean    pruning;
  guint       cancel_rate;         /* permille, of syncs */
  guint       piece_size;          /* of large transactions in the log; 0: as ever */
  guint       pack_size;
  guint       max_touched;         /* rows that a merge keeps in memory */
  gint64      now;                 /* ms */
  guint       n_steps;

  GPtrArray  *backups;             /* of Backup */
  GHashTable *committed;           /* set of ids */
  GHashTable *destroyed;           /* those whose last copy somebody destroyed */
};

/* Runs those steps of a seed that are listed, or all; what comes back did not fail. */
void        world_run           (guint    seed,
                                 GArray  *steps);      /* (nullable) of guint */
guint       world_get_n_steps   (guint    seed);

/* -- Harm ---------------------------------------------------------------------------------------------------------- */

void        harm                (World   *world,
                                 Device  *device,
                                 Dice    *dice);
void        harm_visit          (World   *world,
                                 Dice    *dice);
void        harm_keep_backup    (World   *world,
                                 Device  *device);
void        harm_free_backups   (World   *world);
/* Every transaction of which a copy exists somewhere. */
GHashTable *harm_find_held      (World   *world);

/* -- Checks -------------------------------------------------------------------------------------------------------- */

/* Right for a store at any moment. */
void        check_device        (Device  *device);
/* The same transactions in another order give the same. */
void        check_replay        (Device  *device,
                                 Dice    *dice);
/* All devices are equal, and nothing is missing. */
void        check_equal         (World   *world,
                                 const char *when);
/* A row is only gone if somebody deleted it. */
void        check_deletes       (Device  *device);
/* Nothing to do takes one request a bucket. */
void        check_idle          (World   *world);
/* Another repository is not touched, nor is the store. */
void        check_foreign       (World   *world,
                                 Dice    *dice);

/* verify() of the library finds what is different, and nothing else. */
void        check_verify        (World   *world,
                                 Dice    *dice);

/* -- Leaks --------------------------------------------------------------------------------------------------------- */

/* It has to be gone at the end of the seed. */
void        leaks_watch         (gpointer object);
void        leaks_check         (void);
/* Before anything else is asked of SQLite. */
void        leaks_count_memory  (void);
/* From now on LeakSanitizer looks at every seed; FALSE: it is not there. */
gboolean    leaks_look_closely  (void);

/* -- Running ------------------------------------------------------------------------------------------------------- */

typedef struct
{
  guint       first;
  guint       last;
  guint       jobs;
  double      minutes;             /* 0: as many seeds as there are */
  const char *steps;               /* (nullable) "3,7-9": of seed `first` */
  gboolean    shrink;
  gboolean    until_failure;       /* no more seeds after one that fails */
  gboolean    leaks;               /* LeakSanitizer looks, too */
} RunOptions;

/* Prints TAP; how many failed. */
guint       run                 (const RunOptions *options);
