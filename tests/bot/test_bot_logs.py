"""Secrets never reach the log, nor do texts unless that is wanted."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path

import pytest

from bot.logs import HIDDEN, TEXTS, Redactor, secrets_of, set_up, tear_down
from config.settings import Home, Settings, load

SAID = "hello from Ann"
TELEGRAM = "1234567890:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
DISCORD = "MTE5ODYyMjQ4MzQ3MTkyNTI0OA.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWsabcdefghi"


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ATSELF_TELEGRAM__TOKEN", TELEGRAM)
    monkeypatch.setenv("ATSELF_GENERATE__SERVER_KEY", "pa/ss word+1")
    return load(home)


@pytest.fixture
def log(home: Path, settings: Settings) -> Iterator[Path]:
    root = logging.getLogger()
    level, mine = root.level, logging.getLogger("atself").level
    handlers = set_up(Home(home), settings)
    yield home / "logs" / "bot.log"
    tear_down(handlers)
    root.setLevel(level)
    logging.getLogger("atself").setLevel(mine)
    logging.getLogger(TEXTS).disabled = False


def test_every_secret_setting_is_known(settings: Settings) -> None:
    assert set(secrets_of(settings)) == {TELEGRAM, "pa/ss word+1"}


@pytest.mark.parametrize(
    "text",
    [
        f"POST https://api.telegram.org/bot{TELEGRAM}/getUpdates",
        "key pa/ss word+1 refused",
        "https://host/?key=pa%2Fss%20word%2B1",
        f"Authorization: Bot {DISCORD}",
        f"a stranger's {DISCORD}",
        "bot987654321:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1/sendMessage",
        "Authorization: Bearer abc",
        "sk-proj-abcdefghijklmnop1234",
    ],
)
def test_secrets_are_taken_out(settings: Settings, text: str) -> None:
    clean = Redactor(settings)(text)
    assert HIDDEN in clean
    secret = ("AAEhBO", "AAHdqT", "ss word", "ss%20word", "ZnCjm", "abc", "sk-proj")
    assert not [part for part in secret if part in clean]


@pytest.mark.parametrize(
    "text",
    [
        "chat telegram:1234567890 message 42",
        "12:30 and 23:00-08:00",
        "v3 of 2026-03-01",
        "小明：好",
    ],
)
def test_what_is_none_stays(settings: Settings, text: str) -> None:
    assert Redactor(settings)(text) == text


def test_exceptions_and_arguments_are_cleaned_too(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        raise OSError(f"cannot reach bot{TELEGRAM}/getMe")
    except OSError:
        logging.getLogger("atself.telegram").exception("chat %s: %s", "telegram:5", TELEGRAM)
    written = log.read_text(encoding="utf-8") + capsys.readouterr().err
    assert TELEGRAM not in written
    assert "Traceback" in written
    assert f"chat telegram:5: {HIDDEN}" in written


@pytest.mark.parametrize("is_nested", [False, True])
def test_what_an_error_quotes_stays_out_of_the_log(
    log: Path, capsys: pytest.CaptureFixture[str], is_nested: bool
) -> None:
    def fail() -> None:
        try:
            raise ValueError(f"cannot read {SAID!r}")
        except ValueError as error:
            if is_nested:
                raise RuntimeError(f"about {SAID!r}") from error
            raise

    try:
        fail()
    except (ValueError, RuntimeError):
        logging.getLogger("atself.rooms").exception("telegram:5: a reply failed")
    try:
        raise OSError(28, "No space left on device")
    except OSError:
        logging.getLogger("atself.rooms").exception("telegram:5: a reply failed")
    written = log.read_text(encoding="utf-8") + capsys.readouterr().err
    assert SAID not in written
    assert "ValueError" in written
    assert ", in fail" in written
    assert "No space left on device" in written


def test_a_task_that_fails_unseen_is_logged_without_what_its_error_quotes(log: Path) -> None:
    async def scene() -> None:
        async def fail() -> None:
            raise ValueError(f"cannot read {SAID!r}")

        task = asyncio.ensure_future(fail())
        await asyncio.wait([task])
        del task
        gc.collect()

    asyncio.run(scene())
    written = log.read_text(encoding="utf-8")
    assert "Task exception was never retrieved" in written
    assert "ValueError" in written
    assert SAID not in written


def test_libraries_tell_warnings_alone_and_texts_are_off(log: Path) -> None:
    logging.getLogger("httpx").info("GET https://api.telegram.org/")
    logging.getLogger(TEXTS).warning("hello from Ann")
    logging.getLogger("atself.hub").info("telegram:5 answered")
    lines = log.read_text(encoding="utf-8").splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == ["INFO atself.hub: telegram:5 answered"]


def test_only_so_many_days_are_kept(home: Path, settings: Settings) -> None:
    folder = home / "logs"
    folder.mkdir()
    for day in range(1, 29):
        (folder / f"bot.log.2026-02-{day:02}").write_text("old")
    root = logging.getLogger()
    level = root.level
    handlers = set_up(Home(home), settings)
    logging.getLogger("atself.hub").warning("today")
    assert isinstance(handlers[0], TimedRotatingFileHandler)
    handlers[0].doRollover()
    tear_down(handlers)
    root.setLevel(level)
    logging.getLogger("atself").setLevel(logging.NOTSET)
    logging.getLogger(TEXTS).disabled = False
    assert len(list(folder.glob("bot.log.*"))) == settings.serve.log_days
