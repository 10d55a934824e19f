"""Replies from a GGUF in this process.

Between calls the model keeps what it has read, one state for each of several conversations: of the
next prompt only what follows the longest common beginning is computed (``Timings.reused`` counts
the rest).
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType

from bot import llama
from bot.errors import ModelUnusable, PromptTooLong
from bot.generation import Ending, Sampling, Timings, never
from bot.states import ANEW, States, Track
from bot.stops import StopScanner
from bot.voice import Voice
from ingest.prompt import RENDERER, Segment, encode, render_prompt
from registry.checked import hold_model

ADAPT_TOKENS = 16  # how often, in written tokens, the number of threads follows the load
TEXTS = 2048  # latest texts whose tokens are remembered: the lines and turns of a few dozen chats
SCORED = 32
"""Tokens of a reply scored at once; Gemma's logits of each are a megabyte."""

Pieces = Generator[str, None, None]


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to be answered: its token ids, and how."""

    ids: tuple[int, ...]
    sampling: Sampling
    seed: int
    cancelled: Callable[[], bool]


class LlamaGenerator:
    """A loaded model that writes one reply at a time. A context manager; not for several threads.

    A model of the registry is checked before it is loaded, and is not collected while it is open.
    ``context_tokens`` defaults to what the model was made for, ``threads`` to the idle cores.
    The states of the last ``chats`` conversations are kept, as far as ``state_megabytes`` allow.
    Raises ModelUnusable or RegistryError where the file is missing or damaged, ModelUnusable where
    it was made for another renderer.
    """

    def __init__(
        self,
        voice: Voice,
        *,
        context_tokens: int | None = None,
        threads: int | None = None,
        chats: int = 1,
        state_megabytes: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        require_renderer(voice)
        limits = [tokens for tokens in (context_tokens, voice.context_tokens) if tokens]
        self.voice = voice
        self._clock = clock
        self._lease = hold_model(voice.model)
        try:
            self._model = llama.Model(
                voice.model,
                context_tokens=min(limits, default=0),
                threads=threads,
                streams=chats,
                megabytes=state_megabytes,
            )
        except BaseException:
            self._release()
            raise
        self._abort = llama.AbortSwitch(self._model)
        self._tokenize = lru_cache(TEXTS)(self._tokens_of)
        self._states = States(self._model, head=self.count(opening(voice)))
        self._current: LlamaGeneration | None = None

    def __enter__(self) -> LlamaGenerator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def context_tokens(self) -> int:
        """Room for prompt and reply together."""
        return self._model.context_tokens

    def tokens(self, segments: Sequence[Segment]) -> list[int]:
        """Token ids, exactly as training saw them: nothing is added, no text becomes control."""
        return encode(segments, self._tokenize).ids

    def count(self, segments: Sequence[Segment]) -> int:
        """Tokens these segments take."""
        return len(self.tokens(segments))

    def generate(
        self,
        segments: Sequence[Segment],
        *,
        sampling: Sampling,
        seed: int,
        cancelled: Callable[[], bool] = never,
    ) -> LlamaGeneration:
        """Start writing; a reply still being written ends here. Raises PromptTooLong."""
        self._finish_current()
        ids = self.tokens(segments)
        self._require_room(len(ids), sampling.max_new_tokens)
        request = Request(tuple(ids), sampling, seed, cancelled)
        self._current = LlamaGeneration(
            self._model,
            self._states.take(ids),
            self._abort,
            StopScanner(self.voice.markup),
            request,
            self._clock,
        )
        return self._current

    def nats(self, prompt: Sequence[Segment], reply: Sequence[Segment]) -> float:
        """How unlikely ``reply`` is right behind ``prompt``, as a sum over its tokens.

        Of a prompt that was just answered nothing but its last tokens is read again.
        Raises PromptTooLong, SpeakingFailed.
        """
        self._finish_current()
        ids, said = self.tokens(prompt), self.tokens(reply)
        self._require_room(len(ids), len(said))
        track = self._states.take(ids)
        read_on(self._model, track, ids)
        total = sum(self._model.surprise(token) for token in said[:1])
        for start in range(0, len(said) - 1, SCORED):
            told = said[start : start + SCORED + 1]
            track.read(told[:-1], is_scored=True)
            total += sum(self._model.surprise(token, at) for at, token in enumerate(told[1:]))
        return total

    def close(self) -> None:
        """Free the model."""
        self._finish_current()
        self._model.close()
        self._release()

    def _tokens_of(self, text: str, is_control: bool) -> tuple[int, ...]:
        return tuple(self._model.tokenize(text, is_control=is_control))

    def _release(self) -> None:
        if self._lease is not None:
            self._lease.release()

    def _finish_current(self) -> None:
        if self._current is not None:
            self._current.close()
            self._current = None

    def _require_room(self, prompt: int, reply: int) -> None:
        if not prompt:
            raise PromptTooLong("the prompt is empty; there is nothing to answer")
        if prompt + reply > self.context_tokens:
            raise PromptTooLong(
                f"a prompt of {prompt} and a reply of up to {reply} tokens do not fit the context "
                f"of {self.context_tokens}; raise generate.context_tokens"
            )


class LlamaGeneration:
    """One reply being written: an iterator over its pieces of text."""

    def __init__(
        self,
        model: llama.Model,
        track: Track,
        abort: llama.AbortSwitch,
        scanner: StopScanner,
        request: Request,
        clock: Callable[[], float],
    ) -> None:
        self._model, self._track = model, track
        self._abort, self._scanner = abort, scanner
        self._request, self._clock = request, clock
        self._reused = track.length
        self._generated, self._ending = 0, Ending.LENGTH
        self._prompt_seconds = self._decode_seconds = 0.0
        self._pieces: Pieces = self._write()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    @property
    def timings(self) -> Timings:
        """What it has cost so far."""
        return Timings(
            len(self._request.ids),
            self._reused,
            self._generated,
            self._prompt_seconds,
            self._decode_seconds,
            self._ending,
        )

    def close(self) -> None:
        """Stop writing."""
        self._pieces.close()

    def _write(self) -> Pieces:
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")  # holds back half characters
        for token in self._sampled():
            if self._model.ends_turn(token):
                self._ending = Ending.STOP
                break
            if text := self._scanner.feed(decoder.decode(self._model.piece(token))):
                yield text
            if self._scanner.is_stopped:
                self._ending = Ending.STOP
                break
        if tail := self._scanner.flush():
            yield tail

    def _sampled(self) -> Iterator[int]:
        with self._model.drawing(self._request.sampling, self._request.seed) as draw:
            token = self._first(draw)
            started = self._clock()
            while token is not None:
                self._generated += 1
                yield token
                token = None if self._is_over() else self._next(token, draw)
                self._decode_seconds = self._clock() - started

    def _next(self, token: int, draw: Callable[[], int]) -> int:
        if self._generated % ADAPT_TOKENS == 0:
            self._model.follow_load()
        self._track.read((token,))
        return draw()

    def _first(self, draw: Callable[[], int]) -> int | None:
        """Read the prompt and draw once; None where that was cancelled."""
        started = self._clock()
        try:
            with self._abort.watching(self._request.cancelled):
                read_on(self._model, self._track, self._request.ids)
            return draw()
        except llama.Aborted:
            self._ending = Ending.CANCELLED
            return None
        finally:
            self._prompt_seconds = self._clock() - started

    def _is_over(self) -> bool:
        if self._request.cancelled():
            self._ending = Ending.CANCELLED
        is_full = self._generated >= self._request.sampling.max_new_tokens
        return is_full or self._ending is Ending.CANCELLED


def read_on(model: llama.Model, track: Track, ids: Sequence[int]) -> None:
    """Read what a track does not hold yet of a prompt, the last ANEW tokens together."""
    while track.length < len(ids):
        model.follow_load()
        start = track.length
        end = min(start + llama.BATCH_TOKENS, len(ids))
        if 0 < len(ids) - end < ANEW:
            end = len(ids) - ANEW
        track.read(ids[start:end])


def opening(voice: Voice) -> tuple[Segment, ...]:
    """What all prompts of a voice begin with."""
    return render_prompt((), voice.head, voice.markup)[:3]


def require_renderer(voice: Voice) -> None:
    """Refuse a model whose conversations were rendered otherwise: it would read gibberish."""
    if voice.renderer != RENDERER:
        raise ModelUnusable(
            f"{voice.name}: made for prompt renderer {voice.renderer!r}, this version has "
            f"{RENDERER!r}; train again, or install the atself that made it"
        )
