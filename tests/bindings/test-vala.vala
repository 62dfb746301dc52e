/* test-vala.vala: Dimple from Vala: arguments left out, rows as dynamic objects, delegates that throw, async, live lists
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
const string SCRIPT = "CREATE TABLE thing (key TEXT PRIMARY KEY, title TEXT, n INTEGER, data BLOB)";
const string ALL = "SELECT * FROM thing ORDER BY title";

/* A class of the app */
public class Thing : Dimple.Row
{
  public string title { get; set; }
  public int64 n { get; set; }

  public Thing (string title)
  {
    Object (title: title);
  }
}

/* A storage of the app */
public class TableStorage : Dimple.CustomStorage
{
  private HashTable<string, Bytes> objects = new HashTable<string, Bytes> (str_hash, str_equal);

  public override bool request (Dimple.StorageRequest request)
  {
    switch (request.get_operation ())
      {
      case Dimple.StorageOperation.LIST:
        request.complete_list (objects.get_keys_as_array ());
        break;
      case Dimple.StorageOperation.PUT:
        objects.insert (request.get_key (), request.get_contents ());
        request.complete ();
        break;
      case Dimple.StorageOperation.GET:
        request.complete (objects.lookup (request.get_key ()));
        break;
      default:
        foreach (unowned string key in request.get_keys ())
          objects.remove (key);
        request.complete ();
        break;
      }
    return true;
  }
}

Dimple.Store open_store ()
{
  try
    {
      var store = Dimple.Store.open ();
      store.migrate ({ SCRIPT });
      return store;
    }
  catch (Error error)
    {
      Test.message ("%s", error.message);
      assert_not_reached ();
    }
}

string insert (Dimple.Store store, string title, int64 n) throws Error
{
  var values = new HashTable<string, Variant> (str_hash, str_equal);

  values["title"] = title;
  values["n"] = n;
  return store.insert ("thing", values);
}

void test_rows ()
{
  try
    {
      var store = open_store ();
      string key = insert (store, "a", 5);
      dynamic Object row = store.get ("thing", key);
      string title = row.title;
      int64 n = row.n;

      assert_cmpstr (title, CompareOperator.EQ, "a");
      assert_true (n == 5);
      row.title = "b";
      store.save (row);
      store.execute ("UPDATE thing SET n = n + 1");
      assert_true (((Dimple.Row) store.select_first ("SELECT n FROM thing WHERE title = ?", "b")).get_int64 ("n") == 6);
      assert_true (store.select (ALL).get_n_items () == 1);

      Dimple.Row created = store.create_row ("thing");
      created.set_value ("title", "c");
      created.set_value ("data");
      store.save (created);
      assert_true (created.is_null ("data"));
      store.delete ("thing", created.get_key ());
    }
  catch (Error error)
    {
      assert_no_error (error);
    }
}

void test_types ()
{
  try
    {
      var store = open_store ();
      store.register_type ("thing", typeof (Thing));
      store.save (new Thing ("typed"));
      var query = new Dimple.Query.with_type (store, typeof (Thing), ALL);
      query.refresh ();
      assert_cmpstr (((Thing) query.get_item (0)).title, CompareOperator.EQ, "typed");
    }
  catch (Error error)
    {
      assert_no_error (error);
    }
}

void test_errors ()
{
  var store = open_store ();

  try
    {
      store.execute ("nonsense");
      assert_not_reached ();
    }
  catch (Dimple.Error.SQL error)
    {
    }
  catch (Error error)
    {
      assert_not_reached ();
    }

  try
    {
      store.transaction (() => {
        insert (store, "gone", 1);
        throw new IOError.FAILED ("mine");
      });
      assert_not_reached ();
    }
  catch (Error error)
    {
      assert_error (error, IOError.quark (), IOError.FAILED);
    }
  try
    {
      assert_true (store.select (ALL).get_n_items () == 0);
    }
  catch (Error error)
    {
      assert_no_error (error);
    }
}

async void use_async (MainLoop loop) throws Error
{
  var store = yield Dimple.Store.open_async ();
  yield store.migrate_async ({ SCRIPT });
  yield store.transaction_async ((store) => {
    insert (store, "a", 1);
    return true;
  });
  var query = new Dimple.Query (store, ALL);
  yield query.load_async ();
  assert_true (query.n_items == 1);

  var client = new Dimple.SyncClient (store);
  var storage = new TableStorage ();
  client.add_storage (storage);
  yield client.sync_async ();
  assert_true (client.last_error == null);
  assert_true (storage.list ().length > 0);

  var other = open_store ();
  var second = new Dimple.SyncClient (other, storage);
  yield second.sync_async ();
  assert_true (other.select (ALL).get_n_items () == 1);
  string[] differing;
  yield second.verify_async (null, out differing);
  assert_true (differing.length == 0);
  yield store.close_async ();
  loop.quit ();
}

void test_async ()
{
  var loop = new MainLoop ();

  use_async.begin (loop, (source, result) => {
    try
      {
        use_async.end (result);
      }
    catch (Error error)
      {
        assert_no_error (error);
      }
  });
  loop.run ();
}

int main (string[] args)
{
  Test.init (ref args);
  Test.add_func ("/vala/rows", test_rows);
  Test.add_func ("/vala/types", test_types);
  Test.add_func ("/vala/errors", test_errors);
  Test.add_func ("/vala/async", test_async);
  return Test.run ();
}
