"""fill-examples.py [--check] SOURCE-FOLDER: puts the files named by `<!-- examples/… -->` into doc/getting-started.md.

What stands after such a line, up to the next one that begins with a letter or `#` outside of a code block, is replaced.
With --check nothing is written, and anything to replace is an error.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import pathlib
import re
import sys

LANGUAGES = {'.c': 'c', '.py': 'python', '.js': 'js', '.vala': 'vala', '.ui': 'xml'}
BLOCK = re.compile(r'(<!-- (examples/\S+) -->\n)(?:```\w+\n.*?\n```\n\n)?', re.DOTALL)


def main():
    check = sys.argv[1] == '--check'
    source = pathlib.Path(sys.argv[-1])
    chapter = source / 'doc/getting-started.md'

    def fill(match):
        file = source / match[2]
        return f'{match[1]}```{LANGUAGES[file.suffix]}\n{file.read_text(encoding="utf-8").rstrip()}\n```\n\n'

    text = chapter.read_text(encoding='utf-8')
    filled = BLOCK.sub(fill, text)
    if filled == text:
        return 0
    if check:
        print(f'{chapter} shows other programs than examples/ has: run doc/fill-examples.py', file=sys.stderr)
        return 1
    chapter.write_text(filled, encoding='utf-8')
    return 0


sys.exit(main())
