// A list of notes that follows a folder: gjs -m hello.js ~/Nextcloud/notes
import Dimple from 'gi://Dimple?version=1';
import Gio from 'gi://Gio';
import Gtk from 'gi://Gtk?version=4.0';

const store = Dimple.Store.open('hello.db');
store.migrate(['CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT NOT NULL)']);
store.define_row_type('NoteRow', 'SELECT * FROM note');

const client = Dimple.SyncClient.new(store, Dimple.LocalStorage.new(Gio.File.new_for_path(ARGV[0] ?? 'notes')));
client.interval = 5;
client.auto_sync = true;

const app = new Gtk.Application({application_id: 'org.example.Hello', flags: Gio.ApplicationFlags.NON_UNIQUE});
app.connect('activate', () => {
    const builder = new Gtk.Builder();
    builder.expose_object('store', store);
    builder.expose_object('client', client);
    builder.add_from_file('hello.ui');
    builder.get_object('entry').connect('activate', entry => {
        store.insert('note', {title: entry.text});
        entry.text = '';
    });
    const window = builder.get_object('window');
    app.add_window(window);
    window.present();
});
app.run([]);
