-- An archive as the first version wrote it.
CREATE TABLE chat (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    platform TEXT NOT NULL,
    is_private INTEGER NOT NULL,
    has_times INTEGER NOT NULL
);
CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE COLLATE NOCASE,
    is_self INTEGER NOT NULL DEFAULT 0,
    is_bot INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE account (
    platform TEXT NOT NULL,
    key TEXT NOT NULL,
    person INTEGER NOT NULL REFERENCES person,
    PRIMARY KEY (platform, key)
) WITHOUT ROWID;
CREATE TABLE name (
    person INTEGER NOT NULL REFERENCES person,
    name TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (person, name)
) WITHOUT ROWID;
CREATE TABLE forgotten (
    digest BLOB PRIMARY KEY
) WITHOUT ROWID;
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    chat INTEGER NOT NULL REFERENCES chat,
    person INTEGER NOT NULL REFERENCES person,
    sent_at INTEGER NOT NULL,
    text TEXT NOT NULL,
    kind TEXT NOT NULL,
    reply_to TEXT,
    mentions TEXT,
    attachments TEXT,
    edited_at INTEGER,
    forwarded_from TEXT
);
CREATE INDEX message_order ON message (chat, sent_at, id);
CREATE INDEX message_person ON message (person);
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('revision', 0);
CREATE VIRTUAL TABLE words USING fts5 (terms, content='', tokenize='unicode61 remove_diacritics 0');

INSERT INTO chat VALUES (1, 'telegram:1', 'Noodle Club', 'telegram', 0, 1);
INSERT INTO person VALUES (1, 'kevin', 1, 0), (2, 'anna', 0, 0), (3, 'anna_2', 0, 0);
INSERT INTO account VALUES ('telegram', 'user1', 1), ('telegram', 'user2', 2), ('telegram', 'user3', 3);
INSERT INTO name VALUES (1, 'Kevin', 1767225600000), (2, 'Anna', 1767225660000), (3, 'Anna', 1767225720000);
INSERT INTO message VALUES
    (1, 'telegram:1:1', x'01', 1, 1, 1767225600000, 'who wants noodles?', 'text', NULL, NULL, NULL, NULL, NULL),
    (2, 'telegram:1:2', x'02', 1, 2, 1767225660000, '[photo] me, @kevin', 'media', 'telegram:1:1', '[1]', '[["photo",""]]', NULL, NULL),
    (3, 'telegram:1:3', x'03', 1, 3, 1767225720000, 'me too', 'text', NULL, NULL, NULL, 1767225780000, 'somebody');
INSERT INTO words (rowid, terms) VALUES (1, 'who wants noodles'), (2, 'photo me kevin'), (3, 'me too');
UPDATE meta SET value = 3 WHERE key = 'revision';
PRAGMA user_version = 1;
