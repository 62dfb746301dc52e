# mutants.py: mistakes of one line in the merge and the sync, each of which some test must notice
#
# Each is (name, file, what is there, what is there instead); the comment says what goes wrong.
#
# SPDX-License-Identifier: LGPL-2.1-or-later

MUTANTS = [
    # -- The merge -----------------------------------------------------------------------------------------------------

    # A delete wins over every edit, also over one that came after it.
    ("a-delete-is-for-ever", "dimple/changes/dimple-fold.c",
     "return dimple_stamp_compare (&self->edit, &self->delete) > 0;",
     "return self->edit.anchor != NULL && self->delete.anchor == NULL;"),

    # A row is as old as its last insert: who is shown of two that collide changes when one is inserted anew.
    ("created-is-the-last-insert", "dimple/changes/dimple-fold.c",
     "strcmp (id, row->created) < 0",
     "strcmp (id, row->created) > 0"),

    # A migration loses to every edit, those that it has seen and rewritten too.
    ("a-migration-loses-to-what-it-replaced", "dimple/changes/dimple-fold.c",
     "return (DimpleStamp) { dimple_fold_intern (self, g_ptr_array_index (anchors, position)), script, id };",
     "return (DimpleStamp) { \"\", script, id };"),

    # Of two scripts that changed one value the later id wins, and not the later script.
    ("scripts-have-no-order", "dimple/changes/dimple-fold.c",
     "order = (a->script > b->script) - (a->script < b->script);",
     "order = 0;"),

    # A migration wins over what was typed elsewhere meanwhile.
    ("a-migration-is-an-edit", "dimple/changes/dimple-fold.c",
     "if (script == 0)\n    return (DimpleStamp) { id, 0, id };",
     "if (script >= 0)\n    return (DimpleStamp) { id, 0, id };"),

    # A UNIQUE value that is given up lets nobody in who waited for it.
    ("freed-values-wake-nobody", "dimple/changes/dimple-settle.c",
     "(parent_gained || parent_lost || table->freed || contested->len > 0)",
     "(parent_gained || parent_lost || contested->len > 0)"),

    # A parent that comes does not bring its shelved children.
    ("parents-wake-no-children", "dimple/changes/dimple-settle.c",
     "(parent_gained || parent_lost || table->freed || contested->len > 0)",
     "(table->freed || contested->len > 0)"),

    # A parent that is hidden leaves its children where they are.
    ("hidden-parents-leave-their-children", "dimple/changes/dimple-settle.c",
     "if (!collect_orphans (self, table, parent_lost, orphans, error))",
     "if (!collect_orphans (self, table, FALSE, orphans, error))"),

    # Who comes first is shown, though somebody else is older.
    ("younger-rivals-stay", "dimple/changes/dimple-settle-contested.c",
     "if (dimple_settling_compare (other, row) < 0)",
     "if (other != row)"),

    # Tables that reference each other are settled as if they did not.
    ("a-cycle-is-settled-like-plain-tables", "dimple/changes/dimple-settle.c",
     "settled = is_cycle (self->schema, group) ? settle_cycle",
     "settled = FALSE && is_cycle (self->schema, group) ? settle_cycle"),

    # A local commit does not let rows in that waited for it.
    ("local-commits-settle-nothing", "dimple/changes/dimple-merge-refresh.c",
     "table->freed = table->gained = TRUE;",
     "table->freed = table->gained = FALSE;"),

    # What was deleted here is taken for unknown when the merge asks.
    ("local-deletes-are-forgotten", "dimple/changes/dimple-settle-tombstones.c",
     "WHERE seq > ? AND flags & 8",
     "WHERE seq > ? AND flags & 0"),

    # What newer apps wrote into columns that this one has only now stays away.
    ("new-columns-stay-empty", "dimple/changes/dimple-merge-refresh.c",
     "return wanted ? dimple_settling_touch",
     "return FALSE ? dimple_settling_touch"),

    # A merge cascades, and a migration that rebuilds a table deletes its children.
    ("foreign-keys-stay-on", "dimple/store/dimple-writer-uncaptured.c",
     "\"PRAGMA foreign_keys = OFF\"",
     "\"PRAGMA foreign_keys = ON\""),

    # What SQLite lets through of a REPLACE is shown here, and shelved everywhere else.
    ("a-replace-may-miss-its-parent", "dimple/store/dimple-writer-transaction.c",
     "return dimple_schema_may_miss_parents (self->schema) && (",
     "return FALSE && ("),

    # Nothing is noted of the parents that a shelved row waits for.
    ("shelved-rows-wait-for-no-parent", "dimple/changes/dimple-merge-table-waits.c",
     "if (parent != NULL && parent->tracked && hash_parent",
     "if (FALSE && hash_parent"),

    # Nothing is noted of the rival that a shelved row waits for.
    ("shelved-rows-wait-for-no-rival", "dimple/changes/dimple-merge-table-waits.c",
     "if ((rival != NULL || !orphan) &&",
     "if (FALSE &&"),

    # Rows that are each other's parents wait for one another, and not for the rival of one of them.
    ("circles-wait-for-no-rival", "dimple/changes/dimple-settle-cycle.c",
     "*rival = dimple_row_set_find_rival",
     "*rival = orphan ? NULL : dimple_row_set_find_rival"),

    # A row waits for a key with the very letters of its own reference, which collations do not ask for.
    ("waiting-goes-by-letters", "dimple/changes/dimple-merge-table-waits.c",
     "(guint8) g_ascii_tolower (text[i])",
     "(guint8) text[i]"),

    # Who waits for any row of a parent that is referenced out of its key is not woken.
    ("any-row-of-a-parent-wakes-nobody", "dimple/changes/dimple-merge-table-waits.c",
     "hash = finish (hash_table (changed->table));",
     "hash = 2;"),

    # Who waits for a rival that is not known is not woken.
    ("unknown-rivals-wake-nobody", "dimple/changes/dimple-merge-table-waits.c",
     "gint64 hash = ANY_OF_ITS_TABLE;",
     "gint64 hash = 2;"),

    # Of more that waits than has changed, what was found first is taken for all.
    ("who-waits-further-back-is-not-woken", "dimple/changes/dimple-merge-table-waits.c",
     "*complete = n_waits <= hashes->len;",
     "*complete = TRUE;"),

    # Before a local commit it is said that nothing on the shelf waits for it.
    ("local-commits-wake-nobody", "dimple/changes/dimple-merge-refresh.c",
     "*wakes = woken == NULL || g_hash_table_size (woken) > 0;",
     "*wakes = FALSE;"),

    # The same of rows in other tables.
    ("local-commits-wake-no-children", "dimple/changes/dimple-merge-refresh.c",
     "concerned = parent != NULL && is_concerned (self, parent, seen);",
     "concerned = FALSE;"),

    # A row that the app inserts anew stays on the shelf, too.
    ("local-inserts-leave-the-shelf-as-it-is", "dimple/changes/dimple-merge-refresh.c",
     "*wakes = named->len > 0;",
     "*wakes = FALSE;"),

    # Edits made after seeing others sort before them if the clock is slow.
    ("the-clock-ignores-what-is-merged", "dimple/changes/dimple-clock.c",
     "self->last = MAX (self->last, time);",
     "(void) time;"),

    # -- The sync ------------------------------------------------------------------------------------------------------

    # A pack is held if its last transaction is: what was missed before it is never fetched.
    ("having-the-last-is-having-all", "dimple/changes/dimple-held.c",
     "if (interval->first > 0 || !run->has_start || !dimple_id_parse (&id, run->start))\n        return FALSE;",
     "if (interval->first > 0 || !run->has_start || !dimple_id_parse (&id, run->start))\n        return TRUE;"),

    # Ids that lie between two that are held are taken for held.
    ("a-gap-is-closed", "dimple/changes/dimple-held.c",
     "g_array_index (intervals, DimpleInterval, end).first <= last + 1)",
     "g_array_index (intervals, DimpleInterval, end).first <= G_MAXUINT64)"),

    # A database that was copied or restored goes on under its author id.
    ("a-fork-keeps-its-author", "dimple/sync/dimple-sync-batch.c",
     "return pack->transactions->len == 0 || dimple_store_take_new_author (self->session->store, error);",
     "return TRUE;"),

    # A marker is remembered that no storage has confirmed.
    ("a-marker-is-remembered-too-early", "dimple/sync/dimple-repository.c",
     "if (!write_markers (requests, storage, fresh, there, error))\n        return FALSE;",
     "if (!remember (store, known, fresh, error) || !write_markers (requests, storage, fresh, there, error))\n"
     "        return FALSE;"),

    # No marker is written, so nobody can tell whose repository it is.
    ("markers-are-never-written", "dimple/sync/dimple-repository.c",
     "if (g_hash_table_contains (there, id) && !lacks_identity (storage))\n        continue;",
     "if (g_hash_table_contains (there, id) || wanted != NULL)\n        continue;"),

    # What a power cut may still take is uploaded.
    ("uploads-do-not-wait-for-the-disk", "dimple/sync/dimple-sync-push.c",
     "if (!dimple_store_sync_to_disk (self->session->store, error))",
     "if (FALSE)"),

    # A damaged object stays where it is, and nobody sees that it is missing.
    ("damaged-objects-stay", "dimple/sync/dimple-sync-pull.c",
     "g_hash_table_remove (self->listing->packs, key);\n  return dimple_repository_set_aside",
     "return TRUE || dimple_repository_set_aside"),

    # Any repository will do.
    ("any-repository-is-ours", "dimple/sync/dimple-repository.c",
     "if (has_common (known, there))\n    return TRUE;",
     "return TRUE;"),

    # A transaction of which parts are missing is taken for uploaded.
    ("some-parts-are-all-parts", "dimple/sync/dimple-sync-parts.c",
     "return self->keys->len == self->name.n_parts;",
     "return self->keys->len > 0;"),

    # The last part of what nobody has any more is never set aside: all devices ask for the others for ever.
    ("lost-parts-are-waited-for-for-ever", "dimple/sync/dimple-sync-lost.c",
     "if (!waits && !set_aside (self, lost, error))",
     "if (FALSE && !set_aside (self, lost, error))"),

    # What came of a transaction is merged before all of it is there.
    ("parts-do-not-wait-for-each-other", "dimple/sync/dimple-sync-pull.c",
     "return dimple_sync_staging_count (self->session->staging, &name) < name.n_parts || add_whole",
     "return dimple_sync_staging_count (self->session->staging, &name) < 1 || add_whole"),

    # Of a transaction that came in parts the first is kept, and handed on as the whole.
    ("only-the-first-part-is-kept", "dimple/changes/dimple-log.c",
     "piece == 0 ? transaction->label : NULL, json, size, error))",
     "piece == 0 ? transaction->label : NULL, piece > 0 ? \"[]\" : json, piece > 0 ? 2 : size, error))"),

    # -- Pruning and compaction ----------------------------------------------------------------------------------------

    # A delete drops the values of its row, which an edit from elsewhere may bring back.
    ("pruning-drops-values-of-deleted-rows", "dimple/changes/dimple-prune-changes.c",
     "  self->is_first = self->reader.operation == DIMPLE_OPERATION_INSERT && g_strcmp0 (row->created, self->id) == 0;",
     "  if (!dimple_folded_row_exists (row))\n    return DROPPED;\n"
     "  self->is_first = self->reader.operation == DIMPLE_OPERATION_INSERT && g_strcmp0 (row->created, self->id) == 0;"),

    # Nothing is left of the insert that a row was created by: it is as old as the next one.
    ("pruning-keeps-no-first-insert", "dimple/changes/dimple-prune-changes.c",
     "  return self->is_first || n_live > 0 || has_stamp (self, 0, &row->edit) ? REDUCED : DROPPED;",
     "  return n_live > 0 || has_stamp (self, 0, &row->edit) ? REDUCED : DROPPED;"),

    # Of packs that overlap one is taken for replaced by another that lacks an end of it.
    ("one-end-on-the-path-is-enough", "dimple/sync/dimple-sync-packs.c",
     "return is_on_path (self, big, &small->first) && is_on_path (self, big, &small->last);",
     "return is_on_path (self, big, &small->first) || is_on_path (self, big, &small->last);"),

    # Of packs that overlap one is written anew without the other: it replaces neither, and so again, for ever.
    ("overlapping-packs-are-written-one-by-one", "dimple/sync/dimple-sync-compact.c",
     "        if (pack->is_replaced || pack ==",
     "        if (TRUE || pack->is_replaced || pack =="),

    # Of two packs with the same path the one goes of which more was pruned, and is written again.
    ("the-fuller-pack-stays", "dimple/sync/dimple-sync-packs.c",
     "return other_size->size < size->size;",
     "return other_size->size > size->size;"),
]
