"""How often the gate would have spoken unasked where @self did and did not: @self as the bot.

    python -m benchmarks.gate HOME [--messages 10000] [--chat platform:id] [--first]

The messages of a chat are replayed one by one; what @self wrote counts as said by the bot, and no
message as addressed, names included. ``next`` is the share of what the gate would have answered
that @self answered with the very next message, ``soon`` with one of the next three, both within ten
minutes (any, in a log without times); ``found`` is the share of all such answers of @self it would
have given; ``unlike`` the share of all messages it would have answered and @self did not soon.
Limits and cooldown are off but in the row with the defaults; a threshold of 0 answers everything,
which gives the shares to compare with. Where the home has a learned gate (``atself gate``), it has
a row for each threshold, too: it learned from these very messages, so ``atself gate`` tells how
good it is, and this what it costs. ``ms`` is processor time a message; the last row has no scorer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from time import process_time

from bot.gate import HandScorer, Rules, Scorer, Situation, decide
from bot.gating.calling import callnames
from bot.gating.learned import LearnedScorer
from bot.gating.model import read_gate
from config.console import emit_table
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Message
from ingest.clean import is_noise

KNOWN = 200
SOON = timedelta(minutes=10)
NEXT = 3
OPEN = Rules(cooldown=timedelta(), per_hour=10**6, per_day=10**6, per_person=10**6)
THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True, slots=True)
class Moment:
    """A message of somebody else, and whether @self came next, or soon."""

    situation: Situation
    is_next: bool
    is_soon: bool


def main(arguments: Sequence[str]) -> None:
    """Replay and print a row per threshold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate")
    parser.add_argument("home", type=Path)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--chat")
    parser.add_argument("--first", action="store_true", help="the first messages, not the last")
    wanted = parser.parse_args(arguments)
    home = Home(wanted.home)
    with Archive.open(home.archive) as archive:
        names = callnames(archive.me())
        messages = [m for m in archive.messages(wanted.chat) if is_noise(m) is None]
    count = wanted.messages
    moments = list(moments_of(messages[:count] if wanted.first else messages[-count:]))
    hand = HandScorer()
    rows = [row(str(bar), moments, replace(OPEN, threshold=bar), hand) for bar in THRESHOLDS]
    rows.append(row("defaults", moments, Rules(), hand))
    known = read_gate(home)
    if known is not None and known.model is not None:
        learned = LearnedScorer(known.model, names)
        open_at = [replace(OPEN, threshold=bar) for bar in THRESHOLDS]
        rows += [row(f"learned {at.threshold}", moments, at, learned) for at in open_at]
    rows.append(row("no scorer", moments, OPEN, Mute()))
    emit_table(["threshold", "answers", "share", "next", "soon", "found", "unlike", "ms"], rows)


class Mute:
    """A scorer that costs nothing: what is left is the price of the rules."""

    def score(self, _situation: Situation) -> tuple[float, Sequence[str]]:
        """Nothing is worth saying anything to."""
        return 0.0, ()


def moments_of(messages: Sequence[Message]) -> Iterator[Moment]:
    """Every message of others as the gate would have met it."""
    said = []
    for place, message in enumerate(messages):
        if message.person.is_self:
            said.append(message.sent_at)
            continue
        said = [at for at in said if message.sent_at - at < timedelta(days=1)]
        history = messages[max(0, place - KNOWN) : place + 1]
        later = [
            other.person.is_self and other.sent_at - message.sent_at < SOON
            for other in islice(messages, place + 1, place + 1 + NEXT)
        ]
        asked = Situation(message.sent_at, message, history=history, said=tuple(said))
        yield Moment(asked, any(later[:1]), any(later))


def row(name: str, moments: Sequence[Moment], rules: Rules, scorer: Scorer) -> list[object]:
    """What the gate does by these rules."""
    started = process_time()
    spoken = [one for one in moments if decide(one.situation, rules, scorer, 0.5).is_answer]
    cost = (process_time() - started) / max(len(moments), 1)
    hits, soon = sum(one.is_next for one in spoken), sum(one.is_soon for one in spoken)
    real = sum(one.is_next for one in moments)
    return [
        name,
        len(spoken),
        f"{len(spoken) / len(moments):.4f}",
        f"{hits / max(len(spoken), 1):.2f}",
        f"{soon / max(len(spoken), 1):.2f}",
        f"{hits / max(real, 1):.3f}",
        f"{(len(spoken) - soon) / len(moments):.4f}",
        f"{cost * 1e3:.2f}",
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
