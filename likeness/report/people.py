"""Everybody's names, for what must not name anybody."""

from __future__ import annotations

from config.settings import Home
from ingest.archive import Archive
from likeness.report.sources import Sources


def names_in(home: Home, sources: Sources) -> frozenset[str]:
    """Handles and names of all who wrote in the archive, the scenes, and guessed; no @self."""
    names = {line.handle for scene in sources.scenes for line in scene.before}
    names |= {str(each.get("handle", "")) for each in sources.gate.get("people") or []}
    names |= {str(each.friend) for each in sources.blind}
    names |= {sources.manifest.self_handle, str(sources.card.get("self_name", ""))}
    if home.archive.is_file():
        with Archive.open(home.archive) as archive:
            for person in archive.people():
                names |= {person.handle, *person.names}
            names |= {chat.title for chat in archive.chats()}
    return frozenset(name for name in names if name and name != "self")
