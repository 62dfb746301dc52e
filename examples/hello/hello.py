"""A list of notes that follows a folder: python3 hello.py ~/Nextcloud/notes"""
import sys

import gi
gi.require_version('Dimple', '1')
gi.require_version('Gtk', '4.0')
from gi.repository import Dimple, Gio, Gtk

store = Dimple.Store.open('hello.db')
store.migrate(['CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT NOT NULL)'])
store.define_row_type('NoteRow', 'SELECT * FROM note')

folder = Gio.File.new_for_path(sys.argv[1] if sys.argv[1:] else 'notes')
client = Dimple.SyncClient.new(store, Dimple.LocalStorage.new(folder))
client.props.interval = 5
client.props.auto_sync = True


def add_note(entry):
    store.insert('note', title=entry.get_text())
    entry.set_text('')


def activate(app):
    builder = Gtk.Builder()
    builder.expose_object('store', store)
    builder.expose_object('client', client)
    builder.add_from_file('hello.ui')
    builder.get_object('entry').connect('activate', add_note)
    window = builder.get_object('window')
    app.add_window(window)
    window.present()


app = Gtk.Application(application_id='org.example.Hello', flags=Gio.ApplicationFlags.NON_UNIQUE)
app.connect('activate', activate)
app.run()
