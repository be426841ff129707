"""The terms that the essay explains on hover, read from ``assets/glossary.toml``."""

import tomllib
from dataclasses import dataclass
from functools import cache

from core.book import ASSETS


@dataclass(frozen=True)
class Term:
    """A term: its name as a list shows it, and what it means."""

    key: str
    name: str
    means: str


@cache
def terms() -> dict[str, Term]:
    """Every term by key, in the order of their names."""
    read = tomllib.loads((ASSETS / "glossary.toml").read_text("utf-8"))
    listed = sorted(read.items(), key=lambda item: item[1]["name"].lower())
    return {key: Term(key, entry["name"], entry["means"]) for key, entry in listed}
