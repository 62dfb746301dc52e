#!/usr/bin/python3
# generate_merges.py: random schemas and transactions, and what merging them must show
#
#   generate_merges.py FIRST LAST [apps]
#
# Prints one JSON object a line and seed: {"seed", "scripts", "batches": [[[transaction…], null, …], …], "tables", "shelved"}.
# `batches` are several orders of the same transactions, each cut into batches; null is where the next script runs (the
# first has made the tables).  Keys and values are few, so that everything collides.  With "apps", only seed and scripts.
#
# SPDX-License-Identifier: LGPL-2.1-or-later

import json
import random
import re
import sys
from dataclasses import replace

from merge_model import PRUNED, Change, ForeignKey, Table, Transaction, Unique, decide, join


# -- Schemas --------------------------------------------------------------------------------------------------------------

class SchemaMaker:
    """Tables with few keys and values, as the model has them and as SQL: a script, and migrations.

    `data`: the migrations may change rows, too; then what they end in depends on what a device showed."""

    def __init__(self, rng, data=False):
        self.rng = rng
        self.constraints = rng.random() < 0.8
        self.cycles = self.constraints and rng.random() < 0.4
        self.tables, self.parts, self.options, self.indexes, self.named = {}, {}, {}, {}, {}
        for number in range(rng.randint(1, 4)):
            self.add_table(f"t{number}")
        if self.cycles and rng.random() < 0.5:
            self.close_cycle()
        self.scripts = [";\n".join(text for name in self.tables for text in self.create(name))]
        for number in range(2, 2 + rng.choice((0, 0, 1, 2))):
            self.scripts.append(";\n".join(self.migrate(number, data)))

    def create(self, name, called=None):
        """The table's SQL, then that of its indexes."""
        return ["CREATE TABLE %s (%s) %s" % (called or name, ", ".join(self.parts[name]), self.options[name]),
                *self.indexes[name].values()]

    def add_table(self, name):
        rng = self.rng
        composite = rng.random() < 0.2
        key = ("a", "b") if composite else ("key",)
        nocase = not composite and self.constraints and rng.random() < 0.2
        columns = {column: "TEXT" + " COLLATE NOCASE" * nocase for column in key}
        if composite:
            columns["b"] = "INT"
        defaults = {column: None for column in key}
        not_null, uniques, foreign_keys, checks, parts, indexes = set(key), [], [], [], [], {}
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
        strict = self.constraints and not nocase and rng.random() < 0.1
        if rng.random() < 0.3:
            columns["y"], defaults["y"] = "ANY" if strict else "", None
        values = [column for column in columns if column[0] in "vy"]

        if self.constraints:
            self.add_references(name, columns, defaults, foreign_keys, parts)
            pool = values + sorted({fk.columns[0] for fk in foreign_keys})
            for number in range(rng.choice((0, 1, 1, 2))):
                self.add_unique(name, number, pool, values, uniques, parts, indexes)
            if "v1" in values and rng.random() < 0.3:
                parts.append("CHECK (v0 + v1 <> 3)")
                checks.append(lambda row: None if None in (row["v0"], row["v1"]) else row["v0"] + row["v1"] != 3)

        without_rowid = rng.random() < 0.2
        definitions = [f"{column} {type}" for column, type in columns.items()]
        if rng.random() < 0.1 and "v0" in columns:
            definitions.insert(len(key), "g AS (v0 + 1)" if not strict else "g INT AS (v0 + 1)")
        options = ", ".join(["WITHOUT ROWID"] * without_rowid + ["STRICT"] * strict)
        parts = definitions + ["PRIMARY KEY (%s)" % ", ".join(key)] + parts
        self.parts[name], self.options[name], self.indexes[name] = parts, options, indexes
        self.tables[name] = Table(name, key, defaults, frozenset(not_null), tuple(uniques), tuple(foreign_keys),
                                  tuple(checks))

    def references(self, parent, target):
        """How a column that references another says so in a group that may have cycles, and whether it folds case."""
        nocase = any(unique.nocase and unique.terms == target for unique in self.tables[parent].uniques)
        action = self.rng.choice(("CASCADE", "SET NULL", "NO ACTION"))
        return f"REFERENCES {parent} ({', '.join(target)}) ON DELETE {action} DEFERRABLE INITIALLY DEFERRED", nocase

    def add_references(self, name, columns, defaults, foreign_keys, parts):
        rng = self.rng
        own = Table(name, tuple(column for column in columns if column in ("key", "a", "b")), {})
        if "NOCASE" in columns.get("key", ""):
            own = replace(own, uniques=(Unique(("key",), nocase=True),))
        parents = list(self.tables) + ([name] if self.cycles else [])
        self.tables[name] = own                        # for now: what references itself needs no more of it
        for number in range(rng.choice((0, 1, 1, 2)) if parents else 0):
            parent = rng.choice(parents)
            table = self.tables[parent]
            target = table.key
            single = [unique.terms for unique in table.uniques if unique.where is None and len(unique.terms) == 1
                      and unique.terms[0] in table.defaults and unique.terms[0][0] == "v"]
            if single and rng.random() < 0.4:
                target = single[0]
            children = (f"f{number}",) if len(target) == 1 else (f"f{number}", f"f{number}b")
            for child, column in zip(children, target):
                columns[child], defaults[child] = "INTEGER" if column[0] in "vb" else "TEXT", None
            text, nocase = self.references(parent, target)
            foreign_keys.append(ForeignKey(children, parent, target, nocase))
            parts.append(f"FOREIGN KEY ({', '.join(children)}) {text}")
        del self.tables[name]

    def add_unique(self, name, number, pool, values, uniques, parts, indexes):
        rng = self.rng
        terms = tuple(rng.sample(pool, min(len(pool), rng.choice((1, 1, 2)))))
        roll = rng.random()
        index = f"{name}_u{number}"
        if any(unique.terms == terms for unique in uniques):
            return
        if roll < 0.2:
            column = rng.choice(values)
            uniques.append(Unique(terms, lambda row: is_above_zero(row[column])))
            indexes[index] = f"CREATE UNIQUE INDEX {index} ON {name} ({', '.join(terms)}) WHERE {column} > 0"
        elif roll < 0.35 and all(term in values and term != "y" for term in terms):
            uniques.append(Unique((lambda row: None if row[terms[0]] is None else row[terms[0]] // 2,)))
            indexes[index] = f"CREATE UNIQUE INDEX {index} ON {name} (({terms[0]} / 2) DESC)"
        elif roll < 0.45:
            uniques.append(Unique(("x",), nocase=True))
            indexes[index] = f"CREATE UNIQUE INDEX {index} ON {name} (x COLLATE NOCASE)"
        elif roll < 0.6:
            uniques.append(Unique(terms))
            indexes[index] = f"CREATE UNIQUE INDEX {index} ON {name} ({', '.join(terms)})"
        else:
            uniques.append(Unique(terms))
            replace_others = " ON CONFLICT REPLACE" * (rng.random() < 0.2)
            parts.append(f"UNIQUE ({', '.join(terms)}){replace_others}")
            index = None
        self.named[name, len(uniques) - 1] = index

    def close_cycle(self):
        """The first table gets a column that references the last one, which may reference it."""
        first, last = self.tables["t0"], list(self.tables)[-1]
        if len(self.tables[last].key) > 1 or "STRICT" in self.options["t0"]:
            return
        text, nocase = self.references(last, ("key",))
        position = next(i for i, part in enumerate(self.parts["t0"]) if part.startswith("PRIMARY KEY"))
        self.parts["t0"].insert(position, f"fg TEXT {text}")
        self.tables["t0"] = replace(first, defaults=first.defaults | {"fg": None}, foreign_keys=first.foreign_keys +
                                    (ForeignKey(("fg",), last, ("key",), nocase),))

    # -- Migrations

    def migrate(self, number, data):
        name = self.rng.choice(list(self.tables))
        kinds = [self.add_column, self.new_table, self.drop_index, self.relax, self.rebuild]
        kinds += [self.change_rows, self.remove_rows, self.add_rows, self.rename_column, self.add_index] if data else []
        return [text for kind in self.rng.sample(kinds, self.rng.randint(1, 4)) for text in kind(name, number)]

    def add_column(self, name, number):
        table, default = self.tables[name], self.rng.choice((None, 1))
        not_null = default is not None and self.rng.random() < 0.5
        column = f"w{number}"
        text = f"{column} INTEGER" + " NOT NULL" * not_null + f" DEFAULT {default}" * (default is not None)
        self.tables[name] = replace(table, defaults=table.defaults | {column: default},
                                    not_null=table.not_null | {column} if not_null else table.not_null)
        position = next(i for i, part in enumerate(self.parts[name]) if part.startswith("PRIMARY KEY"))
        self.parts[name].insert(position, text)
        yield f"ALTER TABLE {name} ADD COLUMN {text}"

    def new_table(self, name, number):
        target = self.tables[name].key
        columns = ("f0",) if len(target) == 1 else ("f0", "f0b")
        text, nocase = self.references(name, target)
        new = f"n{number}"
        self.tables[new] = Table(new, ("key",), dict.fromkeys(("key", "v0", "x") + columns), frozenset({"key"}),
                                 (Unique(("v0",)),), (ForeignKey(columns, name, target, nocase),))
        self.parts[new] = ["key TEXT", "v0 INTEGER UNIQUE", "x TEXT", "f0 TEXT"] + ["f0b INTEGER"] * (len(target) > 1) + \
            ["PRIMARY KEY (key)", f"FOREIGN KEY ({', '.join(columns)}) {text}"]
        self.options[new], self.indexes[new] = "", {}
        yield from self.create(new)

    def drop_index(self, name, number):
        table = self.tables[name]
        used = {(fk.parent, fk.parent_columns) for other in self.tables.values() for fk in other.foreign_keys}
        for position, unique in enumerate(table.uniques):
            index = self.named.get((name, position))
            if index in self.indexes[name] and (name, unique.terms) not in used:
                del self.indexes[name][index]
                self.tables[name] = replace(table, uniques=table.uniques[:position] +
                                            (NO_UNIQUE,) + table.uniques[position + 1:])
                yield f"DROP INDEX {index}"
                return

    def relax(self, name, number):
        """NOT NULL and CHECKs go, which SQLite can only do by a rebuild."""
        table = self.tables[name]
        self.tables[name] = replace(table, not_null=frozenset(table.key), checks=())
        self.parts[name] = [re.sub(" NOT NULL( ON CONFLICT REPLACE)?", "", part) for part in self.parts[name]
                            if not part.startswith("CHECK")]
        yield from self.rebuild(name, number)

    def rebuild(self, name, number):
        columns = ", ".join(self.tables[name].defaults)
        yield self.create(name, "rebuilt")[0]
        yield f"INSERT INTO rebuilt ({columns}) SELECT {columns} FROM {name}"
        yield f"DROP TABLE {name}"
        yield f"ALTER TABLE rebuilt RENAME TO {name}"
        yield from self.indexes[name].values()

    def change_rows(self, name, number):
        yield f"UPDATE OR IGNORE {name} SET v0 = {number - 1} WHERE v0 = {self.rng.randint(0, 3)}"

    def remove_rows(self, name, number):
        yield f"DELETE FROM {name} WHERE v0 = {self.rng.randint(0, 3)}"

    def add_rows(self, name, number):
        if self.tables[name].key == ("key",):
            yield f"INSERT OR IGNORE INTO {name} (key, v0) VALUES ('k{self.rng.randint(0, 3)}', 1)"

    def rename_column(self, name, number):
        table = self.tables[name]
        if "x" not in table.defaults or any("x" in unique.terms for unique in table.uniques):
            return
        self.tables[name] = replace(table, defaults={f"x{number}" if column == "x" else column: value
                                                     for column, value in table.defaults.items()})
        self.parts[name] = [part.replace("x TEXT", f"x{number} TEXT", 1) if part.startswith("x TEXT") else part
                            for part in self.parts[name]]
        yield f"ALTER TABLE {name} RENAME COLUMN x TO x{number}"

    def add_index(self, name, number):
        table = self.tables[name]
        if "WITHOUT ROWID" in self.options[name] or any(unique.terms == ("v0",) for unique in table.uniques):
            return
        index = f"{name}_s{number}"
        self.tables[name] = replace(table, uniques=table.uniques + (Unique(("v0",)),))
        self.indexes[name][index] = f"CREATE UNIQUE INDEX {index} ON {name} (v0)"
        yield f"DELETE FROM {name} WHERE v0 IS NOT NULL AND rowid NOT IN " \
              f"(SELECT min (rowid) FROM {name} WHERE v0 IS NOT NULL GROUP BY v0)"
        yield self.indexes[name][index]


NO_UNIQUE = Unique((), lambda row: False)              # keeps the place of one that is gone


def is_above_zero(value):
    """As SQLite has it: any text and blob is above any number."""
    return value is not None and (not isinstance(value, (int, float)) or value > 0)


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
        if column[0] == "x":
            return self.rng.choice(("a", "A", "b", "Größe", "\"\\\n", ""))
        if column == "y":
            return self.rng.choice((0, 1, 1.5, -1, "a", "1", b"a", 1 << 60))
        if column[0] == "f":
            fk = next(fk for fk in table.foreign_keys if column in fk.columns)
            if fk.parent_columns == self.tables[fk.parent].key:
                return self.key(self.tables[fk.parent])[fk.columns.index(column)]
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

def encode_value(value):
    """What JSON cannot say is an object, as in dimple-log-private.h."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, int) and abs(value) > 1 << 53:
        return {"integer": str(value)}
    return value


def encode_change(transaction, change, tables):
    """One group of one row; the library reads groups of any size."""
    table = tables.get(change.table)
    key = list(table.key) if table else ["key"]
    columns = list(change.new)
    row = [list(change.key)]
    if change.operation != "delete":
        row.append([encode_value(change.new[column]) for column in columns])
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


def cut(rng, transactions, n_scripts):
    """Batches, with a None at random places for each script but the first."""
    batches, rest = [], list(transactions)
    while rest:
        size = rng.choice((1, 2, 5, len(rest)))
        batches.append(rest[:size])
        rest = rest[size:]
    for _ in range(1, n_scripts):
        batches.insert(rng.randint(0, len(batches)), None)
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
        "scripts": schema.scripts,
        "batches": [[batch and [encode(transaction, schema.tables) for transaction in batch]
                     for batch in cut(rng, order, len(schema.scripts))] for order in orders],
        "tables": [{"name": name, "columns": list(table.defaults),
                    "rows": [[encode_value(values[column]) for column in table.defaults]
                             for values in shown[name].values()]}
                   for name, table in schema.tables.items()],
        "shelved": sorted([name, list(key), reason] for (name, key), reason in shelved.items()),
    }


def make_app(seed):
    """An app whose migrations change rows, too: only devices can say what comes of it."""
    return {"seed": seed, "scripts": SchemaMaker(random.Random(seed), data=True).scripts}


if __name__ == "__main__":
    make = make_app if sys.argv[3:] == ["apps"] else make_case
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        print(json.dumps(make(number)))
