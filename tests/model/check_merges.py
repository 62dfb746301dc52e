#!/usr/bin/python3
# check_merges.py: what devices show, against the model
#
# Reads one JSON object a line: {"seed", "transactions", "tables", "shelved"}, where the seed is that of the schema in
# generate_merges.py and the rest is what a database holds.
#
# SPDX-License-Identifier: LGPL-2.1-or-later

import json
import random
import sys

from generate_merges import SchemaMaker
from merge_model import Change, Transaction, decide, join


def decode_changes(groups, tables):
    for group in groups:
        for row in group["rows"]:
            names = dict(zip(group["key"], row[0]))
            key = tuple(names[column] for column in tables[group["table"]].key)
            new = dict(zip(group["columns"], row[1])) if group["op"] != "delete" else {}
            yield Change(group["table"], key, group["op"], new)


def check(case):
    tables = SchemaMaker(random.Random(case["seed"])).tables
    transactions = [Transaction(t["id"], t["author"], None, tuple(decode_changes(t["changes"], tables)), t["script"])
                    for t in case["transactions"]]
    shown, shelved = decide(tables, join(transactions))
    for name, table in tables.items():
        rows = {tuple(row[list(table.defaults).index(column)] for column in table.key): dict(zip(table.defaults, row))
                for row in case["tables"][name]}
        if rows != shown[name]:
            sys.exit(f"seed {case['seed']}: table {name} shows\n{rows}\nand not\n{shown[name]}")
    found = {(name, tuple(json.loads(key))): reason for name, key, reason in case["shelved"]}
    if found != shelved:
        sys.exit(f"seed {case['seed']}: the shelf holds\n{found}\nand not\n{shelved}")


for line in sys.stdin:
    check(json.loads(line))
