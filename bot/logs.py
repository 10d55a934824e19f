"""The bots' log: a file a day, ids and not texts, and no secret in any line of it."""

from __future__ import annotations

import logging
import re
import sqlite3
import traceback
from collections.abc import Iterator
from logging.handlers import TimedRotatingFileHandler
from types import TracebackType
from typing import TypeAlias
from urllib.parse import quote

from pydantic import SecretStr

from config.errors import AtselfError
from config.settings import Home, Settings, sections

LOG = "bot.log"
HIDDEN = "[secret]"
TEXTS = "atself.texts"
"""The logger for what is said; off unless ``serve.log_texts`` is set."""
_SHORTEST = 6  # a shorter value would be found in ordinary words
_TOKENS = re.compile(
    r"(?<!\d)\d{6,12}:[A-Za-z0-9_-]{30,}"  # Telegram
    r"|(?<![\w-])[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}"  # Discord
    r"|(?<=Bearer )\S+|(?<=Bot )[\w.-]{30,}"
    r"|(?<![\w-])sk-[A-Za-z0-9_-]{16,}"
)
_PLAIN = (AtselfError, OSError, sqlite3.Error, ImportError)
"""Errors whose words are our own or a system's; any other may quote what somebody said."""
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Redactor:
    """Takes secrets out of text: the values of the settings, and whatever looks like a token."""

    def __init__(self, settings: Settings) -> None:
        values = {value for value in secrets_of(settings) if len(value) >= _SHORTEST}
        spelled = values | {quote(value, safe="") for value in values}
        known = "|".join(re.escape(value) for value in sorted(spelled, key=len, reverse=True))
        self._known = re.compile(known) if known else None

    def __call__(self, text: str) -> str:
        """The text with ``[secret]`` for each."""
        shown = self._known.sub(HIDDEN, text) if self._known else text
        return _TOKENS.sub(HIDDEN, shown)


_Raised: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class CleanFormatter(logging.Formatter):
    """Formats a record with its exception and stack, then takes the secrets out of all of it.

    Of exceptions that may quote a chat it has kind and place, unless texts are logged.
    """

    def __init__(self, clean: Redactor, *, has_texts: bool = False) -> None:
        super().__init__(_FORMAT)
        self._clean, self._has_texts = clean, has_texts

    def format(self, record: logging.LogRecord) -> str:
        """One record, possibly of several lines."""
        message = record.getMessage()
        if record.name == "asyncio" and not self._has_texts:  # its next lines show a task's error
            message = message.partition("\n")[0]
        # Other formatters leave what they made of an exception in the record.
        own = {"msg": message, "args": None, "exc_text": None}
        return self._clean(super().format(logging.makeLogRecord({**record.__dict__, **own})))

    def formatException(self, ei: _Raised) -> str:
        """The frames of an exception and of what led to it."""
        if self._has_texts or ei[1] is None:
            return super().formatException(ei)
        parts = []
        for error in _chain(ei[1]):
            words = f": {error}" if isinstance(error, _PLAIN) else ""
            frames = "".join(traceback.format_tb(error.__traceback__))
            head = "Traceback (most recent call last):"
            parts.append(f"{head}\n{frames}{type(error).__qualname__}{words}")
        return "\n\n".join(reversed(parts))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, what it came of, and so on."""
    met = set[int]()
    following: BaseException | None = error
    while following is not None and id(following) not in met:
        met.add(id(following))
        yield following
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)


def secrets_of(settings: Settings) -> Iterator[str]:
    """The value of every secret setting that is set."""
    for name, section in sections():
        for key in section.model_fields:
            value = getattr(getattr(settings, name), key)
            if isinstance(value, SecretStr):
                yield value.get_secret_value()


def set_up(home: Home, settings: Settings) -> list[logging.Handler]:
    """Log to logs/bot.log, and warnings to stderr; returns the handlers, for :func:`tear_down`.

    Libraries tell warnings alone: at lower levels they write addresses with tokens in them, and
    whole messages.
    """
    home.logs.mkdir(parents=True, exist_ok=True)
    serve = settings.serve
    formatter = CleanFormatter(Redactor(settings), has_texts=serve.log_texts)
    file = TimedRotatingFileHandler(
        home.logs / LOG, when="midnight", backupCount=serve.log_days, encoding="utf-8", delay=True
    )
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    for handler in (file, screen):
        handler.setFormatter(formatter)
        logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("atself").setLevel(serve.log_level)
    logging.getLogger(TEXTS).disabled = not serve.log_texts
    logging.captureWarnings(True)
    return [file, screen]


def tear_down(handlers: list[logging.Handler]) -> None:
    """Stop logging there."""
    logging.captureWarnings(False)
    for handler in handlers:
        logging.getLogger().removeHandler(handler)
        handler.close()
