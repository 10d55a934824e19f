"""What the fitted floor lets through: unrelated sentences, and what @self was really answering.

    python -m benchmarks.recall_floors [HOME] [--embedder NAME] [--passages 2000]

HOME is a home folder with an archive (read only); without one, the sample chat. The floor is
fitted to the passages as ``atself index`` would. Unrelated are the sentences below, kept apart from
those it is fitted with; related are the lines of others before what @self said, searched for among
passages that ended earlier and share no message with them. Not each of those has an answer in the
past: the share that passes is what recall by meaning can help with.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, timedelta
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks._scaled import SAMPLE
from cli.demo import SAMPLE_SELF
from config.console import emit_table
from config.settings import Home
from ingest.archive import Archive
from ingest.chunks import Chunk, chunks_of
from ingest.importer import import_paths
from ingest.threads import recover_threads
from rag.embedding.floors import Floor, probe_floor
from rag.embedding.models import choose_embedder, make_embedder
from rag.embedding.prior import is_unspaced
from rag.embedding.protocol import Embedder

QUESTIONS = 300
QUERY_CHARACTERS = 600
UNRELATED = (
    "Which ferry goes to the lighthouse on Sundays?",
    "I burned the rice and now the whole flat smells of it.",
    "My passport photo looks like a potato.",
    "The squirrels dug up all the crocus bulbs.",
    "Is it too late to prune the apple tree?",
    "The hotel had no towels but three hairdryers.",
    "Someone parked a tractor in front of the bakery.",
    "Can you freeze boiled eggs?",
    "My niece lost her first tooth yesterday.",
    "The orchestra cancelled the concert because of a burst pipe.",
    "Who won the sack race at the village fair?",
    "These boots leak when it rains.",
    "Wann öffnet das Freibad im Mai?",
    "Die Katze hat wieder auf dem Klavier geschlafen.",
    "¿A qué hora cierra la farmacia de la plaza?",
    "Se me cayó el helado en la fuente.",
    "Le facteur a glissé sur le verglas ce matin.",
    "Comment enlever une tache de cerise ?",
    "Di mana beli tali sepatu warna ungu?",
    "Ayam kami bertelur dua butir pagi ini.",
    "Kereta ke Bandung terlambat empat puluh menit.",
    "Во сколько открывается каток в парке?",
    "Бабушка забыла очки в трамвае.",
    "متى يفتح مسبح الحي في الصيف؟",
    "سقط العصفور من عشه أمام بابنا.",
    "आम का रस कपड़े से कैसे हटाएँ?",
    "星期天去灯塔的渡轮是哪一班？",
    "我把米饭烧糊了，整个屋子都是味道。",
    "松鼠把花园里的球茎都挖出来了。",
    "现在修剪苹果树是不是太晚了？",
    "面包店门口停了一辆拖拉机。",
    "煮熟的鸡蛋可以冷冻吗？",
    "我侄女昨天掉了第一颗牙。",
    "因为水管爆裂，音乐会取消了。",
    "下雨的时候这双靴子漏水。",
    "夏天游泳池几点开门？",
    "猫又睡在钢琴上了。",
    "药店晚上几点关门？",
    "樱桃汁的污渍怎么洗掉？",
    "照相馆拍的护照照片太难看了。",
    "日曜日に灯台へ行く船はどれですか。",
    "りんごの木を剪定するにはもう遅いですか。",
    "スーパーで買った桃がまだ硬い。",
    "วันอาทิตย์เรือไปประภาคารออกกี่โมง",
    "แมวหลับอยู่บนเปียโนอีกแล้ว",
    "사과나무 가지치기는 너무 늦었나요?",
    "고양이가 또 피아노 위에서 자고 있어요.",
)


def main(arguments: list[str]) -> None:
    """Fit a floor and print what passes it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall_floors")
    parser.add_argument("home", nargs="?", type=Path)
    parser.add_argument("--embedder")
    parser.add_argument("--passages", type=int, default=2000)
    asked = parser.parse_args(arguments)
    with _opened(asked.home) as archive:
        chunks = _sampled(list(_own(archive)), asked.passages)
    name = asked.embedder or choose_embedder(chunk.to_embed() for chunk in chunks)
    embedder = make_embedder(name)
    assert embedder is not None
    emit_table(("queries", "", "floor", "pass", "pass the prior"), _rows(embedder, chunks))


def _rows(embedder: Embedder, chunks: Sequence[Chunk]) -> Iterator[tuple[str, str, str, str, str]]:
    passages = embedder.embed_passages([chunk.to_embed() for chunk in chunks])
    floor = probe_floor(embedder, lambda vector: float((passages @ vector).max()), len(chunks))
    assert floor is not None
    found = embedder.embed_queries(UNRELATED) @ passages.T
    yield from _shares("unrelated", UNRELATED, found.max(axis=1).tolist(), floor, embedder)
    queries, places = _contexts(chunks)
    near = embedder.embed_queries(queries) @ passages.T
    best = [float(near[row][_earlier(chunks, place)].max()) for row, place in enumerate(places)]
    yield from _shares("@self's contexts", queries, best, floor, embedder)


def _shares(
    kind: str, queries: Sequence[str], best: Sequence[float], floor: Floor, embedder: Embedder
) -> Iterator[tuple[str, str, str, str, str]]:
    for script, is_dense in (("with spaces", False), ("without spaces", True)):
        rows = [
            pair for pair in zip(queries, best, strict=True) if is_unspaced(pair[0]) == is_dense
        ]
        if rows:
            fitted = sum(value >= floor.of(query) for query, value in rows) / len(rows)
            prior = sum(value >= embedder.floor(query) for query, value in rows) / len(rows)
            label = f"{kind}, {script}"
            yield (
                label,
                f"{len(rows)}",
                f"{floor.of(rows[0][0]):.3f}",
                f"{fitted:.2f}",
                f"{prior:.2f}",
            )


def _contexts(chunks: Sequence[Chunk]) -> tuple[list[str], list[int]]:
    """Lines before @self first speaks in a passage of the later two thirds, and its place."""
    found = []
    for place, chunk in enumerate(chunks[len(chunks) // 3 :], len(chunks) // 3):
        spoken = [message.person.is_self for message in chunk.messages].index(True)
        if spoken:
            asked = "\n".join(message.text for message in chunk.messages[:spoken])
            found.append((asked[-QUERY_CHARACTERS:], place))
    picked = random.Random(0).sample(found, min(QUESTIONS, len(found)))
    return [query for query, _ in picked], [place for _, place in picked]


def _earlier(chunks: Sequence[Chunk], place: int) -> np.ndarray:
    """Which passages ended before one and quote none of its messages."""
    ids = {message.id for message in chunks[place].messages}
    return np.array(
        [
            number < place and ids.isdisjoint(message.id for message in chunk.messages)
            for number, chunk in enumerate(chunks)
        ]
    )


def _sampled(chunks: list[Chunk], most: int) -> list[Chunk]:
    picked = random.Random(0).sample(chunks, min(most, len(chunks)))
    return sorted(picked, key=lambda chunk: chunk.ended_at)


def _own(archive: Archive) -> Iterator[Chunk]:
    gap = timedelta(hours=1)
    for _, messages in groupby(archive.messages(), key=lambda message: message.chat):
        for thread in recover_threads(messages, gap=gap):
            yield from (chunk for chunk in chunks_of(thread) if chunk.has_self)


@contextmanager
def _opened(home: Path | None) -> Iterator[Archive]:
    if home is not None:
        with Archive.open(Home(home).archive) as archive:
            yield archive
        return
    with TemporaryDirectory() as folder, Archive.open(Path(folder) / "a", create=True) as archive:
        import_paths(archive, [SAMPLE], zone=UTC)
        archive.set_self(SAMPLE_SELF)
        yield archive


if __name__ == "__main__":
    main(sys.argv[1:])
