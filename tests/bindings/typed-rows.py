"""Rows as objects of classes that are written in Python: made, updated in place, edited and saved.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import gc
import unittest

import gi
gi.require_version('Dimple', '1')
from gi.repository import Dimple, GLib, GObject

SQL = 'SELECT * FROM note ORDER BY title, key'


class Note(GObject.Object):
    """Knows nothing of Dimple."""

    __gtype_name__ = 'TestPyNote'

    key = GObject.Property(type=str)
    title = GObject.Property(type=str, default='')
    stars = GObject.Property(type=int)
    done = GObject.Property(type=bool, default=False)

    def __init__(self, **properties):
        super().__init__(**properties)
        self.told = []
        self.connect('notify', self.on_notify)

    def on_notify(self, _note, pspec):
        self.told.append((pspec.name, self.title, self.stars))

    def shout(self):
        return self.title.upper()


class Row(Dimple.Row):
    """A row with a method of its own."""

    __gtype_name__ = 'TestPyRow'

    def first_word(self):
        return self.get_string('title').split()[0]


class TestTypedRows(unittest.TestCase):
    def setUp(self):
        self.store = Dimple.Store.open(None)
        self.store.migrate(['CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, stars INTEGER, done BOOLEAN)'])
        self.execute("INSERT INTO note VALUES ('a', 'Apples', 1, 0), ('b', 'Bread', 2, 1), ('c', NULL, NULL, NULL)")

    def tearDown(self):
        del self.store
        gc.collect()

    def execute(self, sql):
        self.store.execute(sql, None)

    def query(self, item_type, sql=SQL):
        query = Dimple.Query.new_with_type(self.store, item_type, sql, None)
        query.refresh()
        self.assertIsNone(query.props.error)
        return query

    def test_made(self):
        query = self.query(Note)
        note = query.get_item(1)
        self.assertIs(type(note), Note)
        self.assertIs(query.get_item(1), note)
        self.assertEqual(query.get_item_type(), Note.__gtype__)
        self.assertEqual((note.key, note.title, note.stars, note.done), ('a', 'Apples', 1, False))
        self.assertEqual(note.shout(), 'APPLES')
        self.assertEqual([item.title for item in (query.get_item(i) for i in range(3))], ['', 'Apples', 'Bread'])

    def test_updated_in_place(self):
        query = self.query(Note)
        note, other = query.get_item(1), query.get_item(2)
        note.told.clear()
        other.told.clear()
        self.execute("UPDATE note SET title = 'Zucchini', stars = 9 WHERE key = 'a'")
        query.refresh()
        self.assertIs(query.get_item(2), note)
        # Told after both are set, each once, and nobody else.
        self.assertEqual(sorted(note.told), [('stars', 'Zucchini', 9), ('title', 'Zucchini', 9)])
        self.assertEqual(other.told, [])

    def test_edits_are_kept_and_saved(self):
        self.store.register_type('note', Note)
        query = self.query(Note)
        note = query.get_item(1)
        note.title = 'Typed'
        self.execute("UPDATE note SET title = 'Merged', stars = 5 WHERE key = 'a'")
        query.refresh()
        self.assertEqual((note.title, note.stars), ('Typed', 5))
        self.assertTrue(self.store.save(note))
        self.assertEqual(self.store.get('note', 'a').title, 'Typed')
        self.assertIs(type(self.store.get('note', 'a')), Note)

    def test_new_object(self):
        self.store.register_type('note', Note)
        note = Note(title='New', stars=3)
        self.assertTrue(self.store.save(note))
        self.assertIsNotNone(note.key)
        self.assertEqual(self.store.get('note', note.key).stars, 3)

    def test_derived_rows(self):
        query = self.query(Row)
        row = query.get_item(1)
        self.assertIs(type(row), Row)
        self.execute("UPDATE note SET title = 'Green apples' WHERE key = 'a'")
        query.refresh()
        self.assertEqual(row.first_word(), 'Green')

    def test_unfit(self):
        query = Dimple.Query.new_with_type(self.store, Note, 'SELECT title AS colour FROM note', None)
        query.refresh()
        error = query.props.error
        self.assertTrue(error.matches(Dimple.Error.quark(), Dimple.Error.TYPE))
        self.assertIn('TestPyNote', error.message)
        self.assertEqual(query.get_n_items(), 0)

    def test_main_loop(self):
        query = self.query(Note)
        note = query.get_item(1)
        loop = GLib.MainLoop()
        note.connect('notify::stars', lambda *_: loop.quit())
        self.execute("UPDATE note SET stars = 7 WHERE key = 'a'")
        loop.run()
        self.assertEqual(note.stars, 7)


unittest.main()
