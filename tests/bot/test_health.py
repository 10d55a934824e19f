"""/health and /metrics over a real socket on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping

import aiohttp
import pytest

from bot.errors import HealthUnavailable
from bot.health import Health
from bot.metrics import Metrics


async def fetch(port: int, path: str) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, answer.headers["Content-Type"], await answer.text()


def visit(
    status: Callable[[], Mapping[str, object]], metrics: Metrics, path: str
) -> tuple[int, str, str]:
    async def scene() -> tuple[int, str, str]:
        health = await Health(0, status, metrics).start()
        try:
            return await fetch(health.port, path)
        finally:
            await health.stop()

    return asyncio.run(scene())


def test_all_well_is_200_and_anything_else_503() -> None:
    parts: dict[str, object] = {"model": {"is_well": True, "state": "v1 answers"}, "since": "12:00"}
    code, kind, body = visit(lambda: parts, Metrics(), "/health")
    assert (code, kind) == (200, "application/json")
    assert body.startswith('{"is_well":true,"model":{"is_well":true,"state":"v1 answers"}')
    parts["discord"] = {"is_well": False, "state": "closed: bad token"}
    code, _, body = visit(lambda: parts, Metrics(), "/health")
    assert code == 503
    assert '"is_well":false' in body


def test_metrics_are_prometheus_text() -> None:
    metrics, waiting = Metrics(), [3.0]
    metrics.heard("telegram")
    metrics.heard("telegram")
    metrics.decided("silent", "score")
    metrics.answered("telegram", 2.5)
    metrics.dropped("moved_on")
    metrics.failed("sending")
    metrics.gauge("queue_length", "Replies waiting.", lambda: waiting[0])
    waiting[0] = 4.0
    code, kind, page = visit(dict, metrics, "/metrics")
    assert code == 200
    assert kind.startswith("text/plain")
    for line in (
        'atself_messages_heard_total{platform="telegram"} 2.0',
        'atself_decisions_total{reason="score",verdict="silent"} 1.0',
        'atself_reply_seconds_bucket{le="5.0",platform="telegram"} 1.0',
        'atself_replies_dropped_total{kind="moved_on"} 1.0',
        'atself_failures_total{kind="sending"} 1.0',
        "atself_queue_length 4.0",
    ):
        assert line in page


def test_the_tally_tells_what_happened_since_it_was_last_asked() -> None:
    metrics = Metrics()
    metrics.heard("telegram")
    metrics.heard("discord")
    metrics.decided("silent", "score")
    metrics.decided("answer", "addressed")
    metrics.answered("telegram", 3)
    assert metrics.tally() == "heard 2, silent 1, answered 1"
    assert metrics.tally() == ""


def test_two_processes_or_tests_have_figures_of_their_own() -> None:
    Metrics().heard("telegram")
    assert b"telegram" not in Metrics().page()


def test_a_taken_port_is_one_clear_line() -> None:
    async def scene(port: int) -> None:
        await Health(port, dict, Metrics()).start()

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HealthUnavailable, match=r"^serve\.port: 127\.0\.0\.1:\d+ cannot be"):
            asyncio.run(scene(taken.getsockname()[1]))
