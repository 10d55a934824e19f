"""How far a rehearsal is from what llama.cpp alone takes for the same tokens.

    python -m benchmarks.rehearsal HOME [--scenes 12] [--threads 2]

The trained player with memory answers scenes of the held-out period, and the real replies are
scored. After each scene bare llama.cpp reads, writes and scores the same tokens, keeping what they
share with what it read last; so both take turns, and a busy machine slows both alike. What lies
between is reading the archive, context, recall, guard and delivery, and logits of scored tokens.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from benchmarks._bare import Bare
from bot.generation import Sampling, never
from bot.generator import LlamaGeneration, LlamaGenerator
from bot.senses import open_senses
from config.console import emit_mapping
from config.settings import Home, load
from ingest.archive import Archive
from ingest.prompt import Segment
from likeness.records import Scene
from likeness.rehearsal.casting import Histories, manner_before, open_bots, patient, players_of
from likeness.rehearsal.models import Bot
from likeness.rehearsal.period import read_period
from likeness.rehearsal.scenes import stage


class Noted(LlamaGenerator):
    """A generator that keeps what it was asked: prompts with what was written, or scored."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.written: list[tuple[list[int], LlamaGeneration]] = []
        self.scored: list[tuple[list[int], list[int]]] = []

    def generate(
        self,
        segments: Sequence[Segment],
        *,
        sampling: Sampling,
        seed: int,
        cancelled: Callable[[], bool] = never,
    ) -> LlamaGeneration:
        """Write, and note it."""
        made = super().generate(segments, sampling=sampling, seed=seed, cancelled=cancelled)
        self.written.append((self.tokens(segments), made))
        return made

    def nats(self, prompt: Sequence[Segment], reply: Sequence[Segment]) -> float:
        """Score, and note it."""
        self.scored.append((self.tokens(prompt), self.tokens(reply)))
        return super().nats(prompt, reply)


class Floor:
    """Bare llama.cpp and what it read last."""

    def __init__(self, bare: Bare) -> None:
        self._bare, self._held = bare, list[int]()

    def replay(self, noted: Noted) -> None:
        """Everything a scene took."""
        for ids, generation in noted.written:
            self._read(ids)
            token = self._bare.draw()
            for place in range(generation.timings.generated - 1):
                self._bare.read((token,), len(ids) + place)
                token = self._bare.draw()
        for ids, reply in noted.scored:
            self._read(ids)
            self._bare.read(reply, len(ids))
        noted.written.clear()
        noted.scored.clear()

    def _read(self, ids: list[int]) -> None:
        pairs = enumerate(zip(ids, self._held, strict=False))
        shared = next((at for at, (one, other) in pairs if one != other), len(self._held))
        start = max(0, min(shared, len(ids) - 1))
        self._bare.cut(start)
        self._bare.read(ids[start:], start)
        self._held = ids


def main() -> None:
    """Play, and print seconds and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rehearsal")
    parser.add_argument("home", type=Path)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    wanted = parser.parse_args()
    home = Home(wanted.home)
    settings = patient(load(home.path, generate__threads=wanted.threads))
    [player] = players_of(home, settings, wanted=["full"])
    with Archive.open(home.archive) as archive, open_senses(home, settings, archive) as senses:
        period = read_period(home)
        scenes = stage(home, settings, archive, period, scenes=wanted.scenes, seed=7).scenes
        manner = manner_before(archive, period)
        with open_bots(
            home, settings, [player], senses=senses, manner=manner, period=period, seed=7
        ) as [bot]:
            _compare(bot, scenes, Histories(archive), wanted.threads)


def _compare(bot: Bot, scenes: Sequence[Scene], histories: Histories, threads: int) -> None:
    context = bot.generator.context_tokens
    bare = Bare(bot.voice.model, context_tokens=context, threads=threads)
    noted = Noted(bot.voice, context_tokens=context, threads=threads)
    with closing(noted):
        noting, floor = replace(bot, generator=noted), Floor(bare)
        ours, least = [0.0], [0.0]
        for scene in scenes:
            started = perf_counter()
            noting.attempt(scene, histories.of(scene), histories.chat(scene))
            ours.append(perf_counter() - started)
            started = perf_counter()
            floor.replay(noted)
            least.append(perf_counter() - started)
    bare.close()
    told = {"scenes": len(scenes), "ours s": f"{sum(ours):.2f}", "bare s": f"{sum(least):.2f}"}
    rates = {"ours scenes/s": f"{len(scenes) / sum(ours):.2f}"}
    emit_mapping({**told, **rates, "ours of bare": f"{sum(ours) / sum(least):.3f}"})


if __name__ == "__main__":
    main()
