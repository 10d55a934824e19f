"""The fake Discord refuses what Discord refuses, and what would be a mistake of ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.bot.discord.conftest import Garden
from tests.discord_fake.content import pings, shown

NOBODY: dict[str, Any] = {"parse": []}


async def call(
    garden: Garden, method: str, path: str, body: Any = None, token: str | None = None
) -> tuple[int, Any]:
    headers = {
        "Authorization": f"Bot {garden.fake.token if token is None else token}",
        "User-Agent": "DiscordBot (test)",
    }
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, garden.fake.url + path, json=body) as response,
    ):
        return response.status, json.loads(await response.text() or "null")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"content": "", "allowed_mentions": NOBODY}, 50006),
        ({"content": " \n", "allowed_mentions": NOBODY}, 50006),
        ({"content": "x" * 2001, "allowed_mentions": NOBODY}, 50035),
        ({"content": "x"}, 50035),
        ({"content": "x", "allowed_mentions": NOBODY, "unheard": 1}, 50035),
        ({"content": "x", "allowed_mentions": NOBODY, "nonce": "n" * 26}, 50035),
        ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, 50035),
        (
            {"content": "x", "allowed_mentions": NOBODY, "message_reference": {"message_id": 5}},
            50035,
        ),
    ],
)
def test_a_faulty_message_is_refused(garden: Garden, body: Any, code: int) -> None:
    status, told = asyncio.run(call(garden, "POST", f"/channels/{garden.channel}/messages", body))
    assert (status, told["code"]) == (400, code)
    assert garden.fake.sent == []
    assert garden.fake.refusals


def test_a_nonce_makes_a_message_once(garden: Garden) -> None:
    body = {"content": "once", "allowed_mentions": NOBODY, "nonce": "n1", "enforce_nonce": True}
    path = f"/channels/{garden.channel}/messages"
    ids = {asyncio.run(call(garden, "POST", path, body))[1]["id"] for _ in range(2)}
    assert len(ids) == 1
    assert garden.fake.texts(garden.channel) == ["once"]


def test_history_comes_in_pages(garden: Garden) -> None:
    ids = [garden.fake.say(garden.channel, garden.ann, str(n)) for n in range(7)]
    path = f"/channels/{garden.channel}/messages"

    def page(query: str) -> list[str]:
        return [message["id"] for message in asyncio.run(call(garden, "GET", path + query))[1]]

    assert page("?limit=3") == ids[:3:-1]
    assert page(f"?limit=3&before={ids[4]}") == ids[3:0:-1]
    assert page(f"?limit=3&after={ids[1]}") == ids[4:1:-1]
    assert asyncio.run(call(garden, "GET", path + "?limit=101"))[0] == 400
    assert asyncio.run(call(garden, "GET", path, token="wrong"))[0] == 401
    assert asyncio.run(call(garden, "GET", "/nowhere"))[0] == 404


async def gateway_answers(garden: Garden, payload: dict[str, Any], query: str) -> int | None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(garden.fake.gateway.url + query) as socket,
    ):
        if "v=10" in query:
            assert (await socket.receive_json())["op"] == 10
            await socket.send_json(payload)
        frame = await socket.receive(timeout=5)
        if frame.type is aiohttp.WSMsgType.TEXT:
            return int(json.loads(frame.data)["op"])
        return socket.close_code


ASKED = "?v=10&encoding=json"
TOLD = {"token": "fake.discord.token", "properties": {}}


@pytest.mark.parametrize(
    ("payload", "query", "code"),
    [
        ({"op": 2, "d": TOLD | {"token": "wrong", "intents": 0}}, ASKED, 4004),
        ({"op": 2, "d": TOLD | {"intents": 1 << 1}}, ASKED, 4014),
        ({"op": 2, "d": TOLD | {"intents": 1 << 30}}, ASKED, 4013),
        ({"op": 2, "d": TOLD}, ASKED, 4002),
        ({"op": 8, "d": {}}, ASKED, 4003),
        ({"op": 6, "d": {"token": TOLD["token"], "session_id": "no", "seq": 1}}, ASKED, 9),
        ({}, "?v=9&encoding=json", 4012),
        ({}, "?v=11&encoding=json&compress=zstd-stream", 4012),
    ],
)
def test_the_gateway_closes_with_discords_codes(
    garden: Garden, payload: dict[str, Any], query: str, code: int
) -> None:
    assert asyncio.run(gateway_answers(garden, payload, query)) == code


def test_mentions_are_resolved_as_discord_does() -> None:
    text = "@everyone @here <@1> <@!2> <@&3> <#4> </mute:5> <t:6:R> <:pog:7>"
    assert pings(text, None, "9") == {"everyone", "here", "user:1", "user:2", "role:3", "user:9"}
    assert pings(text, {"parse": []}, "9") == frozenset()
    assert pings(text, {"parse": [], "users": ["2"], "replied_user": True}, "9") == {
        "user:2",
        "user:9",
    }
    assert len(shown(text)) == 9
    assert shown("[words](https://hidden.example)")
