"""Messages with halves of surrogate pairs: JSON can spell them, no database takes them.

They come where somebody cut a text between two code units, or means harm.
"""

from __future__ import annotations

from dataclasses import replace

from ingest.chat import Account, RawMessage


def whole(message: RawMessage) -> RawMessage:
    """The message with ``?`` in the place of every half; nearly always the same object."""
    told = (
        message.text,
        message.chat.title,
        message.author.name,
        message.author.key,
        message.forwarded_from or "",
        *(account.name for account in message.mentions),
        *(account.key for account in message.mentions),
        *(attachment.label for attachment in message.attachments),
        *(reaction.emoji for reaction in message.reactions),
    )
    try:
        for text in told:
            text.encode()
    except UnicodeEncodeError:
        return _replaced(message)
    return message


def _replaced(message: RawMessage) -> RawMessage:
    origin = message.forwarded_from
    return replace(
        message,
        text=_sound(message.text),
        chat=replace(message.chat, title=_sound(message.chat.title)),
        author=_account(message.author),
        forwarded_from=None if origin is None else _sound(origin),
        mentions=tuple(map(_account, message.mentions)),
        attachments=tuple(replace(one, label=_sound(one.label)) for one in message.attachments),
        reactions=tuple(replace(one, emoji=_sound(one.emoji)) for one in message.reactions),
    )


def _account(account: Account) -> Account:
    return replace(account, key=_sound(account.key), name=_sound(account.name))


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
