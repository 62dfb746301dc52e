// tasks.js [add TITLE | done TITLE]: changes and shows a list, and syncs it with the folder $TASKS_FOLDER
import Dimple from 'gi://Dimple?version=1';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

const MIGRATIONS = ['CREATE TABLE task (key TEXT PRIMARY KEY, title TEXT NOT NULL, done BOOLEAN NOT NULL DEFAULT 0)'];

function main([what, title]) {
    const store = Dimple.Store.open('tasks.db');
    store.migrate(MIGRATIONS);

    if (what === 'add')
        store.insert('task', {title});
    else if (what === 'done')
        store.execute('UPDATE task SET done = 1 WHERE title = ?', title);

    const path = GLib.getenv('TASKS_FOLDER');
    if (path !== null)
        Dimple.SyncClient.new(store, Dimple.LocalStorage.new(Gio.File.new_for_path(path))).sync();

    for (const task of store.select('SELECT * FROM task ORDER BY done, title'))
        print(task.done ? 'x' : '-', task.title);
}

try {
    main(ARGV);
} catch (error) {
    printerr(error.message);
    System.exit(1);
}
