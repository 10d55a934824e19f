"""What Telegram's exports do that golden files do not show."""

from __future__ import annotations

import io
from datetime import UTC

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chat import RawMessage
from ingest.parsers import telegram
from ingest.parsers.base import Reading
from ingest.parsers.telegram_escapes import repaired


def messages_of(export: bytes, name: str = "result.json") -> list[RawMessage]:
    """The messages of a JSON export."""
    items = telegram.parse(Reading(io.BytesIO(export), name, UTC))
    return [item for item in items if isinstance(item, RawMessage)]


def post(**fields: object) -> dict[str, object]:
    """One message of an export."""
    told = {"id": 1, "type": "message", "date_unixtime": "1700000000", "from": "Ada", "text": "hi"}
    return {**told, "from_id": "user1", **fields}


@pytest.mark.parametrize("indent", [0, orjson.OPT_INDENT_2])
@pytest.mark.parametrize("is_account", [True, False])
def test_control_characters_escaped_as_no_json_does_are_read(indent: int, is_account: bool) -> None:
    chat = {"name": "x", "type": "private_group", "id": 5, "messages": [post(text="a!b \\x1B")]}
    export = {"chats": {"list": [chat]}} if is_account else chat
    found = messages_of(orjson.dumps(export, option=indent).replace(b"!", b"\\x1B\\x0C"))
    assert [message.text for message in found] == ["a\x1b\x0cb \\x1B"]


class Dribble(io.BytesIO):
    """A stream that gives few bytes at a time."""

    def read1(self, size: int | None = -1, /) -> bytes:
        """Three bytes at most."""
        return self.read(min(3, size or 3) if size and size > 0 else 3)


@given(st.text(alphabet="\\x1Ba", max_size=40))
def test_repair_does_not_depend_on_where_pieces_end(text: str) -> None:
    content = text.encode()
    whole = repaired(io.BytesIO(content)).read()
    assert repaired(Dribble(content)).read() == whole


@given(st.text(alphabet='\\x1Bau"\n\x00é', max_size=40))
def test_valid_json_is_left_as_it_is(text: str) -> None:
    content = orjson.dumps(text)
    assert repaired(io.BytesIO(content)).read() == content


def test_chats_without_id_and_name_have_keys_of_their_own() -> None:
    one = orjson.dumps({"messages": [post(text="hello")]})
    two = orjson.dumps({"messages": [post(text="bye")]})
    assert len({messages_of(export)[0].chat.id for export in (one, two)}) == 2
    longer = orjson.dumps({"messages": [post(text="hello"), post(id=2, text="more")]})
    assert messages_of(longer)[0].id == messages_of(one)[0].id


def test_the_other_one_in_a_private_chat_is_the_owner_only_where_ids_agree() -> None:
    chat = {"name": "Bob", "type": "personal_chat"}
    said = [post(), post(id=2, from_id="user2", **{"from": "Bob"})]
    known = messages_of(orjson.dumps({**chat, "id": 2, "messages": said}))
    assert [message.author.is_self for message in known] == [True, False]
    unknown = messages_of(orjson.dumps({**chat, "id": 77, "messages": said}))
    assert not any(message.author.is_self for message in unknown)


def test_an_account_says_who_its_owner_is() -> None:
    group = {"name": "g", "type": "private_group", "id": 9, "messages": [post(), post(id=2)]}
    owner = {"user_id": 1, "first_name": "Ada"}
    export = {"personal_information": owner, "chats": {"about": "", "list": [group]}}
    assert all(message.author.is_self for message in messages_of(orjson.dumps(export)))


def test_a_partner_that_is_a_bot_is_known_as_one() -> None:
    chat = {"name": "Helper", "type": "bot_chat", "id": 2}
    said = [post(), post(id=2, from_id="user2", **{"from": "Helper"})]
    found = messages_of(orjson.dumps({**chat, "messages": said}))
    assert [message.author.is_bot for message in found] == [False, True]


def test_text_may_stand_in_entities_alone() -> None:
    entities = [{"type": "plain", "text": "see "}, {"type": "mention_name", "text": "Bo"}]
    found = post(text="", text_entities=entities)
    [message] = messages_of(orjson.dumps({"name": "x", "messages": [found]}))
    assert message.text == "see @Bo"
    assert message.mentions[0].key == "name:Bo"


def test_a_file_that_was_not_exported_has_no_path() -> None:
    absent = "(File not included. Change data exporting settings to download.)"
    posts = [post(photo="photos/photo (1)"), post(id=2, photo=absent)]
    found = messages_of(orjson.dumps({"name": "x", "messages": posts}))
    assert [message.attachments[0].file for message in found] == ["photos/photo (1)", ""]
