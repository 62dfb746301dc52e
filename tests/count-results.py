#!/usr/bin/python3
"""Reads Meson's log of a test run and prints one line, N passed, N failed, N skipped, after a line for each skip.

Counts the single tests of TAP output, and a program that speaks no TAP as one test.  Exit status 1 on any failure.
"""

import json
import re
import sys

LINE = re.compile(r'^(ok|not ok)\b\s*\d*\s*-?\s*([^#]*)(?:#\s*(SKIP|TODO)?\b\s*(.*))?$', re.IGNORECASE)


def count(log):
    passed, failed, skipped = 0, 0, []
    for program in map(json.loads, log):
        lines = [LINE.match(line) for line in program.get('stdout', '').splitlines()]
        lines = [line for line in lines if line]
        fine = program['result'] in ('OK', 'EXPECTEDFAIL')
        seen_failure = False
        for line in lines:
            outcome, name, directive, reason = line.groups()
            if (directive or '').upper() == 'SKIP':
                skipped.append(f'{name.strip()}: {reason}')
            elif outcome == 'ok':
                passed += 1
            else:
                failed, seen_failure = failed + 1, True
        if not lines and program['result'] == 'SKIP':
            skipped.append(f"{program['name']}: the whole program")
        elif not lines and fine:
            passed += 1
        elif program['result'] != 'SKIP' and not fine and not seen_failure:
            failed += 1                 # crashed, timed out, or failed without saying which
    return passed, failed, skipped


def main():
    with open(sys.argv[1], encoding='utf-8') as log:
        passed, failed, skipped = count(log)
    for reason in skipped:
        print('skipped', reason)
    print(f'{passed} passed, {failed} failed, {len(skipped)} skipped')
    return 1 if failed or not passed else 0


sys.exit(main())
