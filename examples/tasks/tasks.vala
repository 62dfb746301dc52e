/* tasks.vala: tasks [add TITLE | done TITLE]: changes and shows a list, and syncs it with the folder $TASKS_FOLDER */
const string[] MIGRATIONS = {
    "CREATE TABLE task (key TEXT PRIMARY KEY, title TEXT NOT NULL, done BOOLEAN NOT NULL DEFAULT 0)"
};

void change (Dimple.Store store, string what, string title) throws Error {
    if (what == "done") {
        store.execute ("UPDATE task SET done = 1 WHERE title = ?", title);
    } else {
        dynamic Object task = store.create_row ("task");
        task.title = title;
        store.save (task);
    }
}

int main (string[] arguments) {
    try {
        var store = Dimple.Store.open ("tasks.db");
        store.migrate (MIGRATIONS);

        if (arguments.length == 3)
            change (store, arguments[1], arguments[2]);

        unowned string? folder = Environment.get_variable ("TASKS_FOLDER");
        if (folder != null)
            new Dimple.SyncClient (store, new Dimple.LocalStorage (File.new_for_path (folder))).sync ();

        var tasks = store.select ("SELECT * FROM task ORDER BY done, title");
        for (uint i = 0; i < tasks.get_n_items (); i++) {
            var task = (Dimple.Row) tasks.get_item (i);
            print ("%s %s\n", task.get_boolean ("done") ? "x" : "-", task.get_string ("title"));
        }
        return 0;
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
}
