"""What the Python overrides add: plain values, rows, transactions, awaitable calls, lists.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import asyncio
import datetime
import gc
import pathlib
import tempfile
import unittest

import gi
gi.require_version('Dimple', '1')
from gi.repository import Dimple, Gio, GLib, GObject

SCRIPT = '''CREATE TABLE thing (key TEXT PRIMARY KEY, title TEXT, n INTEGER, amount REAL, done BOOLEAN, data BLOB,
  notify TEXT, "createdAt" TEXT, anything)'''
ALL = 'SELECT * FROM thing ORDER BY title'


class Typed(Dimple.Row):
    """A class of the app: `title` and `n` are columns, `note` is its own."""
    __gtype_name__ = 'TypedThing'
    title = GObject.Property(type=str)

    def __init__(self, **properties):
        self.note = 'mine'
        super().__init__(**properties)


class Case(unittest.TestCase):
    def setUp(self):
        self.store = Dimple.Store.open()
        self.store.migrate([SCRIPT])

    def tearDown(self):
        self.store.close()
        gc.collect()

    def add(self, **columns):
        return self.store.get('thing', self.store.insert('thing', **columns))

    def count(self):
        return len(self.store.select('SELECT key FROM thing'))

    def assert_dimple_error(self, code, call, *arguments, **keywords):
        with self.assertRaises(GLib.Error) as raised:
            call(*arguments, **keywords)
        self.assertTrue(raised.exception.matches(Dimple.Error.quark(), code), raised.exception)


class TestValues(Case):
    def test_kinds(self):
        for value in ('ä', '', 0, 1, -2**63, 2**63 - 1, 2.5, None, b'a\0b', b'', 'x' * 100000):
            self.assertEqual(self.add(anything=value)['anything'], value)
        self.assertEqual(self.add(anything=True)['anything'], 1)
        self.assertIs(self.add(done=True)['done'], True)
        for value in (bytearray(b'ab'), memoryview(b'ab'), GLib.Bytes.new(b'ab')):
            self.assertEqual(self.add(anything=value)['anything'], b'ab')

    def test_times(self):
        zone = datetime.timezone(datetime.timedelta(hours=2))
        time = datetime.datetime(2026, 1, 2, 3, 4, 5, 678900, zone)
        self.assertEqual(self.add(anything=time).anything, '2026-01-02T01:04:05.678Z')
        self.assertEqual(self.add(anything=datetime.date(2026, 1, 2)).anything, '2026-01-02')
        moment = GLib.DateTime.new_utc(2026, 1, 2, 3, 4, 5.25)
        self.assertEqual(self.add(anything=moment).anything, '2026-01-02T03:04:05.250Z')
        row = self.add()
        row.anything = time
        self.assertEqual(row.anything, '2026-01-02T01:04:05.678Z')
        row.anything = moment
        self.assertEqual(row.anything, '2026-01-02T03:04:05.250Z')

    def test_refused(self):
        for value in ([1], {'a': 1}, object(), 1j):
            with self.assertRaisesRegex(TypeError, 'cannot be stored'):
                self.store.insert('thing', anything=value)
            with self.assertRaisesRegex(TypeError, 'cannot be stored'):
                self.add().anything = value
        with self.assertRaises(OverflowError):
            self.store.insert('thing', anything=2**63)
        with self.assertRaises(TypeError):
            self.store.insert('thing', GLib.Variant('a{sv}', {}), title='x')

    def test_rows(self):
        key = self.store.insert('thing', {'title': 'a'}, n=1)
        self.store.update('thing', key, title='b')
        self.store.update('thing', key, {'n': 2})
        self.assertEqual((self.store.get('thing', key).title, self.store.get('thing', key).n), ('b', 2))
        self.store.insert('thing', GLib.Variant('a{sv}', {'title': GLib.Variant('s', 'variant')}))
        self.store.insert('thing')
        self.assertEqual(self.count(), 3)
        self.assert_dimple_error(Dimple.Error.SQL, self.store.insert, 'thing', nothing=1)

    def test_parameters(self):
        self.store.insert('thing', title='a', n=1)
        for parameters in (['a', 1], ('a', 1), GLib.Variant('(si)', ('a', 1))):
            self.assertEqual(len(self.store.select('SELECT * FROM thing WHERE title = ? AND n = ?', parameters)), 1)
        self.assertEqual(len(self.store.select('SELECT * FROM thing WHERE title = :t', {'t': 'a'})), 1)
        self.assertEqual(self.store.select_first('SELECT * FROM thing WHERE title = ?', 'a').n, 1)
        self.assertIsNone(self.store.select_first('SELECT * FROM thing WHERE title = ?', 'b'))
        self.store.execute('UPDATE thing SET data = ?', b'x')
        self.store.execute('UPDATE thing SET title = ?', [None])
        self.assertEqual(dict(self.store.select_first(ALL))['title'], None)
        self.assert_dimple_error(Dimple.Error.PARAMETERS, self.store.select, ALL, ['too many'])

    def test_batch(self):
        batch = Dimple.Batch.new(self.store)
        key = batch.insert('thing', title='a', n=1)
        batch.update('thing', key, {'title': 'b'})
        batch.execute('UPDATE thing SET n = n + ?', 1)
        batch.commit()
        self.assertEqual((self.store.get('thing', key).title, self.store.get('thing', key).n), ('b', 2))


class TestRow(Case):
    def test_attributes(self):
        row = self.add(title='a', createdAt='now', notify='hidden')
        self.assertEqual((row.title, row.created_at, row['createdAt'], row['CREATEDAT']), ('a', 'now', 'now', 'now'))
        self.assertEqual((row['notify'], row.column_notify), ('hidden', 'hidden'))
        self.assertTrue(callable(row.notify))
        self.assertEqual((row.n, row.amount, row.done, row.data, row.anything), (None,) * 5)
        self.assertEqual(row.props.n, 0)
        with self.assertRaises(AttributeError):
            row.nothing
        with self.assertRaises(KeyError):
            row['nothing']
        with self.assertRaises(KeyError):
            row['nothing'] = 1
        self.assertFalse(hasattr(row, '__len__'))

    def test_mapping(self):
        row = self.add(title='a', n=1)
        self.assertEqual(list(row), row.get_columns())
        self.assertEqual(dict(row)['title'], 'a')
        self.assertIn('title', row)
        self.assertNotIn('nothing', row)
        self.assertIn('created_at', dir(row))
        self.assertIn("'title': 'a'", repr(row))

    def test_set(self):
        row = self.add(title='a')
        row.title, row.n, row.amount, row.done, row.data = 'b', 2**40, 1, True, b'\0'
        row['notify'] = 'set'
        row.set_value('anything', 2**31)
        self.assertTrue(row.is_edited())
        self.store.save(row)
        self.assertEqual([self.store.get('thing', row.get_key())[column] for column in list(row)[1:7]],
                         ['b', 2**40, 1.0, True, b'\0', 'set'])
        self.assertEqual(self.store.get('thing', row.get_key()).anything, 2**31)
        row.title = None
        self.assertTrue(row.is_null('title'))
        row.own = 'not a column'
        self.assertEqual(row.own, 'not a column')

    def test_new(self):
        row = self.store.create_row('thing')
        row.title = 'new'
        self.store.save(row)
        self.assertEqual(self.store.get('thing', row.get_key()).title, 'new')

    def test_class_of_the_app(self):
        self.store.register_type('thing', Typed)
        thing = self.add(title='a', n=3)
        self.assertIsInstance(thing, Typed)
        self.assertEqual((thing.title, thing.n, thing.note), ('a', 3, 'mine'))
        thing.title = 'b'
        self.store.save(thing)
        self.store.save(Typed(title='c'))
        self.assertEqual([row.title for row in self.store.select(ALL)], ['b', 'c'])


class TestTransaction(Case):
    def fail(self, store):
        store.insert('thing', title='gone')
        raise ZeroDivisionError('kept')

    def test_block(self):
        with self.store.transaction() as store:
            store.insert('thing', title='kept')
        with self.assertRaisesRegex(ZeroDivisionError, 'kept'), self.store.transaction():
            self.fail(self.store)
        self.assertEqual(self.count(), 1)

    def test_nested(self):
        with self.store.transaction():
            self.store.insert('thing', title='kept')
            with self.assertRaises(ZeroDivisionError), self.store.transaction():
                self.fail(self.store)
        self.assertEqual(self.count(), 1)

    def test_function(self):
        self.assertTrue(self.store.transaction(lambda store, title: store.insert('thing', title=title) and None, 'a'))
        with self.assertRaisesRegex(ZeroDivisionError, 'kept'):
            self.store.transaction(self.fail)
        self.assert_dimple_error(Dimple.Error.FAILED, self.store.transaction,
                                 lambda store: bool(store.insert('thing', title='gone')) and False)
        self.assert_dimple_error(Dimple.Error.SQL, self.store.transaction, lambda store: store.execute('nonsense'))
        self.assertEqual(self.count(), 1)

    def test_function_that_waits(self):
        async def wait(store):
            store.insert('thing', title='never')

        with self.assertRaisesRegex(TypeError, 'must not be async'):
            self.store.transaction(wait)
        self.assertEqual(self.count(), 0)

    def test_callback(self):
        loop, outcomes = GLib.MainLoop(), []

        def on_done(store, result, name):
            try:
                outcomes.append((name, store.transaction_finish(result)))
            except ZeroDivisionError as failure:
                outcomes.append((name, failure.args[0]))
            if len(outcomes) == 2:
                loop.quit()

        self.store.transaction_async(self.fail, None, on_done, 'first')
        self.store.transaction_async(lambda store: None, callback=lambda *args: on_done(*args[:2], 'second'))
        loop.run()
        self.assertEqual(outcomes, [('first', 'kept'), ('second', True)])
        self.assertEqual(self.count(), 0)


class TestAsync(Case):
    def run_async(self, coroutine):
        """PyGObject 3.42 has no asyncio loop of its own, so this one runs the main context's turns."""
        async def run():
            async def turn():
                while True:
                    GLib.MainContext.default().iteration(False)
                    await asyncio.sleep(0.0005)
            turning = asyncio.ensure_future(turn())
            try:
                return await asyncio.wait_for(coroutine, 60)
            finally:
                turning.cancel()
        return asyncio.run(run())

    def test_await(self):
        async def use():
            store = await Dimple.Store.open_async(None)
            await store.migrate_async([SCRIPT])
            key = await store.insert_async('thing', {'title': 'a'})
            await store.update_async('thing', key, {'n': 2})
            await store.execute_async('UPDATE thing SET amount = ?', 1.5)
            row = await store.get_async('thing', key)
            self.assertEqual((row.title, row.n, row.amount), ('a', 2, 1.5))
            row.title = 'b'
            await store.save_async(row)
            self.assertEqual([row.title for row in await store.select_async(ALL)], ['b'])
            query = Dimple.Query.new(store, ALL)
            await query.load_async()
            self.assertEqual(len(query), 1)
            batch = Dimple.Batch.new(store)
            batch.insert('thing', title='c')
            await batch.commit_async()
            await store.delete_async('thing', key)
            self.assertTrue(await store.transaction_async(lambda store: None))
            storage = Dimple.MemoryStorage.new()
            client = Dimple.SyncClient.new(store, storage)
            await client.sync_async()
            self.assertNotEqual(await storage.list_async(None, None), [])
            await storage.put_async('own', b'x')
            self.assertEqual((await storage.get_async('own')).get_data(), b'x')
            await store.close_async()
        self.run_async(use())

    def test_failures(self):
        async def use():
            with self.assertRaises(GLib.Error) as raised:
                await self.store.insert_async('nothing', {})
            self.assertTrue(raised.exception.matches(Dimple.Error.quark(), Dimple.Error.SQL))
            with self.assertRaises(ZeroDivisionError):
                await self.store.transaction_async(lambda store: 1 / 0)
            cancellable = Gio.Cancellable()
            cancellable.cancel()
            with self.assertRaises(GLib.Error) as raised:
                await self.store.execute_async('DELETE FROM thing', None, cancellable)
            self.assertTrue(raised.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
        self.run_async(use())

    def test_cancelled(self):
        async def use():
            # While this thread has the lock, the store's own waits with the first, and the second is still queued.
            self.store.begin()
            first = self.store.insert_async('thing', {'title': 'first'})
            second = self.store.insert_async('thing', {'title': 'second'})
            third = self.store.insert_async('thing', {'title': 'third'})
            second.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await second
            self.store.commit()
            await first
            await third
            self.assertEqual([row.title for row in self.store.select(ALL)], ['first', 'third'])
        self.run_async(use())

    def test_complete(self):
        """Whatever can be waited for is awaitable, also what comes later."""
        plain = []
        for name in dir(Dimple):
            cls = getattr(Dimple, name)
            if not isinstance(cls, type) or not issubclass(cls, GObject.Object):
                continue
            plain += [f'{name}.{method}' for method in dir(cls)
                      if method.endswith('_async') and not method.startswith('do_') and
                      not hasattr(getattr(cls, method), 'is_awaitable')]
        self.assertEqual(plain, [])

    def test_callbacks(self):
        loop, keys = GLib.MainLoop(), []

        def on_inserted(store, result, *user_data):
            keys.append((store.insert_finish(result), user_data))
            if len(keys) == 2:
                loop.quit()

        self.store.insert_async('thing', {'title': 'a'}, None, on_inserted, 'data')
        self.store.insert_async('thing', {'title': 'b'}, callback=on_inserted)
        loop.run()
        self.assertEqual([user_data for _key, user_data in keys], [('data',), ()])
        self.assertEqual(self.count(), 2)

    def test_nobody_waits(self):
        self.assertIsNone(self.store.insert_async('thing', {'title': 'a'}))
        Dimple.test_wait_idle(self.store)
        self.assertEqual(self.count(), 1)


class TestLists(Case):
    def test_query(self):
        for title in 'abc':
            self.store.insert('thing', title=title)
        query = Dimple.Query(store=self.store, sql='SELECT * FROM thing WHERE title > ? ORDER BY title', parameters='a')
        query.refresh()
        self.assertEqual([row.title for row in query], ['b', 'c'])
        self.assertEqual((len(query), query[0].title, query[-1].title), (2, 'b', 'c'))
        self.assertEqual([row.title for row in query[0:1]], ['b'])
        with self.assertRaises(IndexError):
            query[2]
        query.parameters = ['b']
        query.refresh()
        self.assertEqual(([row.title for row in query], query.parameters), (['c'], ('b',)))
        self.assertEqual(query.find(query[0].get_key()), (True, 0))
        query.set_parameters(('c',))
        query.refresh()
        self.assertEqual(list(query), [])

    def test_constructors(self):
        self.store.insert('thing', title='a')
        live = [Dimple.Query.new(self.store, ALL), Dimple.Query(store=self.store, sql=ALL),
                Dimple.Query.new(self.store, 'SELECT * FROM thing WHERE title = :title', {'title': 'a'}),
                Dimple.Query.new_with_type(self.store, Typed, ALL)]
        for query in live:
            query.refresh()
            self.assertEqual([row.title for row in query], ['a'])
        self.assertIsInstance(live[-1][0], Typed)

    def test_snapshot(self):
        for title in 'ab':
            self.store.insert('thing', title=title)
        rows = self.store.select(ALL)
        self.assertEqual((len(rows), rows[1].title, [row.title for row in rows]), (2, 'b', ['a', 'b']))

    def test_history(self):
        key = self.store.insert('thing', title='a', data=b'x')
        self.store.update('thing', key, title='b')
        history = self.store.get_history('thing', key)
        Dimple.test_wait_idle(self.store)
        self.assertEqual([change.props.operation for change in history],
                         [Dimple.Operation.UPDATE, Dimple.Operation.INSERT])
        self.assertEqual((history[0].get_old_value('title'), history[0].get_new_value('title')), ('a', 'b'))
        self.assertEqual((history[1].get_new_value('data'), history[0].get_new_value('data')), (b'x', None))
        history[1].restore()
        self.assertEqual(self.store.get('thing', key).title, 'a')
        self.assertEqual(len(self.store.get_conflicts()), 0)

    def test_path(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, 'a.db')
            store = Dimple.Store.open(path)
            self.assertEqual(store.props.path, str(path))
            store.close()


class TestStorage(unittest.TestCase):
    def test_bytes(self):
        storage = Dimple.MemoryStorage.new()
        storage.put('a', b'x')
        storage.put('b', GLib.Bytes.new(b'y'))
        self.assertEqual([storage.get(key).get_data() for key in storage.list()], [b'x', b'y'])

    def test_request(self):
        storage = Dimple.CustomStorage.new()
        storage.connect('request', lambda _storage, request: request.complete(b'plain') or True)
        self.assertEqual(storage.get('key').get_data(), b'plain')


unittest.main()
