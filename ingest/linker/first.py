"""The first look: what is seen of a message and each of those before it.

Distances are in messages and in seconds, the latter also relative to the chat's pace, so that one
model reads busy channels and slow groups.
"""

from __future__ import annotations

import numpy as np

from ingest.linker.columns import BACK, Array
from ingest.linker.pairs import AHEAD, LATER, REACH, STEPS, Pairs, count, naming
from ingest.linker.signs import COUNT

FAR = np.log(999.0)


def first_look(pairs: Pairs) -> tuple[Array, Array]:
    """Features of each pair (b, REACH, p) and of each message (b, m), float32."""
    groups = (
        *_distances(pairs),
        *_naming(pairs),
        *_turns(pairs),
        *_neighbours(pairs),
        *_wording(pairs),
        *_ahead(pairs),
    )
    shown = np.empty((pairs.count, REACH, len(groups) + COUNT), np.float32)
    for place, group in enumerate(groups):
        shown[:, :, place] = group
    shown[:, :, len(groups) :] = pairs.columns.signs[pairs.at]
    shown[~pairs.valid] = 0
    return shown, _alone(pairs)


def _distances(pairs: Pairs) -> list[Array]:
    seconds, known = _seconds(pairs)
    pace = np.maximum(_pace(pairs), 1)[:, None]
    steps = np.broadcast_to(STEPS, seconds.shape)
    return [
        np.log(steps),
        steps,
        steps == 1,
        known,
        np.where(known, np.log1p(seconds / 60), -1),
        np.where(known, seconds < 60, 0),
        np.where(known, np.log1p(seconds / pace), -1),
    ]


def _seconds(pairs: Pairs) -> tuple[Array, Array]:
    at = pairs.columns.at
    seconds = at[pairs.rows][:, None] - at[pairs.at]
    known = ~np.isnan(seconds)
    return np.where(known, np.maximum(seconds, 0), 0), known


def _pace(pairs: Pairs) -> Array:
    """Seconds between messages of late; 0 where the chat tells no times."""
    first = np.maximum(pairs.rows - 32, 0)
    at = pairs.columns.at
    mean = (at[pairs.rows] - at[first]) / np.maximum(pairs.rows - first, 1)
    found: Array = np.maximum(np.nan_to_num(mean), 0)
    return found


def _naming(pairs: Pairs) -> list[Array]:
    """Whom the two messages name, and who has lately named whom."""
    to_any = pairs.names[:, 0] >= 0
    candidate_names = pairs.named[:, :, 0] >= 0
    shared = _shared(pairs.names, pairs)
    strength = pairs.columns.strength[pairs.rows].max(1)
    return [
        pairs.same,
        pairs.to_candidate,
        pairs.to_speaker,
        to_any[:, None] & (pairs.to_candidate == 0),
        candidate_names & (pairs.to_candidate == 0),
        pairs.wide(strength),
        pairs.naming.max(2),
        shared,
        *_named_lately(pairs),
    ]


def _named_lately(pairs: Pairs) -> list[Array]:
    names_author = naming(pairs.named, pairs.who)  # j names k's author
    by_speaker = names_author & pairs.same[:, :, None]
    names_speaker = pairs.to_speaker > 0
    by_author = pairs.same_pair & names_speaker[:, :, None]
    nearest_by_author = _first(by_author)
    others_to_speaker = names_speaker & ~pairs.same
    passed = np.cumsum(others_to_speaker, 1) - others_to_speaker
    by_others = names_author & LATER & ~pairs.same_pair
    return [
        np.log(_first(by_speaker)),
        np.minimum(count(by_speaker), 10),
        (by_speaker & LATER).any(1),
        np.log(nearest_by_author),
        np.minimum(count(by_author), 10),
        (by_author & LATER).any(1),
        nearest_by_author == STEPS,
        np.minimum(passed, 10),
        (passed == 0) & others_to_speaker,
        np.minimum(count(by_others), 10),
        np.minimum(count(by_others & ~pairs.same[:, :, None]), 10),
        np.minimum(count(by_others & pairs.same[:, :, None]), 10),
    ]


def _shared(named: Array, pairs: Pairs) -> Array:
    """Whether a candidate names anybody of ``named`` (b, NAMED)."""
    found = np.zeros(pairs.who.shape, bool)
    for one in np.where(named >= 0, named, -2).T:
        found |= (pairs.named == one[:, None, None]).any(2)
    return found


def _first(found: Array, none: int = REACH + 16) -> Array:
    """1-based place of the first hit along axis 1."""
    return np.where(found.any(1), found.argmax(1) + 1, none)


def _turns(pairs: Pairs) -> list[Array]:
    """Who has spoken since the candidate, and when its author and the speaker spoke before."""
    columns = pairs.columns
    later = pairs.later_count
    own = np.cumsum(pairs.same, 1) - pairs.same
    target = pairs.named[:, :, 0]
    target_spoke = (pairs.who[:, :, None] == target[:, None, :]) & LATER
    target_spoke &= (target >= 0)[:, None, :]
    last_named = np.where((pairs.before >= 0)[:, None], columns.named[pairs.before], -1)
    people = np.cumsum(later == 0, 1)
    return [
        np.minimum(later, 20),
        later == 0,
        np.minimum(own, 20),
        own == 0,
        np.minimum(count(target_spoke), 10),
        naming(last_named[:, None, :], pairs.who)[:, 0],
        _shared(last_named, pairs),
        pairs.wide(np.log(pairs.since_before)),
        np.clip(pairs.at - pairs.before[:, None], -20, 20) * (pairs.before >= 0)[:, None],
        people,
        np.log(people),
    ]


def _neighbours(pairs: Pairs) -> list[Array]:
    """What stands right beside the candidate."""
    columns = pairs.columns
    since = pairs.at - (columns.previous[pairs.at] - columns.start)
    until = columns.following[pairs.at] - columns.start - pairs.at
    is_before = pairs.at + until < pairs.rows[:, None]
    after = np.minimum(pairs.at + 1, columns.size - 1)
    is_between = after < pairs.rows[:, None]
    return [
        np.where(since <= BACK, np.log(np.minimum(since, BACK)), FAR),
        since == 1,
        until == 1,
        np.where(is_before, np.log(np.minimum(until, BACK)), FAR),
        (columns.who[after] == pairs.speaker[:, None]) & is_between,
        (columns.named[after] == pairs.who[:, :, None]).any(2) & is_between,
        columns.who[np.maximum(pairs.at - 1, 0)] == pairs.speaker[:, None],
        np.minimum(columns.turn[pairs.at], 30),
    ]


def _wording(pairs: Pairs) -> list[Array]:
    overlap = pairs.overlap
    columns = pairs.columns
    norms = columns.norm[pairs.rows][:, None] * columns.norm[pairs.at]
    order = overlap.argsort(1)[:, ::-1].argsort(1)
    return [
        overlap / norms,
        overlap,
        np.where(overlap > 0, order, REACH),
        overlap / np.maximum(overlap.max(1, keepdims=True), 1),
        pairs.before_overlap(),
        np.matmul(overlap[:, None, :], pairs.same_pair.astype(np.float32))[:, 0],
    ]


def _ahead(pairs: Pairs) -> list[Array]:
    """What the next messages say of the two: who goes on speaking to whom."""
    named = np.where((pairs.ahead_who >= -1)[:, :, None], pairs.columns.named[pairs.ahead], -1)
    by_speaker = pairs.ahead_who == pairs.speaker[:, None]
    names_author = naming(named, pairs.who)
    names_speaker = (named == pairs.speaker[:, None, None]).any(2)
    by_author = pairs.ahead_who[:, :, None] == pairs.who[:, None, :]
    answers = names_speaker & ~by_speaker
    first = np.where(answers.any(1), answers.argmax(1), 0)[:, None]
    answerer = np.take_along_axis(pairs.ahead_who, first, 1)
    none = AHEAD + 8
    return [
        np.log(_first(names_author & by_speaker[:, :, None], none)),
        np.log(_first(by_author & names_speaker[:, :, None], none)),
        np.log(_first(by_author, none)),
        (answerer == pairs.who) & answers.any(1)[:, None],
    ]


def _alone(pairs: Pairs) -> Array:
    """What is seen of each message itself: whether it may start a conversation."""
    columns, rows = pairs.columns, pairs.rows
    before = np.maximum(pairs.before, 0)
    has_before = pairs.before >= 0
    at = columns.at
    gap = np.nan_to_num(np.maximum(at[rows] - at[np.maximum(rows - 1, 0)], 0))
    pace = _pace(pairs)
    known = ~np.isnan(at[rows])
    own_gap = np.nan_to_num(np.maximum(at[rows] - at[before], 0))
    people = np.cumsum(pairs.later_count == 0, 1)
    named_by = (pairs.to_speaker > 0) & pairs.valid
    none = AHEAD + 8
    by_speaker = pairs.ahead_who == pairs.speaker[:, None]
    there = (pairs.ahead_who >= -1)[:, :, None]
    named = np.where(there, columns.named[pairs.ahead], -1)
    names_speaker = (named == pairs.speaker[:, None, None]).any(2)
    alone = [
        columns.strength[rows].max(1),
        np.log(pairs.since_before),
        pairs.since_before == 1,
        np.where(has_before & known, np.log1p(own_gap / 60), -1),
        columns.turn[rows],
        people[:, 19],
        np.log1p(pace / 10),
        np.log1p(gap / 10),
        np.where(known, np.log1p(gap / np.maximum(pace, 1)), -1),
        (pairs.naming.max(2) > 0).mean(1),
        pairs.overlap.max(1),
        pairs.overlap[:, :10].max(1),
        (pairs.overlap / columns.norm[pairs.at]).max(1) / columns.norm[rows],
        np.log(np.where(named_by, STEPS, REACH + 16).min(1)),
        np.minimum(named_by.sum(1), 10),
        (named_by & (pairs.at > pairs.before[:, None])).sum(1),
        (pairs.to_candidate > 0).any(1),
        np.log(_first(by_speaker, none)),
        np.log(_first(names_speaker, none)),
        names_speaker.sum(1),
        (by_speaker[:, :, None] & (named >= 0)).any((1, 2)),
        np.where(has_before, columns.signs[before, 3], 0),
        np.where(has_before, columns.signs[before, 1], 0),
        has_before & (columns.named[before, 0] >= 0),
        columns.signs[np.maximum(rows - 1, 0), 3],
        columns.norm[rows],
        known,
        np.minimum(pairs.valid.sum(1), 64),
    ]
    return np.concatenate(
        [np.stack(alone, 1).astype(np.float32), columns.signs[rows]], 1, dtype=np.float32
    )
