"""A day of ten busy groups: in order, flat in memory, nothing piling up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.bot.soak import soak


@pytest.mark.slow
def test_hours_of_ten_busy_groups_leave_memory_flat_and_all_in_order(tmp_path: Path) -> None:
    measured = asyncio.run(
        soak(tmp_path / "persona", days=0.2, groups=10, per_day=10_000, tell=False)
    )
    assert measured.messages == 20_000
    assert measured.growth < 1.25
    assert measured.most_waiting <= 10
    assert measured.most_rooms == 10
