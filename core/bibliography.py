"""The works that the essay cites, read from ``assets/references.bib``."""

from dataclasses import dataclass
from functools import cache

import bibtexparser
from bibtexparser.middlewares import LatexDecodingMiddleware, NameParts, SeparateCoAuthors, SplitNameParts
from bibtexparser.model import Entry

from core.book import ASSETS

REFERENCES = ASSETS / "references.bib"


@dataclass(frozen=True)
class Reference:
    """A cited work: ``short`` as in the text (“Barron, 1993”), ``full`` as in a list, its address and its BibTeX."""

    key: str
    short: str
    full: str
    url: str
    bibtex: str


@cache
def references() -> dict[str, Reference]:
    """Every reference by key. Raises :class:`ValueError` when an entry cannot be read."""
    read = [LatexDecodingMiddleware(), SeparateCoAuthors(), SplitNameParts()]
    library = bibtexparser.parse_file(str(REFERENCES), append_middleware=read)
    if library.failed_blocks:
        raise ValueError(f"{REFERENCES.name}: {library.failed_blocks[0].error}")
    return {entry.key: _reference(entry) for entry in library.entries}


def _reference(entry: Entry) -> Reference:
    field = {f.key: f.value for f in entry.fields}
    people: list[NameParts] = field.get("author", [])
    title, year = field["title"], field["year"]
    surnames = [" ".join(person.von + person.last) for person in people]
    whole = [
        f"{last}, {' '.join(f'{first[0]}.' for first in p.first)}" for last, p in zip(surnames, people, strict=True)
    ]
    short = f"{surnames[0]} et al." if len(people) > 3 else _listed(surnames) or f"“{title}”"
    where = [field[name] for name in ("journal", "booktitle", "publisher", "howpublished") if name in field]
    details = ", ".join(where + [field[name] for name in ("volume", "pages") if name in field])
    full = f"{_listed(whole)} ({year}). {title}. {details}." if people else f"{title} ({year}). {details}."
    url = f"https://doi.org/{field['doi']}" if "doi" in field else field.get("url", "")
    return Reference(entry.key, f"{short}, {year}", full, url, entry.raw or "")


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
