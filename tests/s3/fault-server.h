/* fault-server.h: an HTTP server that does what it is told, be it ever so wrong
 *
 * It runs in threads of its own, so a test may block.  A handler is called for each request, in the thread of its
 * connection; what it writes is sent as it is.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gio/gio.h>

typedef struct _FaultServer FaultServer;

typedef struct
{
  FaultServer *server;
  guint number;           /* of the request, from 0 */
  char *method;
  char *target;           /* path and query as they came */
  GHashTable *headers;    /* names in lower case */
  GBytes *body;

  GSocketConnection *connection;
  GIOStream *stream;      /* the connection, or TLS over it */
  gboolean closed;        /* to be set by a handler that has ended the connection */
} FaultRequest;

typedef void (*FaultHandler) (FaultRequest *request,
                              gpointer      user_data);

FaultServer *fault_server_new               (FaultHandler        handler,
                                             gpointer            user_data);
FaultServer *fault_server_new_with_tls      (FaultHandler        handler,
                                             gpointer            user_data,
                                             GTlsCertificate    *certificate);
/* Waits until all connections have ended */
void         fault_server_free              (FaultServer        *self);

guint16      fault_server_get_port          (FaultServer        *self);
guint        fault_server_get_n_requests    (FaultServer        *self);
guint        fault_server_get_n_connections (FaultServer        *self);
/* Until the server is freed: for handlers that never answer */
void         fault_server_wait_for_end      (FaultServer        *self);

const char  *fault_request_get_header       (FaultRequest       *self,
                                             const char         *name);
/* (transfer full) (nullable): a parameter of the query, decoded */
char        *fault_request_dup_parameter    (FaultRequest       *self,
                                             const char         *name);

/* An answer with its length; `headers` is NULL, or whole lines */
void         fault_request_reply            (FaultRequest       *self,
                                             guint               status,
                                             const char         *headers,
                                             const char         *body);
/* An <Error> */
void         fault_request_fail             (FaultRequest       *self,
                                             guint               status,
                                             const char         *code,
                                             const char         *more);
/* FALSE if the client has gone */
gboolean     fault_request_write            (FaultRequest       *self,
                                             const char         *text);
/* Ends the connection as a crash would */
void         fault_request_reset            (FaultRequest       *self);
/* Ends the connection in good order */
void         fault_request_close            (FaultRequest       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FaultServer, fault_server_free)
