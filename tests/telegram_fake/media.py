"""Media as members of a Bot API message; ``FakeTelegram.say(..., media=photo())``."""

from __future__ import annotations

from itertools import count
from typing import Any

_FILES = count(1)

Media = dict[str, Any]


def _file(**more: Any) -> Media:
    number = next(_FILES)
    return {"file_id": f"file{number}", "file_unique_id": f"f{number}", **more}


def photo() -> Media:
    """A picture in two sizes."""
    return {"photo": [_file(width=90, height=60), _file(width=900, height=600)]}


def video(seconds: int = 7) -> Media:
    """A video."""
    return {"video": _file(width=640, height=480, duration=seconds)}


def video_note(seconds: int = 7) -> Media:
    """A round video message."""
    return {"video_note": _file(length=240, duration=seconds)}


def voice(seconds: int = 7) -> Media:
    """A voice note."""
    return {"voice": _file(duration=seconds)}


def audio(seconds: int = 180) -> Media:
    """A piece of music."""
    return {"audio": _file(duration=seconds, title="Song")}


def animation(seconds: int = 3) -> Media:
    """A GIF; it comes as a document, too."""
    file = _file(file_name="cat.mp4")
    return {
        "animation": {**file, "width": 320, "height": 240, "duration": seconds},
        "document": file,
    }


def document(name: str = "notes.pdf") -> Media:
    """A file."""
    return {"document": _file(file_name=name)}


def sticker(emoji: str = "😂") -> Media:
    """A sticker."""
    shape = {"type": "regular", "width": 512, "height": 512}
    return {"sticker": _file(emoji=emoji, is_animated=False, is_video=False, **shape)}


def location() -> Media:
    """A point on the map."""
    return {"location": {"latitude": 51.5, "longitude": -0.12}}


def venue(title: str) -> Media:
    """A place with a name."""
    return {"venue": {**location(), "title": title, "address": "Road 1"}, **location()}


def contact() -> Media:
    """Somebody's number."""
    return {"contact": {"phone_number": "+440000000000", "first_name": "Ann"}}


def poll(question: str) -> Media:
    """A poll of two options."""
    options = [{"text": text, "voter_count": 0, "persistent_id": text} for text in ("yes", "no")]
    flags = {"is_closed": False, "is_anonymous": True, "allows_multiple_answers": False}
    more = {"allows_revoting": False, "members_only": False}
    head = {"id": f"poll{next(_FILES)}", "question": question, "type": "regular"}
    return {"poll": {**head, **flags, **more, "options": options, "total_voter_count": 0}}


def dice(value: int = 5, emoji: str = "🎲") -> Media:
    """A throw."""
    return {"dice": {"emoji": emoji, "value": value}}


def game(title: str) -> Media:
    """A game."""
    return {"game": {"title": title, "description": "", "photo": photo()["photo"]}}


def invoice(title: str) -> Media:
    """An invoice."""
    more = {"start_parameter": "", "currency": "EUR", "total_amount": 100}
    return {"invoice": {"title": title, "description": "d", **more}}
