"""What every export of Discord shares: ids, raw markup, media kinds, system messages.

Ids are snowflakes: the milliseconds since 2015 stand above their 22nd bit (Discord's API reference,
"Snowflakes"), so a message's id tells when it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from urllib.parse import urlsplit

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, Reaction
from ingest.parsers.base import Reading, digest

PLATFORM = "discord"
_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_SNOWFLAKE = re.compile(r"\d{15,20}", re.ASCII)
_CHANNEL_IN_NAME = re.compile(r"\[(\d{15,20})\]")
_ATTACHED = re.compile(rb"/attachments/(\d{15,20})/\d{15,20}/")
_MARKUP = re.compile(
    r"<(?:@!?(?P<user>\d{1,20})|@&(?P<role>\d{1,20})|#(?P<channel>\d{1,20})"
    r"|a?:(?P<emoji>\w{1,64}):\d{1,20}|/(?P<command>[^:<>]{1,100}):\d{1,20}"
    r"|t:(?P<time>-?\d{1,12})(?::\w)?)>",
    re.ASCII,
)
_EMOJI_NAME = re.compile(r"\w+", re.ASCII)
_DISCRIMINATOR = re.compile(r"#\d{4}$", re.ASCII)
_NOTICE = re.compile(
    r"(Joined the server|Left the group|Pinned a message|Started a thread|Added a recipient"
    r"|Removed a recipient|Changed the channel (icon|name)(: .*)?|Added .{1,99} to the group"
    r"|Removed .{1,99} from the group|Started a call that lasted [\d,.]+ minutes)\.?"
)
_SUFFIXES = {
    AttachmentKind.PHOTO: "png jpg jpeg webp bmp heic heif avif tiff jfif",
    AttachmentKind.GIF: "gif gifv",
    AttachmentKind.VIDEO: "mp4 mov webm mkv avi m4v",
    AttachmentKind.AUDIO: "mp3 wav flac m4a ogg opus aac",
}
_KINDS = {suffix: kind for kind, names in _SUFFIXES.items() for suffix in names.split()}


def sent_at(message_id: str) -> datetime | None:
    """When the message with this id was sent, or None where it is no snowflake."""
    if not _SNOWFLAKE.fullmatch(message_id):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(message_id) >> 22)
    except OverflowError:
        return None


def sent_about(message_id: str, shown: datetime | None) -> datetime | None:
    """The instant in ``message_id`` where it agrees with the one ``shown``, else the latter.

    Shown times lack seconds and may be in another zone; ids of made-up files tell nothing.
    """
    exact = sent_at(message_id)
    if exact is None or (shown and abs(exact - shown) > timedelta(hours=28)):
        return shown
    return exact


def account(key: object, name: str, *, is_bot: bool = False) -> Account:
    """A user by numeric id, or by full name where the export has no id."""
    full = name.strip().removesuffix("#0000").removesuffix("#0")
    key = str(key or "").strip() or f"name:{full}"
    return Account(PLATFORM, key, _DISCRIMINATOR.sub("", full), is_bot)


def is_notice(text: str) -> bool:
    """Whether DiscordChatExporter wrote this in place of a system message."""
    return bool(_NOTICE.fullmatch(text.strip()))


def emoji(name: str) -> str:
    """An emoji as text: itself, or ``:name:`` where a server made it."""
    return f":{name}:" if _EMOJI_NAME.fullmatch(name) and not name.isdigit() else name


def reaction(name: str, count: object) -> Reaction:
    """A reaction; a count that is none is one."""
    number = int(count) if isinstance(count, int | str) and str(count).isdecimal() else 1
    return Reaction(emoji(name), max(1, min(number, 10**9)))


def attachment(url: str, label: str = "", kind: AttachmentKind | None = None) -> Attachment:
    """A file by its address or path; pictures and sounds need no name, other files have one."""
    name = label or file_name(url)
    suffix = PurePath(name).suffix.lower().removeprefix(".")
    kind = kind or _KINDS.get(suffix, AttachmentKind.FILE)
    if PurePath(name).name.lower() == "voice-message.ogg":
        kind = AttachmentKind.VOICE
    return Attachment(kind, name if kind is AttachmentKind.FILE else "", url)


def file_name(url: str) -> str:
    """The last part of an address or path."""
    try:
        path = urlsplit(url).path
    except ValueError:
        path = url
    return PurePath(path.replace("\\", "/")).name


@dataclass(frozen=True, slots=True)
class Names:
    """What ids in raw markup are called, as far as an export tells."""

    users: Mapping[str, str]
    channels: Mapping[str, str]
    roles: Mapping[str, str] = field(default_factory=dict)


def readable(text: str, names: Names) -> tuple[str, tuple[Account, ...]]:
    """Raw markup as people see it, and whom it mentions; unknown users are called by their id."""
    if "<" not in text:
        return text, ()
    mentions: dict[str, Account] = {}

    def spelled(found: re.Match[str]) -> str:
        if user := found["user"]:
            name = names.users.get(user) or user
            mentions[user] = Account(PLATFORM, user, name)
            return f"@{name}"
        return _spelled(found, names)

    return _MARKUP.sub(spelled, text), tuple(mentions.values())


def _spelled(found: re.Match[str], names: Names) -> str:
    if role := found["role"]:
        return f"@{names.roles.get(role) or 'role'}"
    if channel := found["channel"]:
        return f"#{names.channels.get(channel) or 'channel'}"
    if found["emoji"]:
        return f":{found['emoji']}:"
    if found["command"]:
        return f"/{found['command']}"
    try:
        moment = datetime.fromtimestamp(int(found["time"]), UTC)
    except (ValueError, OverflowError, OSError):
        return found[0]
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def conversation(
    channel: str, title: str, guild: str = "", *, is_private: bool = False
) -> Conversation:
    """A channel; ``channel`` is its id, or empty where the export does not tell it."""
    key = channel or digest(guild, title)
    shown = f"{guild} / {title}" if guild and guild != "Direct Messages" else title
    return Conversation(f"{PLATFORM}:{key}", shown or key, PLATFORM, is_private)


def channel_of(reading: Reading) -> str:
    """The channel's id where DiscordChatExporter leaves it out of the content; empty if unknown.

    It puts it into the file's name. Failing that, the channel that most attachments were sent to:
    their addresses hold it, though people also paste such addresses from elsewhere.
    """
    if found := _CHANNEL_IN_NAME.findall(reading.path.name):
        return str(found[-1])
    counts: dict[bytes, int] = {}
    for channel in _attached_to(reading):
        if channel in counts or len(counts) < 1000:
            counts[channel] = counts.get(channel, 0) + 1
    best = max(counts, key=lambda channel: counts[channel], default=b"")
    return best.decode() if best and counts[best] * 2 > sum(counts.values()) else ""


def title_of(reading: Reading) -> str:
    """What the file is called, without the id and dates that DiscordChatExporter adds."""
    return re.sub(r"\s*(\[\d+\]|\((after|before|between|[\d-]+ to) .*).*$", "", reading.path.stem)


def _attached_to(reading: Reading) -> Iterator[bytes]:
    reading.stream.seek(0)
    rest = b""
    while piece := reading.stream.read1(1 << 16):
        text = rest + piece
        end = 0
        for found in _ATTACHED.finditer(text):
            end = found.end()
            yield found[1]
        rest = text[max(end, len(text) - 64) :]
