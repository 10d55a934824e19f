"""Which evaluation, version and chat a test is made of, and what of it may still be shown."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random

from config.settings import Home, Settings, load
from ingest.archive import Archive
from ingest.chat import Conversation
from likeness.blind.blindtest import BlindTest
from likeness.blind.pairing import Group, make_test, usable_scenes
from likeness.errors import LikenessError
from likeness.records import Evaluation, Role, evaluations


def make(
    home: Home,
    evaluation: str | None,
    version: str | None,
    chat: str | None,
    *,
    scenes: int,
    dice: Random,
) -> tuple[BlindTest, Counter[str]]:
    """A test, and what was left out and why; see :func:`make_test`. Raises LikenessError."""
    settings = load(home.path)
    chosen, named = choose(home, evaluation, version)
    with Archive.open(home.archive, pseudonyms=settings.ingest.pseudonyms) as archive:
        found = _chat(archive, usable_scenes(chosen, named), chat, chosen)
        group = _group(archive, settings, found)
        id, now = secrets.token_hex(4), datetime.now(UTC)
        return make_test(chosen, named, group, id=id, scenes=scenes, dice=dice, now=now)


def choose(home: Home, id: str | None, version: str | None) -> tuple[Evaluation, str]:
    """The evaluation, by default the latest in which the version spoke, and the version."""
    wanted = [each for each in evaluations(home.evaluations) if id in (None, each.id)]
    for evaluation in reversed(wanted):
        players = evaluation.plan.players
        spoke = [player.version for player in players if player.role is Role.FULL]
        if version in spoke or (version is None and spoke):
            return evaluation, version or spoke[0]
    what = f"evaluation {id}" if id else "evaluation"
    of = f" of {version} with memory" if version else " of a trained model with memory"
    raise LikenessError(f"{home.evaluations}: no {what}{of}; run `atself evaluate`")


def require_there(home: Home, test: BlindTest) -> None:
    """LikenessError where somebody in a test has since been forgotten, or opted out."""
    with Archive.open(home.archive) as archive:
        is_there = _presence(archive)
        if all(pair.before and is_there(pair.messages) for pair in test.pairs):
            return
    raise LikenessError(
        f"test {test.id}: shows what is no longer in the archive (somebody was forgotten or opted "
        "out); make another: atself blind make"
    )


def _group(archive: Archive, settings: Settings, chat: Conversation) -> Group:
    return Group(
        chat.id,
        chat.title,
        settings.persona.name or archive.me().name,
        {person.handle: person.name for person in archive.people()},
        _redacting(settings),
        _presence(archive),
    )


def _redacting(settings: Settings) -> Callable[[str], str]:
    if not settings.ingest.redact:
        return str
    from ingest.redaction.redact import redactor_for

    redactor = redactor_for(settings.ingest)
    return lambda text: redactor(text, Counter())


def _presence(archive: Archive) -> Callable[[Sequence[str]], bool]:
    def is_there(ids: Sequence[str]) -> bool:
        wanted = {id for id in ids if id}
        return len(archive.get(wanted)) == len(wanted)

    return is_there


def _chat(
    archive: Archive, scenes: Counter[str], wanted: str | None, evaluation: Evaluation
) -> Conversation:
    """The conversation that is named, else the group with most scenes; never a private chat."""
    chats = [chat for chat in archive.chats() if scenes[chat.id]]
    if wanted is not None:
        chats = [c for c in chats if wanted.casefold() in (c.id.casefold(), c.title.casefold())]
    else:
        chats = [chat for chat in chats if not chat.is_private]
    chats.sort(key=lambda chat: -scenes[chat.id])
    if not chats or (wanted is not None and len(chats) > 1):
        problem = "several chats are" if chats else "no chat with scenes is"
        sort = f"called {wanted!r}" if wanted is not None else "a group"
        known = ", ".join(f"{c.title or c.id}" for c in archive.chats() if scenes[c.id]) or "none"
        raise LikenessError(f"{evaluation.folder}: {problem} {sort}; --chat takes one of: {known}")
    return chats[0]
