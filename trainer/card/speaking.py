"""Let a stored model answer held-out prompts, exactly as the bot would ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.settings import Generate
from ingest.chat import Turn
from ingest.markup import Markup
from ingest.prompt import encode, read_reply, render_prompt
from trainer.card.held_out import HeldOut
from trainer.card.llama_scores import opened
from trainer.llama import quiet_llama

TOP_K = 100
"""As the bot samples: what lies behind the first hundred falls to min_p."""
PENALISED = 64
"""Tokens back that the repeat penalty looks, as the bot's does."""
SEEDS = 2**32 - 1
"""The largest 32-bit seed means "random" to llama.cpp."""
_PIECE = 256


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a model wrote to a prompt: ``raw`` up to its stop, ``parts`` as the bot would send it.

    ``is_ended`` where it stopped by itself; ``tokens`` counts what it wrote.
    """

    held_out: HeldOut
    raw: str
    parts: tuple[str, ...]
    is_ended: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class Voice:
    """A GGUF and the form of its prompts."""

    path: Path
    head: str
    markup: Markup
    context_tokens: int


def speak(
    voice: Voice,
    prompts: Sequence[HeldOut],
    settings: Generate,
    *,
    seed: int,
    threads: int,
    may_go_on: Callable[[], bool],
    least: int = 1,
) -> list[Spoken]:
    """A reply to each prompt in turn, until ``may_go_on`` says no and ``least`` are answered.

    Prompts of one window follow each other, so that llama.cpp reads their common beginning once.
    """
    spoken: list[Spoken] = []
    with _speaker(voice, settings, threads) as answer:
        for number, prompt in enumerate(prompts):
            if number >= least and not may_go_on():
                break
            spoken.append(answer(prompt, seed + number))
    return spoken


@contextmanager
def _speaker(
    voice: Voice, settings: Generate, threads: int
) -> Iterator[Callable[[HeldOut, int], Spoken]]:
    room = min(settings.context_tokens, voice.context_tokens)
    with opened(voice.path, context_tokens=room, threads=threads) as llama:

        def answer(prompt: HeldOut, seed: int) -> Spoken:
            written = min(settings.max_new_tokens, room // 2)
            ids = _prompt_ids(llama, voice, prompt, room - written)
            raw, is_ended, tokens = _written(llama, ids, settings, seed, voice.markup.stop, written)
            return Spoken(prompt, raw, read_reply(raw, voice.markup), is_ended, tokens)

        yield answer


def _prompt_ids(llama: Any, voice: Voice, prompt: HeldOut, room: int) -> list[int]:
    """The prompt as the bot renders it; where it is too long, without its oldest turns."""
    turns: Sequence[Turn] = prompt.before
    while True:
        segments = render_prompt(turns, voice.head, voice.markup, prompt.memory)
        ids = encode(
            segments,
            lambda text, is_control: llama.tokenize(
                text.encode(), add_bos=False, special=is_control
            ),
        ).ids
        if len(ids) <= room or not turns:
            return ids[-room:]
        turns = turns[1:]


def _written(
    llama: Any, ids: Sequence[int], settings: Generate, seed: int, stop: str, most: int
) -> tuple[str, bool, int]:
    """Text up to the stop, whether there was one, and the tokens it took."""
    llama._init_sampler = lambda **_: _chain(llama, settings, seed)
    tokens = llama.generate(ids)
    data = b""
    for count, token in enumerate(tokens, 1):
        if _ends_turn(llama, token):
            return data.decode("utf-8", "ignore"), True, count
        data += _piece(llama, token)
        text = data.decode("utf-8", "ignore")
        if stop in text:
            return text.split(stop)[0], True, count
        if count >= most:
            break
    return data.decode("utf-8", "ignore"), False, most


def _chain(llama: Any, settings: Generate, seed: int) -> Any:
    """How the bot draws (``bot.llama``): from the likeliest hundred, penalties after that.

    llama-cpp-python's own order has the penalties first, which lets other tokens in.
    """
    from llama_cpp._internals import LlamaSampler

    chain = LlamaSampler()
    chain.add_top_k(TOP_K)
    chain.add_penalties(llama.n_vocab(), PENALISED, settings.repeat_penalty, 0.0, 0.0)
    if settings.temperature <= 0:
        chain.add_greedy()
        return chain
    chain.add_top_p(settings.top_p, 1)
    chain.add_min_p(settings.min_p, 1)
    chain.add_temp(settings.temperature)
    chain.add_dist(seed % SEEDS)
    return chain


def _ends_turn(llama: Any, token: int) -> bool:
    llama_cpp, vocabulary = quiet_llama(), llama._model.vocab
    return bool(
        llama_cpp.llama_vocab_is_eog(vocabulary, token)
        or llama_cpp.llama_vocab_is_control(vocabulary, token)
    )


def _piece(llama: Any, token: int) -> bytes:
    import ctypes

    buffer = ctypes.create_string_buffer(_PIECE)
    length = quiet_llama().llama_token_to_piece(llama._model.vocab, token, buffer, _PIECE, 0, False)
    return buffer.raw[: max(length, 0)]
