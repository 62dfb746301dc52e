// A storage written in JavaScript: by deriving, by the signal, with late answers, and through a test storage.
//
// SPDX-License-Identifier: LGPL-2.1-or-later

import Dimple from 'gi://Dimple?version=1';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import System from 'system';

function assertEqual(actual, expected) {
    if (JSON.stringify(actual) !== JSON.stringify(expected))
        throw new Error(`${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

function answer(objects, request) {
    switch (request.get_operation()) {
    case Dimple.StorageOperation.LIST:
        request.complete_list([...objects.keys()]);
        break;
    case Dimple.StorageOperation.PUT:
        objects.set(request.get_key(), request.get_contents());
        request.complete(null);
        break;
    case Dimple.StorageOperation.GET:
        if (objects.has(request.get_key()))
            request.complete(objects.get(request.get_key()));
        else
            request.fail(new GLib.Error(Dimple.Error, Dimple.Error.NOT_FOUND, 'There is no such object.'));
        break;
    case Dimple.StorageOperation.REMOVE:
        for (const key of request.get_keys())
            objects.delete(key);
        request.complete(null);
        break;
    }
}

const MapStorage = GObject.registerClass(class MapStorage extends Dimple.CustomStorage {
    _init() {
        super._init();
        this.objects = new Map();
    }

    vfunc_request(request) {
        answer(this.objects, request);
    }
});

const LateStorage = GObject.registerClass(class LateStorage extends MapStorage {
    vfunc_request(request) {
        GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
            answer(this.objects, request);
            return GLib.SOURCE_REMOVE;
        });
    }
});

function signalStorage() {
    const storage = Dimple.CustomStorage.new();
    const objects = new Map();

    storage.connect('request', (_storage, request) => {
        answer(objects, request);
        return true;
    });
    return storage;
}

function text(bytes) {
    return new TextDecoder().decode(bytes.toArray());
}

function useBlocking(storage) {
    storage.put('folder/b', new GLib.Bytes(new TextEncoder().encode('second')), null);
    storage.put('folder/a', new GLib.Bytes(new TextEncoder().encode('first')), null);
    assertEqual(storage.list('folder/', null, null), ['folder/a', 'folder/b']);
    assertEqual(storage.list('folder/', 'folder/a', null), ['folder/b']);
    assertEqual(text(storage.get('folder/a', null)), 'first');
    storage.remove(['folder/a', 'folder/b', 'folder/c'], null);
    assertEqual(storage.check(null), true);
    assertEqual(storage.list(null, null, null), []);
}

async function useAsync(storage) {
    await storage.put_async('folder/a', new GLib.Bytes(new TextEncoder().encode('first')), null);
    assertEqual(await storage.list_async('folder/', null, null), ['folder/a']);
    assertEqual(text(await storage.get_async('folder/a', null)), 'first');
    await storage.remove_async(['folder/a'], null);
    let caught = null;
    try {
        await storage.get_async('folder/a', null);
    } catch (error) {
        caught = error;
    }
    assertEqual(caught.matches(Dimple.Error, Dimple.Error.NOT_FOUND), true);
    assertEqual(await storage.check_async(null), true);
}

async function useInTurn() {
    useBlocking(new MapStorage());
    useBlocking(signalStorage());
    useBlocking(Dimple.TestStorage.new(new MapStorage()));
    await useAsync(new MapStorage());
    await useAsync(signalStorage());
    await useAsync(new LateStorage());
}

const loop = new GLib.MainLoop(null, false);
let status = 1;

useInTurn().then(() => {
    status = 0;
}).catch(error => {
    printerr(`${error}\n${error.stack}`);
}).finally(() => loop.quit());
loop.run();
System.exit(status);
