"""A storage written in Python: by deriving, by the signal, with late answers, and called from other threads.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import gc
import threading
import unittest

import gi
gi.require_version('Dimple', '1')
from gi.repository import Dimple, Gio, GLib


def not_found():
    return GLib.Error.new_literal(Dimple.Error.quark(), 'There is no such object.', Dimple.Error.NOT_FOUND)


def answer(objects, request):
    operation = request.get_operation()
    if operation == Dimple.StorageOperation.LIST:
        request.complete_list(list(objects))
    elif operation == Dimple.StorageOperation.PUT:
        objects[request.get_key()] = request.get_contents()
        request.complete(None)
    elif operation == Dimple.StorageOperation.GET:
        contents = objects.get(request.get_key())
        if contents is not None:
            request.complete(contents)
        else:
            request.fail(not_found())
    elif operation == Dimple.StorageOperation.REMOVE:
        for key in request.get_keys():
            objects.pop(key, None)
        request.complete(None)


class DictStorage(Dimple.CustomStorage):
    def __init__(self):
        super().__init__()
        self.objects = {}
        self.threads = set()

    def do_request(self, request):
        self.threads.add(threading.get_ident())
        answer(self.objects, request)


class LateStorage(DictStorage):
    """Answers from the main loop, a turn later."""

    def do_request(self, request):
        GLib.idle_add(self.answer_later, request)

    def answer_later(self, request):
        answer(self.objects, request)
        return GLib.SOURCE_REMOVE


class DroppingStorage(Dimple.CustomStorage):
    def do_request(self, request):
        pass


def signal_storage(objects):
    storage = Dimple.CustomStorage.new()

    def on_request(_storage, request):
        answer(objects, request)
        return True

    storage.connect('request', on_request)
    return storage


class TestCustomStorage(unittest.TestCase):
    def use(self, storage):
        self.assertTrue(storage.put('folder/b', GLib.Bytes.new(b'second'), None))
        self.assertTrue(storage.put('folder/a', GLib.Bytes.new(b'first'), None))
        self.assertEqual(storage.list('folder/', None, None), ['folder/a', 'folder/b'])
        self.assertEqual(storage.list('folder/', 'folder/a', None), ['folder/b'])
        self.assertEqual(storage.list('folder/', 'folder/b', None), [])
        self.assertEqual(storage.get('folder/a', None).get_data(), b'first')
        self.assertTrue(storage.remove(['folder/a', 'folder/b', 'folder/c'], None))
        with self.assertRaises(GLib.Error) as raised:
            storage.get('folder/a', None)
        self.assertTrue(raised.exception.matches(Dimple.Error.quark(), Dimple.Error.NOT_FOUND))
        self.assertTrue(storage.check(None))
        self.assertEqual(storage.list(None, None, None), [])

    def test_derived(self):
        self.use(DictStorage())

    def test_signal(self):
        self.use(signal_storage({}))

    def test_async(self):
        loop = GLib.MainLoop()
        storage = LateStorage()
        results = []

        def on_got(source, result):
            results.append(source.get_finish(result).get_data())
            loop.quit()

        def on_put(source, result):
            results.append(source.put_finish(result))
            source.get_async('key', None, on_got)

        storage.put_async('key', GLib.Bytes.new(b'later'), None, on_put)
        loop.run()
        self.assertEqual(results, [True, b'later'])

    def test_other_thread(self):
        loop = GLib.MainLoop()
        storage = DictStorage()
        failures = []

        def use_in_thread():
            try:
                self.use(storage)
            except BaseException as failure:
                failures.append(failure)
            GLib.idle_add(loop.quit)

        thread = threading.Thread(target=use_in_thread)
        thread.start()
        loop.run()
        thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(storage.threads, {threading.get_ident()})

    def test_dropped(self):
        with self.assertRaises(GLib.Error) as raised:
            DroppingStorage().get('key', None)
        self.assertTrue(raised.exception.matches(Dimple.Error.quark(), Dimple.Error.STORAGE))

    def test_cancelled(self):
        loop = GLib.MainLoop()
        storage = Dimple.CustomStorage.new()
        kept = []
        errors = []
        cancellable = Gio.Cancellable()

        def on_request(_storage, request):
            kept.append(request)
            return True

        def on_got(source, result):
            try:
                source.get_finish(result)
            except GLib.Error as error:
                errors.append(error)
            loop.quit()

        storage.connect('request', on_request)
        storage.get_async('key', cancellable, on_got)
        cancellable.cancel()
        loop.run()
        self.assertTrue(errors[0].matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
        kept[0].complete(GLib.Bytes.new(b'too late'))

    def tearDown(self):
        gc.collect()


unittest.main()
