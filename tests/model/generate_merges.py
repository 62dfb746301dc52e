#!/usr/bin/python3
# generate_merges.py: random schemas and transactions, and what merging them must show
#
#   generate_merges.py FIRST LAST
#
# Prints one JSON object a line and seed: {"seed", "sql", "batches": [[[transaction…], …], …], "tables", "shelved"}.
# `batches` are several orders of the same transactions, each cut into batches.  Keys and values are few, so that
# everything collides.
#
# SPDX-License-Identifier: LGPL-2.1-or-later

import json
import random
import sys
from dataclasses import replace

from merge_model import PRUNED, Change, ForeignKey, Table, Transaction, Unique, decide, join


# -- Schemas --------------------------------------------------------------------------------------------------------------

class SchemaMaker:
    """Tables with few keys and values, as the model has them and as SQL."""

    def __init__(self, rng):
        self.rng = rng
        self.constraints = rng.random() < 0.8
        self.cycles = self.constraints and rng.random() < 0.4
        self.tables, self.sql = {}, []
        names = [f"t{number}" for number in range(rng.randint(1, 4))]
        for name in names:
            self.add_table(name, names)

    def add_table(self, name, names):
        rng = self.rng
        composite = rng.random() < 0.2
        key = ("a", "b") if composite else ("key",)
        nocase = not composite and self.constraints and rng.random() < 0.2
        columns = {column: "TEXT" + " COLLATE NOCASE" * nocase for column in key}
        if composite:
            columns["b"] = "INT"
        defaults = {column: None for column in key}
        not_null, uniques, foreign_keys, checks, parts, indexes = set(key), [], [], [], [], []
        if nocase:
            uniques.append(Unique(key, nocase=True))

        for number in range(rng.randint(1, 4)):
            column = f"v{number}"
            columns[column], defaults[column] = "INTEGER", None
            if rng.random() < 0.3:
                defaults[column] = rng.randint(0, 2)
                columns[column] += f" DEFAULT {defaults[column]}"
            elif rng.random() < 0.1:
                columns[column] += " DEFAULT (abs (-1))"          # no literal: NULL where nobody carries a value
            if self.constraints and rng.random() < 0.2:
                not_null.add(column)
                columns[column] += " NOT NULL" + " ON CONFLICT REPLACE" * (rng.random() < 0.2 and "DEFAULT" in columns[column])
        columns["x"], defaults["x"] = "TEXT", None
        values = [column for column in columns if column[0] == "v"]

        if self.constraints:
            self.add_references(name, names, columns, defaults, foreign_keys, parts)
            pool = values + [fk.columns[0] for fk in foreign_keys]
            for number in range(rng.choice((0, 1, 1, 2))):
                self.add_unique(name, number, pool, values, uniques, parts, indexes)
            if len(values) > 1 and rng.random() < 0.3:
                parts.append("CHECK (v0 + v1 <> 3)")
                checks.append(lambda row: None if None in (row["v0"], row["v1"]) else row["v0"] + row["v1"] != 3)

        strict = self.constraints and not nocase and rng.random() < 0.1
        without_rowid = rng.random() < 0.2
        definitions = [f"{column} {type}" for column, type in columns.items()]
        if rng.random() < 0.1 and "v0" in columns:
            definitions.insert(len(key), "g AS (v0 + 1)" if not strict else "g INT AS (v0 + 1)")
        options = ", ".join(["WITHOUT ROWID"] * without_rowid + ["STRICT"] * strict)
        parts = definitions + ["PRIMARY KEY (%s)" % ", ".join(key)] + parts
        self.sql.append("CREATE TABLE %s (%s) %s" % (name, ", ".join(parts), options))
        self.sql += indexes
        self.tables[name] = Table(name, key, defaults, frozenset(not_null), tuple(uniques), tuple(foreign_keys),
                                  tuple(checks))

    def add_references(self, name, names, columns, defaults, foreign_keys, parts):
        rng = self.rng
        parents = list(self.tables) + ([name] if self.cycles and "key" in columns else [])
        for number in range(rng.choice((0, 1, 1, 2)) if parents else 0):
            parent = rng.choice(parents)
            table = self.tables.get(parent)
            if parent != name and table.key != ("key",):
                continue
            column, target, nocase = f"f{number}", "key", False
            if parent == name:
                nocase = "NOCASE" in columns["key"]
            else:
                nocase = any(unique.nocase and unique.terms == ("key",) for unique in table.uniques)
                single = [unique for unique in table.uniques if unique.where is None and len(unique.terms) == 1
                          and unique.terms[0] in table.defaults and unique.terms[0][0] == "v"]
                if single and rng.random() < 0.4:
                    target, nocase = single[0].terms[0], False
            columns[column] = "TEXT" if target == "key" else "INTEGER"
            defaults[column] = None
            foreign_keys.append(ForeignKey((column,), parent, (target,), nocase))
            action = rng.choice(("CASCADE", "SET NULL", "NO ACTION"))
            parts.append(f"FOREIGN KEY ({column}) REFERENCES {parent} ({target}) ON DELETE {action} "
                         "DEFERRABLE INITIALLY DEFERRED")

    def add_unique(self, name, number, pool, values, uniques, parts, indexes):
        rng = self.rng
        terms = tuple(rng.sample(pool, min(len(pool), rng.choice((1, 1, 2)))))
        roll = rng.random()
        if any(unique.terms == terms for unique in uniques):
            return
        if roll < 0.2:
            column = rng.choice(values)
            uniques.append(Unique(terms, lambda row: row[column] is not None and row[column] > 0))
            indexes.append(f"CREATE UNIQUE INDEX {name}_u{number} ON {name} ({', '.join(terms)}) WHERE {column} > 0")
        elif roll < 0.35 and all(term in values for term in terms):
            uniques.append(Unique((lambda row: None if row[terms[0]] is None else row[terms[0]] // 2,)))
            indexes.append(f"CREATE UNIQUE INDEX {name}_u{number} ON {name} (({terms[0]} / 2) DESC)")
        elif roll < 0.45:
            uniques.append(Unique(("x",), nocase=True))
            indexes.append(f"CREATE UNIQUE INDEX {name}_u{number} ON {name} (x COLLATE NOCASE)")
        else:
            uniques.append(Unique(terms))
            replace_others = " ON CONFLICT REPLACE" * (rng.random() < 0.2)
            parts.append(f"UNIQUE ({', '.join(terms)}){replace_others}")


# -- Transactions -----------------------------------------------------------------------------------------------------------

def make_id(time, tail):
    digits = f"{1_700_000_000_000 + time // 16:012x}7{time % 16:03x}{(0b10 << 62) | tail:016x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class TransactionMaker:
    """Transactions of a few authors that need not have seen each other; migrations saw what an earlier edit wrote."""

    def __init__(self, rng, tables):
        self.rng, self.tables = rng, tables
        self.n_keys = rng.randint(1, 6)
        self.edits = {}                                # (table, key) -> ids of edits so far
        self.previous = {}
        self.transactions = []
        time = 0
        for _ in range(rng.randint(1, 40)):
            time += rng.choice((1, 1, 1, 16, 100))
            self.add(make_id(time, rng.randrange(1 << 20)))

    def key(self, table):
        if len(table.key) == 2:
            return (self.rng.choice("kl"), self.rng.randint(1, max(self.n_keys // 2, 1)))
        letter = self.rng.choice("kK") if self.rng.random() < 0.3 else "k"
        return (f"{letter}{self.rng.randrange(self.n_keys)}",)

    def value(self, column, table):
        roll = self.rng.random()
        if roll < 0.1:
            return None
        if column == "x":
            return self.rng.choice(("a", "A", "b", "Größe", "\"\\\n", ""))
        if column[0] == "f":
            fk = next(fk for fk in table.foreign_keys if fk.columns == (column,))
            if fk.parent_columns == ("key",):
                return self.key(self.tables[fk.parent])[0]
        return self.rng.randint(0, 3)

    def change(self, id, script):
        rng = self.rng
        table = rng.choice(list(self.tables.values()))
        key = self.key(table)
        columns = [column for column in table.defaults if column not in table.key]
        seen = [other for other in self.edits.get((table.name, key), ()) if other < id]
        operation = rng.choices(("insert", "update", "delete"), (1 if seen else 4, 3, 1))[0]
        if operation == "delete":
            return Change(table.name, key, operation, {}, rng.choice(seen) if script and seen else "")
        if operation == "insert":
            carried = columns if rng.random() < 0.8 else rng.sample(columns, rng.randint(0, len(columns)))
        else:
            carried = rng.sample(columns, rng.randint(1, len(columns)))
        new = {column: self.value(column, table) for column in carried}
        if rng.random() < 0.1:
            new["later"] = rng.randint(0, 3)           # a column of a newer app
        self.edits.setdefault((table.name, key), []).append(id)
        if not script or not seen or operation == "insert":
            return Change(table.name, key, operation, new)
        anchors = {column: rng.choice(seen) for column in new if rng.random() < 0.8}
        return Change(table.name, key, operation, new, rng.choice(seen), anchors)

    def add(self, id):
        rng = self.rng
        author = f"0190a000-0000-7000-8000-00000000000{rng.randint(1, 3)}"
        script = rng.randint(1, 3) if rng.random() < 0.15 else 0
        changes = {}
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            change = self.change(id, script)
            changes.setdefault((change.table, change.key), change)
        changes = list(changes.values())
        if rng.random() < 0.1:
            changes.append(Change("unknown", ("k",), "insert", {"v": 1}))
        pruned = rng.random() < 0.1
        if pruned:
            changes = [self.prune(change) for change in changes]
        self.transactions.append(Transaction(id, author, self.previous.get(author), tuple(changes), script, pruned))
        self.previous[author] = id

    def prune(self, change):
        new = {column: PRUNED if self.rng.random() < 0.3 else value for column, value in change.new.items()
               if self.rng.random() < 0.8}
        return replace(change, new=new)


# -- As JSON ------------------------------------------------------------------------------------------------------------------

def encode_change(transaction, change, tables):
    """One group of one row; the library reads groups of any size."""
    table = tables.get(change.table)
    key = list(table.key) if table else ["key"]
    columns = list(change.new)
    row = [list(change.key)]
    if change.operation != "delete":
        row.append([change.new[column] for column in columns])
    if change.operation != "insert" and transaction.script:
        row.append(None)
    if transaction.script:
        row.append([change.anchor] + [change.anchors.get(column, "") for column in columns])
    name = change.table.upper() if transaction.id[-1] in "05a" else change.table       # SQLite does not mind
    return {"table": name, "key": key, "op": change.operation, "columns": columns, "rows": [row]}


def encode(transaction, tables):
    return {"id": transaction.id, "author": transaction.author, "previous": transaction.previous or "",
            "script": transaction.script, "pruned": transaction.pruned,
            "changes": [encode_change(transaction, change, tables) for change in transaction.changes]}


def cut(rng, transactions):
    batches, rest = [], list(transactions)
    while rest:
        size = rng.choice((1, 2, 5, len(rest)))
        batches.append(rest[:size])
        rest = rest[size:]
    return batches


def make_case(seed):
    rng = random.Random(seed)
    schema = SchemaMaker(rng)
    transactions = TransactionMaker(rng, schema.tables).transactions
    if rng.random() < 0.3:                             # some have not arrived
        transactions = rng.sample(transactions, max(1, len(transactions) * 3 // 4))
    orders = [sorted(transactions, key=lambda transaction: transaction.id)]
    orders += [rng.sample(transactions, len(transactions)) for _ in range(2)]
    shown, shelved = decide(schema.tables, join(transactions))
    return {
        "seed": seed,
        "sql": ";\n".join(schema.sql),
        "batches": [[[encode(transaction, schema.tables) for transaction in batch] for batch in cut(rng, order)]
                    for order in orders],
        "tables": [{"name": name, "columns": list(table.defaults),
                    "rows": sorted(([values[column] for column in table.defaults] for values in shown[name].values()),
                                   key=repr)}
                   for name, table in schema.tables.items()],
        "shelved": sorted([name, list(key), reason] for (name, key), reason in shelved.items()),
    }


if __name__ == "__main__":
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        print(json.dumps(make_case(number)))
