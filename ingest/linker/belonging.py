"""Which of the messages before the newest are of its conversation."""

from __future__ import annotations

import numpy as np

from ingest.linker.columns import Array


def belonging(answered: Array, links: Array) -> Array:
    """The chance (n,) of each of n messages, the latest first, to be of the newest's conversation.

    ``answered`` (n,) holds the chances that the newest answers each, ``links`` (n, n) in row j, and
    column k the chance that message j answers message k. Taking each message to choose what it
    answers independently of the others, two messages are of one conversation with the chance
    that the later one answers something that is of one with the earlier one.
    """
    count = len(answered)
    together = np.eye(count)
    for place in range(count - 2, -1, -1):  # oldest first
        later = slice(place + 1, count)
        chances = links[place, later] @ together[later, later]
        together[place, later] = chances
        together[later, place] = chances
    found: Array = answered @ together
    return found
