"""What a home folder holds so far, and which command comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cli.checks import Check, State
from config.errors import AtselfError
from config.settings import Home, Settings, load

AREA = "home"


def home_checks(home: Home) -> Iterator[Check]:
    """Settings, archive, dataset, models and index; an empty home is no failure."""
    if not home.path.is_dir():
        yield Check(AREA, str(home.path), "not there yet", State.ABSENT, "atself init, or ingest")
        return
    yield _explained("settings", lambda: _settings(load(home.path), home))
    for name, look in (
        ("archive", _archive),
        ("dataset", _dataset),
        ("models", _models),
        ("index", _index),
        ("shareable chats", _shareable),
    ):
        yield _explained(name, lambda look=look: look(home))  # type: ignore[misc]


def _explained(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except AtselfError as error:
        return Check(AREA, name, str(error), State.MISSING)


def _settings(settings: Settings, home: Home) -> Check:
    source = home.config.name if home.config.exists() else "defaults"
    used = f"preset {settings.train.preset}, base {settings.train.base}"
    return Check(AREA, "settings", f"{source}: {used}, embedder {settings.recall.embedder}")


def _archive(home: Home) -> Check:
    if not home.archive.exists():
        return Check(AREA, "archive", "empty", State.ABSENT, "atself ingest PATH --self WHO")
    from ingest.archive import Archive

    with Archive.open(home.archive) as archive:
        counts = archive.counts()
        people = [person for person in archive.people() if person.is_self]
    detail = f"{counts.messages:,} messages, {counts.people:,} people, {counts.chats:,} chats"
    if not people:
        return Check(AREA, "archive", detail, State.ABSENT, "say who you are: ingest --self WHO")
    return Check(AREA, "archive", f"{detail}; @self is {people[0].name}, {counts.self_messages:,}")


def _dataset(home: Home) -> Check:
    if not (home.dataset / "manifest.json").exists():
        return Check(AREA, "dataset", "not built", State.ABSENT, "atself dataset")
    from ingest.dataset.manifest import read_manifest
    from registry.bases import choose

    manifest = read_manifest(home.dataset)
    base = choose(manifest.languages).id
    return Check(AREA, "dataset", f"{manifest.hash[:12]}; its languages choose {base}")


def _models(home: Home) -> Check:
    from registry.store import Registry

    registry = Registry(home.models)
    serving = registry.serving()
    if serving is None:
        return Check(AREA, "models", "none serving", State.ABSENT, "atself train")
    detail = f"{serving.version} serving ({serving.base.id}), {len(registry.versions())} in all"
    return Check(AREA, "models", detail)


def _index(home: Home) -> Check:
    from rag.index.manifest import read_manifest

    manifest = read_manifest(home.index)
    if manifest is None:
        return Check(AREA, "index", "not built", State.ABSENT, "atself index")
    detail = (
        f"{manifest.passages:,} passages, {manifest.vectors:,} with a vector ({manifest.model})"
    )
    if manifest.archive_revision != _revision(home):
        return Check(AREA, "index", f"{detail}; the archive is newer", State.ABSENT, "atself index")
    return Check(AREA, "index", detail)


def _shareable(home: Home) -> Check:
    """Whether what ``recall.shareable`` names exists and may be shared."""
    wanted = load(home.path).recall.shareable
    if not wanted or not home.archive.exists():
        return Check(AREA, "shareable chats", "none: what is said in a chat stays there")
    from ingest.archive import Archive
    from ingest.scope import is_shared

    with Archive.open(home.archive) as archive:
        known = {chat.id: chat for chat in archive.chats()}
    missing = [id for id in wanted if id not in known]
    kept = [id for id in wanted if id in known and not is_shared(known[id])]
    detail = f"{len(wanted) - len(missing) - len(kept)} chats lend what @self said"
    if missing:
        advice = f"recall.shareable: no such chat: {', '.join(missing)}"
        return Check(AREA, "shareable chats", detail, State.MISSING, advice)
    if kept:
        detail += f"; private ones never do: {', '.join(kept)}"
    return Check(AREA, "shareable chats", detail)


def _revision(home: Home) -> int:
    from ingest.archive import Archive

    with Archive.open(home.archive) as archive:
        return archive.revision
