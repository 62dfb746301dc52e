"""chapters.py FOLDER: what the chapters show in Python and SQL works.

The blocks of a chapter run one after the other, in the order in which they stand.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import pathlib
import re
import sys
import unittest

import gi
gi.require_version('Dimple', '1')
from gi.repository import Dimple, Gio, GLib, GObject

FOLDER = pathlib.Path(sys.argv.pop())
BLOCK = re.compile(r'^```(python|sql)\n(.*?)^```$', re.DOTALL | re.MULTILINE)
# For these a window is needed
NOT_RUN = ('getting-started.md', 'languages.md')


class Selection:
    position = None

    def set_selected(self, position):
        self.position = position


def blocks_of(name):
    return BLOCK.findall((FOLDER / name).read_text(encoding='utf-8'))


def new_store(*scripts):
    store = Dimple.Store.open()
    store.migrate(list(scripts))
    return store


class TestChapters(unittest.TestCase):
    def run_python(self, name):
        store = new_store('CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT)')
        names = {'Dimple': Dimple, 'Gio': Gio, 'GLib': GLib, 'GObject': GObject, 'store': store, 'selection': Selection(),
                 'query': Dimple.Query.new(store, 'SELECT * FROM note ORDER BY title')}
        found = [code for language, code in blocks_of(name) if language == 'python']
        self.assertTrue(found)
        for code in found:
            exec(compile(code, name, 'exec'), names)
        return names

    def test_rows(self):
        names = self.run_python('rows.md')
        names['store'].register_type('note', names['Note'])
        first = names['store'].select_first('SELECT * FROM note')
        self.assertEqual(names['store'].get('note', first.get_key()).initial, 'M')

    def test_live_lists(self):
        names = self.run_python('live-lists.md')
        self.assertEqual((names['found'], names['selection'].position), (True, 0))

    def test_testing(self):
        names = self.run_python('testing.md')
        Dimple.SyncClient.new(names['second'], names['cloud']).sync()
        self.assertEqual([note.title for note in names['second'].select('SELECT * FROM note ORDER BY title')],
                         ['Bread', 'Milk'])

    def test_sql(self):
        schema, query = [code for language, code in blocks_of('sql.md') if language == 'sql']
        store = new_store(schema)
        store.insert('note', title='Shopping', body='milk and bread')
        live = Dimple.Query.new(store, query, 'mil')
        live.refresh()
        self.assertIsNone(live.get_error())
        self.assertEqual([note.title for note in live], ['Shopping'])
        live.set_parameters('"unsafe (')
        live.refresh()
        self.assertIsNone(live.get_error())
        self.assertEqual(len(live), 0)

    def test_store(self):
        schema, = [code for language, code in blocks_of('store.md') if language == 'sql']
        store = new_store('CREATE TABLE tag (key TEXT PRIMARY KEY)', schema)
        note, tag = store.insert('note', title='Milk'), store.insert('tag')
        store.insert('note_tag', note=note, tag=tag)
        self.assertEqual(store.get('note_tag', f'["{note}","{tag}"]').tag, tag)

    def test_none_left_out(self):
        run = {'rows.md', 'live-lists.md', 'testing.md', 'sql.md', 'store.md', *NOT_RUN}
        self.assertEqual([path.name for path in FOLDER.glob('*.md') if path.name not in run and blocks_of(path.name)], [])


unittest.main()
