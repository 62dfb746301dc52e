/* dimple-pack-decode.c: reading a pack, of which nothing is believed
 *
 * Anybody who can write to the storage can write an object, and storages damage them.  So what is inside has to be what
 * the name says, in order, along one path, with ids that a Dimple can have written.  The changes themselves are only
 * looked at for being JSON; the merge reads them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dimple-pack-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "dimple-error.h"
#include "dimple-held-private.h"
#include "dimple-json-private.h"

/* Longer texts of these kinds were written by no Dimple. */
#define MAXIMUM_NAME 1000
#define MAXIMUM_LABEL 100000

typedef struct
{
  DimpleJsonReader  json;
  GBytes           *body;
  DimplePack       *pack;
  DimplePackName    inside;        /* what the body says of the name */
  const char       *fault;
  gboolean          too_new;
} Decoder;

static gboolean
fail (Decoder    *self,
      const char *fault)
{
  if (self->fault == NULL)
    self->fault = fault;
  return FALSE;
}

static gboolean
expect (Decoder         *self,
        DimpleJsonToken  token)
{
  return dimple_json_reader_expect (&self->json, token) || fail (self, "it is not the JSON of a pack");
}

static gboolean
skip (Decoder *self)
{
  return dimple_json_reader_skip (&self->json) || fail (self, "it is not JSON");
}

static gboolean
is_possible_id (const char *text)
{
  guint64 time;

  return dimple_uuid7_parse (text, &time, NULL) && DIMPLE_UUID_MILLISECONDS (time) < DIMPLE_CLOCK_ID_LIMIT;
}

static gboolean
take_id (Decoder *self,
         char     id[DIMPLE_UUID_SIZE])
{
  if (self->json.size != DIMPLE_UUID_LENGTH)
    return fail (self, "an id is malformed");
  memcpy (id, self->json.text, DIMPLE_UUID_LENGTH);
  id[DIMPLE_UUID_LENGTH] = '\0';
  return is_possible_id (id) || fail (self, "an id is malformed");
}

static gboolean
read_id (Decoder *self,
         char     id[DIMPLE_UUID_SIZE])
{
  return expect (self, DIMPLE_JSON_STRING) && take_id (self, id);
}

static gboolean
read_id_or_null (Decoder *self,
                 char     id[DIMPLE_UUID_SIZE])
{
  DimpleJsonToken token = dimple_json_reader_next (&self->json);

  id[0] = '\0';
  if (token == DIMPLE_JSON_NULL)
    return TRUE;
  return token == DIMPLE_JSON_STRING ? take_id (self, id) : fail (self, "an id is malformed");
}

static gboolean
read_text (Decoder  *self,
           gsize     maximum,
           char    **text)
{
  if (!expect (self, DIMPLE_JSON_STRING))
    return FALSE;
  if (self->json.size > maximum || memchr (self->json.text, '\0', self->json.size) != NULL)
    return fail (self, "a name or label is too long");
  g_free (*text);
  *text = g_strndup (self->json.text, self->json.size);
  return TRUE;
}

/* Takes the next member's name, or the end of the object: then `*done`. */
static gboolean
next_member (Decoder  *self,
             gboolean *done)
{
  DimpleJsonToken token = dimple_json_reader_next (&self->json);

  *done = token == DIMPLE_JSON_END_OBJECT;
  return *done || token == DIMPLE_JSON_NAME || fail (self, "it is not JSON");
}

/* Which of `names` the member just taken is; -1: none.  One that comes twice is an error. */
static gboolean
find_member (Decoder            *self,
             const char * const *names,
             guint              *seen,
             int                *member)
{
  *member = -1;
  for (int i = 0; names[i] != NULL; i++)
    {
      if (!dimple_json_reader_is (&self->json, names[i]))
        continue;
      if (*seen & 1u << i)
        return fail (self, "a member comes twice");
      *seen |= 1u << i;
      *member = i;
    }
  return TRUE;
}

/* -- The parts ----------------------------------------------------------------------------------------------------- */

static gboolean
read_format (Decoder *self)
{
  if (!expect (self, DIMPLE_JSON_NAME) || !dimple_json_reader_is (&self->json, "format") ||
      !expect (self, DIMPLE_JSON_NUMBER) || self->json.value.type != SQLITE_INTEGER || self->json.value.integer < 1)
    return fail (self, "it is not the JSON of a pack");

  self->too_new = self->json.value.integer > DIMPLE_PACK_FORMAT;
  return !self->too_new;
}

static gboolean
read_author (Decoder *self)
{
  static const char * const names[] = { "id", "name", NULL };
  enum { ID, NAME };
  guint seen = 0;
  gboolean done;
  int member;

  if (!expect (self, DIMPLE_JSON_BEGIN_OBJECT))
    return FALSE;
  while (TRUE)
    {
      if (!next_member (self, &done))
        return FALSE;
      if (done)
        return (seen & 1u << ID) != 0 || fail (self, "the author is missing");
      if (!find_member (self, names, &seen, &member))
        return FALSE;
      if (member == ID ? !read_id (self, self->inside.author) :
          member == NAME ? !read_text (self, MAXIMUM_NAME, &self->pack->author_name) : !skip (self))
        return FALSE;
    }
}

static gboolean
read_number (Decoder *self,
             guint   *number)
{
  if (!expect (self, DIMPLE_JSON_NUMBER))
    return FALSE;
  if (self->json.value.type != SQLITE_INTEGER || self->json.value.integer < 1 ||
      self->json.value.integer > DIMPLE_PACK_MAX_PARTS)
    return fail (self, "the number of a part is malformed");
  *number = (guint) self->json.value.integer;
  return TRUE;
}

static gboolean
read_digest (Decoder *self)
{
  if (!expect (self, DIMPLE_JSON_STRING))
    return FALSE;
  if (self->json.size != DIMPLE_PACK_DIGEST_LENGTH)
    return fail (self, "the digest of a part is malformed");
  memcpy (self->inside.digest, self->json.text, DIMPLE_PACK_DIGEST_LENGTH);
  return TRUE;
}

static gboolean
read_part (Decoder *self)
{
  static const char * const names[] = { "digest", "number", "of", NULL };
  enum { DIGEST, NUMBER, OF, N_MEMBERS };
  guint seen = 0;
  gboolean done;
  int member;

  if (!expect (self, DIMPLE_JSON_BEGIN_OBJECT))
    return FALSE;
  while (TRUE)
    {
      if (!next_member (self, &done))
        return FALSE;
      if (done)
        return seen == (1u << N_MEMBERS) - 1 || fail (self, "it does not say which part it is");
      if (!find_member (self, names, &seen, &member))
        return FALSE;
      if (member == DIGEST ? !read_digest (self) :
          member == NUMBER ? !read_number (self, &self->inside.part) :
          member == OF ? !read_number (self, &self->inside.n_parts) : !skip (self))
        return FALSE;
    }
}

static gboolean
read_runs (Decoder *self)
{
  DimpleJsonToken token;

  if (!expect (self, DIMPLE_JSON_BEGIN_ARRAY))
    return FALSE;
  while ((token = dimple_json_reader_next (&self->json)) == DIMPLE_JSON_BEGIN_ARRAY)
    {
      DimplePackRun run;

      if (!read_id_or_null (self, run.after) || !read_id (self, run.last) || !expect (self, DIMPLE_JSON_END_ARRAY))
        return FALSE;
      g_array_append_val (self->pack->runs, run);
    }
  return token == DIMPLE_JSON_END_ARRAY || fail (self, "its runs are malformed");
}

/* The JSON of the value that comes next, as it stands there. */
static gboolean
read_changes (Decoder            *self,
              DimpleTransaction  *transaction)
{
  const char *start;

  while (self->json.position < self->json.end && g_ascii_isspace (*self->json.position))
    self->json.position++;
  start = self->json.position;
  if (start == self->json.end || *start != '[')
    return fail (self, "the changes are missing");
  if (!skip (self))
    return FALSE;

  transaction->changes = g_bytes_new_from_bytes (self->body, (gsize) (start - self->json.start),
                                                 (gsize) (self->json.position - start));
  return TRUE;
}

static gboolean
read_script (Decoder           *self,
             DimpleTransaction *transaction)
{
  if (!expect (self, DIMPLE_JSON_NUMBER))
    return FALSE;
  if (self->json.value.type != SQLITE_INTEGER || self->json.value.integer < 0 || self->json.value.integer > G_MAXINT)
    return fail (self, "the number of a script is malformed");
  transaction->script = (int) self->json.value.integer;
  return TRUE;
}

static gboolean
read_pruned (Decoder           *self,
             DimpleTransaction *transaction)
{
  DimpleJsonToken token = dimple_json_reader_next (&self->json);

  transaction->pruned = token == DIMPLE_JSON_TRUE;
  return token == DIMPLE_JSON_TRUE || token == DIMPLE_JSON_FALSE || fail (self, "it is not the JSON of a pack");
}

enum { ID, PREVIOUS, SCRIPT, PRUNED, LABEL, CHANGES };

static gboolean
read_transaction_member (Decoder           *self,
                         DimpleTransaction *transaction,
                         int                member)
{
  switch (member)
    {
    case ID:
      return read_id (self, transaction->id);
    case PREVIOUS:
      return read_id_or_null (self, transaction->previous);
    case SCRIPT:
      return read_script (self, transaction);
    case PRUNED:
      return read_pruned (self, transaction);
    case LABEL:
      return read_text (self, MAXIMUM_LABEL, &transaction->label);
    case CHANGES:
      return read_changes (self, transaction);
    default:
      return skip (self);
    }
}

static gboolean
read_transaction (Decoder *self)
{
  static const char * const names[] = { "id", "previous", "script", "pruned", "label", "changes", NULL };
  const guint required = 1u << ID | 1u << PREVIOUS | 1u << CHANGES;
  DimpleTransaction *transaction = g_new0 (DimpleTransaction, 1);
  guint seen = 0;
  gboolean done;
  int member;

  transaction->foreign = TRUE;
  g_ptr_array_add (self->pack->transactions, transaction);
  while (TRUE)
    {
      if (!next_member (self, &done))
        return FALSE;
      if (done)
        return (seen & required) == required || fail (self, "a transaction is incomplete");
      if (!find_member (self, names, &seen, &member) || !read_transaction_member (self, transaction, member))
        return FALSE;
    }
}

static gboolean
read_transactions (Decoder *self)
{
  DimpleJsonToken token;

  if (!expect (self, DIMPLE_JSON_BEGIN_ARRAY))
    return FALSE;
  while ((token = dimple_json_reader_next (&self->json)) == DIMPLE_JSON_BEGIN_OBJECT)
    {
      if (!read_transaction (self))
        return FALSE;
    }
  return token == DIMPLE_JSON_END_ARRAY || fail (self, "its transactions are malformed");
}

static gboolean
read_body (Decoder *self)
{
  static const char * const names[] = { "author", "first", "last", "runs", "transactions", "part", NULL };
  enum { AUTHOR, FIRST, LAST, RUNS, TRANSACTIONS, PART };
  const guint required = (1u << PART) - 1;
  guint seen = 0;
  gboolean done, valid;
  int member;

  if (!expect (self, DIMPLE_JSON_BEGIN_OBJECT) || !read_format (self))
    return FALSE;
  while (TRUE)
    {
      if (!next_member (self, &done))
        return FALSE;
      if (done)
        break;
      if (!find_member (self, names, &seen, &member))
        return FALSE;

      valid = member == AUTHOR ? read_author (self) :
              member == FIRST ? read_id (self, self->inside.first) :
              member == LAST ? read_id (self, self->inside.last) :
              member == RUNS ? read_runs (self) :
              member == TRANSACTIONS ? read_transactions (self) :
              member == PART ? read_part (self) : skip (self);
      if (!valid)
        return FALSE;
    }
  if ((seen & required) != required)
    return fail (self, "it is incomplete");
  return expect (self, DIMPLE_JSON_END);
}

/* -- Whether it is what it says ------------------------------------------------------------------------------------ */

static gboolean
check_name (Decoder *self)
{
  const DimplePackName *name = &self->pack->name;

  if (!g_str_equal (name->author, self->inside.author) || !g_str_equal (name->first, self->inside.first) ||
      !g_str_equal (name->last, self->inside.last) || name->part != self->inside.part ||
      name->n_parts != self->inside.n_parts ||
      (name->part > 0 && !g_str_equal (name->digest, self->inside.digest)))
    return fail (self, "it is another object, under this name");
  return TRUE;
}

static const char *
tail_of (const char *id)
{
  return id + DIMPLE_UUID_TAIL_OFFSET;
}

static gboolean
has_equal_tail (const char *a,
                const char *b)
{
  return g_str_equal (tail_of (a), tail_of (b));
}

/* Each run begins where the one before it ended, and the last is where the pack ends. */
static gboolean
check_runs (Decoder *self)
{
  GArray *runs = self->pack->runs;
  const char *before = NULL;

  for (guint i = 0; i < runs->len; i++)
    {
      const DimplePackRun *run = &g_array_index (runs, DimplePackRun, i);

      if (strcmp (run->after, run->last) >= 0)
        return fail (self, "its runs are out of order");
      if (before != NULL && (!g_str_equal (run->after, before) || has_equal_tail (before, run->last)))
        return fail (self, "its runs don't follow each other");
      before = run->last;
    }
  if (before == NULL || !g_str_equal (before, self->pack->name.last))
    return fail (self, "its runs end elsewhere");
  return TRUE;
}

/* Where nothing was pruned, each transaction follows the one before it. */
static gboolean
check_chain (Decoder                 *self,
             const DimpleTransaction *transaction,
             const DimpleTransaction *before)
{
  if (strcmp (transaction->previous, transaction->id) >= 0 || strcmp (before->id, transaction->id) >= 0)
    return fail (self, "its transactions are out of order");
  if (*self->pack->name.digest == '\0' &&
      (transaction->pruned || !g_str_equal (transaction->previous, before->id)))
    return fail (self, "its transactions don't follow each other");
  return TRUE;
}

static gboolean
is_in_run (const DimpleTransaction *transaction,
           const DimplePackRun     *run)
{
  return has_equal_tail (transaction->id, run->last) &&
         strcmp (run->after, transaction->id) < 0 && strcmp (transaction->id, run->last) <= 0;
}

static gboolean
check_transactions (Decoder *self)
{
  GPtrArray *transactions = self->pack->transactions;
  const DimpleTransaction *before = NULL;
  guint run = 0;

  for (guint i = 0; i < transactions->len; i++)
    {
      DimpleTransaction *transaction = g_ptr_array_index (transactions, i);

      if (before != NULL && !check_chain (self, transaction, before))
        return FALSE;
      while (run < self->pack->runs->len &&
             !is_in_run (transaction, &g_array_index (self->pack->runs, DimplePackRun, run)))
        run++;
      if (run == self->pack->runs->len)
        return fail (self, "a transaction is in none of its runs");
      g_strlcpy (transaction->author, self->pack->name.author, DIMPLE_UUID_SIZE);
      before = transaction;
    }
  return TRUE;
}

static gboolean
check_ends (Decoder *self)
{
  GPtrArray *transactions = self->pack->transactions;
  const DimpleTransaction *first, *last;

  if (transactions->len == 0)
    return fail (self, "it has no transactions");
  if (transactions->len > 1 && self->pack->name.part > 0)
    return fail (self, "it has several transactions");

  first = g_ptr_array_index (transactions, 0);
  last = g_ptr_array_index (transactions, transactions->len - 1);
  if (!g_str_equal (first->id, self->pack->name.first) || !g_str_equal (last->id, self->pack->name.last) ||
      !g_str_equal (first->previous, g_array_index (self->pack->runs, DimplePackRun, 0).after))
    return fail (self, "its transactions end elsewhere");
  if (strcmp (first->previous, first->id) >= 0 || (first->pruned && *self->pack->name.digest == '\0'))
    return fail (self, "its transactions are out of order");
  return TRUE;
}

static gboolean
check_digest (Decoder *self)
{
  char digest[DIMPLE_PACK_DIGEST_LENGTH + 1];

  /* Of parts that is known when all are there. */
  if (*self->pack->name.digest == '\0' || self->pack->name.part > 0)
    return TRUE;
  dimple_pack_digest (self->pack, digest);
  return g_str_equal (digest, self->pack->name.digest) || fail (self, "it is another object, under this name");
}

static void
set_error (Decoder     *self,
           const char  *key,
           GError     **error)
{
  if (self->too_new)
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_TOO_NEW,
                 _("“%s” was written by a newer version of the app. Update the app on this device."), key);
  else
    g_set_error (error, DIMPLE_ERROR, DIMPLE_ERROR_BAD_PACK,
                 _("“%s” in the repository is damaged: %s. Sync the device that its changes were made on."), key,
                 self->fault);
}

DimplePack *
dimple_pack_decode (const char  *key,
                    GBytes      *contents,
                    GError     **error)
{
  g_autoptr(DimplePack) pack = dimple_pack_new ();
  g_autoptr(GBytes) body = NULL;
  g_autoptr(GError) failure = NULL;
  Decoder self = { .pack = pack };
  gboolean valid = FALSE;

  body = dimple_gunzip (contents, DIMPLE_PACK_LIMIT, &failure);
  self.body = body;
  if (!dimple_pack_name_parse (&pack->name, key))
    {
      self.fault = "its name is malformed";
    }
  else if (body == NULL)
    {
      self.fault = failure->message;
    }
  else
    {
      gsize size;
      const char *text = g_bytes_get_data (body, &size);

      dimple_json_reader_init (&self.json, text != NULL ? text : "", size);
      valid = read_body (&self) && check_name (&self) && check_runs (&self) && check_ends (&self) &&
              check_transactions (&self) && check_digest (&self);
      dimple_json_reader_clear (&self.json);
    }

  if (!valid)
    {
      set_error (&self, key, error);
      return NULL;
    }
  return g_steal_pointer (&pack);
}
