// Dimple for JavaScript: plain values, arguments that may be left out, promises, iteration.
//
// What is not here is as in the C reference, with a GLib.Variant wherever a plain value is accepted.
//
// SPDX-License-Identifier: LGPL-2.1-or-later

/* exported _init */

const {Gio, GLib, GObject} = imports.gi;

// -- Plain values -----------------------------------------------------------------------------------------------------

function refuse(value) {
    const name = value?.constructor?.name ?? typeof value;
    throw new TypeError(`A value of type ${name} cannot be stored: ` +
        'use a string, number, boolean, bigint, Date, Uint8Array or null');
}

function variantOfNumber(value) {
    return Number.isSafeInteger(value) ? GLib.Variant.new_int64(value) : GLib.Variant.new_double(value);
}

// As the library writes a GDateTime: in UTC and always as long, so that the order of texts is that of times
function textOfTime(value) {
    const milliseconds = value instanceof Date
        ? value.getTime()
        : value.to_unix() * 1000 + Math.floor(value.get_microsecond() / 1000);

    return new Date(milliseconds).toISOString();
}

// One value of SQL
function variantOf(value) {
    if (value === null || value === undefined)
        return GLib.Variant.new_maybe(new GLib.VariantType('s'), null);
    switch (typeof value) {
    case 'string':
        return GLib.Variant.new_string(value);
    case 'boolean':
        return GLib.Variant.new_boolean(value);
    case 'number':
        return variantOfNumber(value);
    case 'bigint':
        return GLib.Variant.new_int64(value);
    }
    if (value instanceof GLib.Variant)
        return value;
    if (value instanceof Uint8Array || value instanceof GLib.Bytes)
        return GLib.Variant.new_from_bytes(new GLib.VariantType('ay'), new GLib.Bytes(bytesOf(value)), true);
    if (value instanceof Date || value instanceof GLib.DateTime)
        return GLib.Variant.new_string(textOfTime(value));
    return refuse(value);
}

function bytesOf(value) {
    return value instanceof GLib.Bytes ? value.toArray() : value;
}

function isPlainObject(value) {
    return typeof value === 'object' && value !== null &&
        [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

// The columns of a row, or named parameters
function dictionaryOf(values) {
    if (values instanceof GLib.Variant)
        return values;
    if (!isPlainObject(values ?? {}))
        throw new TypeError('The values of a row are an object with its columns: {title: "Milk"}');
    const packed = Object.entries(values ?? {}).map(([name, value]) => [name, variantOf(value)]);
    return new GLib.Variant('a{sv}', Object.fromEntries(packed));
}

// The parameters of a statement: an array for `?`, an object for `:name`, or the one value
function parametersOf(parameters) {
    if (parameters === null || parameters === undefined || parameters instanceof GLib.Variant)
        return parameters ?? null;
    if (Array.isArray(parameters))
        return GLib.Variant.new_tuple(parameters.map(variantOf));
    return isPlainObject(parameters) ? dictionaryOf(parameters) : variantOf(parameters);
}

// What a column is set to: GJS by itself makes 32 bits, or a double, of a number.
function gvalueOf(value) {
    if (typeof value === 'bigint' || Number.isSafeInteger(value)) {
        const gvalue = new GObject.Value();
        gvalue.init(GObject.TYPE_INT64);
        gvalue.set_int64(value);
        return gvalue;
    }
    if (value instanceof Uint8Array)
        return new GLib.Bytes(value);
    if (value instanceof Date)
        return GLib.DateTime.new_from_iso8601(value.toISOString(), null);
    return value ?? null;
}

// -- Methods ----------------------------------------------------------------------------------------------------------

function* iterateModel() {
    for (let i = 0; i < this.get_n_items(); i++)
        yield this.get_item(i);
}

// Models without a class of their own in the typelib, such as what select() returns
function iterable(result) {
    if (result instanceof GObject.Object && typeof result.get_n_items === 'function') {
        const prototype = Object.getPrototypeOf(result);

        if (prototype[Symbol.iterator] === undefined)
            prototype[Symbol.iterator] = iterateModel;
    }
    return result;
}

// Which arguments take plain values: the method, the position of the argument, and how it is packed.
const PACKED = {
    Store: {
        insert: [1, dictionaryOf],
        update: [2, dictionaryOf],
        execute: [1, parametersOf],
        select: [1, parametersOf],
        select_first: [1, parametersOf],
        select_at: [2, parametersOf],
    },
    Batch: {
        insert: [1, dictionaryOf],
        update: [2, dictionaryOf],
        execute: [1, parametersOf],
    },
    Query: {
        new: [2, parametersOf],
        new_with_type: [3, parametersOf],
        set_parameters: [0, parametersOf],
    },
    Row: {
        set_value: [1, gvalueOf],
    },
};

// A method whose last arguments may be left out, one of whose arguments is packed, and whose result can be iterated.
function wrap(owner, name, packed) {
    const original = owner[name];
    const isAsync = name.endsWith('_async');
    const [position, pack] = packed ?? [-1, null];

    // The callback of an async form stands last; without one it makes a promise.
    if (isAsync)
        Gio._promisify(owner, name, `${name.slice(0, -'_async'.length)}_finish`);
    const inner = owner[name];
    const wanted = isAsync ? original.length - 1 : original.length;

    owner[name] = function (...args) {
        const callback = isAsync && typeof args[args.length - 1] === 'function' ? [args.pop()] : [];

        while (args.length < wanted)
            args.push(null);
        if (pack)
            args[position] = pack(args[position]);
        return iterable(inner.call(this, ...args, ...callback));
    };
    Object.defineProperty(owner[name], 'length', {value: original.length});
}

// The function of that name, without asking for properties, which a prototype cannot tell.  Methods of an interface
// look like properties, too.
function findMethod(owner, name, interfaces) {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);

    if (descriptor?.get)
        return interfaces.some(({prototype}) => Object.hasOwn(prototype, name)) ? owner[name] : null;
    return typeof descriptor?.value === 'function' ? descriptor.value : null;
}

function wrapAll(owner, packed, skipped, interfaces) {
    for (const name of Object.getOwnPropertyNames(owner)) {
        if (skipped.includes(name) || name.startsWith('_'))
            continue;
        if (findMethod(owner, name, interfaces))
            wrap(owner, name, packed[name.replace(/_async$/, '')]);
    }
}

function wrapTransaction(prototype) {
    const original = prototype.transaction;

    prototype.transaction = function (func) {
        return original.call(this, store => {
            const outcome = func(store);

            if (outcome instanceof Promise) {
                outcome.catch(() => {});
                throw new TypeError('A transaction cannot wait: its function must not be async');
            }
            return outcome === undefined || Boolean(outcome);
        });
    };
    prototype.transaction_async = function () {
        throw new Error('JavaScript cannot run on the thread of a store: use transaction(), or a Dimple.Batch');
    };
}

function wrapQuery(prototype) {
    prototype[Symbol.iterator] = iterateModel;
    prototype._init = function ({parameters, ...properties} = {}) {
        if (parameters !== undefined)
            properties.parameters = parametersOf(parameters);
        GObject.Object.prototype._init.call(this, properties);
    };
    const {get} = Object.getOwnPropertyDescriptor(prototype, 'parameters');
    Object.defineProperty(prototype, 'parameters', {
        configurable: true,
        get() {
            return get.call(this)?.recursiveUnpack() ?? null;
        },
        set(parameters) {
            this.set_parameters(parameters);
        },
    });
}

function _init() {
    const Dimple = this;

    for (const name of Object.getOwnPropertyNames(Dimple)) {
        const prototype = Dimple[name]?.prototype;

        if (!(prototype instanceof GObject.Object) || Dimple[name].$gtype === undefined)
            continue;
        wrapAll(prototype, PACKED[name] ?? {}, ['constructor', 'transaction', 'transaction_async', 'toString'],
            [Dimple.Storage]);
        wrapAll(Dimple[name], PACKED[name] ?? {}, ['prototype', '$gtype', 'length', 'name'], []);
    }
    wrapTransaction(Dimple.Store.prototype);
    wrapQuery(Dimple.Query.prototype);
}
