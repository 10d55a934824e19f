"""Slack's text: ``mrkdwn`` with references in angle brackets, and blocks where there is no text.

Format: https://docs.slack.dev/messaging/formatting-message-text and
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ingest.parsers.fields import mapping, mappings, string

_REFERENCE = re.compile(r"<([^<>\n]{1,4000})>")
_ESCAPES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_AUTOMATIC = ("mailto:", "tel:")


def plain(text: str, user: Callable[[str, str], str], channel: Callable[[str], str]) -> str:
    """``text`` as people read it, with ``@name``, ``#channel`` and links spelled out.

    ``user`` turns an id and the label beside it into a name, ``channel`` an id into one.
    """

    def spelled(found: re.Match[str]) -> str:
        target, _, label = found[1].partition("|")
        if target.startswith("@"):
            return f"@{user(target[1:], label)}"
        if target.startswith("#"):
            return f"#{label or channel(target[1:])}"
        return _special(target, label) if target.startswith("!") else _link(target, label)

    text = _REFERENCE.sub(spelled, text)
    for escaped, char in _ESCAPES:
        text = text.replace(escaped, char)
    return text.strip()


def _special(target: str, label: str) -> str:
    """``<!here>``, ``<!subteam^S1|@team>``, ``<!date^1392734382^{date}|Feb 18>``."""
    if label:
        return label
    name = target[1:].partition("^")[0]
    return f"@{name}"


def _link(target: str, label: str) -> str:
    """The label of what Slack made a link by itself (``www.x.org``); else both."""
    if not label or label == target:
        return target.removeprefix("mailto:").removeprefix("tel:")
    if target.startswith(_AUTOMATIC) or target.partition("://")[2].rstrip("/") == label:
        return label
    return f"{label} ({target})"


def of_blocks(message: dict[str, Any]) -> str:
    """The ``mrkdwn`` of a message that only has blocks."""
    return "\n".join(filter(None, map(_block, mappings(message, "blocks")))).strip()


def _block(block: dict[str, Any]) -> str:
    if string(block, "type") == "rich_text":
        return "".join(_pieces(block)).strip()
    texts = [mapping(block, "text"), *mappings(block, "fields")]
    return "\n".join(filter(None, (string(text, "text") for text in texts)))


def _pieces(element: dict[str, Any]) -> Iterator[str]:
    kind = string(element, "type")
    if kind in ("rich_text", "rich_text_list"):
        for child in mappings(element, "elements"):
            yield from _pieces(child)
            yield "\n"
    elif kind.startswith("rich_text_"):
        for child in mappings(element, "elements"):
            yield from _pieces(child)
    else:
        yield _leaf(element, kind)


def _leaf(element: dict[str, Any], kind: str) -> str:
    if kind == "user":
        return f"<@{string(element, 'user_id')}>"
    if kind == "channel":
        return f"<#{string(element, 'channel_id')}>"
    if kind == "broadcast":
        return f"@{string(element, 'range')}"
    if kind == "emoji":
        return f":{string(element, 'name')}:"
    text = string(element, "text") or string(element, "url") or string(element, "fallback")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def of_attachments(message: dict[str, Any]) -> str:
    """What a bot shows in its coloured boxes, or the message that somebody shares."""
    return "\n".join(filter(None, map(_box, mappings(message, "attachments")))).strip()


def _box(attachment: dict[str, Any]) -> str:
    parts = [string(attachment, key) for key in ("pretext", "title", "text")]
    return "\n".join(filter(None, parts)) or string(attachment, "fallback")
