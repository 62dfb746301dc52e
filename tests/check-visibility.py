#!/usr/bin/python3
"""check-visibility.py LIBRARY HEADER…: what is exported is what is declared, and dimple.h has all of it.

- every public header is included by dimple.h, and no private one by a public one;
- every function declared in a public header is marked available, and is exported;
- nothing else is exported.
"""

import pathlib
import re
import subprocess
import sys

DECLARED = re.compile(r'^(DIMPLE_AVAILABLE_IN_\w+\n)?(?:const )?[\w*]+[\w* ]*?[ *](dimple_\w+)\s*\(', re.MULTILINE)
DECLARED_TYPE = re.compile(r'^(DIMPLE_AVAILABLE_IN_\w+\n)?G_DECLARE_\w+ \(\w+, (dimple_\w+),', re.MULTILINE)
INCLUDED = re.compile(r'^#include "(dimple[\w-]*\.h)"', re.MULTILINE)
COMMENT = re.compile(r'/\*.*?\*/', re.DOTALL)


def exported_by(library):
    lines = subprocess.run(['nm', '-D', '--defined-only', library], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in lines.splitlines()}


def main():
    library, *paths = sys.argv[1:]
    headers = {pathlib.Path(path).name: COMMENT.sub('', pathlib.Path(path).read_text()) for path in paths}
    problems, declared = [], set()

    umbrella = set(INCLUDED.findall(headers['dimple.h']))
    for name in sorted(headers.keys() - {'dimple.h'} - umbrella):
        problems.append(f'{name} is public, and dimple.h does not include it')
    for name, text in sorted(headers.items()):
        problems += [f'{name} includes the private {other}' for other in INCLUDED.findall(text) if 'private' in other]
        for available, symbol in DECLARED.findall(text):
            declared.add(symbol)
            if not available:
                problems.append(f'{symbol} in {name} is not marked DIMPLE_AVAILABLE_IN_…')
        for available, prefix in DECLARED_TYPE.findall(text):
            declared.add(prefix + '_get_type')
            if not available:
                problems.append(f'{prefix} in {name} is not marked DIMPLE_AVAILABLE_IN_…')

    exported = exported_by(library)
    problems += [f'{symbol} is declared, and not exported' for symbol in sorted(declared - exported)]
    problems += [f'{symbol} is exported, and in no public header' for symbol in sorted(exported - declared)]
    print('1..1')
    for problem in problems:
        print('#', problem)
    print('not ok' if problems else 'ok', '1 /visibility')
    return 1 if problems else 0


sys.exit(main())
