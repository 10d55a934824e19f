"""What an evaluation on disk shows of people who opted out, or are gone, since: left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from config.settings import Home
from ingest.archive import Archive
from ingest.people.refusals import account_digest
from likeness.records import Attempt, Evaluation, Scene, SceneKind


def still_shown(
    home: Home, evaluation: Evaluation
) -> tuple[tuple[Scene, ...], tuple[Attempt, ...]]:
    """Its scenes and attempts, but those that quote what the archive no longer shows.

    A scene goes with all that was said in it, where memory brought back words of somebody who opted
    out: a model may have repeated them.
    """
    scenes, attempts = evaluation.scenes, evaluation.attempts
    if not home.archive.is_file():
        return tuple(scenes), tuple(attempts)
    with Archive.open(home.archive) as archive:
        left, _ = archive.refused()
        people = (p for p in archive.people() if any(account_digest(a) in left for a in p.accounts))
        handles = frozenset(person.handle for person in people)
        real = (scene for scene in scenes if scene.kind is SceneKind.HELD_OUT)
        ids = {line.message_id for scene in real for line in scene.before}
        ids |= {each.source for each in attempts}
        gone = ids - {"", *(message.id for message in archive.get(ids))}
    told = {
        each.scene for each in attempts if each.source in gone or _names(each.passages, handles)
    }
    kept = tuple(one for one in scenes if one.id not in told and not _quotes(one, handles, gone))
    names = {scene.id for scene in kept}
    return kept, tuple(each for each in attempts if each.scene in names)


def _quotes(scene: Scene, handles: Collection[str], gone: Collection[str]) -> bool:
    return any(line.handle in handles or line.message_id in gone for line in scene.before)


def _names(passages: Sequence[str], handles: Collection[str]) -> bool:
    lines = [line for passage in passages for line in passage.splitlines()]
    return any(line.lstrip().startswith(f"@{handle}:") for line in lines for handle in handles)
