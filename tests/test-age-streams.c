/* test-age-streams.c: sealing and opening streams takes the memory of a few chunks, however long they are
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <fcntl.h>
#include <string.h>

#include <dimple.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>

#include "dimple-age-private.h"

#define LARGE_SIZE ((gsize) 256 * 1024 * 1024)

/* A stream that makes up what is read from it, and counts */
typedef struct
{
  GInputStream parent_instance;

  gsize n_read;                 /* atomic */
} Spring;

typedef GInputStreamClass SpringClass;

/* And one that drops what is written to it, and looks how far the spring is ahead of it */
typedef struct
{
  GOutputStream parent_instance;

  Spring *spring;
  gsize n_written;
  gsize max_ahead;
} Drain;

typedef GOutputStreamClass DrainClass;

GType spring_get_type (void);
GType drain_get_type (void);

G_DEFINE_TYPE (Spring, spring, G_TYPE_INPUT_STREAM)
G_DEFINE_TYPE (Drain, drain, G_TYPE_OUTPUT_STREAM)

static gssize
spring_read (GInputStream  *stream,
             void          *buffer,
             gsize          size,
             GCancellable  *cancellable,
             GError       **error)
{
  Spring *self = (Spring *) stream;

  size = MIN (size, LARGE_SIZE - self->n_read);
  memset (buffer, 'x', size);
  g_atomic_pointer_add (&self->n_read, size);
  return size;
}

static void
spring_class_init (SpringClass *klass)
{
  klass->read_fn = spring_read;
}

static void
spring_init (Spring *self)
{
}

static gssize
drain_write (GOutputStream  *stream,
             const void     *buffer,
             gsize           size,
             GCancellable   *cancellable,
             GError        **error)
{
  Drain *self = (Drain *) stream;

  self->n_written += size;
  self->max_ahead = MAX (self->max_ahead, (gsize) g_atomic_pointer_get (&self->spring->n_read) - self->n_written);
  return size;
}

static void
drain_class_init (DrainClass *klass)
{
  klass->write_fn = drain_write;
}

static void
drain_init (Drain *self)
{
}

/* One end of a pipe seals, the other opens; neither holds more than a few chunks */
static gpointer
seal_into_pipe (gpointer user_data)
{
  gpointer *streams = user_data;
  g_autoptr (DimpleAgeRecipient) recipient = dimple_age_identity_get_recipient (streams[2]);
  g_autoptr (GError) error = NULL;

  dimple_age_seal_stream (streams[0], streams[1], &recipient, 1, NULL, &error);
  g_assert_no_error (error);
  g_output_stream_close (streams[1], NULL, &error);
  g_assert_no_error (error);
  return NULL;
}

static void
test_bounded_streams (void)
{
  g_autoptr (GInputStream) spring = g_object_new (spring_get_type (), NULL);
  g_autoptr (GOutputStream) drain = g_object_new (drain_get_type (), NULL);
  g_autoptr (GInputStream) pipe_end = NULL;
  g_autoptr (GOutputStream) pipe_start = NULL;
  g_autoptr (DimpleAgeIdentity) identity = dimple_age_identity_generate (NULL);
  gpointer streams[3];
  int ends[2];
  GThread *thread;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_unix_open_pipe (ends, FD_CLOEXEC, &error));
  pipe_end = g_unix_input_stream_new (ends[0], TRUE);
  pipe_start = g_unix_output_stream_new (ends[1], TRUE);
  ((Drain *) drain)->spring = (Spring *) spring;
  streams[0] = spring;
  streams[1] = pipe_start;
  streams[2] = identity;

  thread = g_thread_new ("seal", seal_into_pipe, streams);
  dimple_age_open_stream (pipe_end, drain, &identity, 1, NULL, NULL, &error);
  g_assert_no_error (error);
  g_thread_join (thread);
  g_assert_cmpuint (((Drain *) drain)->n_written, ==, LARGE_SIZE);
  g_assert_cmpuint (((Drain *) drain)->max_ahead, <, 1024 * 1024);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  g_test_add_func ("/age-streams/bounded", test_bounded_streams);
  return g_test_run ();
}
