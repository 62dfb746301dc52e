#!/usr/bin/python3
# merge_model.py: what the tables show, as a pure function of a set of transactions and a schema
#
# The library keeps the same up to date step by step, by asking SQLite; this says it in one go and asks nobody.  Slow and
# plain on purpose: where the two differ, one of them is wrong.
#
#   state = join (transactions)          what is known of every row ever named
#   shown, shelved = decide (schema, state)
#
# SPDX-License-Identifier: LGPL-2.1-or-later

from dataclasses import dataclass, field
from typing import Any, Callable, Optional

PRUNED = {"pruned": True}       # in place of a value that was dropped because a newer one exists somewhere


# -- Transactions and what they add up to -------------------------------------------------------------------------------

@dataclass(frozen=True)
class Change:
    table: str
    key: tuple
    operation: str                                     # "insert", "update" or "delete"
    new: dict = field(default_factory=dict)
    anchor: str = ""                                   # of a migration: of the row that its script saw
    anchors: dict = field(default_factory=dict)        # of a migration: of each value that it replaced


@dataclass(frozen=True)
class Transaction:
    id: str
    author: str
    previous: Optional[str]
    changes: tuple
    script: int = 0                                    # 0: an edit; n: the changes of migration script n
    pruned: bool = False

    def stamp(self, anchor):
        """Greater wins.  A migration's change ranks just above what it replaced."""
        return (anchor, self.script, self.id) if self.script else (self.id, 0, self.id)


@dataclass
class Row:
    created: Optional[str] = None                      # by the earliest insert known
    edited: tuple = ()                                 # the greatest stamps; () is smaller than any
    deleted: tuple = ()
    cells: dict = field(default_factory=dict)          # column -> (stamp, value)

    def join(self, transaction, change):
        stamp = transaction.stamp(change.anchor)
        if change.operation == "delete":
            self.deleted = max(self.deleted, stamp)
            return
        self.edited = max(self.edited, stamp)
        if change.operation == "insert":
            self.created = min(self.created or transaction.id, transaction.id)
        for column, value in change.new.items():
            stamp = transaction.stamp(change.anchors.get(column, ""))
            known, known_value = self.cells.get(column, ((), None))
            if stamp > known or (stamp == known and known_value == PRUNED):
                self.cells[column] = (stamp, value)


def join(transactions):
    """(table, key) -> Row, of deleted rows and of unknown tables too; the order of joining does not matter."""
    rows = {}
    for transaction in transactions:
        for change in transaction.changes:
            rows.setdefault((change.table, change.key), Row()).join(transaction, change)
    return rows


# -- Schemas --------------------------------------------------------------------------------------------------------------

def fold_case(value):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Unique:
    terms: tuple                                       # column names, or functions of a row's values
    where: Optional[Callable] = None                   # a partial index
    nocase: bool = False

    def entry(self, values):
        """What the index holds for a row; None: nothing that could collide."""
        if self.where is not None and not self.where(values):
            return None
        entry = tuple(values[term] if isinstance(term, str) else term(values) for term in self.terms)
        if None in entry:
            return None
        return tuple(map(fold_case, entry)) if self.nocase else entry


@dataclass(frozen=True)
class ForeignKey:
    columns: tuple
    parent: str
    parent_columns: tuple
    nocase: bool = False                               # the parent's collation

    def _values(self, columns, values):
        found = tuple(values[column] for column in columns)
        if None in found:
            return None
        return tuple(map(fold_case, found)) if self.nocase else found

    def wanted(self, values):
        return self._values(self.columns, values)

    def offered(self, values):
        return self._values(self.parent_columns, values)


@dataclass(frozen=True)
class Table:
    name: str
    key: tuple
    defaults: dict                                     # of every column, the key's included; in order
    not_null: frozenset = frozenset()
    uniques: tuple = ()
    foreign_keys: tuple = ()
    checks: tuple = ()                                 # functions of a row's values; False refuses

    def values(self, key, row):
        values = {column: row.cells[column][1] if column in row.cells else default
                  for column, default in self.defaults.items()}
        return values | dict(zip(self.key, key))

    def refusal(self, row, values):
        """Why a row cannot be shown, whatever others there are."""
        if row.created is None or PRUNED in values.values():
            return "incomplete"
        if any(values[column] is None for column in self.not_null):
            return "not-null"
        if any(check(values) is False for check in self.checks):
            return "check"
        return None


def groups_of(tables):
    """The tables' names, parents first; tables that reference each other come together."""
    above = {name: {name} for name in tables}
    for _ in tables:
        for name, table in tables.items():
            for key in table.foreign_keys:
                above[name] |= above[key.parent]
    done = set()
    while done != tables.keys():
        for name in sorted(tables.keys() - done):
            group = {other for other in above[name] if name in above[other]}
            if above[name] - group <= done:
                done |= group
                yield sorted(group)
                break


# -- Which rows are shown ---------------------------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class Candidate:
    table: Table
    key: tuple
    created: str
    values: dict

    @property
    def order(self):
        return (self.created, self.table.name, self.key)

    def entries(self):
        for number, unique in enumerate(self.table.uniques):
            entry = unique.entry(self.values)
            if entry is not None:
                yield (self.table.name, number, entry)


class Rows:
    """A set of candidates that can be asked who is in whose way."""

    def __init__(self, references):
        self.references = references                   # (parent, its columns) -> a ForeignKey that says how to compare
        self.members, self.holders, self.offers = set(), {}, {}

    def copy(self):
        copy = Rows(self.references)
        copy.members, copy.holders, copy.offers = set(self.members), dict(self.holders), dict(self.offers)
        return copy

    def offered_by(self, row):
        for (parent, columns), key in self.references.items():
            if parent == row.table.name and key.offered(row.values) is not None:
                yield parent, columns, key.offered(row.values)

    def add(self, row):
        self.members.add(row)
        for entry in row.entries():
            self.holders[entry] = row
        for offer in self.offered_by(row):
            self.offers[offer] = self.offers.get(offer, 0) + 1

    def remove(self, row):
        self.members.discard(row)
        for entry in row.entries():
            if self.holders.get(entry) is row:
                del self.holders[entry]
        for offer in self.offered_by(row):
            self.offers[offer] -= 1

    def rivals(self, row):
        return {self.holders[entry] for entry in row.entries() if entry in self.holders} - {row}

    def missing(self, row):
        """What a row wants that nobody here offers; a row may be its own parent."""
        own = set(self.offered_by(row))
        for key in row.table.foreign_keys:
            want = (key.parent, key.parent_columns, key.wanted(row.values))
            if want[2] is not None and not self.offers.get(want) and want not in own:
                yield want


def show_group(shown, candidates):
    """Adds to `shown` what is to be seen of tables whose parents elsewhere are decided.

    Without a cycle of FOREIGN KEYs the first pass decides everything: oldest first, shown if its parents are there and
    nobody is in the way.  See dimple-settle-cycle.c for the steps.
    """
    candidates = sorted(candidates, key=lambda row: row.order)
    undecided, given_up = list(candidates), False
    possible = shown.copy()                            # the shown and the undecided: what can still be a parent
    for row in undecided:
        possible.add(row)

    while undecided:
        waiting, oldest = [], {}
        for row in undecided:
            if shown.rivals(row) or any(possible.missing(row)):
                possible.remove(row)
            elif any(shown.missing(row)) or any(entry in oldest for entry in row.entries()):
                waiting.append(row)
                for entry in row.entries():
                    oldest.setdefault(entry, row)
            else:
                shown.add(row)
        if len(waiting) == len(undecided):
            given_up |= not (show_circles(shown, waiting, oldest) or show_family(shown, waiting, possible))
        undecided = [row for row in waiting if row in possible.members and row not in shown.members]

    while given_up:
        late = [row for row in candidates if row not in shown.members]
        given_up = False
        for row in late:
            if not shown.rivals(row) and not any(shown.missing(row)):
                shown.add(row)
                given_up = True


def show_circles(shown, waiting, oldest):
    """Of the rows that no older one opposes, the greatest set that has its parents."""
    rows = [row for row in waiting if all(oldest[entry] is row for entry in row.entries())]
    for row in rows:
        shown.add(row)
    while True:
        left = []
        for row in rows:
            if any(shown.missing(row)):
                shown.remove(row)
            else:
                left.append(row)
        if len(left) == len(rows):
            return bool(rows)
        rows = left


def show_family(shown, waiting, possible):
    """The oldest row with the ancestors that it needs; if two of them collide it is given up."""
    family, todo = Rows(shown.references), [waiting[0]]
    family.add(waiting[0])
    while todo:
        member = todo.pop()
        for want in shown.missing(member):
            if family.offers.get(want):
                continue
            parent = next(row for row in waiting if want in set(family.offered_by(row)))
            if family.rivals(parent):
                possible.remove(waiting[0])
                return False
            family.add(parent)
            todo.append(parent)
    for row in family.members:
        shown.add(row)
    return True


def decide(schema, state):
    """({table: {key: values}}, {(table, key): reason}) of a schema {name: Table} and a state from join ()."""
    references = {(key.parent, key.parent_columns): key for table in schema.values() for key in table.foreign_keys}
    shown, shelved = Rows(references), {}
    for group in groups_of(schema):
        candidates = []
        for (name, key), row in state.items():
            if name not in group or not row.edited > row.deleted:
                continue
            table = schema[name]
            values = table.values(key, row)
            reason = table.refusal(row, values)
            if reason is None:
                candidates.append(Candidate(table, key, row.created, values))
            else:
                shelved[name, key] = reason
        show_group(shown, candidates)
        for row in candidates:
            if row not in shown.members:
                shelved[row.table.name, row.key] = "foreign-key" if any(shown.missing(row)) else "unique"
    tables = {name: {} for name in schema}
    for row in shown.members:
        tables[row.table.name][row.key] = row.values
    return tables, shelved
