/* run.c: processes that run seeds, and shrinking
 *
 * Whatever a seed does to its process, the others go on: each process runs seeds until one fails, and is replaced.  The
 * first failure is shrunk by leaving out steps as long as it still fails, and what is left is told in full.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dimple-crypto-pool-private.h"

#include "simulator.h"

#define MAX_JOBS 64
#define FAILURE_SIZE 8192
#define SEED_SECONDS 300
#define SHRINK_SECONDS 120

/* What the processes share. */
typedef struct
{
  gint64 counts[N_COUNTS];
  gint   next;                           /* seed */
  guint  running[MAX_JOBS];              /* seed that a process runs */
  char   failures[MAX_JOBS][FAILURE_SIZE];
} Shared;

static Shared *shared;
static guint job;
static gboolean tracing;

static const char * const count_names[N_COUNTS] = {
  [COUNT_SEEDS] = "seeds",
  [COUNT_DEVICES] = "devices",
  [COUNT_BUCKETS] = "buckets",
  [COUNT_SEALED_BUCKETS] = "of them sealed",
  [COUNT_PASSPHRASES] = "of these by a passphrase",
  [COUNT_CARRIED_FOLDERS] = "of them folders that a service carried",
  [COUNT_STEPS] = "steps",
  [COUNT_STATEMENTS] = "statements",
  [COUNT_REFUSED_STATEMENTS] = "statements that a constraint refused",
  [COUNT_REFUSED_COMMITS] = "commits that a constraint refused",
  [COUNT_ROLLBACKS] = "rollbacks",
  [COUNT_TRANSACTIONS] = "transactions committed",
  [COUNT_MIGRATIONS] = "migrations after the first opening",
  [COUNT_RESOLVED] = "shelved rows resolved",
  [COUNT_PRUNINGS] = "prunings",
  [COUNT_DROPPED] = "transactions of which pruning left nothing",
  [COUNT_SYNCS] = "syncs",
  [COUNT_FAILED_SYNCS] = "syncs that failed",
  [COUNT_CANCELLED_AT_REQUEST] = "syncs cancelled at a request",
  [COUNT_CANCELLED_AT_WRITE] = "syncs cancelled at a write of SQLite",
  [COUNT_LISTS] = "LIST requests",
  [COUNT_GETS] = "GET requests",
  [COUNT_PUTS] = "PUT requests",
  [COUNT_REMOVALS] = "REMOVE requests",
  [COUNT_PARTS] = "parts of transactions put",
  [COUNT_COMPACTIONS] = "packs removed that others replace",
  [COUNT_CARRIED] = "files, and removals of files, that arrived in any order",
  [COUNT_FAULT_BEFORE] = "fault: failed before its effect",
  [COUNT_FAULT_AFTER] = "fault: the answer was lost",
  [COUNT_FAULT_STALE] = "fault: stale listing",
  [COUNT_FAULT_TRUNCATED_LIST] = "fault: truncated listing",
  [COUNT_FAULT_TRUNCATED_GET] = "fault: truncated answer",
  [COUNT_FAULT_LATE] = "fault: slow, answered after others",
  [COUNT_CRASH_REQUEST] = "crash at a request",
  [COUNT_CRASH_WRITE] = "crash at a write of SQLite",
  [COUNT_POWER_CUTS] = "power cuts",
  [COUNT_LOST_TO_POWER] = "transactions of the last second that a power cut took",
  [COUNT_HARM_DELETED] = "harm: object deleted",
  [COUNT_HARM_TRUNCATED] = "harm: object cut in half",
  [COUNT_HARM_SWAPPED] = "harm: objects swapped",
  [COUNT_HARM_WIPED] = "harm: bucket emptied",
  [COUNT_HARM_RESTORED] = "harm: old backup put back",
  [COUNT_HARM_COPIED] = "harm: database copied",
  [COUNT_HARM_CLOCK] = "harm: clock set",
  [COUNT_HARM_LOST_PART] = "harm: part lost of what nobody else has",
  [COUNT_DESTROYED] = "transactions whose last copy was destroyed",
  [COUNT_LATE_DEVICES] = "devices that joined at the end",
  [COUNT_TWO_ROUNDS] = "worlds checked after just two rounds",
  [COUNT_SHELVED] = "rows shelved at the end",
  [COUNT_REPLAYS] = "replays in another order",
  [COUNT_COMPARED] = "stores compared with each other by the library",
  [COUNT_VERIFIED] = "stores verified against their buckets",
  [COUNT_REPAIRED] = "damaged packs that only this noticed, and the next sync mended",
  [COUNT_PLANTED] = "rows changed behind the back of a store, and found",
};

void
count_add (Count  what,
           gint64 n)
{
  __atomic_add_fetch (&shared->counts[what], n, __ATOMIC_RELAXED);
}

void
sim_trace (const char *format,
           ...)
{
  va_list arguments;
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;

  if (!tracing)
    return;
  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    g_print ("# %s\n", lines[i]);
}

void
sim_fail (const char *format,
          ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_vsnprintf (shared->failures[job], FAILURE_SIZE, format, arguments);
  va_end (arguments);
  fflush (stdout);
  _exit (1);
}

static void
print_failure (const char *text)
{
  g_auto(GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    g_print ("# %s\n", lines[i]);
}

/* A process that is dead, and does not know it, may complain; nobody else. */
static void
on_log (const char     *domain,
        GLogLevelFlags  level,
        const char     *message,
        gpointer        user_data)
{
  if (level & G_LOG_LEVEL_WARNING && disk_is_any_dead ())
    sim_trace ("    (%s)", message);
  else if (level & (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR))
    sim_fail ("%s: %s", domain, message);
}

/* -- One seed by itself -------------------------------------------------------------------------------------------- */

static void
describe_end (int status)
{
  if (WIFSIGNALED (status))
    g_snprintf (shared->failures[job], FAILURE_SIZE, "the process ended by signal %d%s", WTERMSIG (status),
                WTERMSIG (status) == SIGALRM ? ": it hangs" : "");
  else if (*shared->failures[job] == '\0')
    g_snprintf (shared->failures[job], FAILURE_SIZE, "the process ended with %d", WEXITSTATUS (status));
}

/* TRUE: it fails, and shared->failures[job] says how. */
static gboolean
run_alone (guint    seed,
           GArray  *steps,
           gboolean trace)
{
  pid_t child;
  int status;

  *shared->failures[job] = '\0';
  fflush (stdout);
  child = fork ();
  if (child == 0)
    {
      int nowhere = open ("/dev/null", O_WRONLY);

      tracing = trace;
      if (!trace)
        dup2 (nowhere, STDERR_FILENO);
      alarm (SEED_SECONDS);
      world_run (seed, steps);
      fflush (stdout);
      _exit (0);
    }
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    ;
  if (status == 0)
    return FALSE;
  describe_end (status);
  return TRUE;
}

/* -- Shrinking ----------------------------------------------------------------------------------------------------- */

static GArray *
all_steps (guint seed)
{
  GArray *steps = g_array_new (FALSE, FALSE, sizeof (guint));
  guint n = world_get_n_steps (seed);

  for (guint i = 0; i < n; i++)
    g_array_append_val (steps, i);
  return steps;
}

static GArray *
without (GArray *steps,
         guint   first,
         guint   n)
{
  GArray *less = g_array_copy (steps);

  g_array_remove_range (less, first, n);
  return less;
}

/* The beginning of what went wrong, without what differs from run to run. */
static char *
failure_kind (void)
{
  g_autofree char *text = g_strndup (shared->failures[job], 60);
  GString *kind = g_string_new ("");

  for (const char *c = text; *c != '\0' && *c != '\n'; c++)
    {
      if (!g_ascii_isxdigit (*c) && *c != '-')
        g_string_append_c (kind, *c);
    }
  return g_string_free (kind, FALSE);
}

static gboolean
fails_alike (guint       seed,
             GArray     *steps,
             const char *kind)
{
  g_autofree char *other = run_alone (seed, steps, FALSE) ? failure_kind () : NULL;

  return g_strcmp0 (kind, other) == 0;
}

static GArray *
shrink (guint   seed,
        GArray *steps)
{
  g_autofree char *kind = run_alone (seed, steps, FALSE) ? failure_kind () : NULL;
  gint64 end = g_get_monotonic_time () + SHRINK_SECONDS * G_USEC_PER_SEC;
  guint n = MAX (steps->len / 2, 1);

  while (kind != NULL && steps->len > 0 && g_get_monotonic_time () < end)
    {
      gboolean shrunk = FALSE;

      /* From the end: what comes late is needed least. */
      for (guint i = steps->len; i > 0 && g_get_monotonic_time () < end; i -= MIN (i, n))
        {
          guint first = i - MIN (i, n);
          GArray *less = without (steps, first, i - first);

          if (fails_alike (seed, less, kind))
            {
              g_array_unref (steps);
              steps = less;
              shrunk = TRUE;
            }
          else
            {
              g_array_unref (less);
            }
        }
      if (n == 1 && !shrunk)
        break;
      n = shrunk ? MIN (n, MAX (steps->len / 2, 1)) : MAX (n / 2, 1);
    }
  return steps;
}

static GArray *
parse_steps (const char *text)
{
  GArray *steps = g_array_new (FALSE, FALSE, sizeof (guint));
  g_auto(GStrv) parts = g_strsplit (text, ",", -1);

  for (guint i = 0; parts[i] != NULL && *parts[i] != '\0'; i++)
    {
      const char *dash = strchr (parts[i], '-');
      guint first = (guint) strtoul (parts[i], NULL, 10);
      guint last = dash != NULL ? (guint) strtoul (dash + 1, NULL, 10) : first;

      for (; first <= last; first++)
        g_array_append_val (steps, first);
    }
  return steps;
}

static char *
format_steps (GArray *steps)
{
  GString *text = g_string_new ("");

  for (guint i = 0; i < steps->len; i++)
    g_string_append_printf (text, "%s%u", i > 0 ? "," : "", g_array_index (steps, guint, i));
  return g_string_free (text, FALSE);
}

static void
explain (guint seed)
{
  g_autoptr(GArray) steps = shrink (seed, all_steps (seed));
  g_autofree char *text = format_steps (steps);

  g_print ("# the shortest script that fails: --seed=%u --steps=%s\n", seed, text);
  if (!run_alone (seed, steps, TRUE))
    g_print ("# … but not this time\n");
  else
    print_failure (shared->failures[job]);
}

/* -- Many seeds ---------------------------------------------------------------------------------------------------- */

static void
run_seeds (guint  last,
           gint64 end)
{
  while (end == 0 || g_get_monotonic_time () < end)
    {
      guint seed = (guint) __atomic_fetch_add (&shared->next, 1, __ATOMIC_RELAXED);

      if (seed >= last)
        break;
      shared->running[job] = seed;
      alarm (SEED_SECONDS);
      world_run (seed, NULL);
    }
  fflush (stdout);
  _exit (0);
}

static pid_t
start (guint  number,
       guint  last,
       gint64 end)
{
  pid_t child;

  fflush (stdout);
  *shared->failures[number] = '\0';
  child = fork ();
  if (child == 0)
    {
      job = number;
      run_seeds (last, end);
    }
  return child;
}

static guint
find_job (const pid_t *children,
          pid_t        child)
{
  guint number = 0;

  while (children[number] != child)
    number++;
  return number;
}

/* Returns how many failed, the first of them in `failed`. */
static guint
run_range (guint     first,
           guint     last,
           guint     jobs,
           gint64    end,
           gboolean  until_failure,
           guint    *failed)
{
  pid_t children[MAX_JOBS];
  guint n_failed = 0;

  shared->next = (gint) first;
  for (guint i = 0; i < jobs; i++)
    children[i] = start (i, last, end);
  for (guint left = jobs; left > 0; )
    {
      int status;
      pid_t child = wait (&status);

      if (child < 0)
        continue;
      job = find_job (children, child);
      left--;
      if (status == 0)
        continue;
      describe_end (status);
      g_print ("# seed %u failed\n", shared->running[job]);
      print_failure (shared->failures[job]);
      if (n_failed++ == 0)
        *failed = shared->running[job];
      if (until_failure)
        __atomic_store_n (&shared->next, G_MAXINT, __ATOMIC_RELAXED);
      children[job] = start (job, last, end);
      left++;
    }
  job = 0;
  return n_failed;
}

static void
print_counts (double seconds)
{
  for (guint i = 0; i < N_COUNTS; i++)
    g_print ("# %12" G_GINT64_FORMAT " %s\n", shared->counts[i], count_names[i]);
  g_print ("# %.0f seconds\n", seconds);
}

/* Where the library makes stores of its own; the processes that run seeds know of it, too. */
static char *
make_cache (void)
{
  char *folder = g_dir_make_tmp ("dimple-simulator-XXXXXX", NULL);

  g_assert (folder != NULL);
  g_setenv ("XDG_CACHE_HOME", folder, TRUE);
  g_assert_cmpstr (g_get_user_cache_dir (), ==, folder);
  return folder;
}

/* What a process that was ended leaves there is told, not hidden. */
static void
remove_cache (const char *folder)
{
  if (g_rmdir (folder) != 0)
    g_print ("# %s is not empty\n", folder);
}

static guint
run_one (const RunOptions *options)
{
  g_autoptr(GArray) steps = options->steps != NULL ? parse_steps (options->steps) : NULL;
  gboolean failed = run_alone (options->first, steps, TRUE);

  if (failed)
    print_failure (shared->failures[job]);
  g_print ("1..1\n%sok 1 /simulator/seed-%u\n", failed ? "not " : "", options->first);
  if (failed && options->shrink && steps == NULL)
    explain (options->first);
  return failed;
}

guint
run (const RunOptions *options)
{
  gint64 start_time = g_get_monotonic_time ();
  gint64 end = options->minutes > 0 ? start_time + (gint64) (options->minutes * 60 * G_USEC_PER_SEC) : 0;
  g_autofree char *cache = make_cache ();
  guint n_failed, failed = 0;

  shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert (shared != MAP_FAILED);
  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_log_set_default_handler (on_log, NULL);
  dimple_crypto_pool_run_inline ();
  leaks_count_memory ();
  if (options->leaks && !leaks_look_closely ())
    {
      g_print ("1..0 # SKIP there is no LeakSanitizer: build with -Db_sanitize=address\n");
      return 0;
    }
  if (options->last == options->first + 1)
    {
      n_failed = run_one (options);
      remove_cache (cache);
      return n_failed;
    }

  n_failed = run_range (options->first, end > 0 ? G_MAXINT : options->last, CLAMP (options->jobs, 1, MAX_JOBS), end,
                        options->until_failure, &failed);
  print_counts ((double) (g_get_monotonic_time () - start_time) / G_USEC_PER_SEC);
  if (n_failed > 0 && options->shrink)
    explain (failed);
  remove_cache (cache);
  g_print ("1..1\n%sok 1 /simulator/seeds-from-%u # %u failed\n", n_failed > 0 ? "not " : "", options->first, n_failed);
  return n_failed;
}
