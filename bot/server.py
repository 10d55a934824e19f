"""Replies from any OpenAI-compatible server: llama-server, vLLM, Ollama, llama-cpp-python's own.

The server keeps its own chat template, so it is sent roles and contents; what people wrote is
neutralised text in them, exactly as for a model in this process.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx

from bot.errors import ServerFailed
from bot.generation import Ending, Sampling, Timings, never
from bot.stops import StopScanner
from bot.voice import Voice
from ingest.markup import Markup
from ingest.prompt import RENDERER, Segment
from registry.artefact import RemoteRecord

BYTES_PER_TOKEN = 3  # careful on the high side: English has four and more, Chinese about three
WAIT = httpx.Timeout(10, read=120)  # seconds; a long prompt on a slow machine takes its time
LOOK = 0.05  # seconds between two looks at whether the reply is still wanted
# What the OpenAI API does not know. The penalty is the second to llama-server and llama-cpp-python,
# the third to vLLM; who knows none of them ignores them (Ollama) or refuses them by name.
EXTRAS = ("min_p", "repeat_penalty", "repetition_penalty")
_UNKNOWN_FIELD = (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY)
_STRETCH = 12  # characters in a row; what is shorter is hardly anybody's words
# Marks between segments; the server never sees them, they only say whose turn follows.
_SYSTEM, _USER, _REPLY, _STOP, _NEXT = (f"\ue000{mark}\ue000" for mark in "SURTN")
MARKUP = Markup("server", _SYSTEM, _USER, _REPLY, _STOP, _NEXT)
_ROLES = {_SYSTEM: "system", _USER: "user", _NEXT: "user", _REPLY: "assistant"}


def server_voice(
    url: str, model: str | None, head: str, self_handle: str, context: int, name: str = ""
) -> Voice:
    """The voice of whatever model a server runs, asked as the persona is."""
    name = name or f"{model or 'default model'} at {_open(url)}"
    remote = RemoteRecord(url, model or "")
    return Voice(name, Path(), RENDERER, MARKUP, head, self_handle, context, remote)


def _open(url: str) -> str:
    """An address without the name and password in it."""
    return str(httpx.URL(url).copy_with(userinfo=b""))


class _HungUp(Exception):
    """The reply is no longer wanted, and the connection is closed."""


class ServerGenerator:
    """Asks a server for replies. ``url`` ends in ``/v1``; token counts are estimates.

    Connections are kept; one whose reply is cancelled is closed at once, so that the server stops.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        key: str | None = None,
        context_tokens: int = 2048,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.context_tokens = context_tokens
        self._url = url.rstrip("/") + "/chat/completions"
        self._shown_url = _open(self._url)
        self._model, self._clock = model, clock
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(timeout=WAIT, headers=headers)
        self._loop = asyncio.new_event_loop()
        self._extras = frozenset(EXTRAS)

    def count(self, segments: Sequence[Segment]) -> int:
        """About how many tokens these segments take."""
        return sum(-(-len(part.text.encode()) // BYTES_PER_TOKEN) for part in segments)

    def generate(
        self,
        segments: Sequence[Segment],
        *,
        sampling: Sampling,
        seed: int,
        cancelled: Callable[[], bool] = never,
    ) -> ServerGeneration:
        """Start writing. Raises ServerFailed once pieces are asked for."""
        body = {
            "messages": messages_of(segments),
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed % 2**31,
            "stream": True,
            "min_p": sampling.min_p,
            "repeat_penalty": sampling.repeat_penalty,
            "repetition_penalty": sampling.repeat_penalty,
        }
        if self._model:
            body["model"] = self._model
        events = self._events(body, cancelled)
        return ServerGeneration(events, self.count(segments), self._clock)

    def close(self) -> None:
        """Close the connections."""
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._client.aclose())
            self._loop.close()

    def _events(
        self, body: dict[str, Any], cancelled: Callable[[], bool]
    ) -> Generator[dict[str, Any], None, None]:
        lines = self._lines(body)
        try:
            while line := self._awaited(anext(lines, ""), cancelled):
                data = line.removeprefix("data:").strip()
                if line.startswith("data:") and data != "[DONE]":
                    yield from json.loads(data)["choices"][:1]  # none where it tells usage
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ServerFailed(
                f"{self._shown_url}: {reason}; is the server up, and generate.server_url right?"
            ) from error
        except (ValueError, LookupError, TypeError) as error:
            raise ServerFailed(
                f"{self._shown_url}: not an OpenAI-compatible answer ({type(error).__name__}); "
                "generate.server_url should end in /v1"
            ) from error
        finally:
            self._loop.run_until_complete(lines.aclose())

    def _awaited(self, line: Coroutine[Any, Any, str], cancelled: Callable[[], bool]) -> str:
        """The next line; hangs up where it is no longer wanted before it comes."""
        task = self._loop.create_task(line)
        try:
            while not task.done():
                if cancelled():
                    raise _HungUp
                self._loop.run_until_complete(asyncio.wait({task}, timeout=LOOK))
        except BaseException:
            task.cancel()
            self._loop.run_until_complete(asyncio.wait({task}))
            raise
        return task.result()

    async def _lines(self, body: dict[str, Any]) -> AsyncGenerator[str, None]:
        """The lines of the answer that are not empty."""
        known = {name: value for name, value in body.items() if self._is_taken(name)}
        async with self._client.stream("POST", self._url, json=known) as response:
            is_success = response.is_success
            if not is_success:
                await self._explain(response, body)
            else:
                async for line in response.aiter_lines():
                    if line:
                        yield line
        if not is_success:
            async for line in self._lines(body):
                yield line

    def _is_taken(self, name: str) -> bool:
        return name not in EXTRAS or name in self._extras

    async def _explain(self, response: httpx.Response, body: dict[str, Any]) -> None:
        """Leave out from now on what the server refuses by name; raise every other refusal.

        Some servers quote the request: those words are not told, as errors are logged.
        """
        said = (await response.aread()).decode("utf-8", "replace")
        refused = {name for name in self._extras if name in said}
        if response.status_code in _UNKNOWN_FIELD and refused:
            self._extras -= refused
            return
        advice = "; set the key of this address in the environment" if _needs_key(response) else ""
        short = "its answer quotes the chat" if _quotes(said, body["messages"]) else said
        short = " ".join(short.split())[:200]
        raise ServerFailed(f"{self._shown_url}: HTTP {response.status_code}: {short}{advice}")


class ServerGeneration:
    """One reply on its way: an iterator over its pieces of text."""

    def __init__(
        self,
        events: Generator[dict[str, Any], None, None],
        prompt_tokens: int,
        clock: Callable[[], float],
    ) -> None:
        self._events, self._clock = events, clock
        self._prompt_tokens, self._generated = prompt_tokens, 0
        self._ending = Ending.LENGTH
        self._prompt_seconds = self._decode_seconds = 0.0
        self._pieces = self._write()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    @property
    def timings(self) -> Timings:
        """What it has cost so far; a token is a piece the server sent."""
        return Timings(
            self._prompt_tokens,
            0,
            self._generated,
            self._prompt_seconds,
            self._decode_seconds,
            self._ending,
        )

    def close(self) -> None:
        """Hang up."""
        self._pieces.close()

    def _write(self) -> Generator[str, None, None]:
        scanner = StopScanner(MARKUP)
        with closing(self._events):
            try:
                for piece in self._contents():
                    if text := scanner.feed(piece):
                        yield text
                    if scanner.is_stopped:
                        self._ending = Ending.STOP
                        break
            except _HungUp:
                self._ending = Ending.CANCELLED
        if tail := scanner.flush():
            yield tail

    def _contents(self) -> Iterator[str]:
        started = self._clock()
        first: float | None = None
        for event in self._events:
            if event.get("finish_reason") == "stop":
                self._ending = Ending.STOP
            if piece := event.get("delta", {}).get("content"):
                first = first or self._clock()
                self._generated += 1
                self._prompt_seconds = first - started
                self._decode_seconds = self._clock() - first
                yield piece


def _quotes(said: str, messages: Sequence[dict[str, str]]) -> bool:
    """Whether an answer holds a stretch of what was asked, spelled out or escaped."""
    with suppress(ValueError):
        said += json.dumps(json.loads(said), ensure_ascii=False)
    asked = "\n".join(message["content"] for message in messages)
    found = "".join(said.split())
    known = "".join(asked.split())
    stretches = (known[i : i + _STRETCH] for i in range(max(1, len(known) - _STRETCH + 1)))
    return any(stretch in found for stretch in stretches if stretch)


def _needs_key(response: httpx.Response) -> bool:
    return response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


def messages_of(segments: Sequence[Segment]) -> list[dict[str, str]]:
    """Segments rendered with this module's markup as role and content messages."""
    messages: list[dict[str, str]] = []
    for segment in segments:
        if not segment.is_control:
            messages[-1]["content"] += segment.text
        elif segment.text in _ROLES:
            messages.append({"role": _ROLES[segment.text], "content": ""})
    if messages and messages[-1] == {"role": "assistant", "content": ""}:
        messages.pop()  # where the reply begins
    return messages
