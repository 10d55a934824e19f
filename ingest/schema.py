"""The archive's tables. ``user_version`` numbers the layout."""

from __future__ import annotations

VERSION = 9
WHOLE_CHAT = -(1 << 40)
"""Stands for every hour of a chat in the table ``change``."""

_PEOPLE = """
CREATE TABLE member (                    -- who wrote where, first and last (milliseconds)
    chat INTEGER NOT NULL REFERENCES chat,
    person INTEGER NOT NULL REFERENCES person,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (chat, person)
) WITHOUT ROWID;
CREATE TABLE bridge (                    -- rows that post for others, and how they name them
    person INTEGER PRIMARY KEY REFERENCES person,
    style TEXT NOT NULL
);
CREATE TABLE unresolved (                -- mentions of accounts nobody has spoken from yet
    message INTEGER NOT NULL,
    platform TEXT NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (message, platform, key, name)
) WITHOUT ROWID;
CREATE TABLE decision (                  -- what was settled about people, by hand or by rule
    id INTEGER PRIMARY KEY,
    verb TEXT NOT NULL,
    person INTEGER NOT NULL REFERENCES person,
    other INTEGER REFERENCES person
);
"""

_WITHDRAWN = """
CREATE TABLE withdrawn (                 -- digests of accounts that opted out; see people.consent
    digest BLOB PRIMARY KEY
) WITHOUT ROWID;
CREATE TABLE withheld (                  -- what they had written: rows of message, out of sight
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
    forwarded_from TEXT,
    reactions TEXT,
    named TEXT
);
"""

_FEEDBACK = """
CREATE TABLE feedback (                  -- what was thought of the bot's replies; ingest.feedback
    answered TEXT PRIMARY KEY,           -- keys of messages, here and below
    reply TEXT NOT NULL,                 -- JSON list
    context TEXT NOT NULL,               -- JSON list, oldest first
    at INTEGER NOT NULL,                 -- milliseconds since 1970
    verdict INTEGER NOT NULL,            -- 1 liked, -1 disliked
    correction TEXT
) WITHOUT ROWID;
"""

_CHANGE = """
CREATE TABLE change (                    -- what reads otherwise since when; see ingest.changes
    chat INTEGER NOT NULL,
    hour INTEGER NOT NULL,               -- since 1970, UTC; or the whole chat
    revision INTEGER NOT NULL,
    PRIMARY KEY (chat, hour)
) WITHOUT ROWID;
"""

TABLES = f"""
CREATE TABLE chat (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,            -- platform:native-id
    title TEXT NOT NULL,
    platform TEXT NOT NULL,
    is_private INTEGER NOT NULL,
    has_times INTEGER NOT NULL
);
CREATE TABLE person (                    -- one row per account: merging only points to another row
    id INTEGER PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE COLLATE NOCASE,
    is_self INTEGER NOT NULL DEFAULT 0,  -- the same in all rows of one person
    is_bot INTEGER NOT NULL DEFAULT 0,
    same_as INTEGER REFERENCES person,   -- the row that stands for the person, NULL for itself
    shown TEXT                           -- the name given by hand
);
CREATE TABLE account (
    platform TEXT NOT NULL,
    key TEXT NOT NULL,
    person INTEGER NOT NULL REFERENCES person,
    is_owner INTEGER NOT NULL DEFAULT 0, -- an export says that it was made from this account
    PRIMARY KEY (platform, key)
) WITHOUT ROWID;
CREATE TABLE name (                      -- display names, first and last used (milliseconds)
    person INTEGER NOT NULL REFERENCES person,
    name TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (person, name)
) WITHOUT ROWID;
{_PEOPLE}
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
    mentions TEXT,                       -- JSON list of person ids, as exported
    attachments TEXT,                    -- JSON list of [kind, label]
    edited_at INTEGER,
    forwarded_from TEXT,
    reactions TEXT,                      -- JSON list of [emoji, count]
    named TEXT                           -- JSON list of person ids found by name in the text
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
CREATE TABLE linked (                    -- how far names were linked; see ingest.people.naming
    chat INTEGER PRIMARY KEY REFERENCES chat,
    state TEXT NOT NULL                  -- JSON
);
{_CHANGE}{_WITHDRAWN}{_FEEDBACK}
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('revision', 0);
-- Contentless: the index keeps positions of terms, the text stays in message alone.
CREATE VIRTUAL TABLE words USING fts5 (terms, content='', tokenize='unicode61 remove_diacritics 0');
"""

UPGRADES = {
    1: "ALTER TABLE message ADD COLUMN reactions TEXT;",
    2: "CREATE TABLE finished (fingerprint BLOB PRIMARY KEY, outcome TEXT NOT NULL) WITHOUT ROWID;",
    3: "CREATE TABLE media (digest BLOB PRIMARY KEY, words TEXT NOT NULL) WITHOUT ROWID;",
    4: f"""
ALTER TABLE message ADD COLUMN named TEXT;
ALTER TABLE person ADD COLUMN same_as INTEGER REFERENCES person;
ALTER TABLE person ADD COLUMN shown TEXT;
ALTER TABLE account ADD COLUMN is_owner INTEGER NOT NULL DEFAULT 0;
ALTER TABLE name ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
UPDATE name SET until = since;
{_PEOPLE}
INSERT INTO member
    SELECT chat, person, min(sent_at), max(sent_at) FROM message GROUP BY chat, person;
INSERT OR REPLACE INTO meta VALUES ('unsettled', 1);
""",
    5: "CREATE TABLE linked (chat INTEGER PRIMARY KEY REFERENCES chat, state TEXT NOT NULL);",
    6: f"""
{_CHANGE}
UPDATE meta SET value = value + 1 WHERE key = 'revision';
INSERT INTO change SELECT id, {WHOLE_CHAT}, (SELECT value FROM meta WHERE key = 'revision')
    FROM chat;
""",
    7: _WITHDRAWN,
    8: _FEEDBACK,
}
"""What leads from each layout to the next."""
