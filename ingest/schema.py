"""The archive's tables. ``user_version`` numbers the layout."""

from __future__ import annotations

VERSION = 4

TABLES = """
CREATE TABLE chat (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,            -- platform:native-id
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
CREATE TABLE name (                      -- display names, in the order they were first used
    person INTEGER NOT NULL REFERENCES person,
    name TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (person, name)
) WITHOUT ROWID;
CREATE TABLE forgotten (                 -- digests of accounts that must not come back
    digest BLOB PRIMARY KEY
) WITHOUT ROWID;
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,                -- of the message as exported; tells "same" from "changed"
    chat INTEGER NOT NULL REFERENCES chat,
    person INTEGER NOT NULL REFERENCES person,
    sent_at INTEGER NOT NULL,            -- milliseconds since 1970, UTC
    text TEXT NOT NULL,
    kind TEXT NOT NULL,
    reply_to TEXT,
    mentions TEXT,                       -- JSON list of person ids
    attachments TEXT,                    -- JSON list of [kind, label]
    edited_at INTEGER,
    forwarded_from TEXT,
    reactions TEXT                       -- JSON list of [emoji, count]
);
CREATE INDEX message_order ON message (chat, sent_at, id);
CREATE INDEX message_person ON message (person);
CREATE TABLE finished (                  -- files read to their end; see ingest.finished
    fingerprint BLOB PRIMARY KEY,
    outcome TEXT NOT NULL                -- JSON
) WITHOUT ROWID;
CREATE TABLE media (                     -- words found for voice notes and pictures
    digest BLOB PRIMARY KEY,             -- of the file and of how its words were found
    words TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('revision', 0);
-- Contentless: the index keeps positions of terms, the text stays in message alone.
CREATE VIRTUAL TABLE words USING fts5 (terms, content='', tokenize='unicode61 remove_diacritics 0');
"""

UPGRADES = {
    1: "ALTER TABLE message ADD COLUMN reactions TEXT;",
    2: "CREATE TABLE finished (fingerprint BLOB PRIMARY KEY, outcome TEXT NOT NULL) WITHOUT ROWID;",
    3: "CREATE TABLE media (digest BLOB PRIMARY KEY, words TEXT NOT NULL) WITHOUT ROWID;",
}
"""What leads from each layout to the next."""
