// What the JavaScript overrides add: plain values, arguments left out, promises, transactions, iteration.
//
// SPDX-License-Identifier: LGPL-2.1-or-later

import Dimple from 'gi://Dimple?version=1';
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import System from 'system';

const SCRIPT = `CREATE TABLE thing (key TEXT PRIMARY KEY, title TEXT, n INTEGER, amount REAL, done BOOLEAN, data BLOB,
  notify TEXT, "createdAt" TEXT, anything)`;
const ALL = 'SELECT * FROM thing ORDER BY title';

function assertEqual(actual, expected) {
    if (JSON.stringify(actual) !== JSON.stringify(expected))
        throw new Error(`${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

function caughtFrom(func) {
    try {
        func();
    } catch (error) {
        return error;
    }
    throw new Error('There was no error');
}

async function caughtFromPromise(promise) {
    try {
        await promise;
    } catch (error) {
        return error;
    }
    throw new Error('There was no error');
}

function newStore() {
    const store = Dimple.Store.open();
    store.migrate([SCRIPT]);
    return store;
}

function add(store, values) {
    return store.get('thing', store.insert('thing', values));
}

function titlesOf(model) {
    return [...model].map(row => row.title);
}

function testValues() {
    const store = newStore();

    for (const value of ['ä', '', 0, 1, -(2 ** 53) + 1, 2.5, null])
        assertEqual(add(store, {anything: value}).get_value('anything'), value);
    assertEqual(add(store, {anything: undefined}).is_null('anything'), true);
    assertEqual(add(store, {anything: 9007199254740993n}).get_string('anything'), '9007199254740993');
    assertEqual(add(store, {done: true}).done, true);
    assertEqual([...add(store, {data: new Uint8Array([1, 0, 2])}).data.toArray()], [1, 0, 2]);
    assertEqual([...add(store, {data: new GLib.Bytes(new Uint8Array([3]))}).data.toArray()], [3]);
    const time = new Date('2026-01-02T03:04:05.678Z');
    assertEqual(add(store, {createdAt: time}).createdAt, '2026-01-02T03:04:05.678Z');
    const moment = GLib.DateTime.new_from_iso8601('2026-01-02T03:04:05.250+02', null);
    assertEqual(add(store, {createdAt: moment}).createdAt, '2026-01-02T01:04:05.250Z');
    store.insert('thing', new GLib.Variant('a{sv}', {title: new GLib.Variant('s', 'variant')}));
}

function testRefused() {
    const store = newStore();

    for (const value of [[1], {a: 1}, () => {}, Symbol.iterator])
        assertEqual(caughtFrom(() => store.insert('thing', {anything: value})) instanceof TypeError, true);
    assertEqual(caughtFrom(() => store.insert('thing', ['title'])) instanceof TypeError, true);
    const error = caughtFrom(() => store.insert('thing', {nothing: 1}));
    assertEqual(error.matches(Dimple.Error, Dimple.Error.SQL), true);
    assertEqual(store.select(ALL).get_n_items(), 0);
}

function testRows() {
    const store = newStore();
    const row = add(store, {title: 'a', notify: 'hidden'});

    store.update('thing', row.get_key(), {n: 2});
    assertEqual(store.get('thing', row.get_key()).n, 2);
    assertEqual([row.column_notify, typeof row.notify], ['hidden', 'function']);
    row.title = 'b';
    row.set_value('anything', 2 ** 40);
    row.set_value('data', new Uint8Array([9]));
    row.set_value('createdAt', new Date('2026-01-02T03:04:05Z'));
    store.save(row);
    const saved = store.get('thing', row.get_key());
    assertEqual([saved.title, saved.get_string('anything'), saved.createdAt],
        ['b', '1099511627776', '2026-01-02T03:04:05.000Z']);
    assertEqual([...saved.data.toArray()], [9]);
    saved.set_value('title');
    assertEqual(saved.is_null('title'), true);
    const created = store.create_row('thing');
    created.title = 'new';
    store.save(created);
    assertEqual(titlesOf(store.select(ALL)), ['b', 'new']);
}

function testParameters() {
    const store = newStore();
    const where = 'SELECT * FROM thing WHERE title = ? AND n = ?';

    store.insert('thing', {title: 'a', n: 1});
    for (const parameters of [['a', 1], new GLib.Variant('(si)', ['a', 1])])
        assertEqual(titlesOf(store.select(where, parameters)), ['a']);
    assertEqual(titlesOf(store.select('SELECT * FROM thing WHERE title = :title', {title: 'a'})), ['a']);
    assertEqual(store.select_first('SELECT * FROM thing WHERE title = ?', 'a').n, 1);
    assertEqual(store.select_first('SELECT * FROM thing WHERE title = ?', 'b'), null);
    store.execute('UPDATE thing SET n = ?', [null]);
    store.execute('UPDATE thing SET amount = 1');
    assertEqual(store.select_first(ALL).is_null('n'), true);
    const error = caughtFrom(() => store.select(ALL, ['too many']));
    assertEqual(error.matches(Dimple.Error, Dimple.Error.PARAMETERS), true);
}

function testTransactions() {
    const store = newStore();

    assertEqual(store.transaction(() => {
        store.insert('thing', {title: 'kept'});
    }), true);
    const thrown = new RangeError('mine');
    assertEqual(caughtFrom(() => store.transaction(() => {
        store.insert('thing', {title: 'gone'});
        throw thrown;
    })).message, 'mine');
    const refused = caughtFrom(() => store.transaction(() => {
        store.insert('thing', {title: 'gone'});
        return false;
    }));
    assertEqual(refused.matches(Dimple.Error, Dimple.Error.FAILED), true);
    const waiting = caughtFrom(() => store.transaction(async () => {
        store.insert('thing', {title: 'gone'});
    }));
    assertEqual(waiting.message.includes('must not be async'), true);
    assertEqual(caughtFrom(() => store.transaction_async(() => true)).message.includes('Dimple.Batch'), true);
    assertEqual(titlesOf(store.select(ALL)), ['kept']);
}

function testQueries() {
    const store = newStore();
    const sql = 'SELECT * FROM thing WHERE title > ? ORDER BY title';

    for (const title of ['a', 'b', 'c'])
        store.insert('thing', {title});
    const query = new Dimple.Query({store, sql, parameters: 'a'});
    query.refresh();
    assertEqual(titlesOf(query), ['b', 'c']);
    query.parameters = ['b'];
    query.refresh();
    assertEqual([titlesOf(query), query.parameters], [['c'], ['b']]);
    query.set_parameters(['c']);
    query.refresh();
    assertEqual([query.n_items, [...query]], [0, []]);
    const count = Dimple.Query.new(store, 'SELECT count(*) AS n FROM thing');
    count.refresh();
    assertEqual(count.first.n, 3);
    const Typed = GObject.registerClass(class Typed extends Dimple.Row {});
    const typed = Dimple.Query.new_with_type(store, Typed.$gtype, ALL);
    typed.refresh();
    assertEqual(typed.get_item(0) instanceof Typed, true);
}

function testHistory() {
    const store = newStore();
    const key = store.insert('thing', {title: 'a'});

    store.update('thing', key, {title: 'b'});
    const history = store.get_history('thing', key);
    Dimple.test_wait_idle(store);
    assertEqual([...history].map(change => change.get_new_value('title')), ['b', 'a']);
    history.get_item(1).restore();
    assertEqual(store.get('thing', key).title, 'a');
    assertEqual([[...store.get_conflicts()], [...store.get_history()].length > 1], [[], true]);
}

function testStorages() {
    const storage = Dimple.MemoryStorage.new();
    storage.put('a', new Uint8Array([65]));
    assertEqual([storage.list(), [...storage.get('a').toArray()]], [['a'], [65]]);
    const client = Dimple.SyncClient.new(newStore());
    client.add_storage(storage);
    assertEqual(client.sync(), true);
    assertEqual(client.verify(), [true, []]);
}

async function testPromises() {
    const store = await Dimple.Store.open_async();
    await store.migrate_async([SCRIPT]);
    const key = await store.insert_async('thing', {title: 'a'});
    await store.update_async('thing', key, {n: 2}, null);
    await store.execute_async('UPDATE thing SET amount = ?', 1.5);
    const row = await store.get_async('thing', key);
    assertEqual([row.title, row.n, row.amount], ['a', 2, 1.5]);
    row.title = 'b';
    await store.save_async(row);
    assertEqual(titlesOf(await store.select_async(ALL)), ['b']);
    const query = Dimple.Query.new(store, ALL);
    await query.load_async();
    assertEqual(query.n_items, 1);
    const batch = Dimple.Batch.new(store);
    batch.insert('thing', {title: 'c'});
    batch.update('thing', key, {title: 'd'});
    batch.execute('UPDATE thing SET n = ?', [5]);
    await batch.commit_async();
    assertEqual(titlesOf(await store.select_async(ALL)), ['c', 'd']);
    const client = Dimple.SyncClient.new(store, Dimple.MemoryStorage.new());
    await client.sync_async();
    const error = await caughtFromPromise(store.insert_async('nothing', {}));
    assertEqual(error.matches(Dimple.Error, Dimple.Error.SQL), true);
    await store.close_async();
}

// Programs written for GJS without the overrides
async function testHabits() {
    const store = newStore();

    Gio._promisify(Dimple.Store.prototype, 'insert_async', 'insert_finish');
    assertEqual(typeof await store.insert_async('thing', {title: 'a'}, null), 'string');
    for (const withCancellable of [true, false]) {
        const key = await new Promise((resolve, reject) => {
            const done = (source, result) => {
                try {
                    resolve(source.insert_finish(result));
                } catch (error) {
                    reject(error);
                }
            };
            if (withCancellable)
                store.insert_async('thing', {title: 'b'}, null, done);
            else
                store.insert_async('thing', {title: 'b'}, done);
        });
        assertEqual(store.get('thing', key).title, 'b');
    }
}

// Every async form is wrapped, also one that comes later.
function testComplete() {
    const plain = [];

    for (const name of Object.getOwnPropertyNames(Dimple)) {
        const owners = Dimple[name]?.prototype instanceof GObject.Object ? [Dimple[name], Dimple[name].prototype] : [];
        for (const owner of owners) {
            for (const method of Object.getOwnPropertyNames(owner)) {
                if (method.endsWith('_async') && !method.startsWith('_') && method !== 'transaction_async' &&
                    owner[`_original_${method}`] === undefined)
                    plain.push(`${name}.${method}`);
            }
        }
    }
    assertEqual(plain, []);
}

async function testAll() {
    for (const test of [testValues, testRefused, testRows, testParameters, testTransactions, testQueries, testHistory,
        testStorages, testPromises, testHabits, testComplete]) {
        try {
            await test();
        } catch (error) {
            error.message = `${test.name}: ${error.message}`;
            throw error;
        }
    }
}

const loop = new GLib.MainLoop(null, false);
let status = 1;

testAll().then(() => {
    status = 0;
}).catch(error => {
    printerr(`${error}\n${error.stack}`);
}).finally(() => loop.quit());
loop.run();
System.exit(status);
