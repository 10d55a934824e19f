"""A command that fails with whatever a test puts into ``RAISED``."""

from __future__ import annotations

import click

RAISED: list[BaseException] = []


@click.command()
def fail() -> None:
    """Fail."""
    raise RAISED.pop()
