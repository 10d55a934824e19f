"""What a reply must not do: speak for others, recite, go round in circles, say nothing."""

from __future__ import annotations

from ingest.markup import Markup
from ingest.prompt import MEMORY
from likeness.measured import Better
from likeness.measures.material import Material
from likeness.measures.played import Parts, Sheet
from likeness.measures.taken import Table, Taken
from likeness.records import Attempt, Scene
from trainer.card.copying import Corpus, copied
from trainer.card.manners import is_looping, shows_markup, speaks_for_others
from trainer.card.wording import messages

_ANY = Markup("plain", "", "\n", "\n", "\n", "\n")
"""No template of its own: only tokens that are spelled out are looked for."""


def faults(table: Table) -> list[Taken]:
    """Shares of replies with each fault; @self's own, with the same eyes, is the yardstick."""
    sheet = table.sheet
    leaked = {n: [float(leaks(each)) for each in said] for n, said in sheet.said.items()}
    looped = {n: [float(is_looping(parts)) for parts in sheet.parts(n)] for n in sheet.said}
    silent = {n: [float(not parts) for parts in sheet.parts(n)] for n in sheet.said}
    return [
        Taken("leakage", "speaks for others", Better.LOWER, table.means(leaked, is_share=True), "%",
              "lines written for somebody else, memory or template tokens shown, before delivery "
              "cuts them off", is_guard=True),
        Taken("looping", "goes in circles", Better.LOWER, table.means(looped, is_share=True), "%",
              is_guard=True),
        Taken("empty", "says nothing", Better.LOWER, table.means(silent, is_share=True), "%",
              is_guard=True),
    ]  # fmt: skip


def leaks(attempt: Attempt) -> bool:
    """Whether what was written, before it was read as messages, is more than @self's reply."""
    raw = attempt.raw or "\n".join(attempt.parts)
    return speaks_for_others(raw) or f"\n{MEMORY}" in f"\n{raw}" or shows_markup(raw, _ANY)


def recited(table: Table, material: Material) -> list[Taken]:
    """Copies of what @self said in the training period, beside how often @self repeats himself."""
    sheet = table.sheet
    wanted = messages([reply for name in sheet.said for reply in sheet.parts(name)])
    corpus = Corpus((line.text for turn in material.own for line in turn.lines), wanted)
    shares = {
        name: [
            _is_copy(reply, corpus, scene, attempt) for reply, scene, attempt in _rows(sheet, name)
        ]
        for name in sheet.said
    }
    note = (
        "replies with eight words in a row, or a whole message of three and more, that @self wrote "
        "in training and the prompt did not show; @self's own share is what repeating comes to"
    )
    drawn = table.means(shares, is_share=True)
    return [Taken("copying", "recites", Better.LOWER, drawn, "%", note, is_guard=True)]


def _rows(sheet: Sheet, name: str) -> list[tuple[Parts, Scene, Attempt]]:
    return list(zip(sheet.parts(name), sheet.scenes, sheet.said[name], strict=True))


def _is_copy(reply: Parts, corpus: Corpus, scene: Scene, attempt: Attempt) -> float:
    if not reply:
        return 0.0
    shown = "\n".join((*(line.text for line in scene.before), *attempt.passages))
    found = copied([reply], corpus, [shown])
    return float(found.long > 0 or found.whole > 0)
