"""Parts and chapters in reading order: the contents page of the code."""

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.lab import Claim, Lab

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "pages"
ASSETS = ROOT / "assets"


@dataclass(frozen=True)
class Chapter:
    """A chapter: one slug names its page, its essay, its labs and their tests."""

    number: int
    slug: str
    title: str
    question: str

    @property
    def page(self) -> Path:
        """The page's script; the essay lies beside it, ending in ``.md``."""
        return PAGES / f"{self.number:02d}_{self.slug}.py"

    @property
    def essay(self) -> Path:
        """The essay's Markdown."""
        return self.page.with_suffix(".md")


@dataclass(frozen=True)
class Part:
    """A part of the essay: a question, and the chapters that take it up."""

    title: str
    chapters: tuple[Chapter, ...]


PARTS = (
    Part(
        "What can a net express?",
        (
            Chapter(
                1,
                "sine_fits",
                "Draw a curve through ten points",
                "Ten points, and a net with far more weights than that. What does it draw between them?",
            ),
        ),
    ),
    Part(
        "Why does training succeed?",
        (
            Chapter(
                5,
                "random_labels",
                "Nets can memorise noise",
                "Shuffle the labels of the training set like cards. Will the net still learn them?",
            ),
            Chapter(
                6,
                "saddle_counts",
                "In high dimensions, almost nothing is a minimum",
                "A hilly landscape is full of dips. Why does descent not end in the first of them?",
            ),
        ),
    ),
    Part(
        "Why does it generalise?",
        (
            Chapter(
                10,
                "sharp_flat_minima",
                "Wide valleys, narrow ones, and what to make of them",
                "Two nets fit the same data equally well. Does the shape of the valley say which to trust?",
            ),
        ),
    ),
)


def chapters() -> tuple[Chapter, ...]:
    """Every chapter, in reading order."""
    return tuple(chapter for part in PARTS for chapter in part.chapters)


@cache
def labs(slug: str) -> dict[str, Lab[Any]]:
    """A chapter's labs by name: every module of its folder that ends in ``LAB = …``."""
    package = importlib.import_module(f"core.experiments.{slug}")
    modules = [
        importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)
    ]
    return {module.__name__.rpartition(".")[2]: module.LAB for module in modules if hasattr(module, "LAB")}


def lab_names() -> list[str]:
    """Every lab as ``chapter.name``."""
    return [f"{chapter.slug}.{name}" for chapter in chapters() for name in labs(chapter.slug)]


def lab(name: str) -> Lab[Any]:
    """The lab called ``chapter.name``. Raises :class:`KeyError` for an unknown one."""
    slug, _, short = name.partition(".")
    # Only the chapter asked for is imported: a server's first reader does not wait for the others.
    if all(chapter.slug != slug for chapter in chapters()) or short not in labs(slug):
        raise KeyError(name)
    return labs(slug)[short]


@cache
def claims(slug: str) -> dict[str, Claim]:
    """A chapter's claims by id."""
    module = importlib.import_module(f"core.experiments.{slug}.claims")
    return {claim.id: claim for claim in module.CLAIMS}
