"""From what was thought of the bot's replies to what is preferred in training.

A correction is what @self said in place of the bot: it is preferred to what the bot said. A reply
that was liked is preferred to what the model would say there now. A reply that was disliked, with
nothing said in its place, tells what is wrong but not what is right: no pair is made of it.

All of it lies before the validation period; what is newer waits for a later dataset, since its
contexts and corrections are what a model is judged by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ingest.archive import Archive
from ingest.chat import Message, Person, Window
from ingest.clean import is_noise
from ingest.dataset.window_json import from_json, to_json
from ingest.feedback import Feedback
from ingest.prompt import turns_of

CORRECTED, LIKED, DISLIKED = "corrected", "liked", "disliked"
WAITING, GONE = "waiting for a later dataset", "gone from the archive"


@dataclass(frozen=True, slots=True)
class Preference:
    """``window`` ends with the reply that is preferred, ``rejected`` is what it is preferred to.

    ``rejected`` is empty where that is what the model says itself.
    """

    window: Window
    rejected: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping (orjson writes the instants)."""
        return {"window": to_json(self.window), "rejected": self.rejected}


def read_preferences(folder: Path) -> list[Preference]:
    """The preferences of a dataset; none where it was built before there were any."""
    path = folder / "preferences.jsonl"
    if not path.is_file():
        return []
    lines = (orjson.loads(line) for line in path.read_bytes().splitlines())
    return [Preference(from_json(each["window"]), tuple(each["rejected"])) for each in lines]


def preferences(
    archive: Archive, *, before: datetime, counts: Counter[str]
) -> Iterator[Preference]:
    """What is preferred to what, of before a moment; ``counts`` tells what became of all of it."""
    me, known = archive.me(), archive.feedback()
    own = _own(archive, known)
    for one in known:
        found = {message.id: message for message in archive.get(_ids(one))}
        kind, preference = _of(one, found, me, own, before)
        counts[kind] += 1
        if preference is not None:
            yield preference


def _of(
    one: Feedback, found: Mapping[str, Message], me: Person, own: frozenset[int], before: datetime
) -> tuple[str, Preference | None]:
    """What one reply's feedback comes to; None where no pair can be made of it."""
    said = [found[id] for id in one.reply if id in found]
    if one.answered not in found or len(said) < len(one.reply):
        return GONE, None
    corrected = found.get(one.correction or "")
    if max(message.sent_at for message in (*said, *([corrected] if corrected else []))) >= before:
        return WAITING, None
    context = [_as_self(found[id], me, own) for id in one.context if id in found]
    if corrected is not None and is_noise(corrected) is None:
        texts = tuple(message.text for message in said)
        return CORRECTED, Preference(_window(one, context, [corrected], me), texts)
    if one.verdict > 0:
        own_words = [_as_self(message, me, own) for message in said]
        return LIKED, Preference(_window(one, context, own_words, me))
    return DISLIKED, None


def _window(
    one: Feedback, context: Sequence[Message], preferred: Sequence[Message], me: Person
) -> Window:
    """What was said before, and the reply that is learned from."""
    before = list(turns_of(context, me=me.handle))
    [target] = turns_of(preferred, me=me.handle, targets={message.id for message in preferred})
    return Window(f"feedback:{one.answered}", preferred[0].chat, (*before, target))


def _as_self(message: Message, me: Person, own: frozenset[int]) -> Message:
    """As the model was shown it: what the bot said is @self's."""
    return replace(message, person=me) if message.person.id in own else message


def _own(archive: Archive, known: Sequence[Feedback]) -> frozenset[int]:
    """Who the bot is in the archive: whoever wrote the replies that were judged."""
    replies = archive.get(id for one in known for id in one.reply)
    return frozenset(message.person.id for message in replies if message.person.is_bot)


def _ids(one: Feedback) -> list[str]:
    return [
        *one.context,
        one.answered,
        *one.reply,
        *([one.correction] if one.correction is not None else []),
    ]
