"""Search over the text, the labs, the terms and the references, by SQLite's full-text index."""

import re
import sqlite3
import threading
from dataclasses import dataclass
from functools import cache

from core import bibliography, book, essay, glossary, readings
from core.lab import knobs

MOST = 12
MARK = ("\x02", "\x03")
"""What stands around a word that was found, in an excerpt."""

_lock = threading.Lock()


@dataclass(frozen=True)
class Found:
    """A place that fits: what it is, its title, an excerpt with the words marked, and its address on this site."""

    kind: str
    title: str
    excerpt: str
    address: str


def find(words: str) -> list[Found]:
    """The places that hold all of ``words`` (or words that begin so), best first, at most :data:`MOST`."""
    terms = re.findall(r"\w+", words)[:8]
    if not terms:
        return []
    query = " ".join(f'"{term}"*' for term in terms)
    asked = (
        "SELECT kind, title, snippet(places, 2, ?, ?, ' … ', 24), address "
        "FROM places WHERE places MATCH ? ORDER BY bm25(places, 0, 4, 1, 0) LIMIT ?"
    )
    with _lock:
        return [Found(*row) for row in _index().execute(asked, (*MARK, query, MOST))]


@cache
def _index() -> sqlite3.Connection:
    index = sqlite3.connect(":memory:", check_same_thread=False)
    index.execute(
        "CREATE VIRTUAL TABLE places USING fts5(kind UNINDEXED, title, body, address UNINDEXED, "
        "tokenize = 'porter unicode61 remove_diacritics 2')"
    )
    index.executemany("INSERT INTO places VALUES (?, ?, ?, ?)", _places())
    return index


def _places() -> list[tuple[str, str, str, str]]:
    places = []
    for chapter in book.chapters():
        for block in essay.read(chapter).blocks:
            if block.kind in ("text", "note", "fold"):
                places += [("Text", chapter.title, part, chapter.slug) for part in _paragraphs(chapter, block.text)]
        for name, lab in book.labs(chapter.slug).items():
            settings = " ".join(f"{knob.label}. {knob.help}" for knob in knobs(lab.Params).values())
            places.append(("Lab", f"{lab.title} ({chapter.title})", settings, f"{chapter.slug}#{name}"))
    places += [("Term", term.name, term.means, f"glossary#{term.key}") for term in glossary.terms().values()]
    works = bibliography.references().values()
    places += [("Reference", work.short, work.full, f"references#{work.key}") for work in works]
    return places


def _paragraphs(chapter: book.Chapter, text: str) -> list[str]:
    """A piece of an essay as its reader sees it, without marks."""
    claims = book.claims(chapter.slug)
    for mark in (essay.TRY, essay.TERM):
        text = mark.sub(r"\1", text)
    text = essay.CLAIM.sub(lambda mark: claims[mark[1]].text, essay.CITATION.sub("", text))
    text = essay.RUN.sub(lambda mark: _reading(chapter.slug, *mark.groups("")), text)
    return [part for part in re.split(r"\n\s*\n", re.sub(r"[*$#_`\\]", "", text)) if part.strip()]


def _reading(slug: str, lab: str, path: str, form: str) -> str:
    return readings.stored_readings(f"{slug}.{lab}").get(readings.mark(path, form), readings.MISSING)
