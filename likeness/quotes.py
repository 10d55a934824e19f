"""What was made of people's words, beside dataset and index: gone when somebody is forgotten.

Scenes, blind tests, answers, pages and report cards quote everybody, and what a model says may
repeat what its memory brought back; so it all goes, whoever it is that leaves.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection

from config.settings import Home
from likeness.answers import drop_answers
from likeness.blind.blindtest import drop_texts
from likeness.blind.results import unname_friends
from likeness.report.command import PAGE
from registry.cards import drop_texts as drop_card_texts
from registry.store import Registry


def drop_quotes(home: Home, names: Collection[str]) -> bool:
    """Remove all that quotes anybody; ``names`` are what the one who leaves is called.

    Answers to plain questions stay where they name nobody of these and memory had no part in them.
    Returns whether there were evaluations. It can be done again whenever it was cut short.
    """
    had_evaluations = home.evaluations.exists()
    shutil.rmtree(home.evaluations, ignore_errors=True)
    drop_texts(home)
    unname_friends(home, names)
    drop_answers(home, names)
    (home.path / PAGE).unlink(missing_ok=True)
    for said in home.runs.glob("*/contenders.jsonl"):  # what a model was asked, and said there
        said.unlink()
    for made in home.runs.glob("*/artefact"):  # what a killed run was about to register
        shutil.rmtree(made, ignore_errors=True)
    drop_card_texts(Registry(home.models))
    return had_evaluations
