// A template in JavaScript: a query with a search entry bound to its parameters, and an editor of the row selected.
//
// SPDX-License-Identifier: LGPL-2.1-or-later

import Dimple from 'gi://Dimple?version=1';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Gtk from 'gi://Gtk?version=4.0';

function assertEqual(actual, expected) {
    if (JSON.stringify(actual) !== JSON.stringify(expected))
        throw new Error(`${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

Gtk.init();
const store = Dimple.Store.open();
store.migrate(['CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT NOT NULL)']);
// Before the template is read
store.define_row_type('NoteRow', 'SELECT * FROM note');

const template = Gio.File.new_for_uri(import.meta.url).get_parent().get_child('search.ui');
const SearchWindow = GObject.registerClass({
    GTypeName: 'SearchWindow',
    Template: template.load_contents(null)[1],
    Children: ['entry', 'notes', 'selection', 'editor'],
    Properties: {
        store: GObject.ParamSpec.object('store', null, null, GObject.ParamFlags.READWRITE, Dimple.Store),
    },
}, class SearchWindow extends Gtk.Window {
    to_parameters(_window, text) {
        return new GLib.Variant('s', text);
    }
});

store.transaction(() => {
    for (let number = 0; number < 30; number++)
        store.insert('note', {title: `Note ${String(number).padStart(2, '0')}`});
});
const window = new SearchWindow({store});
window.present();

function settle() {
    Dimple.test_wait_idle(store);
    window.notes.refresh();
}

settle();
assertEqual(window.notes.n_items, 30);

window.entry.text = 'te 2';
settle();
assertEqual([...window.notes].map(note => note.title), [...Array(10).keys()].map(number => `Note ${20 + number}`));

const editing = new GObject.BindingGroup();
editing.bind('title', window.editor, 'text', GObject.BindingFlags.BIDIRECTIONAL | GObject.BindingFlags.SYNC_CREATE);
window.selection.bind_property('selected-item', editing, 'source', GObject.BindingFlags.SYNC_CREATE);
assertEqual(window.editor.text, 'Note 20');
const note = window.selection.selected_item;
window.editor.text = 'Note 29a';
assertEqual([note.is_edited(), note.title], [true, 'Note 29a']);
store.save(note);
settle();
assertEqual([window.selection.selected_item === note, window.selection.selected], [true, 9]);

const key = store.insert('note', {title: 'Note 2'});
settle();
const [found, position] = window.notes.find(key);
assertEqual([found, window.notes.get_item(position).title], [true, 'Note 2']);
window.selection.selected = position;
assertEqual(window.editor.text, 'Note 2');
window.destroy();
