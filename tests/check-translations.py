#!/usr/bin/python3
"""check-translations.py SOURCE-FOLDER: the lists of files with texts for users are complete, and translations are sound.

What a language lacks is told, and is no failure: texts come before their translations.  Prints TAP.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import pathlib
import re
import subprocess
import sys
import tempfile

# Where texts are, and where their translations
DOMAINS = {'dimple': 'po', 'dimple-gtk-demo': 'dimple-gtk-demo/po'}
MARKED = re.compile(r'\b(?:_|N_|C_|NC_|ngettext|g_dngettext) ?\(|translatable="(?:yes|true|1)"')
LITERAL = re.compile(r'/\*.*?\*/|//[^\n]*', re.DOTALL)
KEYWORDS = ['_', 'N_', 'C_:1c,2', 'NC_:1c,2', 'ngettext:1,2', 'g_dngettext:2,3']


def with_texts(source, folder):
    """The C files and templates of a folder that mark texts, comments left out."""
    for path in sorted((source / folder).rglob('*')):
        if path.suffix == '.c' and MARKED.search(LITERAL.sub('', path.read_text(encoding='utf-8'))) or \
                path.suffix == '.ui' and MARKED.search(path.read_text(encoding='utf-8')):
            yield str(path.relative_to(source))


def check_files(source, folder, po):
    listed = [line for line in (source / po / 'POTFILES.in').read_text(encoding='utf-8').splitlines()
              if line and not line.startswith('#')]
    marked = list(with_texts(source, folder))
    return ([f'{file} has texts, and is not in {po}/POTFILES.in' for file in marked if file not in listed] +
            [f'{file} is in {po}/POTFILES.in, and has no texts' for file in listed if file not in marked])


def extract(source, po, target):
    subprocess.run(['xgettext', '--from-code=UTF-8', *[f'--keyword={keyword}' for keyword in KEYWORDS], '--output', target,
                    '--directory', source, '--files-from', source / po / 'POTFILES.in'], check=True)


def check_language(source, po, language, template):
    """Whether formats fit and nothing is malformed; prints what is not translated."""
    file = source / po / f'{language}.po'
    checked = subprocess.run(['msgfmt', '--check', '--output-file=/dev/null', file], stderr=subprocess.PIPE, text=True,
                             check=False)
    merged = subprocess.run(['msgmerge', '--quiet', '--no-fuzzy-matching', file, template], stdout=subprocess.PIPE,
                            check=True).stdout
    missing = subprocess.run(['msgattrib', '--untranslated', '--no-obsolete', '--no-location', '--no-wrap'], input=merged,
                             stdout=subprocess.PIPE, check=True).stdout.decode()
    texts = re.findall(r'^msgid "(.+)"$', missing, re.MULTILINE)
    print(f'# {po}/{language}.po lacks {len(texts)} texts')
    for text in texts:
        print(f'#   {text}')
    return checked.stderr.splitlines() if checked.returncode != 0 else []


def main():
    source = pathlib.Path(sys.argv[1])
    number, failed = 0, False
    for folder, po in DOMAINS.items():
        problems = {'files': check_files(source, folder, po)}
        with tempfile.TemporaryDirectory() as temporary:
            template = pathlib.Path(temporary) / 'template.pot'
            extract(source, po, template)
            for language in (source / po / 'LINGUAS').read_text(encoding='utf-8').split('\n'):
                if language and not language.startswith('#'):
                    problems[language] = check_language(source, po, language, template)
        for name, found in problems.items():
            number += 1
            for problem in found:
                print(f'# {problem}')
            print(f'{"not ok" if found else "ok"} {number} /translations/{folder}/{name}')
            failed |= bool(found)
    print(f'1..{number}')
    return 1 if failed else 0


sys.exit(main())
