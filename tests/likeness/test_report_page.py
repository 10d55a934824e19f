"""The report in a real browser: light, dark, on a phone, its values read back, nothing let in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from config.settings import Home
from ingest.pages.writing import write_whole
from likeness.measured import Measures
from likeness.records import Evaluation
from likeness.report.page import render
from likeness.report.sources import gather
from tests.likeness.browser import opened_browser, watched
from tests.likeness.reported import GATE, full_home

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NOW = datetime(2026, 4, 1, tzinfo=UTC)
READ = """id => [...document.querySelectorAll(`[data-table="${id}"] tbody tr`)].map(row =>
  [row.dataset.row, Object.fromEntries([...row.children].map(cell =>
    [cell.dataset.column, cell.dataset.value]))])"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return full_home(tmp_path_factory.mktemp("report") / "persona")


@pytest.fixture(scope="module")
def path(place: Home) -> Path:
    page = render(gather(place, None, None), now=NOW)
    return write_whole(place.path / "likeness.html", page)


def opened(
    browser: Browser, path: Path, *, width: int = 1280, scheme: str = "light"
) -> tuple[Page, list[str]]:
    """The page, and whatever it asks for or complains about."""
    page = browser.new_page(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    seen = watched(page)
    page.goto(path.as_uri())
    return page, seen


def values(page: Page, table: str) -> dict[str, dict[str, str]]:
    """What stands in a table, by row and column."""
    return dict(page.evaluate(READ, table))


def expected(evaluation: Evaluation) -> Measures:
    return Measures.from_json(evaluation.measures)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_every_screen_in_light_and_dark(
    browser: Browser, path: Path, width: int, scheme: str
) -> None:
    page, seen = opened(browser, path, width=width, scheme=scheme)
    assert seen == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lightness = brightness(page.screenshot())
    assert max(lightness) - min(lightness) > 0.4
    assert (sum(lightness) / len(lightness) < 0.5) == (scheme == "dark")


def test_nothing_in_it_comes_from_elsewhere_and_nothing_hostile_runs(
    browser: Browser, path: Path
) -> None:
    page, seen = opened(browser, path)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.wait_for_timeout(100)
    assert seen == [path.as_uri()]
    assert "owned" not in page.title().replace("document.title='owned'", "")
    assert page.locator("img, script, iframe, link, object").count() == 0
    assert "{{ 7 * 7 }}" in page.content()
    policy = page.locator("meta[http-equiv]").get_attribute("content") or ""
    assert policy.startswith("default-src 'none'")


def test_the_headline_reads_back_as_it_was_measured(
    browser: Browser, path: Path, place: Home
) -> None:
    page, _ = opened(browser, path)
    likeness = expected(Evaluation(place.evaluations / "e2")).likeness
    score = page.locator("#likeness .score")
    assert (
        float(score.get_attribute("data-value") or "")
        == likeness["trained, with memory (v2)"].value
    )
    assert "0.51" in score.inner_text()
    table = values(page, "likeness")
    assert next(iter(table)) == "another member"
    for name, shown in (("base", "base"), ("trained (v2)", "trained (v2)"), ("@self", "@self")):
        found, figure = table[shown], likeness[name]
        assert float(found["value"]) == figure.value
        assert (float(found["from"]), float(found["to"])) == (figure.low, figure.high)
        assert (int(found["replies"]), int(found["independent"])) == (24, 6)


def test_every_measure_reads_back_as_it_was_measured(
    browser: Browser, path: Path, place: Home
) -> None:
    page, _ = opened(browser, path)
    for measure in expected(Evaluation(place.evaluations / "e2")).measures:
        found = values(page, f"measure-{measure.key}")
        assert len(found) == len(measure.figures)
        wanted = sorted(figure.value for figure in measure.figures.values())
        assert sorted(float(row["value"]) for row in found.values()) == pytest.approx(wanted)
    row = values(page, "measures")["judge"]
    assert float(row["v2"]) == pytest.approx(0.1 + 0.8 * 0.5078125)
    assert (float(row["floor"]), float(row["ceiling"])) == pytest.approx((0.1, 0.9))


def test_the_gate_reads_back_as_it_reported(browser: Browser, path: Path) -> None:
    page, _ = opened(browser, path)
    ways = values(page, "gate-methods")
    assert float(ways["the learned gate"]["balanced accuracy"]) == 0.75
    assert float(ways["recency rule"]["AUC"]) == 0.66
    assert ways["recency rule"].get("recall") is None
    hours = values(page, "hours-answered")
    for day, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")):
        assert [int(hours[f"{hour:02}:00"][name]) for hour in range(24)] == [
            hour + day for hour in range(24)
        ]
    people = values(page, "people")
    assert {handle: int(row["seen"]) for handle, row in people.items()} == {
        each["handle"]: each["seen"] for each in GATE["people"]
    }
    assert "12 points above the recency rule" in page.inner_text("#speaking + p")


def test_card_versions_and_guesses_read_back(browser: Browser, path: Path) -> None:
    page, _ = opened(browser, path)
    assert float(values(page, "copying")["the persona"]["8+ words"]) == 0.125
    assert float(values(page, "exposure")["never seen"]["the persona"]) == 2.25
    assert float(values(page, "forgetting")["zh"]["more than the base"]) == -0.01
    versions = values(page, "versions")
    assert {name: float(row["likeness"]) for name, row in versions.items()} == {
        "v1": 0.5078125,
        "v2": 0.5078125,
    }
    assert float(values(page, "blind")["v2"]["value"]) == 0.65
    assert int(values(page, "blind")["v2"]["replies"]) == 20


def test_scenes_show_everybody_side_by_side_and_fold_by_keyboard(
    browser: Browser, path: Path
) -> None:
    page, _ = opened(browser, path, width=390)
    scenes = page.locator("#scenes ~ section.scenes").first.locator("details.scene")
    assert scenes.count() == 8
    names = scenes.first.locator(".reply").evaluate_all("all => all.map(e => e.dataset.player)")
    assert names[0] == "@self, really"
    assert set(names) >= {"another member", "base", "trained (v2)", "trained, with memory (v2)"}
    second = scenes.nth(1)
    assert not second.locator(".replies").is_visible()
    second.locator("summary").focus()
    page.keyboard.press("Enter")
    assert second.locator(".replies").is_visible()
    page.keyboard.press("Enter")
    assert not second.locator(".replies").is_visible()


def test_recall_shows_what_was_said_with_and_without_it(browser: Browser, path: Path) -> None:
    page, _ = opened(browser, path)
    scene = page.locator("#recall ~ section.scenes").first.locator("details.scene").first
    assert "Kestrel Lane" in scene.locator(".recalled").inner_text()
    marks = dict(
        scene.locator(".reply").evaluate_all(
            "all => all.map(e => [e.dataset.player, e.querySelector('em').innerText])"
        )
    )
    assert marks == {"trained (v2)": "not in it", "trained, with memory (v2)": "right"}


def brightness(png: bytes) -> list[float]:
    """Of every hundredth pixel, 0 to 1."""
    from matplotlib.image import imread

    greens = imread(BytesIO(png))[:, :, 1].ravel()
    return [float(green) for green in greens[::100]]


def test_figures_are_json_numbers(browser: Browser, path: Path) -> None:
    page, _ = opened(browser, path)
    found: list[Any] = page.evaluate(
        "[...document.querySelectorAll('td.n[data-value]')].map(e => e.dataset.value)"
    )
    assert len(found) > 300
    assert all(isinstance(json.loads(value), int | float) for value in found)
