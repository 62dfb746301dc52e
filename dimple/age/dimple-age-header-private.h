/* dimple-age-header-private.h: the header of an age file, which carries the file key once for each recipient
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "dimple-age-crypto-private.h"

G_BEGIN_DECLS

/* More than 600 recipients.  Each one may cost a multiplication before anything is known to be authentic, so there has
 * to be a limit. */
#define DIMPLE_AGE_HEADER_MAX_SIZE (64 * 1024)

/* What is read to see whether something is an age file of any version */
#define DIMPLE_AGE_MAGIC "age-encryption.org/"

typedef struct
{
  GStrv args;           /* the type, and what is of the type */
  GByteArray *body;
} DimpleAgeStanza;

typedef struct
{
  GPtrArray *stanzas;   /* (element-type DimpleAgeStanza) */
  gsize covered;        /* the bytes that the MAC is of: to the end of the mark "---" */
  gsize size;           /* the bytes of all the header */
  guint8 mac[DIMPLE_AGE_MAC_SIZE];
} DimpleAgeHeader;

DimpleAgeStanza *dimple_age_stanza_new       (const char            *type,
                                              const guint8          *body,
                                              gsize                  size);
void             dimple_age_stanza_add_arg   (DimpleAgeStanza       *self,
                                              const char            *arg);
gboolean         dimple_age_stanza_is        (const DimpleAgeStanza *self,
                                              const char            *type);
void             dimple_age_stanza_free      (DimpleAgeStanza       *self);

/* The bytes of a header that ends in `data`; 0 if it does not end there */
gsize            dimple_age_header_find_end  (const guint8          *data,
                                              gsize                  size);

DimpleAgeHeader *dimple_age_header_new       (void);
DimpleAgeHeader *dimple_age_header_parse     (const guint8          *data,
                                              gsize                  size,
                                              GError               **error);
GString         *dimple_age_header_serialize (const DimpleAgeHeader *self,
                                              const DimpleAgeKey    *file_key);
gboolean         dimple_age_header_verify    (const DimpleAgeHeader *self,
                                              const guint8          *data,
                                              const DimpleAgeKey    *file_key);
void             dimple_age_header_free      (DimpleAgeHeader       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleAgeStanza, dimple_age_stanza_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DimpleAgeHeader, dimple_age_header_free)

G_END_DECLS
