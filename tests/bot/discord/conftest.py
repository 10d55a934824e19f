"""A fake Discord per test, with a server, a channel and two people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.discord_fake.server import FakeDiscord


@dataclass(frozen=True)
class Garden:
    """A server with one channel and two members, and where a bot keeps its state."""

    fake: FakeDiscord
    guild: str
    channel: str
    ann: str
    bo: str
    state: Path

    @property
    def chat(self) -> str:
        """The channel as the archive names it."""
        return f"discord:{self.channel}"


@pytest.fixture
def garden(tmp_path: Path) -> Iterator[Garden]:
    """Ann is Annie in the server; Bo has only a global name."""
    with FakeDiscord() as fake:
        guild = fake.guild("garden")
        channel = fake.channel(guild, "general")
        ann = fake.user("ann", guild=guild, shown="Ann", nick="Annie")
        bo = fake.user("bo", guild=guild, shown="Bo 博")
        yield Garden(fake, guild, channel, ann, bo, tmp_path / "bot.sqlite")
