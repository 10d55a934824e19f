"""Whether `atself run` could start: tokens, chats, admins, the model that would speak.

Nothing is sent anywhere, and no secret is shown: only whether one is set and has the right shape.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from pydantic import SecretStr

from cli.checks import Check, State
from config.errors import AtselfError
from config.settings import Home, Settings, load

AREA = "bot"
TOKENS = {
    # https://core.telegram.org/bots/api#authorizing-your-bot
    "telegram": (re.compile(r"\d{6,12}:[\w-]{30,}"), "python-telegram-bot", "BotFather"),
    # https://docs.discord.com/developers/reference#authentication
    "discord": (
        re.compile(r"[\w-]{20,}\.[\w-]{5,8}\.[\w-]{25,}"),
        "discord.py",
        "the developer portal",
    ),
}
_CHAT = re.compile(r"telegram:\d+|discord:\d+|(?!telegram:|discord:)[a-z]+:\S+")
_ADMIN = re.compile(r"telegram:user\d+|discord:\d+|(?!telegram:|discord:)[a-z]+:\S+")


def bot_checks(home: Home) -> Iterator[Check]:
    """All of the area; a home that was never meant to run a bot fails nothing."""
    if not home.path.is_dir():
        return
    try:
        settings = load(home.path)
    except AtselfError:  # told among the checks of the home
        return
    is_meant = bool(settings.telegram.token or settings.discord.token)
    for platform in TOKENS:
        yield _platform(platform, settings)
    yield _chats(home, settings, is_meant)
    yield _admins(settings, is_meant)
    yield _explained("voice", lambda: _voice(home, settings, is_meant), is_meant)
    yield _mark(settings)
    yield _explained("state", lambda: _state(home), True)
    yield _logs(home)


def _explained(name: str, look: Callable[[], Check], is_failure: bool) -> Check:
    try:
        return look()
    except AtselfError as error:
        return Check(AREA, name, str(error), State.MISSING if is_failure else State.ABSENT)


def _platform(name: str, settings: Settings) -> Check:
    """A platform whose token is set needs its library, and a token of the right shape."""
    shape, library, source = TOKENS[name]
    token: SecretStr | None = getattr(settings, name).token
    variable = f"ATSELF_{name.upper()}__TOKEN"
    if token is None:
        return Check(AREA, name, "no token", State.ABSENT, f"{variable}, from {source}")
    try:
        detail = f"token set, {library} {version(library)}"
    except PackageNotFoundError:
        advice = "pip install -c constraints.txt 'atself[bot]'"
        return Check(AREA, name, f"token set, {library} not installed", State.MISSING, advice)
    if not shape.fullmatch(token.get_secret_value().strip()):
        advice = f"{variable}: copy it again from {source}"
        return Check(AREA, name, "token set, but not of the usual shape", State.MISSING, advice)
    return Check(AREA, name, detail)


def _chats(home: Home, settings: Settings, is_meant: bool) -> Check:
    name = "allowed chats"
    chats = settings.bot.allowed_chats
    bad = [chat for chat in chats if not _CHAT.fullmatch(chat)]
    if bad:
        advice = "bot.allowed_chats: telegram:1234567890 (without -100) or discord:9876543210…"
        return Check(AREA, name, f"not an id: {', '.join(bad)}", State.MISSING, advice)
    decided = _decided(home, settings)
    count = len({*chats, *decided})
    if not count:
        advice = "bot.allowed_chats, or /chats allow" if is_meant else ""
        return Check(AREA, name, "none: it speaks nowhere", State.ABSENT, advice)
    return Check(AREA, name, f"{count}, {len(decided)} of them by an admin's word")


def _decided(home: Home, settings: Settings) -> Sequence[str]:
    """Chats an admin allowed in the chat itself."""
    if not home.state.exists():
        return ()
    from bot.chatbook import Chatbook

    with Chatbook(home.state, settings.bot) as book:
        return [entry.chat for entry in book.entries() if entry.is_allowed]


def _admins(settings: Settings, is_meant: bool) -> Check:
    admins = settings.bot.admins
    bad = [admin for admin in admins if not _ADMIN.fullmatch(admin)]
    if bad:
        advice = "bot.admins: telegram:user123456 or discord:9876543210…, numbers, not names"
        return Check(AREA, "admins", f"not an account: {', '.join(bad)}", State.MISSING, advice)
    if not admins:
        advice = "bot.admins" if is_meant else ""
        return Check(AREA, "admins", "none: nobody commands it", State.ABSENT, advice)
    return Check(AREA, "admins", f"{len(admins)}")


def _voice(home: Home, settings: Settings, is_meant: bool) -> Check:
    from registry.store import Registry

    if settings.generate.server_url:
        return Check(AREA, "voice", f"the server at {settings.generate.server_url}")
    registry = Registry(home.models)
    serving = registry.serving()
    if serving is None:
        state = State.MISSING if is_meant else State.ABSENT
        return Check(AREA, "voice", "no model serves", state, "atself train")
    if not serving.remote:
        registry.model_path(serving.version)  # raises where the file is gone
    return Check(AREA, "voice", f"{serving.version} ({serving.base.id})")


def _mark(settings: Settings) -> Check:
    if settings.bot.mark:
        return Check(AREA, "mark", f"{settings.bot.mark!r} before every message")
    return Check(AREA, "mark", "none: only its name and /about say it is a bot", State.ABSENT)


def _state(home: Home) -> Check:
    if not home.state.exists():
        return Check(AREA, "state", "not there yet: the bot never ran here", State.ABSENT)
    from datetime import UTC, datetime

    from bot.forgetting import Forgetting

    waiting = Forgetting(home, clock=lambda: datetime.now(UTC)).open()
    if waiting:
        detail = f"{len(waiting)} asked to be forgotten and are not yet"
        return Check(AREA, "state", detail, State.MISSING, "atself run does it when it starts")
    return Check(AREA, "state", f"{home.state.name}, {home.state.stat().st_size / 1e6:.1f} MB")


def _logs(home: Home) -> Check:
    folder = home.logs if home.logs.exists() else home.path
    if os.access(folder, os.W_OK):
        return Check(AREA, "logs", str(home.logs))
    return Check(AREA, "logs", f"{folder}: may not be written", State.MISSING, "chown or chmod it")
