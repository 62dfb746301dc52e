"""Dimple for Python: plain values, rows by attribute and by column, transactions as `with` blocks, awaitable calls.

What is not here is as in the C reference, with a GLib.Variant wherever a plain value is accepted.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import collections.abc
import contextlib
import datetime
import functools
import inspect
import operator
import os
import sys

from gi.module import get_introspection_module
from gi.overrides import override
from gi.repository import Gio, GLib, GObject

Dimple = get_introspection_module('Dimple')

__all__ = []


# -- Plain values -----------------------------------------------------------------------------------------------------

def _text_of_time(value):
    """As the library writes a GDateTime: in UTC and always as long, so that the order of texts is that of times."""
    if isinstance(value, datetime.datetime):
        utc = value.astimezone(datetime.timezone.utc)
        return f'{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z'
    if isinstance(value, GLib.DateTime):
        utc = value.to_utc()
        return f'{utc.format("%Y-%m-%dT%H:%M:%S")}.{utc.get_microsecond() // 1000:03}Z'
    return value.isoformat()


def _refuse(value):
    raise TypeError(f'A {type(value).__name__} cannot be stored: use str, int, float, bool, bytes, datetime or None')


def _bytes(value):
    return value if isinstance(value, GLib.Bytes) else GLib.Bytes.new(bytes(value))


def _variant(value):
    """One value of SQL."""
    if isinstance(value, GLib.Variant):
        return value
    if value is None:
        return GLib.Variant.new_maybe(_MAYBE, None)
    if isinstance(value, bool):
        return GLib.Variant.new_boolean(value)
    if isinstance(value, str):
        return GLib.Variant.new_string(value)
    if isinstance(value, float):
        return GLib.Variant.new_double(value)
    if isinstance(value, (bytes, bytearray, memoryview, GLib.Bytes)):
        return GLib.Variant.new_from_bytes(_BLOB, _bytes(value), True)
    if isinstance(value, (datetime.date, GLib.DateTime)):
        return GLib.Variant.new_string(_text_of_time(value))
    if hasattr(value, '__index__'):
        return GLib.Variant.new_int64(operator.index(value))
    return _refuse(value)


_ENTRY = GLib.VariantType('{sv}')
_MAYBE = GLib.VariantType('s')
_BLOB = GLib.VariantType('ay')


def _dictionary(values):
    # GLib.Variant ('a{sv}', …) would read its format anew for each value
    variant = GLib.Variant
    return variant.new_array(_ENTRY, [
        variant.new_dict_entry(variant.new_string(name), variant.new_variant(_variant(value)))
        for name, value in values.items()])


def _values(values, columns=None):
    """The columns of a row: a dict, keywords, or both."""
    if isinstance(values, GLib.Variant):
        if columns:
            raise TypeError('Give the columns in the GLib.Variant or as keywords, not both')
        return values
    return _dictionary({**(values or {}), **(columns or {})})


def _parameters(parameters):
    """The parameters of a statement: a list or tuple for `?`, a dict for `:name`, or the one value."""
    if parameters is None or isinstance(parameters, GLib.Variant):
        return parameters
    if isinstance(parameters, collections.abc.Mapping):
        return _dictionary(parameters)
    if isinstance(parameters, (list, tuple)):
        return GLib.Variant.new_tuple(*[_variant(value) for value in parameters])
    return _variant(parameters)


def _plain(value):
    return value.get_data() if isinstance(value, GLib.Bytes) else value


def _gvalue(value):
    """What a column is set to: PyGObject by itself makes 32 bits of an int, and an opaque object of bytes."""
    if isinstance(value, (GObject.Value, GLib.DateTime, str, float, bool)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview, GLib.Bytes)):
        return GObject.Value(GLib.Bytes, _bytes(value))
    if isinstance(value, datetime.datetime):
        utc = value.astimezone(datetime.timezone.utc)
        return GLib.DateTime.new_utc(utc.year, utc.month, utc.day, utc.hour, utc.minute,
                                     utc.second + utc.microsecond / 1e6)
    if isinstance(value, datetime.date):
        return _text_of_time(value)
    if hasattr(value, '__index__'):
        return GObject.Value(GObject.TYPE_INT64, operator.index(value))
    return _refuse(value)


# -- Calls that need not be waited for --------------------------------------------------------------------------------

def _running_loop():
    """The asyncio loop that runs here; None outside of coroutines, where no callback means not to care."""
    asyncio = sys.modules.get('asyncio')
    try:
        return asyncio and asyncio.get_running_loop()
    except RuntimeError:
        return None


def _settle(future, outcome, failure):
    if future.done():
        return
    if failure is None:
        future.set_result(outcome)
    else:
        future.set_exception(failure)


@functools.lru_cache(maxsize=None)
def _call_type():
    """The future of a call, made late: programs without asyncio need not import it."""
    class Call(sys.modules['asyncio'].Future):
        def __init__(self, loop, cancellable):
            super().__init__(loop=loop)
            self._cancellable = cancellable

        def cancel(self, *args, **keywords):
            # At once: a done callback would only run at the loop's next turn, by when the call may have had its effect.
            cancelled = super().cancel(*args, **keywords)
            if cancelled and self._cancellable is not None:
                self._cancellable.cancel()
            return cancelled
    return Call


def _awaitable(call, finish, position):
    """`call`, an async form, which returns a future if no callback is given, and an asyncio loop runs.

    `finish` makes the outcome of a source and a result, and `position` is that of the callback, after the cancellable.
    Cancelling the future cancels the call.
    """
    @functools.wraps(call)
    def wrapper(*args, **keywords):
        loop = _running_loop()
        if loop is None or len(args) > position or keywords.get('callback') is not None:
            return call(*args, **keywords)

        cancellable = None
        if len(args) < position and keywords.get('cancellable') is None:
            cancellable = keywords['cancellable'] = Gio.Cancellable()
        future = _call_type()(loop, cancellable)

        def on_done(source, result, *_user_data):
            outcome = failure = None
            try:
                outcome = finish(source, result)
            except BaseException as error:
                failure = error
            loop.call_soon_threadsafe(_settle, future, outcome, failure)

        keywords['callback'] = on_done
        call(*args, **keywords)
        return future

    wrapper.is_awaitable = True
    return wrapper


def _make_awaitable(cls):
    """Does so with every async form that the class has, in C or here."""
    for name in dir(cls):
        finish_name = name[:-len('_async')] + '_finish'
        call = getattr(cls, name, None)
        if not name.endswith('_async') or name.startswith('do_') or not hasattr(cls, finish_name) or \
                hasattr(call, 'is_awaitable'):
            continue
        names = list(inspect.signature(call).parameters) if inspect.isfunction(call) else \
            [argument.get_name() for argument in call.get_arguments()]
        if inspect.isfunction(call) or call.is_method():
            position = names.index('callback') + (0 if inspect.isfunction(call) else 1)
            setattr(cls, name, _awaitable(call, functools.partial(_finish_method, finish_name), position))
        else:
            position = names.index('callback')
            finish = functools.partial(_finish_static, getattr(cls, finish_name))
            setattr(cls, name, staticmethod(_awaitable(call, finish, position)))


def _finish_method(name, source, result):
    return getattr(source, name)(result)


def _finish_static(finish, _source, result):
    return finish(result)


def _export(cls):
    """Puts a class in the place of the library's own, of the same name."""
    cls = override(cls)
    _make_awaitable(cls)
    __all__.append(cls.__name__)
    return cls


# -- DimpleStore ------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def _block(store):
    """A transaction as a `with` block."""
    store.begin()
    try:
        yield store
    except BaseException:
        store.rollback()
        raise
    store.commit()


class _Work:
    """A transaction's function.  C knows TRUE and FALSE; an exception is kept, for who waits for the transaction."""

    def __init__(self, func, user_data):
        self.func = func
        self.user_data = user_data
        self.failure = None

    def __call__(self, store, *_func_data):
        try:
            outcome = self.func(store, *self.user_data)
            if inspect.iscoroutine(outcome):
                outcome.close()
                raise TypeError('A transaction cannot wait: its function must not be async')
            return outcome is None or bool(outcome)
        except BaseException as failure:
            self.failure = failure
            return False


class Store(Dimple.Store):
    @staticmethod
    def open(path=None):
        return Dimple.Store.open(path if path is None else os.fspath(path))

    def insert(self, table, values=None, /, **columns):
        return super().insert(table, _values(values, columns))

    def insert_async(self, table, values=None, cancellable=None, callback=None, *user_data):
        super().insert_async(table, _values(values), cancellable, callback, *user_data)

    def update(self, table, key, values=None, /, **columns):
        return super().update(table, key, _values(values, columns))

    def update_async(self, table, key, values, cancellable=None, callback=None, *user_data):
        super().update_async(table, key, _values(values), cancellable, callback, *user_data)

    def execute(self, sql, parameters=None):
        return super().execute(sql, _parameters(parameters))

    def execute_async(self, sql, parameters=None, cancellable=None, callback=None, *user_data):
        super().execute_async(sql, _parameters(parameters), cancellable, callback, *user_data)

    def select(self, sql, parameters=None):
        return super().select(sql, _parameters(parameters))

    def select_async(self, sql, parameters=None, cancellable=None, callback=None, *user_data):
        super().select_async(sql, _parameters(parameters), cancellable, callback, *user_data)

    def select_first(self, sql, parameters=None):
        return super().select_first(sql, _parameters(parameters))

    def transaction(self, func=None, *user_data):
        """Runs func (store, *user_data) in a transaction; without a function: `with store.transaction ():`.

        An exception rolls back and is raised again; returning False rolls back.
        """
        if func is None:
            return _block(self)
        work = _Work(func, user_data)
        try:
            return super().transaction(work, None)
        except GLib.Error:
            if work.failure is not None:
                raise work.failure from None
            raise

    def transaction_async(self, func, cancellable=None, callback=None, *user_data):
        """The same on the store's own thread; an exception is raised by transaction_finish()."""
        work = _Work(func, ())

        def on_done(source, result, *_user_data):
            result.dimple_failure = work.failure
            if callback is not None:
                callback(source, result, *user_data)

        super().transaction_async(func=work, cancellable=cancellable, callback=on_done)

    def transaction_finish(self, result):
        try:
            return super().transaction_finish(result)
        except GLib.Error:
            failure = getattr(result, 'dimple_failure', None)
            if failure is not None:
                raise failure from None
            raise


Store = _export(Store)


class Batch(Dimple.Batch):
    def insert(self, table, values=None, /, **columns):
        return super().insert(table, _values(values, columns))

    def update(self, table, key, values=None, /, **columns):
        super().update(table, key, _values(values, columns))

    def execute(self, sql, parameters=None):
        super().execute(sql, _parameters(parameters))


Batch = _export(Batch)


# -- DimpleRow --------------------------------------------------------------------------------------------------------

class Row(Dimple.Row):
    """row.title and row['title'] are the value of a column: None if it is NULL, whatever its property reads as then."""

    _attributes_by_columns = {}

    def _attributes(self):
        """Which column is which attribute.  One dict for all rows of the same columns."""
        try:
            columns = tuple(self.get_columns())
        except (RuntimeError, TypeError):
            # Not initialised yet: in the __init__ of an app's class
            return {}
        attributes = Row._attributes_by_columns.get(columns)
        if attributes is None:
            attributes = {self.get_property_name(column).replace('-', '_'): column for column in columns}
            Row._attributes_by_columns[columns] = attributes
        return attributes

    def _find(self, column):
        columns = self.get_columns()
        if column not in columns:
            folded = [name for name in columns if name.lower() == str(column).lower()]
            if not folded:
                raise KeyError(column)
            return folded[0]
        return column

    def get_value(self, column):
        return _plain(super().get_value(self._find(column)))

    def set_value(self, column, value):
        super().set_value(self._find(column), None if value is None else _gvalue(value))

    def keys(self):
        return self.get_columns()

    def __iter__(self):
        return iter(self.get_columns())

    def __contains__(self, column):
        return column in self.get_columns()

    def __getitem__(self, column):
        return self.get_value(column)

    def __setitem__(self, column, value):
        self.set_value(column, value)

    def __getattr__(self, name):
        column = None if name.startswith('__') else self._attributes().get(name)
        if column is None:
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        return self.get_value(column)

    def __setattr__(self, name, value):
        column = None if name.startswith('_') or hasattr(type(self), name) else self._attributes().get(name)
        if column is None:
            super().__setattr__(name, value)
        else:
            self.set_value(column, value)

    def __dir__(self):
        return sorted({*super().__dir__(), *self._attributes()})

    def __repr__(self):
        return f'<Dimple.Row {self.get_table() or ""} {dict(self)!r}>'


Row = _export(Row)


# -- DimpleQuery ------------------------------------------------------------------------------------------------------

class Query(Dimple.Query):
    def __init__(self, **properties):
        if 'parameters' in properties:
            properties['parameters'] = _parameters(properties['parameters'])
        super().__init__(**properties)

    @staticmethod
    def new(store, sql, parameters=None):
        return Dimple.Query.new(store, sql, _parameters(parameters))

    @staticmethod
    def new_with_type(store, type, sql, parameters=None):
        return Dimple.Query.new_with_type(store, type, sql, _parameters(parameters))

    def set_parameters(self, parameters=None):
        super().set_parameters(_parameters(parameters))

    @property
    def parameters(self):
        variant = self.props.parameters
        return variant and variant.unpack()

    @parameters.setter
    def parameters(self, parameters):
        self.set_parameters(parameters)


Query = _export(Query)


# -- DimpleChange ----------------------------------------------------------------------------------------------------

class Change(Dimple.Change):
    def get_old_value(self, column):
        return _plain(super().get_old_value(column))

    def get_new_value(self, column):
        return _plain(super().get_new_value(column))


Change = _export(Change)


# -- Storages ---------------------------------------------------------------------------------------------------------

class Storage(Dimple.Storage):
    def put(self, key, contents, cancellable=None):
        return super().put(key, _bytes(contents), cancellable)

    def put_async(self, key, contents, cancellable=None, callback=None, *user_data):
        super().put_async(key, _bytes(contents), cancellable, callback, *user_data)


Storage = _export(Storage)


class StorageRequest(Dimple.StorageRequest):
    def complete(self, contents=None):
        super().complete(None if contents is None else _bytes(contents))


StorageRequest = _export(StorageRequest)


# -- Whatever else can be waited for ----------------------------------------------------------------------------------

for _name in dir(Dimple):
    _class = getattr(Dimple, _name)
    if _name not in __all__ and isinstance(_class, type) and issubclass(_class, GObject.Object) and \
            any(_member.endswith('_async') for _member in dir(_class)):
        globals()[_name] = _export(type(_name, (_class,), {'__module__': __name__}))
