// Rows as objects of classes that are written in JavaScript: made, updated in place, edited and saved.
//
// SPDX-License-Identifier: LGPL-2.1-or-later

import Dimple from 'gi://Dimple?version=1';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import System from 'system';

const FLAGS = GObject.ParamFlags.READWRITE;

// Knows nothing of Dimple.
const Note = GObject.registerClass({
    GTypeName: 'TestJsNote',
    Properties: {
        'key': GObject.ParamSpec.string('key', '', '', FLAGS, null),
        'title': GObject.ParamSpec.string('title', '', '', FLAGS, ''),
        'stars': GObject.ParamSpec.int('stars', '', '', FLAGS, 0, 1000, 0),
    },
}, class Note extends GObject.Object {
    shout() {
        return this.title.toUpperCase();
    }
});

const Row = GObject.registerClass({GTypeName: 'TestJsRow'}, class Row extends Dimple.Row {
    firstWord() {
        return this.get_string('title').split(' ')[0];
    }
});

function assertEqual(actual, expected) {
    if (JSON.stringify(actual) !== JSON.stringify(expected))
        throw new Error(`${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

function assert(condition, text) {
    if (!condition)
        throw new Error(`not true: ${text}`);
}

function openStore() {
    const store = Dimple.Store.open(null);
    store.migrate(['CREATE TABLE note (key TEXT PRIMARY KEY, title TEXT, stars INTEGER)']);
    store.execute("INSERT INTO note VALUES ('a', 'Apples', 1), ('b', 'Bread', 2)", null);
    return store;
}

function openQuery(store, type) {
    const query = Dimple.Query.new_with_type(store, type, 'SELECT * FROM note ORDER BY title, key', null);
    query.refresh();
    assertEqual(query.error, null);
    return query;
}

const tests = {
    made() {
        const query = openQuery(openStore(), Note);
        const note = query.get_item(0);
        assert(note instanceof Note, 'a Note');
        assert(query.get_item(0) === note, 'the same object');
        assertEqual([note.key, note.title, note.stars, note.shout()], ['a', 'Apples', 1, 'APPLES']);
    },

    updatedInPlace() {
        const store = openStore();
        const query = openQuery(store, Note);
        const note = query.get_item(0);
        const told = [];
        note.connect('notify', (_note, pspec) => told.push([pspec.name, note.title, note.stars]));
        query.get_item(1).connect('notify', () => told.push('the other one'));
        store.execute("UPDATE note SET title = 'Zucchini', stars = 9 WHERE key = 'a'", null);
        query.refresh();
        assert(query.get_item(1) === note, 'the same object at another position');
        // Told after both are set, each once, and nobody else.
        assertEqual(told.sort(), [['stars', 'Zucchini', 9], ['title', 'Zucchini', 9]]);
    },

    editsAreKeptAndSaved() {
        const store = openStore();
        store.register_type('note', Note);
        const query = openQuery(store, Note);
        const note = query.get_item(0);
        note.title = 'Typed';
        store.execute("UPDATE note SET title = 'Merged', stars = 5 WHERE key = 'a'", null);
        query.refresh();
        assertEqual([note.title, note.stars], ['Typed', 5]);
        store.save(note);
        const saved = store.get('note', 'a');
        assert(saved instanceof Note, 'a Note');
        assertEqual(saved.title, 'Typed');
    },

    newObject() {
        const store = openStore();
        store.register_type('note', Note);
        const note = new Note({title: 'New', stars: 3});
        store.save(note);
        assertEqual(store.get('note', note.key).stars, 3);
    },

    derivedRows() {
        const store = openStore();
        const query = openQuery(store, Row);
        const row = query.get_item(0);
        assert(row instanceof Row, 'a Row of its own class');
        store.execute("UPDATE note SET title = 'Green apples' WHERE key = 'a'", null);
        query.refresh();
        assertEqual(row.firstWord(), 'Green');
    },

    unfit() {
        const query = Dimple.Query.new_with_type(openStore(), Note, 'SELECT title AS colour FROM note', null);
        query.refresh();
        assert(query.error.matches(Dimple.Error, Dimple.Error.TYPE), 'an error of the type');
        assertEqual(query.get_n_items(), 0);
    },

    mainLoop() {
        const store = openStore();
        const query = openQuery(store, Note);
        const note = query.get_item(0);
        const loop = new GLib.MainLoop(null, false);
        note.connect('notify::stars', () => loop.quit());
        store.execute("UPDATE note SET stars = 7 WHERE key = 'a'", null);
        loop.run();
        assertEqual(note.stars, 7);
    },
};

let status = 0;
for (const [name, test] of Object.entries(tests)) {
    try {
        test();
        System.gc();
    } catch (error) {
        printerr(`${name}: ${error}\n${error.stack}`);
        status = 1;
    }
}
System.exit(status);
