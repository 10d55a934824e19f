"""What the card knows: what was remembered too well, what was forgotten, how it was learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from likeness.report.shown import Cell, Plot, Table, count, drawn, number, text
from trainer.card import plots

COPIERS = {"persona": "the persona", "base": "base", "floor": "@self really"}
KINDS = {"seen": "in the training data", "unseen": "never seen"}

Card = Mapping[str, Any]


def copying(card: Card) -> Table | None:
    """Stretches of @self's training messages, word for word, in what is said."""
    found = card.get("copying") or {}
    rows = tuple(
        (text(called), number(each["long"], "%"), number(each["whole"], "%"),
         number(each["longest_words"]), count(each["replies"]))
        for name, called in COPIERS.items()
        if (each := found.get(name))
    )  # fmt: skip
    columns = ("who", "8+ words", "whole message", "longest, words", "replies")
    caption = "Replies that repeat a message of @self's training data, word for word."
    return Table("copying", columns, rows, caption) if rows else None


def exposure(card: Card) -> Table | None:
    """Bits by which rare strings of the training data are preferred to others of their form."""
    found = card.get("exposure") or {}
    rows = tuple(_exposed(found))
    most = max((each["maximum"] for each in found.values()), default=0)
    caption = f"Bits by which rare strings could be drawn out; {most:.3g} would be all of it."
    columns = ("strings", "base", "the persona", "tried")
    return Table("exposure", columns, rows, caption) if rows else None


def _exposed(found: Card) -> Iterator[tuple[Cell, ...]]:
    for name, each in found.items():
        for kind, called in KINDS.items():
            part = each.get(kind)
            if part and part["spans"]:
                shown = "planted on purpose" if (name, kind) == ("canaries", "seen") else called
                bits = (number(part["base"]), number(part["persona"]))
                yield (text(shown), *bits, count(part["spans"]))


def forgotten(card: Card) -> Plot | None:
    """What text outside the chat costs the persona more than its base, by language."""
    texts = (card.get("forgetting") or {}).get("texts")
    if not texts or not texts.get("by_language"):
        return None
    rows = tuple((text(code), number(value)) for code, value in texts["by_language"].items())
    return Plot(
        "Forgetting, by language",
        f"nats per byte more than the base on {texts['count']} texts from outside the chat: "
        "to the right of 0 it lost something",
        drawn(plots.forgetting(texts)),
        Table("forgetting", ("language", "more than the base"), rows),
    )


def questions(card: Card) -> Table | None:
    """General questions right, base against persona, and the texts outside the chat as a whole."""
    found = card.get("forgetting") or {}
    if not found.get("questions") or not found.get("texts"):
        return None
    asked, texts = found["questions"], found["texts"]
    rows = (
        (text("general questions right"), number(asked["base"], "%"),
         number(asked["persona"], "%"), count(asked["count"])),
        (text("nats per byte of other texts"), number(texts["base"]["value"]),
         number(texts["persona"]["value"]), count(texts["count"])),
    )  # fmt: skip
    caption = "What it still knows of the world."
    return Table("general", ("", "base", "the persona", "of"), rows, caption)


def learning(card: Card) -> Plot | None:
    """The way of learning, as its run drew it."""
    found = card.get("curve") or {}
    if not found.get("events") or not found.get("verdict"):
        return None
    points = [each for each in found["events"] if each.get("event") == "held_out"]
    rows = tuple(
        (count(each["step"]), number(each.get("train_nats")), number(each.get("nats")),
         number(each.get("error")))
        for each in points
    )  # fmt: skip
    return Plot(
        "The way of learning",
        str(found.get("reasons", "")),
        drawn(plots.curve(found)),
        Table("curve", ("step", "training", "held out", "± error"), rows),
    )


def likelihood(card: Card) -> Plot | None:
    """How surprised base, serving model and persona are by what @self really said."""
    found = card.get("likelihood")
    if not found or not found.get("per_byte"):
        return None
    rows = tuple(
        (text(name), *(number(each[key]) for key in ("value", "low", "high")))
        for name, each in found["per_byte"].items()
    )
    return Plot(
        "How expected the real replies are",
        f"nats per byte of {found['replies']} held-out replies; less is better",
        drawn(plots.likelihood(found)),
        Table("likelihood", ("model", "value", "from", "to"), rows),
    )
