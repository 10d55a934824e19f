"""Floors to go by before one is fitted to the chats at hand; see :mod:`rag.embedding.floors`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Prior:
    """Cosines below which nothing is relevant, for queries in scripts with and without spaces."""

    spaced: float
    unspaced: float

    def floor(self, query: str) -> float:
        """The floor for a query, by its script."""
        return self.unspaced if is_unspaced(query) else self.spaced


# 150 replies of a mathematics chat against 1,500 of its messages, and 20 everyday sentences that
# have nothing to do with it: at .33 the best hit of 95 % of the replies passes and that of 8 % of
# the everyday sentences.
MINILM = Prior(0.33, 0.33)
# e5's cosines crowd between .75 and .95, the more where the script is denser. In a Chinese, English
# and Indonesian group, .872 passed the answer to 8 of 10 Chinese questions and 2 of 10 unrelated
# ones. In an English chat, .836 passed the best hit of 99 % of 150 replies and of 5 % of unrelated
# sentences.
E5 = Prior(0.836, 0.872)


def is_unspaced(text: str) -> bool:
    """Whether a text is, by a quarter or more, in a script that writes no spaces between words."""
    return len(_UNSPACED.findall(text)) * 4 > len(text)
