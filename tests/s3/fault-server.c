/* fault-server.c: an HTTP server that does what it is told, be it ever so wrong
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "fault-server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct _FaultServer
{
  FaultHandler handler;
  gpointer user_data;
  GTlsCertificate *certificate;

  GSocket *socket;
  GThread *thread;
  guint16 port;

  GMutex lock;
  GCond changed;
  gboolean ended;
  GPtrArray *connections;
  guint n_running;        /* threads of connections */
  guint n_connections;
  guint n_requests;
};

typedef struct
{
  FaultServer *server;
  GSocketConnection *connection;
} Visit;

/* --- Requests --- */

const char *
fault_request_get_header (FaultRequest *self,
                          const char   *name)
{
  return g_hash_table_lookup (self->headers, name);
}

char *
fault_request_dup_parameter (FaultRequest *self,
                             const char   *name)
{
  const char *query = strchr (self->target, '?');
  g_autoptr (GHashTable) parameters = NULL;

  if (query == NULL)
    return NULL;

  parameters = g_uri_parse_params (query + 1, -1, "&", G_URI_PARAMS_NONE, NULL);
  return parameters != NULL ? g_strdup (g_hash_table_lookup (parameters, name)) : NULL;
}

gboolean
fault_request_write (FaultRequest *self,
                     const char   *text)
{
  GOutputStream *output = g_io_stream_get_output_stream (self->stream);

  if (!self->closed && !g_output_stream_write_all (output, text, strlen (text), NULL, NULL, NULL))
    self->closed = TRUE;

  return !self->closed;
}

void
fault_request_reply (FaultRequest *self,
                     guint         status,
                     const char   *headers,
                     const char   *body)
{
  g_autofree char *answer = g_strdup_printf ("HTTP/1.1 %u Whatever\r\n%sContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n%s",
                                             status, headers != NULL ? headers : "", strlen (body), body);

  fault_request_write (self, answer);
}

void
fault_request_fail (FaultRequest *self,
                    guint         status,
                    const char   *code,
                    const char   *more)
{
  g_autofree char *body = g_strdup_printf ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                           "<Error><Code>%s</Code>"
                                           "<Message>In the words of the server</Message>%s</Error>",
                                           code, more != NULL ? more : "");

  fault_request_reply (self, status, "Content-Type: application/xml\r\n", body);
}

void
fault_request_reset (FaultRequest *self)
{
  struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
  GSocket *socket = g_socket_connection_get_socket (self->connection);

  setsockopt (g_socket_get_fd (socket), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  g_socket_close (socket, NULL);
  self->closed = TRUE;
}

void
fault_request_close (FaultRequest *self)
{
  self->closed = TRUE;
}

static void
fault_request_clear (FaultRequest *self)
{
  g_clear_pointer (&self->method, g_free);
  g_clear_pointer (&self->target, g_free);
  g_clear_pointer (&self->headers, g_hash_table_unref);
  g_clear_pointer (&self->body, g_bytes_unref);
}

/* FALSE at the end of the connection */
static gboolean
read_request (FaultRequest     *self,
              GDataInputStream *input)
{
  g_autofree char *first = g_data_input_stream_read_line (input, NULL, NULL, NULL);
  g_auto (GStrv) words = g_strsplit (first != NULL ? first : "", " ", 3);
  const char *length;
  gsize size;
  guint8 *body;

  if (g_strv_length (words) != 3)
    return FALSE;

  self->method = g_strdup (words[0]);
  self->target = g_strdup (words[1]);
  self->headers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  while (TRUE)
    {
      g_autofree char *line = g_data_input_stream_read_line (input, NULL, NULL, NULL);
      char *colon = line != NULL ? strchr (line, ':') : NULL;

      if (line == NULL)
        return FALSE;
      if (colon == NULL)
        break;
      g_hash_table_replace (self->headers, g_ascii_strdown (line, colon - line), g_strdup (g_strstrip (colon + 1)));
    }

  length = fault_request_get_header (self, "content-length");
  size = length != NULL ? g_ascii_strtoull (length, NULL, 10) : 0;
  body = g_malloc (size + 1);
  if (!g_input_stream_read_all (G_INPUT_STREAM (input), body, size, &size, NULL, NULL))
    size = 0;
  self->body = g_bytes_new_take (body, size);

  return TRUE;
}

/* --- Connections --- */

static void
fault_server_answer (FaultServer  *self,
                     FaultRequest *request)
{
  g_mutex_lock (&self->lock);
  request->number = self->n_requests++;
  g_mutex_unlock (&self->lock);

  self->handler (request, self->user_data);
}

static void
serve (FaultServer       *self,
       GSocketConnection *connection)
{
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GDataInputStream) input = NULL;
  FaultRequest request = { .server = self, .connection = connection };

  if (self->certificate != NULL)
    {
      stream = g_tls_server_connection_new (G_IO_STREAM (connection), self->certificate, NULL);
      if (!g_tls_connection_handshake (G_TLS_CONNECTION (stream), NULL, NULL))
        return;
    }
  else
    {
      stream = G_IO_STREAM (g_object_ref (connection));
    }

  request.stream = stream;
  input = g_data_input_stream_new (g_io_stream_get_input_stream (stream));
  g_data_input_stream_set_newline_type (input, G_DATA_STREAM_NEWLINE_TYPE_CR_LF);
  while (!request.closed && read_request (&request, input))
    {
      fault_server_answer (self, &request);
      fault_request_clear (&request);
    }
  fault_request_clear (&request);
  g_io_stream_close (stream, NULL, NULL);
}

static gpointer
run_visit (gpointer data)
{
  Visit *visit = data;
  FaultServer *self = visit->server;

  serve (self, visit->connection);

  g_mutex_lock (&self->lock);
  g_ptr_array_remove (self->connections, visit->connection);
  self->n_running--;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_object_unref (visit->connection);
  g_free (visit);

  return NULL;
}

static gpointer
run_server (gpointer data)
{
  FaultServer *self = data;
  GSocket *socket;

  while ((socket = g_socket_accept (self->socket, NULL, NULL)) != NULL)
    {
      Visit *visit = g_new0 (Visit, 1);

      visit->server = self;
      visit->connection = g_socket_connection_factory_create_connection (socket);
      g_object_unref (socket);

      g_mutex_lock (&self->lock);
      if (self->ended)
        {
          g_mutex_unlock (&self->lock);
          g_object_unref (visit->connection);
          g_free (visit);
          break;
        }
      self->n_connections++;
      self->n_running++;
      g_ptr_array_add (self->connections, visit->connection);
      g_mutex_unlock (&self->lock);
      g_thread_unref (g_thread_new ("visit", run_visit, visit));
    }

  return NULL;
}

/* --- The server --- */

FaultServer *
fault_server_new_with_tls (FaultHandler     handler,
                           gpointer         user_data,
                           GTlsCertificate *certificate)
{
  FaultServer *self = g_new0 (FaultServer, 1);
  g_autoptr (GSocketAddress) wanted = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) given = NULL;
  g_autoptr (GError) error = NULL;

  self->handler = handler;
  self->user_data = user_data;
  self->certificate = certificate != NULL ? g_object_ref (certificate) : NULL;
  self->connections = g_ptr_array_new ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);

  self->socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  g_assert_no_error (error);
  g_socket_bind (self->socket, wanted, TRUE, &error);
  g_assert_no_error (error);
  g_socket_listen (self->socket, &error);
  g_assert_no_error (error);
  given = g_socket_get_local_address (self->socket, &error);
  g_assert_no_error (error);
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (given));
  self->thread = g_thread_new ("server", run_server, self);

  return self;
}

FaultServer *
fault_server_new (FaultHandler handler,
                  gpointer     user_data)
{
  return fault_server_new_with_tls (handler, user_data, NULL);
}

static void
shut_connection (gpointer data,
                 gpointer user_data)
{
  g_socket_shutdown (g_socket_connection_get_socket (data), TRUE, TRUE, NULL);
}

void
fault_server_free (FaultServer *self)
{
  g_mutex_lock (&self->lock);
  self->ended = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);

  g_socket_shutdown (self->socket, TRUE, TRUE, NULL);
  g_thread_join (self->thread);

  g_mutex_lock (&self->lock);
  g_ptr_array_foreach (self->connections, shut_connection, NULL);
  while (self->n_running > 0)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);

  g_object_unref (self->socket);
  g_clear_object (&self->certificate);
  g_ptr_array_unref (self->connections);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

void
fault_server_wait_for_end (FaultServer *self)
{
  g_mutex_lock (&self->lock);
  while (!self->ended)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
}

guint16
fault_server_get_port (FaultServer *self)
{
  return self->port;
}

static guint
read_count (FaultServer *self,
            guint       *count)
{
  guint value;

  g_mutex_lock (&self->lock);
  value = *count;
  g_mutex_unlock (&self->lock);

  return value;
}

guint
fault_server_get_n_requests (FaultServer *self)
{
  return read_count (self, &self->n_requests);
}

guint
fault_server_get_n_connections (FaultServer *self)
{
  return read_count (self, &self->n_connections);
}
