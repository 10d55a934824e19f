"""A bot in a process of its own, killed without warning again and again, answers once."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bot.discord.conftest import Garden
from tests.discord_fake.faults import Fault, Kind

ROOT = Path(__file__).parents[3]


@contextmanager
def echo(garden: Garden) -> Iterator[subprocess.Popen[str]]:
    """The echoing bot, signed in; killed at the end."""
    fake = garden.fake
    arguments = [fake.url, fake.token, str(garden.state)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.discord_fake.echo", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("ready"):
            assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.communicate()


def test_killed_at_any_moment_it_answers_everything_once(garden: Garden) -> None:
    fake, dice = garden.fake, random.Random(7)
    kinds = [Kind.STATUS_AFTER, Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.LIMIT, Kind.STATUS]

    def chaos(request: str) -> Fault | None:
        is_hit = dice.random() < 0.25 and request.startswith(("POST", "GET /channels"))
        return Fault(dice.choice(kinds), status=503, seconds=0.01) if is_hit else None

    said = [fake.say(garden.channel, garden.ann, "before the bot came")]
    with echo(garden):
        said = [fake.say(garden.channel, garden.ann, "the first")]
        fake.wait_for(lambda: len(fake.texts(garden.channel)) == 1)
    fake.chaos = chaos
    for _ in range(3):
        said += [fake.say(garden.channel, garden.ann, "while away") for _ in range(4)]
        with echo(garden):
            said += [fake.say(garden.channel, garden.bo, "hello") for _ in range(4)]
            if dice.random() < 0.5:
                fake.lose_sessions()
            goal = len(fake.texts(garden.channel)) + dice.randrange(1, 5)
            fake.wait_for(lambda goal=goal: len(fake.texts(garden.channel)) >= goal)  # type: ignore[misc]
    with echo(garden):
        fake.wait_for(lambda: len(fake.texts(garden.channel)) >= len(said), timeout=30)
    answered = Counter(sent.reference for sent in fake.sent)
    assert answered == Counter(said)
    assert [sent.reference for sent in fake.sent] == said
