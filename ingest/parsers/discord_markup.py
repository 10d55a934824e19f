"""What DiscordChatExporter's HTML shows of a message, as text: emoji, quotes, lists, mentions."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from ingest.parsers import discord
from ingest.parsers.html_items import classes, text_of

_Element = etree._Element
Marked = Mapping[str, _Element]
_SKIPPED = {"chatlog__edited-timestamp", "chatlog__reply-edited-timestamp"}
_MENTIONS = {"chatlog__markdown-mention", "mention"}
_QUOTES = {"chatlog__markdown-quote", "quote"}
_BLOCKS = {"div", "p", "li", "ul", "ol", "pre", "h1", "h2", "h3", "blockquote"}
_MAX_DEPTH = 100
"""Elements inside each other that are still read."""


def marked_in(element: _Element) -> Marked:
    """The first element of each class inside."""
    marked: dict[str, _Element] = {}
    for found in element.iter(etree.Element):
        for name in (found.get("class") or "").split():
            marked.setdefault(name, found)
    return marked


def content_of(message: _Element, marked: Marked) -> tuple[str, tuple[str, ...]]:
    """The words of a message and the names mentioned in them.

    What a bot shows in boxes stands for its words where it wrote nothing else.
    """
    content = _boxes(message, marked, "chatlog__content", "chatlog__forwarded-content")
    mentions = [
        name.removeprefix("@")
        for box in content
        for element in box.iter("span")
        if classes(element) & _MENTIONS and (name := text_of(element)).startswith("@")
    ]
    text = "\n".join(filter(None, (_written(box).strip() for box in content)))
    if not text and "chatlog__attachment" not in marked:
        titles = _boxes(message, marked, "chatlog__embed-title", "chatlog__embed-description")
        text = "\n".join(filter(None, (_written(box).strip() for box in titles)))
    return text, tuple(dict.fromkeys(mentions))


def _boxes(message: _Element, marked: Marked, *names: str) -> list[_Element]:
    """The boxes of these classes, of the first name first."""
    return [
        box
        for name in names
        if name in marked
        for box in message.iter("div")
        if name in classes(box)
    ]


def _written(element: _Element, depth: int = 0) -> str:
    """The text inside; what has lines of its own starts on a new one."""
    written = element.text or ""
    for child in element if depth < _MAX_DEPTH else ():
        if isinstance(child.tag, str) and not classes(child) & _SKIPPED:
            inside, is_block = _of_child(child, depth)
            written += "\n" if is_block and inside and written[-1:].strip() else ""
            written += inside
        written += child.tail or ""
    return written


def _of_child(child: _Element, depth: int) -> tuple[str, bool]:
    """What a child shows, and whether on lines of its own."""
    tag = str(child.tag)
    if tag in ("br", "img"):
        return "\n" if tag == "br" else discord.emoji(child.get("alt") or ""), False
    inside = _written(child, depth + 1)
    if classes(child) & _QUOTES:
        return "\n".join(f"> {line}" for line in inside.strip().split("\n")) + "\n", True
    if tag not in _BLOCKS:
        return inside, False
    mark = "- " if tag == "li" else ""
    return (f"{mark}{inside.strip()}\n" if inside.strip() else ""), True
