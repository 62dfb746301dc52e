"""tasks.py [add TITLE | done TITLE]: changes and shows a list, and syncs it with the folder $TASKS_FOLDER"""
import os
import sys

import gi
gi.require_version('Dimple', '1')
from gi.repository import Dimple, Gio, GLib

MIGRATIONS = ['CREATE TABLE task (key TEXT PRIMARY KEY, title TEXT NOT NULL, done BOOLEAN NOT NULL DEFAULT 0)']


def main(arguments):
    store = Dimple.Store.open('tasks.db')
    store.migrate(MIGRATIONS)

    if arguments[:1] == ['add']:
        store.insert('task', title=arguments[1])
    elif arguments[:1] == ['done']:
        store.execute('UPDATE task SET done = 1 WHERE title = ?', arguments[1])

    if 'TASKS_FOLDER' in os.environ:
        folder = Gio.File.new_for_path(os.environ['TASKS_FOLDER'])
        Dimple.SyncClient.new(store, Dimple.LocalStorage.new(folder)).sync()

    for task in store.select('SELECT * FROM task ORDER BY done, title'):
        print('x' if task.done else '-', task.title)


try:
    main(sys.argv[1:])
except GLib.Error as error:
    sys.exit(error.message)
