"""The fake server itself: as strict as the real one, and stricter about unknown fields."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import httpx
import pytest

from tests.telegram_fake import FakeTelegram, Fault


def call(fake: FakeTelegram, method: str, **params: Any) -> tuple[int, Any]:
    """Status and body of a request."""
    answer = httpx.post(f"{fake.url}/bot{fake.token}/{method}", json=params)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "chat_id is empty"),
        ({"text": " "}, "message text is empty"),
        ({"text": "😀" * 2049}, "message is too long"),
        ({"text": "x", "colour": "red"}, "unknown parameter 'colour'"),
        ({"text": "x", "reply_parameters": {"message_id": 99}}, "replied not found"),
        ({"text": "x", "reply_parameters": {"message": 1}}, "reply parameters"),
        ({"text": "x", "entities": [{"type": "bold", "offset": 0, "length": 2}]}, "ENTITY"),
        ({"text": "😀", "entities": [{"type": "bold", "offset": 1, "length": 1}]}, "ENTITY"),
        ({"text": "x", "entities": "[{"}, "can't parse entities"),
        ({"text": "x", "parse_mode": "Klingon"}, "parse_mode"),
        ({"text": "x", "message_thread_id": 9}, "thread not found"),
        ({"text": "x", "chat_id": 5}, "chat not found"),
        ({"text": "x", "chat_id": "five"}, "can't parse chat_id"),
        (
            {"text": "x", "reply_markup": {"inline_keyboard": [[{}]]}},
            "keyboard button",
        ),
        (
            {
                "text": "x",
                "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "x" * 65}]]},
            },
            "BUTTON_DATA_INVALID",
        ),
    ],
)
def test_a_wrong_message_is_refused(
    fake: FakeTelegram, params: dict[str, Any], reason: str
) -> None:
    chat = fake.supergroup()
    given = {"chat_id": chat.id} | params if params else {"text": "x"}
    status, body = call(fake, "sendMessage", **given)
    assert (status, body["ok"]) == (400, False)
    assert reason in body["description"]
    assert fake.sent == []


def test_unknown_methods_and_tokens_are_refused(fake: FakeTelegram) -> None:
    assert call(fake, "sendTelepathy")[0] == 404
    assert httpx.post(f"{fake.url}/bot1:wrong/getMe").status_code == 401


def test_edits_are_judged_as_the_real_server_does(fake: FakeTelegram) -> None:
    chat, ann = fake.supergroup(), fake.user("Ann")
    theirs = fake.say(chat, ann, "hello")
    ours = call(fake, "sendMessage", chat_id=chat.id, text="hi")[1]["result"]["message_id"]
    assert ours == theirs + 1
    for number, text, reason in (
        (ours, "hi", "message is not modified"),
        (theirs, "hi", "message can't be edited"),
        (99, "hi", "message to edit not found"),
    ):
        status, body = call(fake, "editMessageText", chat_id=chat.id, message_id=number, text=text)
        assert status == 400
        assert reason in body["description"]
    assert call(fake, "editMessageText", chat_id=chat.id, message_id=ours, text="ho")[0] == 200


def test_updates_come_again_until_they_are_acknowledged(fake: FakeTelegram) -> None:
    chat, ann = fake.supergroup(), fake.user("Ann")
    for number in range(130):
        fake.say(chat, ann, f"{number}")

    def numbers(**params: Any) -> list[int]:
        return [update["update_id"] for update in call(fake, "getUpdates", **params)[1]["result"]]

    first = numbers()
    assert len(first) == 100
    assert numbers(offset=first[0]) == first
    assert len(numbers(offset=first[-1] + 1)) == 30
    assert len(numbers(offset=-5)) == 5
    assert fake.pending == 5
    assert call(fake, "getUpdates", limit=0)[0] == 400


def test_reactions_come_only_where_they_are_asked_for(fake: FakeTelegram) -> None:
    chat, ann = fake.supergroup(), fake.user("Ann")
    number = fake.say(chat, ann, "hello")
    assert fake.react(chat, number, ann, "👍") == 0
    call(fake, "getUpdates", allowed_updates=["message", "message_reaction"])
    assert fake.react(chat, number, ann, "👍") > 0


def test_a_second_poll_ends_the_first(fake: FakeTelegram) -> None:
    results: list[int] = []
    first = threading.Thread(target=lambda: results.append(call(fake, "getUpdates", timeout=4)[0]))
    first.start()
    fake.wait_for(lambda: fake._poll == 1)
    second = threading.Thread(target=lambda: results.append(call(fake, "getUpdates", timeout=4)[0]))
    second.start()
    first.join(3)
    assert results == [409]
    fake.say(fake.supergroup(), fake.user("Ann"), "hello")
    second.join(3)
    assert results == [409, 200]


def test_faults_are_made_as_planned(fake: FakeTelegram) -> None:
    chat = fake.supergroup()
    fake.plan(Fault.too_many(3), method="sendMessage")
    assert call(fake, "getMe")[0] == 200
    status, body = call(fake, "sendMessage", chat_id=chat.id, text="x")
    assert (status, body["parameters"]) == (429, {"retry_after": 3})
    for has_effect, count in ((False, 0), (True, 1)):
        fake.plan(Fault.reset(has_effect=has_effect))
        with pytest.raises(httpx.HTTPError):
            call(fake, "sendMessage", chat_id=chat.id, text="x")
        assert len(fake.sent) == count


def test_a_bot_in_another_process_can_use_it(fake: FakeTelegram) -> None:
    chat = fake.supergroup()
    script = (
        "import httpx, sys; "
        "httpx.post(sys.argv[1] + '/sendMessage', data={'chat_id': sys.argv[2], 'text': 'hi'})"
    )
    command = [sys.executable, "-c", script, f"{fake.url}/bot{fake.token}", str(chat.id)]
    with subprocess.Popen(command) as bot:
        fake.wait_for(lambda: fake.texts(chat) == ["hi"], timeout=30)
        assert bot.wait(30) == 0
