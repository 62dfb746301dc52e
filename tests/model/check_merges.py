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


def decode_value(value):
    if not isinstance(value, dict):
        return value
    return bytes.fromhex(value["hex"]) if "hex" in value else int(value["integer"]) if "integer" in value else value


def decode_changes(groups, tables, script):
    for group in groups:
        columns = group["columns"] if group["op"] != "delete" else []
        key_columns = tables[group["table"]].key if group["table"] in tables else group["key"]
        for row in group["rows"]:
            names = dict(zip(group["key"], row[0]))
            key = tuple(names[column] for column in key_columns)
            new = dict(zip(columns, map(decode_value, row[1]))) if columns else {}
            anchors = row[-1] if script else [""] * (1 + len(columns))
            yield Change(group["table"], key, group["op"], new, anchors[0], dict(zip(columns, anchors[1:])))


def check(case):
    tables = SchemaMaker(random.Random(case["seed"]), data=True).tables
    transactions = [Transaction(t["id"], t["author"], None, tuple(decode_changes(t["changes"], tables, t["script"])),
                                t["script"]) for t in case["transactions"]]
    shown, shelved = decide(tables, join(transactions))
    for name, table in tables.items():
        columns = case["tables"][name]["columns"]
        rows = [dict(zip(columns, map(decode_value, row))) for row in case["tables"][name]["rows"]]
        rows = {tuple(row[column] for column in table.key): row for row in rows}
        if rows != shown[name]:
            sys.exit(f"seed {case['seed']}: table {name} shows\n{rows}\nand not\n{shown[name]}")
    found = {(name, tuple(json.loads(key))): reason for name, key, reason in case["shelved"]}
    if found != shelved:
        sys.exit(f"seed {case['seed']}: the shelf holds\n{found}\nand not\n{shelved}")


for line in sys.stdin:
    check(json.loads(line))
