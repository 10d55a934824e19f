"""Tokens written a second, against llama_decode and the likeliest token in a loop.

    python -m benchmarks.reply writing [HOME] [--rounds 12] [--threads 2]

Ours draws as the settings say, stops where @self's turn ends, and hands out whole characters; bare
takes the likeliest token as often as ours did, after the same prompt. They take turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks._bare import Bare
from benchmarks._chats import alternating
from benchmarks._spoken_chats import Spoken, spoken
from bot.generation import Sampling
from bot.generator import LlamaGenerator
from config.console import emit_table
from ingest.prompt import Segment, render_prompt, turns_of

CONTEXT = 2048
LINES = 10
WRITTEN = 64
LEAST = 8
"""Shorter replies tell nothing of a rate."""


def main(arguments: Sequence[str]) -> None:
    """Write, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reply writing")
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    wanted = parser.parse_args(arguments)
    with spoken(wanted.home) as said:
        ours, bare = _rates(said, wanted.rounds, wanted.threads)
    row = (f"{np.median(ours):.1f}", f"{np.median(bare):.1f}", f"{np.median(ours / bare):.3f}")
    emit_table(("replies", "ours tokens/s", "bare tokens/s", "of bare"), [(str(len(ours)), *row)])


def _rates(said: Spoken, rounds: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    sampling = replace(Sampling.of(said.settings.generate), max_new_tokens=WRITTEN)
    bare = Bare(said.voice.model, context_tokens=CONTEXT, threads=threads)
    rates: list[tuple[float, float]] = []
    with LlamaGenerator(said.voice, context_tokens=CONTEXT, threads=threads) as generator:
        for seed, prompt in enumerate(_prompts(said, rounds)):
            generation = generator.generate(prompt, sampling=sampling, seed=seed)
            "".join(generation)
            if generation.timings.generated >= LEAST:
                ids = generator.tokens(prompt)
                floor = _bare_rate(bare, ids, generation.timings.generated)
                rates.append((generation.timings.decode_rate, floor))
    bare.close()
    ours, floors = np.array(rates).T
    return ours, floors


def _prompts(said: Spoken, count: int) -> list[tuple[Segment, ...]]:
    voice = said.voice
    return [
        render_prompt(
            turns_of(asked.history[-LINES:], me=voice.self_handle), voice.head, voice.markup
        )
        for asked in alternating(said.messages, chats=count, turns=1)
    ]


def _bare_rate(bare: Bare, ids: list[int], count: int) -> float:
    bare.cut(0)
    bare.read(ids, 0)
    token = bare.draw()
    started = perf_counter()
    for place in range(count - 1):
        bare.read((token,), len(ids) + place)
        token = bare.draw()
    return (count - 1) / (perf_counter() - started)
