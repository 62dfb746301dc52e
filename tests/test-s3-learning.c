/* test-s3-learning.c: what an S3 storage learns from a server: where it is, which region it has, and how its clock goes
 *
 * What was learnt is used by the next request, and a server that goes on teaching is not followed for ever.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "s3/fixtures.h"

/* --- The address --- */

/* The second server of a redirect */
typedef struct
{
  FaultServer *other;
  guint status;
  gboolean in_body;             /* <Endpoint>, without a Location */
} Redirect;

static void
redirect (FaultRequest *request,
          gpointer      user_data)
{
  Redirect *self = user_data;
  g_autofree char *endpoint = g_strdup_printf ("<Endpoint>127.0.0.1:%u</Endpoint>",
                                               fault_server_get_port (self->other));
  g_autofree char *location = g_strdup_printf ("Location: http://127.0.0.1:%u%s\r\n",
                                               fault_server_get_port (self->other), request->target);

  if (self->in_body)
    fault_request_fail (request, self->status, "PermanentRedirect", endpoint);
  else
    fault_request_reply (request, self->status, location, "<Error><Code>TemporaryRedirect</Code></Error>");
}

static void
test_redirects (void)
{
  static const struct
  {
    guint status;
    gboolean in_body;
    guint n_first;              /* requests to the first server, of two */
  } redirects[] = {
    { 307, FALSE, 2 },
    { 301, TRUE, 1 },
    { 301, FALSE, 1 },
    { 308, FALSE, 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (redirects); i++)
    {
      g_autoptr (FaultServer) second = fault_server_new (answer_well, NULL);
      Redirect data = { second, redirects[i].status, redirects[i].in_body };
      g_autoptr (FaultServer) first = fault_server_new (redirect, &data);
      g_autoptr (DimpleStorage) storage = make_storage (first);
      g_autoptr (GError) error = NULL;

      put_contents (storage, "key", &error);
      g_assert_no_error (error);
      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (first), ==, redirects[i].n_first);
      g_assert_cmpuint (fault_server_get_n_requests (second), ==, 2);
    }
}

/* --- The region --- */

static gboolean
is_signed_for (FaultRequest *request,
               const char   *region)
{
  g_autofree char *scope = g_strdup_printf ("/%s/s3/aws4_request,", region);

  return strstr (fault_request_get_header (request, "authorization"), scope) != NULL;
}

/* How a server tells its region */
typedef enum
{
  REGION_IN_BODY,
  REGION_IN_HEADER,
  REGION_IN_301
} RegionSource;

static void
want_region (FaultRequest *request,
             gpointer      user_data)
{
  static const char header[] = "x-amz-bucket-region: eu-north-7\r\n";

  if (is_signed_for (request, "eu-north-7"))
    answer_well (request, NULL);
  else if (GPOINTER_TO_INT (user_data) == REGION_IN_BODY)
    fault_request_fail (request, 400, "AuthorizationHeaderMalformed", "<Region>eu-north-7</Region>");
  else if (GPOINTER_TO_INT (user_data) == REGION_IN_HEADER)
    fault_request_reply (request, 400, header, "<Error><Code>AuthorizationHeaderMalformed</Code></Error>");
  else
    fault_request_reply (request, 301, header, "<Error><Code>PermanentRedirect</Code></Error>");
}

static void
test_region (void)
{
  for (RegionSource source = REGION_IN_BODY; source <= REGION_IN_301; source++)
    {
      g_autoptr (FaultServer) server = fault_server_new (want_region, GINT_TO_POINTER (source));
      g_autoptr (DimpleStorage) storage = make_storage (server);

      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 2);
      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 3);

      /* What is known needs no lesson */
      g_object_set (storage, "region", "eu-north-7", NULL);
      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 4);
    }
}

static void
change_region (FaultRequest *request,
               gpointer      user_data)
{
  g_autofree char *region = g_strdup_printf ("<Region>region-%u</Region>", request->number);

  fault_request_fail (request, 400, "AuthorizationHeaderMalformed", region);
}

static void
test_region_that_changes (void)
{
  g_autoptr (FaultServer) server = fault_server_new (change_region, NULL);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;

  g_assert_false (get_contents (storage, "key", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_STORAGE);
  g_assert_cmpuint (fault_server_get_n_requests (server), <=, 5);
}

/* --- The clock --- */

/* How a server's clock goes */
typedef struct
{
  int offset;                   /* seconds */
  gboolean stubborn;            /* it is never content */
} Clock;

static void
check_time (FaultRequest *request,
            gpointer      user_data)
{
  const Clock *clock = user_data;
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autoptr (GDateTime) time = g_date_time_add_seconds (now, clock->offset);
  g_autofree char *date = g_date_time_format (time, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n");
  g_autofree char *sent = g_strdup (fault_request_get_header (request, "x-amz-date"));
  g_autoptr (GDateTime) sent_time = g_date_time_new_from_iso8601 (sent, NULL);
  GTimeSpan difference = g_date_time_difference (time, sent_time);

  g_assert_nonnull (sent_time);
  if (!clock->stubborn && ABS (difference) < 60 * G_TIME_SPAN_SECOND)
    answer_well (request, NULL);
  else
    fault_request_reply (request, 403, date, "<Error><Code>RequestTimeTooSkewed</Code></Error>");
}

static void
test_clock (void)
{
  static Clock clocks[] = { { 20 * 60 }, { -20 * 60 }, { 400 * 24 * 3600 } };

  for (gsize i = 0; i < G_N_ELEMENTS (clocks); i++)
    {
      g_autoptr (FaultServer) server = fault_server_new (check_time, &clocks[i]);
      g_autoptr (DimpleStorage) storage = make_storage (server);
      g_autoptr (GError) error = NULL;

      put_contents (storage, "key", &error);
      g_assert_no_error (error);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 2);
      assert_works (storage);
      g_assert_cmpuint (fault_server_get_n_requests (server), ==, 3);
    }
}

static void
test_clock_in_vain (void)
{
  Clock clock = { 20 * 60, TRUE };
  g_autoptr (FaultServer) server = fault_server_new (check_time, &clock);
  g_autoptr (DimpleStorage) storage = make_storage (server);
  g_autoptr (GError) error = NULL;

  g_assert_false (put_contents (storage, "key", &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_DENIED);
  g_assert_nonnull (strstr (error->message, "clock"));
  g_assert_cmpuint (fault_server_get_n_requests (server), ==, 2);
}

int
main (int   argc,
      char *argv[])
{
  s3_test_init (&argc, &argv);

  g_test_add_func ("/s3-learning/redirects", test_redirects);
  g_test_add_func ("/s3-learning/region", test_region);
  g_test_add_func ("/s3-learning/region-that-changes", test_region_that_changes);
  g_test_add_func ("/s3-learning/clock", test_clock);
  g_test_add_func ("/s3-learning/clock-in-vain", test_clock_in_vain);

  return g_test_run ();
}
