/* test-capture.c: what each kind of statement changes, against an oracle that compares whole tables
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "capture-oracle.h"
#include "dimple-error.h"

/* -- Scenarios ----------------------------------------------------------------------------------------------------- */

typedef struct
{
  const char *name;
  const char *setup;
  const char *steps;        /* a statement a line, in one transaction; “@blob table column rowid” writes into a blob */
  guint       n_failures;   /* of the steps */
  guint       n_changes;    /* netted */
} Scenario;

#define NOTES \
  "CREATE TABLE t (k TEXT PRIMARY KEY, a, b UNIQUE, c INTEGER CHECK (c < 100), d NOT NULL DEFAULT 'x');" \
  "INSERT INTO t VALUES ('1', 'a1', 'b1', 1, 'd'), ('2', 'a2', 'b2', 2, 'd'), ('3', 'a3', 'b3', 3, 'd')," \
  "  ('4', 'a4', 'b4', 4, 'd'), ('5', 'a5', 'b5', 5, 'd');"

static const Scenario scenarios[] = {
  /* What statements do */
  { "insert-update-delete", NOTES,
    "INSERT INTO t VALUES ('9', 'z', 'bz', 9, 'd')\n"
    "UPDATE t SET a = 'q' WHERE k = '1'\n"
    "DELETE FROM t WHERE k = '2'", 0, 3 },
  { "nothing-changes", NOTES,
    "UPDATE t SET a = a\n"
    "UPDATE t SET a = 'tmp'\n"
    "UPDATE t SET a = 'a' || k\n"
    "DELETE FROM t WHERE k = '5'\n"
    "INSERT INTO t VALUES ('5', 'a5', 'b5', 5, 'd')\n"
    "INSERT INTO t VALUES ('n', 'a2', 'bn', 2, 'd')\n"
    "DELETE FROM t WHERE k = 'n'", 0, 0 },
  { "delete-without-where", NOTES, "DELETE FROM t", 0, 5 },
  { "delete-without-where-and-insert", NOTES,
    "DELETE FROM t\n"
    "INSERT INTO t VALUES ('2', 'a2', 'b2', 2, 'd'), ('x', 'a', 'b', 1, 'd')", 0, 6 },
  { "returning", NOTES,
    "INSERT INTO t VALUES ('9', 'z', 'bz', 9, 'd') RETURNING k\n"
    "UPDATE t SET a = 'r' RETURNING *\n"
    "DELETE FROM t WHERE k > '3' RETURNING a", 0, 5 },
  { "upsert", NOTES,
    "INSERT INTO t VALUES ('1', 'u', 'b1', 1, 'd') ON CONFLICT (k) DO UPDATE SET a = excluded.a\n"
    "INSERT INTO t VALUES ('2', 'u', 'q', 1, 'd') ON CONFLICT DO NOTHING\n"
    "INSERT INTO t VALUES ('66', 'u', 'b3', 1, 'd') ON CONFLICT DO UPDATE SET a = 'via b', k = excluded.k", 0, 3 },
  { "update-from-and-insert-select", NOTES,
    "UPDATE t SET a = o.a || '!' FROM (SELECT * FROM t) o WHERE o.k = t.k AND t.c < 3\n"
    "INSERT INTO t SELECT k || 'c', a, b || 'c', c, d FROM t", 0, 7 },
  { "insert-select-between-equal-tables",
    "CREATE TABLE src (k TEXT PRIMARY KEY, a); CREATE TABLE t (k TEXT PRIMARY KEY, a);"
    "INSERT INTO src VALUES ('1', 'x'), ('2', 'y');",
    "INSERT INTO t SELECT * FROM src", 0, 2 },
  { "common-table-expression", NOTES,
    "WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
    " INSERT INTO t (k, b) SELECT i, i FROM n", 0, 31 },

  /* What is undone half way */
  { "abort-in-update", NOTES,
    "UPDATE t SET a = 'first' WHERE k = '5'\n"
    "UPDATE t SET c = c + 97\n"
    "UPDATE t SET a = 'last' WHERE k = '4'", 1, 2 },
  { "abort-in-insert", NOTES,
    "INSERT INTO t VALUES ('6', 'x', 'b6', 1, 'd'), ('7', 'x', 'b7', 1, 'd'), ('1', 'x', 'bq', 1, 'd')", 1, 0 },
  { "fail", NOTES,
    "UPDATE OR FAIL t SET c = c + 97, a = 'f'\n"
    "INSERT OR FAIL INTO t VALUES ('6', 'x', 'b6', 1, 'd'), ('7', 'x', 'b1', 1, 'd'), ('8', 'x', 'b8', 1, 'd')", 2, 3 },
  { "ignore", NOTES,
    "UPDATE OR IGNORE t SET c = c + 97, a = 'f'\n"
    "INSERT OR IGNORE INTO t VALUES ('6', 'x', 'b6', 1, 'd'), ('7', 'x', 'b1', 1, 'd'), ('8', 'x', 'b8', 1, 'd')", 0,
    4 },
  { "replace", NOTES,
    "INSERT OR REPLACE INTO t VALUES ('1', 'r', 'b2', 1, 'd')\n"
    "REPLACE INTO t VALUES ('77', 'r', 'b3', 1, 'd')\n"
    "UPDATE OR REPLACE t SET b = 'b4' WHERE k = '5'", 0, 6 },
  { "replace-then-abort", NOTES,
    "INSERT OR REPLACE INTO t VALUES ('1', 'r', 'b2', 1, 'd'), ('8', 'r', 'b8', 500, 'd')", 1, 0 },
  { "replace-null-by-default", NOTES,
    "INSERT OR REPLACE INTO t VALUES ('1', 'r', 'b1', 1, NULL)\n"
    "UPDATE OR REPLACE t SET d = NULL WHERE k = '2'", 0, 2 },
  { "rollback-of-all-then-more", NOTES,
    "UPDATE t SET a = 'lost'\n"
    "INSERT OR ROLLBACK INTO t VALUES ('1', 'x', 'b6', 1, 'd')\n"
    "BEGIN\n"
    "UPDATE t SET a = 'kept' WHERE k = '3'", 1, 1 },
  { "rollback-statement-then-more", NOTES,
    "UPDATE t SET a = 'lost'\n"
    "ROLLBACK\n"
    "BEGIN\n"
    "DELETE FROM t WHERE k = '3'", 0, 1 },
  { "rollback-to-savepoint", NOTES,
    "UPDATE t SET a = 'keep' WHERE k = '1'\n"
    "SAVEPOINT s\n"
    "UPDATE t SET a = 'drop'\n"
    "DELETE FROM t WHERE k = '2'\n"
    "INSERT INTO t VALUES ('9', 'z', 'bz', 9, 'd')\n"
    "ROLLBACK TO s\n"
    "UPDATE t SET c = 50 WHERE k = '3'\n"
    "RELEASE s", 0, 2 },
  { "nested-savepoints-and-a-rowid-used-again", NOTES,
    "SAVEPOINT s\n"
    "INSERT INTO t VALUES ('9', 'z', 'bz', 9, 'd')\n"
    "SAVEPOINT u\n"
    "INSERT INTO t VALUES ('10', 'z', 'by', 9, 'd')\n"
    "ROLLBACK TO s\n"
    "INSERT INTO t VALUES ('11', 'z', 'bx', 9, 'd')\n"
    "RELEASE s", 0, 1 },
  { "raise-abort", NOTES
    "CREATE TRIGGER g AFTER UPDATE ON t WHEN new.k = '4' BEGIN SELECT RAISE (ABORT, 'no'); END;",
    "UPDATE t SET a = 'w' WHERE k = '1'\n"
    "UPDATE t SET a = 'v'", 1, 1 },
  { "raise-fail", NOTES
    "CREATE TRIGGER g AFTER UPDATE ON t WHEN new.k = '4' BEGIN SELECT RAISE (FAIL, 'no'); END;",
    "UPDATE t SET a = 'v'", 1, 4 },
  { "raise-ignore", NOTES
    "CREATE TRIGGER g BEFORE UPDATE ON t WHEN new.k = '2' BEGIN SELECT RAISE (IGNORE); END;"
    "CREATE TRIGGER h AFTER UPDATE ON t WHEN new.k = '4' BEGIN SELECT RAISE (IGNORE); END;"
    "CREATE TRIGGER i BEFORE DELETE ON t WHEN old.k = '4' BEGIN SELECT RAISE (IGNORE); END;",
    "UPDATE t SET a = 'v'\n"
    "DELETE FROM t", 0, 5 },
  { "raise-rollback", NOTES
    "CREATE TRIGGER g AFTER UPDATE ON t WHEN new.k = '4' BEGIN SELECT RAISE (ROLLBACK, 'no'); END;",
    "UPDATE t SET a = 'v' WHERE k = '1'\n"
    "UPDATE t SET a = 'v'", 1, 0 },
  { "on-conflict-in-the-schema",
    "CREATE TABLE t (k TEXT PRIMARY KEY ON CONFLICT REPLACE, u UNIQUE ON CONFLICT REPLACE, v);"
    "INSERT INTO t VALUES ('1', 'a', 1), ('2', 'b', 2), ('3', 'c', 3);",
    "INSERT INTO t VALUES ('1', 'b', 9)\n"
    "UPDATE t SET u = 'z'", 0, 3 },

  /* What others do */
  { "trigger-writes-elsewhere-then-fails", NOTES
    "CREATE TABLE l (k TEXT PRIMARY KEY, n); INSERT INTO l VALUES ('1', 0), ('4', 0);"
    "CREATE TRIGGER g AFTER UPDATE ON t BEGIN"
    "  UPDATE l SET n = n + 1 WHERE k = new.k; INSERT INTO l VALUES ('x' || new.k, new.c); END;",
    "UPDATE t SET a = 'v' WHERE k < '3'\n"
    "UPDATE t SET a = 'w' WHERE k >= '1'", 1, 5 },
  { "recursive-triggers", NOTES
    "CREATE TRIGGER g AFTER UPDATE OF c ON t WHEN new.c < 10 BEGIN UPDATE t SET c = c + 1 WHERE k = new.k; END;"
    "CREATE TRIGGER h AFTER DELETE ON t BEGIN UPDATE t SET a = a || old.k; END;",
    "UPDATE t SET c = 1 WHERE k = '1'\n"
    "REPLACE INTO t VALUES ('2', 'r', 'b3', 1, 'd')", 0, 5 },
  { "temp-trigger", NOTES
    "CREATE TEMP TRIGGER g AFTER UPDATE ON t BEGIN"
    "  INSERT INTO t VALUES ('t' || new.k, new.a, 't' || new.b, 1, 'd'); END;",
    "UPDATE t SET a = 'v'", 0, 10 },
  { "instead-of-triggers", NOTES
    "CREATE VIEW v AS SELECT k, a FROM t;"
    "CREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN INSERT INTO t (k, a, b) VALUES (new.k, new.a, 'v' || new.k); END;"
    "CREATE TRIGGER vu INSTEAD OF UPDATE ON v BEGIN UPDATE t SET a = new.a WHERE k = old.k; END;"
    "CREATE TRIGGER vd INSTEAD OF DELETE ON v BEGIN DELETE FROM t WHERE k = old.k; END;",
    "INSERT INTO v VALUES ('v1', 'x')\n"
    "UPDATE v SET a = 'V'\n"
    "DELETE FROM v WHERE k = '2'", 0, 6 },
  { "cascades",
    "CREATE TABLE p (k TEXT PRIMARY KEY);"
    "CREATE TABLE ch (k TEXT PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);"
    "CREATE TABLE cn (k TEXT PRIMARY KEY, p REFERENCES p ON DELETE SET NULL ON UPDATE SET DEFAULT);"
    "INSERT INTO p VALUES ('a'), ('b'), ('c'); INSERT INTO ch VALUES ('1', 'a'), ('2', 'a'), ('3', 'b');"
    "INSERT INTO cn VALUES ('1', 'a'), ('2', 'b'), ('3', 'c');",
    "DELETE FROM p WHERE k = 'a'\n"
    "UPDATE p SET k = 'B' WHERE k = 'b'", 0, 8 },
  { "foreign-key-refuses",
    "CREATE TABLE p (k TEXT PRIMARY KEY); CREATE TABLE ch (k TEXT PRIMARY KEY, p REFERENCES p);"
    "INSERT INTO p VALUES ('a'), ('b'), ('c'); INSERT INTO ch VALUES ('1', 'c');",
    "DELETE FROM p\n"
    "INSERT INTO ch VALUES ('2', 'a'), ('3', 'nope')\n"
    "INSERT INTO ch VALUES ('4', 'a')", 2, 1 },
  { "cascade-within-a-table",
    "CREATE TABLE n (k TEXT PRIMARY KEY, p REFERENCES n ON DELETE CASCADE);"
    "INSERT INTO n VALUES ('1', NULL), ('2', '1'), ('3', '2'), ('4', '3');",
    "DELETE FROM n WHERE k = '1'", 0, 4 },
  { "full-text-index", "PRAGMA trusted_schema = ON;" NOTES
    "CREATE VIRTUAL TABLE f USING fts5 (a, content='t', content_rowid='rowid'); INSERT INTO f (f) VALUES ('rebuild');"
    "CREATE TRIGGER fi AFTER INSERT ON t BEGIN INSERT INTO f (rowid, a) VALUES (new.rowid, new.a); END;"
    "CREATE TRIGGER fd AFTER DELETE ON t BEGIN INSERT INTO f (f, rowid, a) VALUES ('delete', old.rowid, old.a); END;"
    "CREATE TRIGGER fu AFTER UPDATE ON t BEGIN INSERT INTO f (f, rowid, a) VALUES ('delete', old.rowid, old.a);"
    "  INSERT INTO f (rowid, a) VALUES (new.rowid, new.a); END;",
    "UPDATE t SET a = 'hello'\n"
    "INSERT INTO t VALUES ('9', 'z', 'bz', 9, 'd')\n"
    "DELETE FROM t WHERE k = '1'", 0, 6 },
  { "autoincrement-beside", NOTES
    "CREATE TABLE au (i INTEGER PRIMARY KEY AUTOINCREMENT, v);"
    "CREATE TRIGGER g AFTER UPDATE ON t BEGIN INSERT INTO au (v) VALUES (new.k); END;",
    "UPDATE t SET a = 'q'", 0, 10 },
  { "attached-and-temp-tables-of-the-same-name", NOTES
    "ATTACH ':memory:' AS other; CREATE TABLE other.t (k TEXT PRIMARY KEY, a); "
    "CREATE TEMP TABLE t (k TEXT PRIMARY KEY, a);",
    "INSERT INTO other.t VALUES ('o', 1)\n"
    "INSERT INTO temp.t VALUES ('o', 1)\n"
    "UPDATE main.t SET a = 'q' WHERE k = '1'\n"
    "DELETE FROM temp.t", 0, 1 },

  /* Keys and rowids */
  { "last-rowid-taken-by-another-key", NOTES,
    "DELETE FROM t WHERE k = '5'\n"
    "INSERT INTO t VALUES ('9', 'z', 'bz', 9, 'd')", 0, 2 },
  { "key-comes-back-at-another-rowid", NOTES,
    "DELETE FROM t WHERE k = '2'\n"
    "INSERT INTO t VALUES ('2', 'a2', 'b2', 2, 'd')\n"
    "DELETE FROM t WHERE k = '3'\n"
    "INSERT INTO t VALUES ('3', 'new', 'b3', 2, 'd')", 0, 2 },
  { "keys-swapped", NOTES,
    "UPDATE t SET k = 'z' WHERE k = '1'\n"
    "UPDATE t SET k = '1' WHERE k = '2'\n"
    "UPDATE t SET k = '2' WHERE k = 'z'", 0, 2 },
  { "all-keys-changed", NOTES, "UPDATE t SET k = 'n' || k", 0, 10 },
  { "rowids-changed", NOTES,
    "UPDATE t SET rowid = rowid + 1000\n"
    "UPDATE t SET rowid = 1 WHERE k = '5'\n"
    "UPDATE OR REPLACE t SET rowid = 1001 WHERE k = '3'", 0, 5 },
  { "rowids-rotated", NOTES,
    "UPDATE t SET rowid = -rowid\n"
    "UPDATE t SET rowid = 1 - rowid % 5", 0, 5 },
  { "extreme-rowids", NOTES,
    "INSERT INTO t (rowid, k) VALUES (9223372036854775807, 'max')\n"
    "INSERT INTO t (rowid, k) VALUES (-9223372036854775808, 'min')\n"
    "INSERT INTO t (rowid, k) VALUES (9223372036854775806, 'before max')\n"
    "DELETE FROM t WHERE k = 'max'", 0, 2 },
  { "rows-inserted-downwards", NOTES,
    "INSERT INTO t (rowid, k) VALUES (30, 'a'), (29, 'b'), (28, 'c'), (31, 'd'), (33, 'e'), (32, 'f')\n"
    "DELETE FROM t WHERE k IN ('b', 'd')\n"
    "INSERT INTO t (rowid, k) VALUES (31, 'g')", 0, 5 },
  { "without-rowid-composite-key",
    "CREATE TABLE j (a TEXT, b TEXT, v, PRIMARY KEY (b, a)) WITHOUT ROWID;"
    "INSERT INTO j VALUES ('1', 'x', 1), ('2', 'x', 2), ('1', 'y', 3);",
    "INSERT INTO j VALUES ('9', 'z', 1)\n"
    "UPDATE j SET v = v + 1 WHERE b = 'x'\n"
    "UPDATE j SET a = 'n' || a WHERE b = 'y'\n"
    "REPLACE INTO j VALUES ('1', 'x', 'r')\n"
    "DELETE FROM j WHERE a = '2'", 0, 5 },
  { "without-rowid-failures",
    "CREATE TABLE j (a TEXT, b TEXT, v CHECK (v < 10), u UNIQUE, PRIMARY KEY (b, a)) WITHOUT ROWID;"
    "INSERT INTO j VALUES ('1', 'x', 1, 1), ('2', 'x', 2, 2), ('1', 'y', 3, 3);",
    "UPDATE j SET v = v + 7\n"
    "UPDATE OR FAIL j SET v = v + 7\n"
    "UPDATE OR REPLACE j SET u = 1 WHERE a = '2'\n"
    "DELETE FROM j WHERE b = 'y'\n"
    "INSERT INTO j VALUES ('1', 'x', 1, 1)", 3, 3 },
  { "without-rowid-covering-index",
    "CREATE TABLE j (a TEXT, b TEXT, v, PRIMARY KEY (b, a)) WITHOUT ROWID; CREATE UNIQUE INDEX i ON j (a, b, v);"
    "INSERT INTO j VALUES ('1', 'x', 1), ('2', 'x', 2), ('1', 'y', 3);",
    "UPDATE j SET v = v + 1\n"
    "UPDATE j SET a = a || 'a'", 0, 6 },
  { "without-rowid-nocase-key",
    "CREATE TABLE j (k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID; "
    "INSERT INTO j VALUES ('a', 1), ('b', 2), ('c', 3);",
    "UPDATE j SET k = 'A' WHERE k = 'a'\n"
    "REPLACE INTO j VALUES ('B', 2)\n"
    "UPDATE j SET k = upper (k), v = 4 WHERE k = 'c'\n"
    "UPDATE j SET k = 'c' WHERE k = 'c'", 0, 5 },
  { "without-rowid-collation-of-the-index-only",
    "CREATE TABLE j (k TEXT, l, v, PRIMARY KEY (k COLLATE NOCASE, l)) WITHOUT ROWID; "
    "INSERT INTO j VALUES ('a', 1, 1), ('b', 1, 2);",
    "UPDATE j SET v = 9 WHERE k = 'a'\n"
    "REPLACE INTO j VALUES ('B', 1, 2)", 0, 3 },
  { "without-rowid-numbers-as-keys",
    "CREATE TABLE j (k PRIMARY KEY, v) WITHOUT ROWID; "
    "INSERT INTO j VALUES (1, 1), (2.5, 2), (-0.0, 3), ('1', 4), (x'31', 5);",
    "UPDATE j SET k = 1.0 WHERE k = 1\n"
    "UPDATE j SET k = 0 WHERE k = 0\n"
    "UPDATE j SET v = 9 WHERE k = 2.5\n"
    "REPLACE INTO j VALUES (9007199254740993, 1), (9007199254740992.0, 2)\n"
    "DELETE FROM j WHERE k = '1'", 0, 8 },
  { "without-rowid-real-and-integer-keys",
    "CREATE TABLE j (a REAL, b INTEGER, v, PRIMARY KEY (b, a)) WITHOUT ROWID;"
    "INSERT INTO j VALUES (1, 1, 'x'), (2.5, 9007199254740993, 'y'), (2.5, 9007199254740992, 'z');",
    "UPDATE j SET v = 'X' WHERE b = 1\n"
    "UPDATE j SET v = 'Y' WHERE b = 9007199254740993\n"
    "INSERT INTO j VALUES (7, 7, 7)\n"
    "UPDATE j SET a = 8 WHERE a = 7", 0, 3 },
  { "without-rowid-generated-columns-before-the-key",
    "CREATE TABLE j (g AS (v || '!') VIRTUAL, s AS (v || '?') STORED, b TEXT, h AS (1) VIRTUAL, a TEXT, v,"
    "  PRIMARY KEY (a, b)) WITHOUT ROWID;"
    "INSERT INTO j VALUES ('1', 'x', 1), ('2', 'x', 2), ('1', 'y', 3);",
    "UPDATE j SET a = a || 'n', v = 5 WHERE b = '1'\n"
    "UPDATE j SET v = 6 WHERE b = '2'\n"
    "INSERT INTO j VALUES ('q', 'r', 's')\n"
    "DELETE FROM j WHERE a = 'yn'", 0, 5 },
  { "composite-key",
    "CREATE TABLE j (a TEXT, b TEXT, v, PRIMARY KEY (b, a)); "
    "INSERT INTO j VALUES ('1', 'x', 1), ('2', 'x', 2), ('1', 'y', 3);",
    "INSERT INTO j VALUES ('9', 'z', 1)\n"
    "UPDATE j SET a = 'n' || a WHERE b = 'y'\n"
    "REPLACE INTO j VALUES ('1', 'x', 'r')\n"
    "DELETE FROM j WHERE a = '2'", 0, 5 },
  { "keys-of-any-type-nocase",
    "CREATE TABLE t (k PRIMARY KEY COLLATE NOCASE, a); INSERT INTO t VALUES ('a', 1), (1, 2), (2.5, 3), (x'00', 4);",
    "UPDATE t SET k = 'A' WHERE k = 'a'\n"
    "DELETE FROM t WHERE k = 1\n"
    "INSERT INTO t VALUES (1, 9)\n"
    "REPLACE INTO t VALUES (2.5, 7)", 0, 4 },
  { "local-integer-key",
    "CREATE TABLE t (i INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');",
    "UPDATE t SET i = i + 10\n"
    "REPLACE INTO t VALUES (12, 'B')\n"
    "UPDATE t SET a = 'C' WHERE i = 13\n"
    "INSERT INTO t (a) VALUES ('d')", 0, 7 },
  { "local-without-key",
    "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 1), (1, 1), (2, 2);",
    "UPDATE t SET b = 9 WHERE rowid = 2\n"
    "DELETE FROM t WHERE rowid = 1\n"
    "UPDATE t SET rowid = 7 WHERE rowid = 3\n"
    "INSERT INTO t VALUES (1, 1)", 0, 5 },
  { "local-null-keys",
    "CREATE TABLE dimple_local (name); INSERT INTO dimple_local VALUES ('t');"
    "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('a', 3);",
    "UPDATE t SET v = 9 WHERE v = 1\n"
    "UPDATE t SET rowid = 20 WHERE v = 2\n"
    "UPDATE t SET k = NULL WHERE k = 'a'", 0, 5 },

  /* Values and columns */
  { "affinities",
    "CREATE TABLE t (k TEXT PRIMARY KEY, r REAL, n NUMERIC, i INTEGER, x TEXT);"
    "INSERT INTO t VALUES ('1', 1, 1, 1, 1), ('2', 2.5, '2.0', '3', 4);",
    "INSERT INTO t VALUES ('3', 3, 3.0, 3.0, 3)\n"
    "UPDATE t SET r = 7, n = '8.0', x = 9 WHERE k = '1'\n"
    "UPDATE t SET r = 2.5, n = 2, x = '4' WHERE k = '2'", 0, 2 },
  { "special-numbers",
    "CREATE TABLE t (k TEXT PRIMARY KEY, r, f REAL); "
    "INSERT INTO t VALUES ('1', 0.0, 1), ('2', 1, 2), ('3', NULL, 9e999);",
    "UPDATE t SET r = -0.0 WHERE k = '1'\n"
    "UPDATE t SET r = 1.0 WHERE k = '2'\n"
    "UPDATE t SET r = 9e999 - 9e999, f = -9e999 WHERE k = '3'", 0, 3 },
  { "null-blob-and-text-of-the-same-bytes",
    "CREATE TABLE t (k TEXT PRIMARY KEY, a); "
    "INSERT INTO t VALUES ('1', NULL), ('2', x'61'), ('3', 'a'), ('4', ''), ('5', 'a' || char (0));",
    "UPDATE t SET a = 'a'\n"
    "UPDATE t SET a = x'' WHERE k = '4'", 0, 4 },
  { "generated-columns",
    "CREATE TABLE t (k TEXT PRIMARY KEY, g1 AS (a || 'v') VIRTUAL, a, g2 AS (a || 's') STORED, b);"
    "INSERT INTO t (k, a, b) VALUES ('1', 'a', 'b'), ('2', 'c', 'd');",
    "UPDATE t SET b = 'B' WHERE k = '1'\n"
    "UPDATE t SET a = 'A' WHERE k = '2'\n"
    "INSERT INTO t (k, a, b) VALUES ('3', 'q', 'w')\n"
    "DELETE FROM t WHERE k = '1'", 0, 3 },
  { "columns-added-later", NOTES
    "ALTER TABLE t ADD COLUMN e DEFAULT 'dd'; ALTER TABLE t ADD COLUMN f INTEGER NOT NULL DEFAULT 7;",
    "UPDATE t SET a = 'x' WHERE k = '1'\n"
    "DELETE FROM t WHERE k = '2'\n"
    "UPDATE t SET e = 'E' WHERE k = '3'\n"
    "UPDATE t SET f = 7 WHERE k = '4'", 0, 3 },
  { "strict-table",
    "CREATE TABLE t (k TEXT PRIMARY KEY, r REAL, a ANY) STRICT; INSERT INTO t VALUES ('1', 1, 1);",
    "UPDATE t SET r = 2\n"
    "INSERT INTO t VALUES ('2', 'x', 1)\n"
    "INSERT INTO t VALUES ('3', 3, '01')", 1, 2 },
  { "blob-written-in-place",
    "CREATE TABLE t (k TEXT PRIMARY KEY, a, b BLOB); "
    "INSERT INTO t VALUES ('1', 'a', zeroblob (10)), ('2', 'b', zeroblob (10));",
    "@blob t b 1\n"
    "UPDATE t SET a = 'after' WHERE k = '1'", 0, 1 },
  { "blob-written-in-place-and-rolled-back",
    "CREATE TABLE t (k TEXT PRIMARY KEY, a, b BLOB); "
    "INSERT INTO t VALUES ('1', 'a', zeroblob (10)), ('2', 'b', zeroblob (10));",
    "SAVEPOINT s\n"
    "@blob t b 1\n"
    "ROLLBACK TO s\n"
    "RELEASE s\n"
    "@blob t b 2", 0, 1 },
  { "huge-row",
    "CREATE TABLE t (k TEXT PRIMARY KEY, a, b); "
    "INSERT INTO t VALUES ('1', zeroblob (3000000), 'x'), ('2', 'y', zeroblob (3000000));",
    "UPDATE t SET b = 'X' WHERE k = '1'\n"
    "UPDATE t SET b = NULL WHERE k = '2'\n"
    "INSERT INTO t VALUES ('3', zeroblob (3000000), 1)", 0, 3 },
  { "names",
    "CREATE TABLE \"a \"\"table\"\" é\" (\"a key\" TEXT PRIMARY KEY, \"rowid\", \"oid\", \"select\", "
    "\"x\"\"y\", \"ü\");"
    "INSERT INTO \"a \"\"table\"\" é\" VALUES ('1', 2, 3, 4, 5, 6), ('2', 2, 3, 4, 5, 6);",
    "UPDATE \"A \"\"TABLE\"\" é\" SET \"ROWID\" = 9, \"ü\" = 8 WHERE \"a key\" = '1'\n"
    "DELETE FROM \"a \"\"table\"\" é\" WHERE \"a key\" = '2'", 0, 2 },
};

static int
write_blob (Subject    *subject,
            const char *table,
            const char *column,
            gint64      rowid)
{
  sqlite3_blob *blob = NULL;
  int result = sqlite3_blob_open (dimple_connection_get_handle (subject->connection), "main", table, column, rowid, 1,
                                  &blob);

  if (result == SQLITE_OK)
    result = sqlite3_blob_write (blob, "hey", 3, 2);
  sqlite3_blob_close (blob);
  return result;
}

static guint
run_steps (Subject    *subject,
           const char *steps)
{
  g_auto(GStrv) lines = g_strsplit (steps, "\n", -1);
  guint n_failures = 0;

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto(GStrv) words = g_strsplit (lines[i], " ", -1);

      if (g_str_equal (words[0], "@blob"))
        n_failures += write_blob (subject, words[1], words[2], g_ascii_strtoll (words[3], NULL, 10)) != SQLITE_OK;
      else
        n_failures += subject_exec (subject, lines[i]) != SQLITE_OK;
    }
  return n_failures;
}

static void
test_scenario (gconstpointer data)
{
  const Scenario *scenario = data;
  g_auto(Subject) subject = { NULL };
  g_autoptr(GHashTable) before = NULL;
  g_autoptr(GHashTable) after = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *expected = NULL, *captured = NULL;
  guint n_changes;

  subject_open (&subject, ":memory:");
  subject_must_exec (&subject, scenario->setup);
  subject_load_schema (&subject);
  before = dump_all (&subject);

  subject_must_exec (&subject, "BEGIN");
  g_assert_cmpuint (run_steps (&subject, scenario->steps), ==, scenario->n_failures);
  after = dump_all (&subject);
  expected = describe_difference (before, after, &n_changes);
  captured = describe_captured (&subject, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (captured, ==, expected);
  g_assert_cmpuint (n_changes, ==, scenario->n_changes);
  if (!sqlite3_get_autocommit (dimple_connection_get_handle (subject.connection)))
    subject_must_exec (&subject, "COMMIT");
}

/* -- The rest of the contract -------------------------------------------------------------------------------------- */

static void
assert_captured (Subject    *subject,
                 const char *expected)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *captured = describe_captured (subject, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (captured, ==, expected);
}

/* Several units in one physical transaction: each is told what it changed itself. */
static void
test_units (void)
{
  g_auto(Subject) subject = { NULL };

  subject_open (&subject, ":memory:");
  subject_must_exec (&subject, "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1)");
  subject_load_schema (&subject);
  g_assert_true (dimple_capture_is_empty (subject.capture));

  subject_must_exec (&subject, "BEGIN; SAVEPOINT unit; UPDATE t SET v = 2");
  g_assert_false (dimple_capture_is_empty (subject.capture));
  assert_captured (&subject, "t 'a': 'a',1 -> 'a',2 @1,1 2");
  g_assert_true (dimple_capture_is_empty (subject.capture));
  subject_must_exec (&subject, "RELEASE unit; SAVEPOINT unit; UPDATE t SET v = 3; INSERT INTO t VALUES ('b', 1)");
  subject_must_exec (&subject, "ROLLBACK TO unit; RELEASE unit; SAVEPOINT unit; UPDATE t SET v = 4");
  assert_captured (&subject, "t 'a': 'a',2 -> 'a',4 @1,1 2");
  subject_must_exec (&subject, "RELEASE unit; SAVEPOINT unit; UPDATE t SET v = 2");
  assert_captured (&subject, "t 'a': 'a',4 -> 'a',2 @1,1 2");
  subject_must_exec (&subject, "RELEASE unit; COMMIT");
  assert_captured (&subject, "");
}

static void
test_null_key (void)
{
  static const struct { const char *sql, *column; } cases[] = {
    { "INSERT INTO t (v) VALUES (1)", "“a b”" },
    { "INSERT INTO t VALUES (NULL, 'x', 1)", "“a b”" },
    { "UPDATE t SET c = NULL", "“c”" },
  };
  g_auto(Subject) subject = { NULL };

  subject_open (&subject, ":memory:");
  subject_must_exec (&subject, "CREATE TABLE t (\"a b\" TEXT, c TEXT, v, PRIMARY KEY (\"a b\", c)); "
                               "INSERT INTO t VALUES ('a', 'b', 1)");
  subject_load_schema (&subject);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;

      subject_must_exec (&subject, "BEGIN");
      subject_must_exec (&subject, cases[i].sql);
      g_assert_null (describe_captured (&subject, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_CONSTRAINT);
      g_assert_nonnull (strstr (error->message, "“t”"));
      g_assert_nonnull (strstr (error->message, cases[i].column));
      subject_must_exec (&subject, "ROLLBACK");
      g_assert_true (dimple_capture_is_empty (subject.capture));
    }
}

static void
test_paused (void)
{
  g_auto(Subject) subject = { NULL };

  subject_open (&subject, ":memory:");
  subject_must_exec (&subject, "CREATE TABLE t (k TEXT PRIMARY KEY, v)");
  subject_load_schema (&subject);
  dimple_capture_set_paused (subject.capture, TRUE);
  subject_must_exec (&subject, "INSERT INTO t VALUES ('a', 1)");
  g_assert_true (dimple_capture_is_empty (subject.capture));
  dimple_capture_set_paused (subject.capture, FALSE);
  subject_must_exec (&subject, "INSERT INTO t VALUES ('b', 1)");
  assert_captured (&subject, "t 'b': -> 'b',1 @0,2 ffffffffffffffff");
  dimple_capture_set_schema (subject.capture, NULL);
  subject_must_exec (&subject, "INSERT INTO t VALUES ('c', 1)");
  g_assert_true (dimple_capture_is_empty (subject.capture));
}

static void
add_name (gpointer name,
          gpointer names)
{
  g_ptr_array_add (names, g_strdup (name));
}

static char *
net_virtual (Subject *subject)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  dimple_capture_net_virtual (subject->capture, add_name, names);
  return join_lines (names);
}

static void
test_virtual (void)
{
  g_auto(Subject) subject = { NULL };
  g_autofree char *first = NULL, *second = NULL;

  subject_open (&subject, ":memory:");
  subject_must_exec (&subject,
                     "CREATE TABLE t (k TEXT PRIMARY KEY, v);"
                     "CREATE VIRTUAL TABLE \"my search\" USING fts5 (v); CREATE VIRTUAL TABLE other USING fts5 (v);"
                     "CREATE TABLE dimple_log (seq INTEGER PRIMARY KEY);"
                     "CREATE TABLE s (i INTEGER PRIMARY KEY AUTOINCREMENT)");
  subject_load_schema (&subject);

  subject_must_exec (&subject, "BEGIN; INSERT INTO \"my search\" VALUES ('a word'); INSERT INTO other VALUES ('b')");
  g_assert_false (dimple_capture_is_empty (subject.capture));
  assert_captured (&subject, "");
  g_assert_false (dimple_capture_is_empty (subject.capture));
  first = net_virtual (&subject);
  g_assert_cmpstr (first, ==, "my search\nother");
  g_assert_true (dimple_capture_is_empty (subject.capture));
  subject_must_exec (&subject, "DELETE FROM other; ROLLBACK");
  second = net_virtual (&subject);
  g_assert_cmpstr (second, ==, "");

  subject_must_exec (&subject, "INSERT INTO dimple_log VALUES (1); ANALYZE");
  g_assert_true (dimple_capture_is_empty (subject.capture));
  subject_must_exec (&subject, "INSERT INTO s VALUES (1)");
  assert_captured (&subject, "s @1: -> 1 @0,1 ffffffffffffffff");
}

/* Columns from the 64th on share a bit. */
static void
test_many_columns (void)
{
  g_auto(Subject) subject = { NULL };
  g_autoptr(GString) sql = g_string_new ("CREATE TABLE t (k TEXT PRIMARY KEY");

  for (guint i = 1; i < 200; i++)
    g_string_append_printf (sql, ", c%u DEFAULT 0", i);
  g_string_append (sql, "); INSERT INTO t (k) VALUES ('a')");
  subject_open (&subject, ":memory:");
  subject_must_exec (&subject, sql->str);
  subject_load_schema (&subject);

  for (guint i = 1; i < 200; i += 7)
    {
      g_autofree char *update = g_strdup_printf ("UPDATE t SET c%u = 1", i);
      g_autoptr(GHashTable) before = dump_all (&subject);
      g_autoptr(GHashTable) after = NULL;
      g_autofree char *expected = NULL;
      guint n_changes;

      subject_must_exec (&subject, update);
      after = dump_all (&subject);
      expected = describe_difference (before, after, &n_changes);
      g_assert_cmpuint (n_changes, ==, 1);
      assert_captured (&subject, expected);
    }
}

/* A key whose column shares its bit with others */
static void
test_late_key (void)
{
  g_auto(Subject) subject = { NULL };
  g_autoptr(GString) sql = g_string_new ("CREATE TABLE t (c0");

  for (guint i = 1; i < 70; i++)
    g_string_append_printf (sql, ", c%u", i);
  g_string_append (sql, ", k TEXT PRIMARY KEY, z); INSERT INTO t (k, z) VALUES ('a', 1), ('b', 1), ('c', 1)");
  subject_open (&subject, ":memory:");
  subject_must_exec (&subject, sql->str);
  subject_load_schema (&subject);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(GHashTable) before = dump_all (&subject);
      g_autoptr(GHashTable) after = NULL;
      g_autofree char *expected = NULL;
      guint n_changes;

      subject_must_exec (&subject, i == 0 ? "UPDATE t SET z = 2" : "UPDATE t SET k = k || '!' WHERE k <> 'a'");
      after = dump_all (&subject);
      expected = describe_difference (before, after, &n_changes);
      g_assert_cmpuint (n_changes, ==, i == 0 ? 3 : 4);
      assert_captured (&subject, expected);
    }
}

/* More rows than fit into what old rows may take of memory */
static void
test_spill (void)
{
  static const char * const steps[] = {
    "UPDATE t SET v = v || '!' WHERE k % 3 = 0",
    "DELETE FROM t WHERE k % 5 = 0",
    "UPDATE j SET v = 'w' WHERE k % 2 = 0",
    "UPDATE t SET k = 'n' || k WHERE k % 7 = 0",
    "DELETE FROM j",
  };
  g_auto(Subject) subject = { NULL };

  subject_open (&subject, ":memory:");
  subject_must_exec (&subject,
                     "CREATE TABLE t (k TEXT PRIMARY KEY, v); CREATE TABLE j (k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
                     "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                     "  INSERT INTO t SELECT i, hex (zeroblob (i % 50)) FROM n;"
                     "INSERT INTO j SELECT * FROM t");
  subject_load_schema (&subject);
  for (gsize limit = 0; limit < 100000; limit = limit * 8 + 100)
    {
      g_autoptr(GHashTable) before = dump_all (&subject);
      g_autoptr(GHashTable) after = NULL;
      g_autofree char *expected = NULL;
      guint n_changes;

      dimple_capture_set_spill_limit (subject.capture, limit);
      subject_must_exec (&subject, "BEGIN");
      for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
        subject_must_exec (&subject, steps[i]);
      after = dump_all (&subject);
      expected = describe_difference (before, after, &n_changes);
      g_assert_cmpuint (n_changes, >, 4000);
      assert_captured (&subject, expected);
      subject_must_exec (&subject, "ROLLBACK");
    }
}

static gboolean
refuse (const DimpleCapturedRow  *row,
        gpointer                  user_data,
        GError                  **error)
{
  g_set_error_literal (error, DIMPLE_ERROR, DIMPLE_ERROR_FULL, "No more");
  return --*(int *) user_data > 0;
}

/* Whoever is told may fail; then nothing is left for the next transaction. */
static void
test_refused (void)
{
  static const char * const changes[] = {
    "INSERT INTO t (v) SELECT v FROM t", "UPDATE t SET v = 9", "DELETE FROM t", "UPDATE t SET rowid = rowid + 20",
    "UPDATE j SET v = 9", "DELETE FROM j"
  };
  g_auto(Subject) subject = { NULL };

  subject_open (&subject, ":memory:");
  subject_must_exec (&subject,
                     "CREATE TABLE t (k TEXT PRIMARY KEY DEFAULT (hex (randomblob (8))), v);"
                     "INSERT INTO t (v) VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10);"
                     "CREATE TABLE j (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO j SELECT * FROM t");
  subject_load_schema (&subject);
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autoptr(GError) error = NULL;
      int left = 1;

      subject_must_exec (&subject, "BEGIN");
      subject_must_exec (&subject, changes[i]);
      g_assert_false (dimple_capture_net (subject.capture, refuse, &left, &error));
      g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_FULL);
      g_assert_cmpint (left, ==, 0);
      g_assert_true (dimple_capture_is_empty (subject.capture));
      subject_must_exec (&subject, "ROLLBACK");
    }
}

/* A table that cannot be read back must not be written to unseen; the others may be. */
static void
test_unreadable (void)
{
  g_auto(Subject) subject = { NULL };
  g_autoptr(GError) error = NULL;

  subject_open (&subject, ":memory:");
  subject_must_exec (&subject,
                     "CREATE TABLE t (rowid TEXT PRIMARY KEY, oid, _rowid_); CREATE TABLE u (k TEXT PRIMARY KEY)");
  subject_load_schema (&subject);
  subject_must_exec (&subject, "INSERT INTO u VALUES ('a')");
  assert_captured (&subject, "u 'a': -> 'a' @0,1 ffffffffffffffff");
  subject_must_exec (&subject, "BEGIN; INSERT INTO t VALUES ('a', 1, 2)");
  g_assert_null (describe_captured (&subject, &error));
  g_assert_error (error, DIMPLE_ERROR, DIMPLE_ERROR_UNTRACKABLE);
  subject_must_exec (&subject, "ROLLBACK");
}

/* The tables may change while the hooks are on. */
static void
test_schema_changes (void)
{
  g_auto(Subject) subject = { NULL };

  subject_open (&subject, ":memory:");
  subject_must_exec (&subject, "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1), ('b', 2)");
  subject_load_schema (&subject);

  subject_must_exec (&subject, "BEGIN; UPDATE t SET v = 5 WHERE k = 'a'");
  assert_captured (&subject, "t 'a': 'a',1 -> 'a',5 @1,1 2");
  subject_must_exec (&subject, "ALTER TABLE t ADD COLUMN w DEFAULT 'new'; CREATE INDEX i ON t (w)");
  subject_load_schema (&subject);
  subject_must_exec (&subject, "UPDATE t SET v = 6");
  assert_captured (&subject, "t 'a': 'a',5,'new' -> 'a',6,'new' @1,1 2\nt 'b': 'b',2,'new' -> 'b',6,'new' @2,2 2");
  subject_must_exec (&subject, "ALTER TABLE t RENAME COLUMN v TO x");
  subject_load_schema (&subject);
  subject_must_exec (&subject, "DELETE FROM t WHERE x = 6 AND k = 'b'; COMMIT");
  assert_captured (&subject, "t 'b': 'b',6,'new' -> @2,2 ffffffffffffffff");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (scenarios); i++)
    {
      g_autofree char *path = g_strdup_printf ("/capture/scenario/%s", scenarios[i].name);

      g_test_add_data_func (path, &scenarios[i], test_scenario);
    }
  g_test_add_func ("/capture/units", test_units);
  g_test_add_func ("/capture/null-key", test_null_key);
  g_test_add_func ("/capture/paused", test_paused);
  g_test_add_func ("/capture/virtual", test_virtual);
  g_test_add_func ("/capture/many-columns", test_many_columns);
  g_test_add_func ("/capture/late-key", test_late_key);
  g_test_add_func ("/capture/spill", test_spill);
  g_test_add_func ("/capture/refused", test_refused);
  g_test_add_func ("/capture/unreadable", test_unreadable);
  g_test_add_func ("/capture/schema-changes", test_schema_changes);

  return g_test_run ();
}
