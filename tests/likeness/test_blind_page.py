"""The page of the blind test in a real browser: on a phone, offline, in two languages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Event
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from config.settings import Home
from likeness.blind.blindtest import BlindTest, write_test
from likeness.blind.codes import decode
from likeness.blind.commands import blind
from likeness.blind.making import make
from likeness.blind.page import page_of
from likeness.blind.results import Added, Result
from tests.likeness.browser import opened_browser, phone, watched
from tests.likeness.friends import friends_home

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NOW = datetime(2026, 4, 1, tzinfo=UTC)
SCENES = 6


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


@pytest.fixture
def place(tmp_path: Path) -> Home:
    return friends_home(tmp_path / "persona")


def made(place: Home, tmp_path: Path, *, language: str = "auto") -> tuple[BlindTest, str]:
    """A test kept in the home, and the address of its page."""
    test, _ = make(place, None, None, None, scenes=20, dice=Random(3))
    write_test(place, test)
    path = tmp_path / "blind.html"
    path.write_text(page_of(test, language=language), encoding="utf-8")
    return test, path.as_uri()


def answer(page: Page, choices: Sequence[int], *, start: int = 0) -> None:
    """Tap through the scenes; 2 is for those remembered."""
    for number, choice in enumerate(choices[start:], start + 1):
        page.wait_for_url(f"**#{number}")
        page.locator(".choice:enabled").first.wait_for()
        (page.locator(".leave") if choice == 2 else page.locator(".choice").nth(choice)).tap()
    page.wait_for_url(f"**#{'end' if len(choices) == SCENES else len(choices) + 1}")


def right_ones(test: BlindTest) -> list[int]:
    return [pair.real for pair in test.pairs]


@pytest.mark.parametrize(
    ("language", "title", "code"),
    [("en-GB", "Which one is Kevin?", "Your code"), ("zh-CN", "哪一句是Kevin说的？", "你的代码")],
)
def test_a_friend_answers_offline_on_a_phone_and_the_code_counts_at_home(
    browser: Browser, place: Home, tmp_path: Path, language: str, title: str, code: str
) -> None:
    test, address = made(place, tmp_path)
    with phone(browser, language=language) as context:
        context.set_offline(True)
        page = context.new_page()
        seen = watched(page)
        page.goto(address)
        assert page.get_by_role("heading").inner_text() == title
        page.get_by_role("textbox").fill(" <b>小明</b> ")
        page.locator(".main").tap()
        choices = right_ones(test)
        answer(page, [*choices[:4], 1 - choices[4], 2])
        given = page.get_by_label(code).input_value()
        assert page.evaluate("document.documentElement.lang") == language[:2]
    assert seen == [address]
    runner = CliRunner()
    added = runner.invoke(blind, ["add", given, "--home", str(place.path), "--json"])
    assert added.exit_code == 0
    shown = runner.invoke(blind, ["results", "--home", str(place.path), "--json"])
    results = json.loads(shown.stdout)
    [friend] = results["friends"]
    assert (friend["friend"], friend["right"], friend["of"]) == ("<b>小明</b>", 4, 5)
    assert results["versions"]["v1"]["value"] == 0.8
    assert results["scenes"][0]["scene"] == test.pairs[4].scene


def test_whatever_people_wrote_is_shown_as_text_and_nothing_runs(
    browser: Browser, place: Home, tmp_path: Path
) -> None:
    test, address = made(place, tmp_path)
    with phone(browser) as context:
        page = context.new_page()
        seen = watched(page)
        page.goto(address)
        page.locator(".main").tap()
        for number, pair in enumerate(test.pairs, 1):
            page.wait_for_url(f"**#{number}")
            page.locator(".choice:enabled").first.wait_for()
            said = page.locator(".said").all_text_contents()
            parts = [part for reply in pair.replies for part in reply]
            assert said == [*(line.text for line in pair.before), *parts]
            assert page.evaluate("document.documentElement.scrollWidth") == 390
            assert page.locator("#app img, #app script, #app b").count() == 0
            page.locator(".choice").first.tap()
        page.wait_for_url("**#end")
        assert page.title() == "Which one is Kevin?"
    assert seen == [address]


def test_text_that_runs_from_right_to_left_does_so(
    browser: Browser, place: Home, tmp_path: Path
) -> None:
    test, address = made(place, tmp_path)
    number = next(n for n, p in enumerate(test.pairs, 1) if p.before[-1].who == "שירה")
    with phone(browser) as context:
        page = context.new_page()
        page.goto(address)
        page.locator(".main").tap()
        answer(page, [0] * number)
        page.go_back()
        page.wait_for_url(f"**#{number}")
        directions = page.locator(".said").evaluate_all(
            "all => all.map(one => getComputedStyle(one).direction)"
        )
        assert directions == ["ltr", "rtl", "rtl", "rtl"]
        assert page.locator(".choice[aria-pressed=true]").count() == 1


def test_what_was_chosen_outlives_a_reload_and_can_be_changed(
    browser: Browser, place: Home, tmp_path: Path
) -> None:
    _, address = made(place, tmp_path)
    with phone(browser) as context:
        page = context.new_page()
        page.goto(address)
        page.locator("#nickname").fill("Mia")
        page.locator(".main").tap()
        answer(page, [1, 0, 1])
        page.reload()
        page.wait_for_url("**#4")
        page.goto(address)
        assert page.locator("#nickname").input_value() == "Mia"
        page.get_by_role("button", name="Go on").tap()
        answer(page, [1, 0, 1, 0, 0, 0], start=3)
        first = decode(page.locator("#code").input_value())
        page.get_by_role("button", name="Change an answer").tap()
        answer(page, [1, 0, 1, 0, 0, 1], start=5)
        second = decode(page.locator("#code").input_value())
    assert first.choices == (1, 0, 1, 0, 0, 0)
    assert second.choices == (1, 0, 1, 0, 0, 1)
    assert first.respondent == second.respondent
    assert second.friend == "Mia"


def test_the_page_works_by_keyboard_and_where_nothing_may_be_kept(
    browser: Browser, place: Home, tmp_path: Path
) -> None:
    _, address = made(place, tmp_path, language="zh")
    with browser.new_context(locale="en-GB") as context:
        context.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }})"
        )
        page = context.new_page()
        seen = watched(page)
        page.goto(address)
        assert page.title() == "哪一句是Kevin说的？"
        page.get_by_role("button", name="English").click()
        page.locator("#nickname").press("Enter")
        for number, key in enumerate("122121", 1):
            page.wait_for_url(f"**#{number}")
            page.locator(".choice:enabled").first.wait_for()
            assert page.evaluate("document.activeElement.tagName") == "H1"
            page.keyboard.press(key)
        page.wait_for_url("**#end")
        assert decode(page.locator("#code").input_value()).choices == (0, 1, 1, 0, 1, 0)
        page.get_by_role("button", name="Copy the code").click()
        page.get_by_role("status").get_by_text("Copied").wait_for()
    assert seen == [address]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_and_taps_hit_in_both_themes(
    browser: Browser, place: Home, tmp_path: Path, scheme: str
) -> None:
    _, address = made(place, tmp_path)
    with phone(browser, scheme=scheme) as context:
        page = context.new_page()
        page.goto(address)
        page.locator(".main").tap()
        page.locator(".choice:enabled").first.wait_for()
        sizes = page.locator("button").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 44  # https://www.w3.org/TR/WCAG21/#target-size
        colours = page.locator("body").evaluate(
            "one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
        )
        ink, paper = (sum(map(int, c[4:-1].split(","))) for c in colours)
        assert (ink < paper) == (scheme == "light")
        assert len(page.screenshot()) > 1000


def test_a_served_page_keeps_answers_at_home_and_tells_the_score(
    browser: Browser, place: Home, tmp_path: Path
) -> None:
    from likeness.blind.serving import Serving

    test, _ = made(place, tmp_path)
    told: list[tuple[Result, Added]] = []
    ready, done = Event(), Event()
    addresses: list[str] = []

    async def serve() -> None:
        serving = Serving(
            place, test, token="t0ken", clock=lambda: NOW, told=lambda *one: told.append(one)
        )
        await serving.start()
        addresses.append(serving.url)
        ready.set()
        await asyncio.to_thread(done.wait)
        await serving.stop()

    with ThreadPoolExecutor() as pool, phone(browser) as context:
        served = pool.submit(asyncio.run, serve())
        try:
            ready.wait(10)
            page = context.new_page()
            page.goto(addresses[0])
            page.locator("#nickname").fill("Ana")
            page.locator(".main").tap()
            answer(page, right_ones(test))
            page.get_by_text("You were right 6 times out of 6").wait_for()
            page.goto(addresses[0])
            page.reload()
            page.locator(".main").tap()
            page.get_by_text("You were right 6 times out of 6").wait_for()
        finally:
            done.set()
        served.result(10)
    assert [(result.friend, result.right, added) for result, added in told] == [
        ("Ana", 6, Added.NEW),
        ("Ana", 6, Added.SAME),
    ]
