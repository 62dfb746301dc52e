"""A template in Python: a query with a search entry bound to its parameters, and an editor of the row that is selected.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import pathlib

import gi
gi.require_version('Dimple', '1')
gi.require_version('Gtk', '4.0')
from gi.repository import Dimple, GLib, GObject, Gtk

store = Dimple.Store.open()
store.migrate(['CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT NOT NULL)'])
# Before the template is read
store.define_row_type('NoteRow', 'SELECT * FROM note')


@Gtk.Template(filename=str(pathlib.Path(__file__).with_name('search.ui')))
class SearchWindow(Gtk.Window):
    __gtype_name__ = 'SearchWindow'
    store = GObject.Property(type=Dimple.Store)
    entry = Gtk.Template.Child()
    notes = Gtk.Template.Child()
    selection = Gtk.Template.Child()
    editor = Gtk.Template.Child()

    @Gtk.Template.Callback()
    def to_parameters(self, _window, text):
        return GLib.Variant('s', text)


def settle():
    Dimple.test_wait_idle(store)
    window.notes.refresh()


with store.transaction():
    for number in range(30):
        store.insert('note', title=f'Note {number:02}')
window = SearchWindow(store=store)
window.present()
settle()
assert len(window.notes) == 30, len(window.notes)

window.entry.set_text('te 2')
settle()
assert [note.title for note in window.notes] == [f'Note {number}' for number in range(20, 30)]

editing = GObject.BindingGroup()
editing.bind('title', window.editor, 'text', GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE)
window.selection.bind_property('selected-item', editing, 'source', GObject.BindingFlags.SYNC_CREATE)
assert window.editor.get_text() == 'Note 20', window.editor.get_text()
note = window.selection.get_selected_item()
window.editor.set_text('Note 29a')
assert note.is_edited() and note.title == 'Note 29a'
store.save(note)
settle()
assert window.selection.get_selected_item() is note and window.selection.get_selected() == 9

key = store.insert('note', title='Note 2')
settle()
found, position = window.notes.find(key)
assert found and window.notes[position].title == 'Note 2'
window.selection.set_selected(position)
assert window.editor.get_text() == 'Note 2'
window.destroy()
