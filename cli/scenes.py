"""The prompts of the demo, each a scene of its own, and what a model answers to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Home, load

if TYPE_CHECKING:
    from bot.app import Persona

PROMPTS = "prompts.txt"
MOST = 5
SHORTEST = 8  # characters: below this a line is rarely something to answer


@dataclass(frozen=True, slots=True)
class Prompt:
    """Somebody's line; ``real`` is what @self once answered at ``at``, where that is known.

    Recall then sees only what was said before: the answer is in the archive, too.
    """

    speaker: str
    text: str
    real: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A model's reply to a prompt, and the passages it was shown."""

    text: str
    passages: tuple[str, ...]
    seconds: float


def prompts_of(home: Home, export: Path) -> tuple[Prompt, ...]:
    """Prompts written beside an export (``speaker: text``), else some it was never trained on."""
    written = export.parent / PROMPTS
    if written.is_file():
        lines = (line.partition(":") for line in written.read_text(encoding="utf-8").splitlines())
        return tuple(Prompt(who.strip(), text.strip()) for who, _, text in lines if text.strip())
    return tuple(_held_out(home))


def _held_out(home: Home) -> Iterator[Prompt]:
    """Lines of the test period that @self answered, from as many speakers as there are."""
    from ingest.chat import WindowKind
    from ingest.dataset import read_windows

    seen: set[str] = set()
    for window in read_windows(home.dataset / "test.jsonl"):
        if window.kind is not WindowKind.REPLY:
            continue
        for turn, reply in zip(window.turns, window.turns[1:], strict=False):
            line = turn.lines[-1]
            is_words = len(line.text) >= SHORTEST and not line.text.startswith("[")
            if not reply.is_target or line.handle in seen or not is_words:
                continue
            seen.add(line.handle)
            real = " ⏎ ".join(said.text for said in reply.lines)
            yield Prompt(line.handle, line.text, real, line.sent_at)
            if len(seen) == MOST:
                return


def side_by_side(
    home: Home, prompts: Sequence[Prompt], *, seed: int
) -> Iterator[tuple[Prompt, Answered, Answered]]:
    """Each prompt with what the untrained base and the serving model say to it, as they say it."""
    from bot.app import open_persona

    settings = load(home.path)
    with (
        open_persona(home, settings, model="base") as base,
        open_persona(home, settings) as persona,
    ):
        for prompt in prompts:
            yield prompt, _answered(base, prompt, seed), _answered(persona, prompt, seed)


def _answered(persona: Persona, prompt: Prompt, seed: int) -> Answered:
    """The answer to one prompt in a scene where nothing else was said."""
    from bot.platforms.scene import Scene

    people, me = persona.archive.people(), persona.archive.me()
    scene = Scene(people, me, chat="demo:scene", clock=lambda: datetime.now(UTC))
    scene.say(scene.person(prompt.speaker), prompt.text)
    answer = persona.responder.answer(scene.messages, now=prompt.at or scene.now(), seed=seed)
    return Answered(
        " ⏎ ".join(answer.reply.parts),
        tuple(passage.text for passage in answer.passages),
        answer.timings.prompt_seconds + answer.timings.decode_seconds,
    )
