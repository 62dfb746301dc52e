/* test-auto-sync.c: when to sync by itself
 *
 * The network is whatever a test says.  Nothing here fails because a machine is slow: times are only checked from
 * below.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "devices.h"
#include "dimple-auto-sync-private.h"
#include "dimple-sync-client-private.h"

/* -- A network ----------------------------------------------------------------------------------------------------- */

static gboolean network_available = TRUE;
static gboolean network_metered;

#define TEST_TYPE_NETWORK (test_network_get_type ())
G_DECLARE_FINAL_TYPE (TestNetwork, test_network, TEST, NETWORK, GObject)

struct _TestNetwork
{
  GObject parent_instance;
};

static gboolean
test_network_initable_init (GInitable     *initable,
                            GCancellable  *cancellable,
                            GError       **error)
{
  return TRUE;
}

static void
test_network_initable_iface_init (GInitableIface *iface)
{
  iface->init = test_network_initable_init;
}

static void
test_network_monitor_iface_init (GNetworkMonitorInterface *iface)
{
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestNetwork, test_network, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, test_network_initable_iface_init)
                               G_IMPLEMENT_INTERFACE (G_TYPE_NETWORK_MONITOR, test_network_monitor_iface_init))

enum
{
  PROP_AVAILABLE = 1,
  PROP_METERED,
  PROP_CONNECTIVITY
};

static void
test_network_get_property (GObject    *object,
                           guint       property_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  if (property_id == PROP_AVAILABLE)
    g_value_set_boolean (value, network_available);
  else if (property_id == PROP_METERED)
    g_value_set_boolean (value, network_metered);
  else
    g_value_set_enum (value, network_available ? G_NETWORK_CONNECTIVITY_FULL : G_NETWORK_CONNECTIVITY_LOCAL);
}

static void
test_network_class_init (TestNetworkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = test_network_get_property;
  g_object_class_override_property (object_class, PROP_AVAILABLE, "network-available");
  g_object_class_override_property (object_class, PROP_METERED, "network-metered");
  g_object_class_override_property (object_class, PROP_CONNECTIVITY, "connectivity");
}

static void
test_network_init (TestNetwork *self)
{
}

static void
set_network (gboolean available,
             gboolean metered)
{
  GNetworkMonitor *monitor = g_network_monitor_get_default ();

  g_assert_true (TEST_IS_NETWORK (monitor));
  network_available = available;
  network_metered = metered;
  g_signal_emit_by_name (monitor, "network-changed", available);
}

/* -- The clockwork ------------------------------------------------------------------------------------------------- */

typedef struct
{
  DimpleAutoSync *auto_sync;
  guint           n_due;
  guint           n_changed;
} Clockwork;

static void
on_due (gpointer user_data)
{
  Clockwork *self = user_data;

  self->n_due++;
  dimple_auto_sync_note_begin (self->auto_sync);
}

static void
on_changed (gpointer user_data)
{
  ((Clockwork *) user_data)->n_changed++;
}

static const DimpleAutoSyncFuncs funcs = { on_due, on_changed };

static Clockwork *
clockwork_new (guint debounce,
               guint retry)
{
  Clockwork *self = g_new0 (Clockwork, 1);

  self->auto_sync = dimple_auto_sync_new (g_main_context_default (), &funcs, self);
  dimple_auto_sync_set_delays (self->auto_sync, debounce, retry);
  return self;
}

static void
clockwork_free (Clockwork *self)
{
  dimple_auto_sync_free (self->auto_sync);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Clockwork, clockwork_free)

static void
wait_due (Clockwork *self,
          guint      n)
{
  while (self->n_due < n)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (self->n_due, ==, n);
}

/* Whatever is due within some milliseconds has come. */
static void
let_pass (guint milliseconds)
{
  gint64 end = g_get_monotonic_time () + milliseconds * G_TIME_SPAN_MILLISECOND;

  while (g_get_monotonic_time () < end)
    {
      g_main_context_iteration (NULL, FALSE);
      g_usleep (1000);
    }
}

/* It begins at once when it is switched on: others may have written meanwhile. */
static void
begin (Clockwork *self)
{
  dimple_auto_sync_set_enabled (self->auto_sync, TRUE);
  wait_due (self, 1);
  dimple_auto_sync_note_end (self->auto_sync, TRUE, FALSE);
}

static void
test_debounce (void)
{
  g_autoptr(Clockwork) self = clockwork_new (20, 20);

  dimple_auto_sync_note_change (self->auto_sync);
  let_pass (40);
  g_assert_cmpuint (self->n_due, ==, 0);

  begin (self);
  g_assert_false (dimple_auto_sync_is_waiting (self->auto_sync));
  for (guint i = 0; i < 100; i++)
    dimple_auto_sync_note_change (self->auto_sync);
  g_assert_true (dimple_auto_sync_is_waiting (self->auto_sync));
  wait_due (self, 2);
  g_assert_false (dimple_auto_sync_is_waiting (self->auto_sync));
  dimple_auto_sync_note_end (self->auto_sync, TRUE, FALSE);
  let_pass (40);
  g_assert_cmpuint (self->n_due, ==, 2);

  /* Typing on and on does not put it off forever. */
  while (self->n_due == 2)
    {
      dimple_auto_sync_note_change (self->auto_sync);
      g_main_context_iteration (NULL, FALSE);
    }
}

/* Not while one is under way; the client tells again what came meanwhile. */
static void
test_running (void)
{
  g_autoptr(Clockwork) self = clockwork_new (1, 1);

  begin (self);
  dimple_auto_sync_note_begin (self->auto_sync);
  dimple_auto_sync_note_change (self->auto_sync);
  let_pass (20);
  g_assert_cmpuint (self->n_due, ==, 1);
  dimple_auto_sync_note_end (self->auto_sync, TRUE, FALSE);
  wait_due (self, 2);
}

static void
test_interval (void)
{
  g_autoptr(Clockwork) self = clockwork_new (1, 1);
  gint64 start;

  begin (self);
  start = g_get_monotonic_time ();
  dimple_auto_sync_set_interval (self->auto_sync, 1);
  wait_due (self, 2);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 990 * G_TIME_SPAN_MILLISECOND);
}

static void
test_backoff (void)
{
  g_autoptr(Clockwork) self = clockwork_new (1, 10);
  gint64 least = 8 * G_TIME_SPAN_MILLISECOND;

  begin (self);
  dimple_auto_sync_note_change (self->auto_sync);
  wait_due (self, 2);
  for (guint n = 3; n < 8; n++)
    {
      gint64 start = g_get_monotonic_time ();

      dimple_auto_sync_note_end (self->auto_sync, FALSE, FALSE);
      g_assert_true (dimple_auto_sync_is_waiting (self->auto_sync));
      wait_due (self, n);
      g_assert_cmpint (g_get_monotonic_time () - start, >=, least - G_TIME_SPAN_MILLISECOND);
      least *= 2;
    }

  /* What went well begins anew. */
  dimple_auto_sync_note_end (self->auto_sync, TRUE, FALSE);
  g_assert_false (dimple_auto_sync_is_waiting (self->auto_sync));
}

/* A local change does not make a failed one come earlier, but the network does. */
static void
test_network (void)
{
  g_autoptr(Clockwork) self = clockwork_new (1, 1000000);

  begin (self);
  dimple_auto_sync_note_change (self->auto_sync);
  wait_due (self, 2);
  dimple_auto_sync_note_end (self->auto_sync, FALSE, FALSE);
  dimple_auto_sync_note_change (self->auto_sync);
  let_pass (30);
  g_assert_cmpuint (self->n_due, ==, 2);
  set_network (FALSE, FALSE);
  let_pass (30);
  g_assert_cmpuint (self->n_due, ==, 2);
  set_network (TRUE, FALSE);
  wait_due (self, 3);
}

static void
test_metered (void)
{
  g_autoptr(Clockwork) self = clockwork_new (1, 1);

  set_network (TRUE, TRUE);
  dimple_auto_sync_set_enabled (self->auto_sync, TRUE);
  g_assert_true (dimple_auto_sync_is_paused (self->auto_sync));
  let_pass (20);
  g_assert_cmpuint (self->n_due, ==, 0);
  set_network (TRUE, FALSE);
  wait_due (self, 1);
  dimple_auto_sync_note_end (self->auto_sync, TRUE, FALSE);

  /* With nothing to do there is nothing to pause. */
  set_network (TRUE, TRUE);
  let_pass (5);
  g_assert_false (dimple_auto_sync_is_paused (self->auto_sync));
  dimple_auto_sync_note_change (self->auto_sync);
  g_assert_true (dimple_auto_sync_is_paused (self->auto_sync));
  dimple_auto_sync_set_allow_metered (self->auto_sync, TRUE);
  g_assert_false (dimple_auto_sync_is_paused (self->auto_sync));
  wait_due (self, 2);

  set_network (TRUE, FALSE);
}

/* -- The client ---------------------------------------------------------------------------------------------------- */

static void
assert_status (Device          *device,
               DimpleSyncState  state,
               const char      *status)
{
  DimpleSyncState actual_state;
  g_autofree char *actual_status = NULL;

  g_object_get (device->client, "state", &actual_state, "status", &actual_status, NULL);
  g_assert_cmpstr (actual_status, ==, status);
  g_assert_cmpint (actual_state, ==, state);
}

static void
wait_for_pending (Device *device,
                  guint   expected)
{
  guint pending;

  while (g_object_get (device->client, "pending", &pending, NULL), pending != expected)
    g_main_context_iteration (NULL, TRUE);
}

/* The user's “Sync now” does not ask what the connection costs. */
static void
test_client_metered (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);

  set_network (TRUE, TRUE);
  dimple_auto_sync_set_delays (dimple_sync_client_get_auto_sync (one->client), 1, 1);
  g_object_set (one->client, "auto-sync", TRUE, NULL);
  assert_status (one, DIMPLE_SYNC_PAUSED, "Paused: the connection is metered");
  device_note (one, "a", "");
  wait_for_pending (one, 1);
  let_pass (20);
  assert_status (one, DIMPLE_SYNC_PAUSED, "1 change waiting: the connection is metered");
  g_assert_cmpuint (bucket->n_requests, ==, 0);

  device_sync (one);
  assert_status (one, DIMPLE_SYNC_IDLE, "Up to date");
  device_note (one, "b", "");
  wait_for_pending (one, 1);
  g_object_set (one->client, "allow-metered", TRUE, NULL);
  wait_for_pending (one, 0);
  g_assert_cmpuint (bucket_count (bucket, "changes/"), ==, 2);
  g_object_set (one->client, "auto-sync", FALSE, NULL);
  set_network (TRUE, FALSE);
}

/* What needs the user is not tried on and on. */
static void
test_client_attention (void)
{
  g_autoptr(Bucket) bucket = bucket_new ();
  g_autoptr(Device) one = device_new (NULL, bucket->storage);
  DimpleSyncState state;

  bucket_fail_at (bucket, 0, FALSE, DIMPLE_ERROR_DENIED);
  dimple_auto_sync_set_delays (dimple_sync_client_get_auto_sync (one->client), 1, 1);
  g_object_set (one->client, "auto-sync", TRUE, NULL);
  while (bucket->n_requests == 0)
    g_main_context_iteration (NULL, TRUE);
  while (g_object_get (one->client, "state", &state, NULL), state == DIMPLE_SYNC_SYNCING)
    g_main_context_iteration (NULL, TRUE);
  let_pass (30);
  g_assert_cmpuint (bucket->n_requests, ==, 1);
  assert_status (one, DIMPLE_SYNC_FAILED, "Request 0 fails");
  device_note (one, "a", "");
  let_pass (30);
  g_assert_cmpuint (bucket->n_requests, ==, 1);

  device_sync (one);
  assert_status (one, DIMPLE_SYNC_IDLE, "Up to date");
  g_object_set (one->client, "auto-sync", FALSE, NULL);
}

int
main (int    argc,
      char **argv)
{
  g_setenv ("GIO_USE_NETWORK_MONITOR", "test", TRUE);
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_io_extension_point_register (G_NETWORK_MONITOR_EXTENSION_POINT_NAME);
  g_io_extension_point_implement (G_NETWORK_MONITOR_EXTENSION_POINT_NAME, TEST_TYPE_NETWORK, "test", 1000);

  g_test_add_func ("/auto-sync/debounce", test_debounce);
  g_test_add_func ("/auto-sync/running", test_running);
  g_test_add_func ("/auto-sync/interval", test_interval);
  g_test_add_func ("/auto-sync/backoff", test_backoff);
  g_test_add_func ("/auto-sync/network", test_network);
  g_test_add_func ("/auto-sync/metered", test_metered);
  g_test_add_func ("/auto-sync/client-metered", test_client_metered);
  g_test_add_func ("/auto-sync/client-attention", test_client_attention);
  return g_test_run ();
}
