"""Matrix events as JSON: Element's chat export, and dumps of events as the servers send them.

Format: the events of https://spec.matrix.org/latest/client-server-api/ and Element's exporter
(``src/utils/exportUtils/JSONExport.ts``). The file is read twice: names, edits and reactions stand
behind what they belong to.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.chat import Account, Conversation, RawMessage, Reaction
from ingest.errors import FormatError
from ingest.parsers.base import Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.fields import count, instant, mapping, mappings, string
from ingest.parsers.json_items import array_items, before_array, object_members
from ingest.parsers.matrix_content import (
    PLATFORM,
    attachments_of,
    mentions_of,
    text_of,
    why_unreadable,
)
from ingest.sources import look

_EVENT = re.compile(rb'"type"\s*:\s*"m\.(?:room|reaction|sticker|call|poll)\b')
_ARRAYS = ("messages", "chunk", "events")
_SYNC = "rooms.join"
_SPOKEN = ("m.room.message", "m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start")
MAX_KEPT = 500_000
"""Edits, and messages with reactions, that are remembered until their message comes."""


def claims(head: bytes) -> bool:
    """JSON with a room's name and who exported it, or with events of the types ``m.…``."""
    bare = head.removeprefix(BOM_UTF8).lstrip()
    if not bare.startswith((b"{", b"[")):
        return False
    if b'"room_name"' in head and (b'"exported_by"' in head or b'"export_date"' in head):
        return True
    return bool(_EVENT.search(head)) and b'"sender"' in head and b'"origin_server_ts"' in head


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages with their last text and the reactions they got."""
    room = _Room()
    try:
        for event, key in _events(reading):
            room.learn(event, key)
    except FormatError:  # said again behind the messages
        pass
    room.finish(reading)
    for event, key in _events(reading):
        yield room.message(event, key)


PARSER = Parser(
    "matrix", "Matrix JSON", "a JSON export of Element or other Matrix events", claims, parse
)


def _events(reading: Reading) -> Iterator[tuple[Any, str]]:
    """Every event, decrypted where it was encrypted, and the id of its room where it is told."""
    reading.stream.seek(0)
    head = look(reading.stream)
    if head.removeprefix(BOM_UTF8).lstrip().startswith(b"["):
        found = array_items(reading, "")
    elif re.search(rb'"rooms"\s*:\s*\{', head) and b'"room_name"' not in head:
        for key, room in object_members(reading, _SYNC):
            for part in ("state", "timeline"):
                yield from ((event, key) for event in mappings(mapping(room, part), "events"))
        return
    else:
        keys = [key for key in _ARRAYS if re.search(rb'"%s"\s*:\s*\[' % key.encode(), head)]
        found = array_items(reading, keys[0] if keys else _ARRAYS[0])
    for event in found:
        clear = mapping(event, "decrypted") or event
        yield clear, string(clear, "room_id")


@dataclass(slots=True)
class _Edit:
    sender: str
    at: Any
    content: dict[str, Any]


@dataclass
class _Room:
    """What a file tells beside its messages."""

    key: str = ""
    titles: dict[str, str] = field(default_factory=dict)
    is_private: bool = False
    owner: str = ""
    first_names: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    edits: dict[str, _Edit] = field(default_factory=dict)
    corrected: set[str] = field(default_factory=set)
    reactions: dict[str, Counter[str]] = field(default_factory=dict)
    chats: dict[str, Conversation] = field(default_factory=dict)

    def learn(self, event: Any, key: str) -> None:
        """Take in what belongs to other events."""
        self.key = self.key or key
        content = mapping(event, "content")
        kind = string(event, "type")
        if kind == "m.room.member":
            name = string(content, "displayname")
            self.first_names.setdefault(string(event, "state_key"), name)
            self.is_private = self.is_private or content.get("is_direct") is True
        elif kind == "m.room.name":
            self.titles[key] = string(content, "name")
        elif kind == "m.reaction":
            self._learn_reaction(mapping(content, "m.relates_to"))
        elif target := _edited(content):
            self._learn_edit(target, event, content)

    def _learn_edit(self, target: str, event: Any, content: dict[str, Any]) -> None:
        sender, known = string(event, "sender"), self.edits.get(target)
        # Servers hand on whatever arrives; only an author's own edits count.
        if len(self.edits) < MAX_KEPT and (known is None or known.sender == sender):
            self.edits[target] = _Edit(sender, event.get("origin_server_ts"), content)

    def _learn_reaction(self, relation: dict[str, Any]) -> None:
        target, symbol = string(relation, "event_id"), string(relation, "key")
        if target and symbol and len(self.reactions) < MAX_KEPT:
            self.reactions.setdefault(target, Counter())[symbol] += 1

    def finish(self, reading: Reading) -> None:
        """Read what stands before the messages: whose export of which room it is."""
        about = before_array(reading)
        creator = string(about, "room_creator")
        title = string(about, "room_name") or self.titles.get(self.key) or self.key
        title = title or reading.path.stem
        self.key = self.key or digest(title, creator)
        self.titles[self.key] = title
        exporter = string(about, "exported_by")
        named = [user for user, name in self.first_names.items() if name and name == exporter]
        if exporter.startswith("@"):
            self.owner = exporter
        elif len(named) == 1:  # Element writes the name, which another member may have as well
            self.owner = named[0]

    def message(self, event: Any, key: str) -> RawMessage | Skipped:
        """One event in its place."""
        kind, content = string(event, "type"), mapping(event, "content")
        if kind == "m.room.member":
            self.names[string(event, "state_key")] = string(content, "displayname")
        if reason := _unwanted(event, kind, content):
            return Skipped(reason)
        sent_at = instant(event.get("origin_server_ts"), millis=True)
        if sent_at is None:
            return Skipped("no date")
        id = string(event, "event_id")
        if target := _edited(content):
            edit = self.edits.get(target)
            if target in self.corrected or edit is None or edit.sender != string(event, "sender"):
                return Skipped("edit (its message has the new text)")
            id = target  # of a message before the start of the file
            self.corrected.add(target)
        else:
            edit = self._edit_of(event, id)
        chat = self._chat(key)
        said = _new(edit.content) if edit else content
        text = text_of(kind, said)
        attachments = tuple(attachments_of(kind, said))
        if not text and not attachments:
            return Skipped("empty")
        return RawMessage(
            id=f"{chat.id}:{id or digest(sent_at, string(event, 'sender'), text)}",
            chat=chat,
            author=self._author(event, string(content, "msgtype")),
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            reply_to=_reply_to(content, chat),
            mentions=tuple(mentions_of(said, self._name)),
            attachments=attachments,
            edited_at=instant(edit.at, millis=True) if edit else None,
            reactions=tuple(self._reactions(event, id)),
        )

    def _edit_of(self, event: Any, id: str) -> _Edit | None:
        """The last edit: an event of its own, or packed into the message by the server."""
        edit = self.edits.get(id)
        if edit:
            self.corrected.add(id)
            if edit.sender == string(event, "sender"):
                return edit
        packed = mapping(_packed(event), "m.replace")
        content = mapping(packed, "content")
        if not _new(content):
            return None
        return _Edit(string(packed, "sender"), packed.get("origin_server_ts"), content)

    def _reactions(self, event: Any, id: str) -> Iterator[Reaction]:
        counts = self.reactions.pop(id, None)
        if counts is None:
            chunk = mappings(mapping(_packed(event), "m.annotation"), "chunk")
            counts = Counter({string(item, "key"): count(item, "count") or 1 for item in chunk})
        for symbol, number in counts.items():
            if symbol:
                yield Reaction(symbol, number)

    def _author(self, event: Any, msgtype: str) -> Account:
        sender = string(event, "sender")
        # Clients that talk by themselves say notices instead of texts.
        is_bot = msgtype == "m.notice"
        is_self = bool(sender) and sender == self.owner
        return Account(PLATFORM, sender or "name:", self._name(sender), is_bot, is_self)

    def _name(self, user: str) -> str:
        name = self.names.get(user) or self.first_names.get(user)
        return name or user.removeprefix("@").partition(":")[0]

    def _chat(self, key: str) -> Conversation:
        key = key or self.key
        if key not in self.chats:
            title = self.titles.get(key) or key
            self.chats[key] = Conversation(
                f"{PLATFORM}:{key}", title, PLATFORM, is_private=self.is_private
            )
        return self.chats[key]


def _unwanted(event: Any, kind: str, content: dict[str, Any]) -> str:
    if not isinstance(event, dict):
        return "not a message"
    if "redacted_because" in mapping(event, "unsigned") or "redacted_because" in event:
        return "deleted"
    if kind == "m.reaction":
        return "reaction (counted under its message)"
    if kind == "m.room.encrypted":
        return "could not be decrypted"
    if kind not in _SPOKEN:
        return "service notice"
    return "deleted" if not content else why_unreadable(content)


def _packed(event: Any) -> dict[str, Any]:
    return mapping(mapping(event, "unsigned"), "m.relations")


def _edited(content: dict[str, Any]) -> str:
    """The id of the message that an event gives a new text."""
    relation = mapping(content, "m.relates_to")
    is_edit = string(relation, "rel_type") == "m.replace"
    return string(relation, "event_id") if is_edit and _new(content) else ""


def _new(content: dict[str, Any]) -> dict[str, Any]:
    return mapping(content, "m.new_content")


def _reply_to(content: dict[str, Any], chat: Conversation) -> str | None:
    """The message answered; in a thread without a reply, the one that began the thread."""
    relation = mapping(content, "m.relates_to")
    answered = string(mapping(relation, "m.in_reply_to"), "event_id")
    if string(relation, "rel_type") == "m.thread":
        is_fallback = relation.get("is_falling_back") is True
        answered = string(relation, "event_id") if is_fallback or not answered else answered
    return f"{chat.id}:{answered}" if answered else None
