-- Notes, and an index of their words.

CREATE TABLE note (
  key TEXT PRIMARY KEY NOT NULL DEFAULT (uuid7 ()),
  title TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL DEFAULT '',
  modified TEXT NOT NULL DEFAULT (strftime ('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX note_by_modified ON note (modified DESC, key DESC);

-- The index keeps no second copy of the text.  It is local: every device builds its own, also of what a sync brings.
CREATE VIRTUAL TABLE note_words USING fts5 (title, body, content = 'note', tokenize = 'unicode61 remove_diacritics 2');

CREATE TRIGGER note_words_insert AFTER INSERT ON note BEGIN
  INSERT INTO note_words (rowid, title, body) VALUES (new.rowid, new.title, new.body);
END;

CREATE TRIGGER note_words_delete AFTER DELETE ON note BEGIN
  INSERT INTO note_words (note_words, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body);
END;

CREATE TRIGGER note_words_update AFTER UPDATE OF title, body ON note BEGIN
  INSERT INTO note_words (note_words, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body);
  INSERT INTO note_words (rowid, title, body) VALUES (new.rowid, new.title, new.body);
END;
