"""translations.py FOLDER: what the user reads is in their language, where there is a German locale.

FOLDER has de/LC_MESSAGES/dimple-1.mo.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import locale
import sys

import gi
gi.require_version('Dimple', '1')
from gi.repository import Dimple, Gio, GLib


def status(client):
    try:
        client.sync()
    except GLib.Error as error:
        assert error.matches(Dimple.Error.quark(), Dimple.Error.NO_SUCH_STORAGE), error
    # Properties follow in the main context.
    while client.props.state != Dimple.SyncState.FAILED and GLib.MainContext.default().iteration(True):
        pass
    return client.props.status


try:
    locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')
except locale.Error:
    print('There is no German locale', file=sys.stderr)
    sys.exit(77)
locale.bindtextdomain('dimple-1', sys.argv[1])

store = Dimple.Store.open()
store.migrate(['CREATE TABLE note (key TEXT PRIMARY KEY, n REAL)'])
client = Dimple.SyncClient.new(store, Dimple.MemoryStorage.new())
assert client.props.status == 'Noch nicht abgeglichen', client.props.status
client.sync()
store.insert('note', n=1)
store.insert('note', n=2)
while client.props.pending != 2:
    GLib.MainContext.default().iteration(True)
assert client.props.status == '2 Änderungen warten', client.props.status

nowhere = Dimple.SyncClient.new(store, Dimple.LocalStorage.new(Gio.File.new_for_path('/nowhere/at/all')))
message = status(nowhere)
assert message.startswith('Es gibt keinen Ordner „/nowhere/at/all“.'), message
