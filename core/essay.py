"""An essay: Markdown with a few marks, read into blocks that a page, a test or an export can walk through.

Blocks stand between ``::: kind argument`` and ``:::``:

* ``::: lab NAME`` – the lab, with its caption inside;
* ``::: guess NAME`` – that lab's question, asked before it runs (one that is answered by drawing stands in its figure);
* ``::: note`` – a side note;
* ``::: fold TITLE`` – what a reader may skip.

In a line: ``[@key]`` or ``[@key; @other]`` cites ``assets/references.bib``; ``{claim:id}`` prints a claim's number;
``{run:NAME.key:.2g}`` prints a number of the run that the lab's figure shows, see :mod:`core.readings`;
``[words](try:NAME?width=8&depth=2)`` sets that lab and runs it;
``[words](term:hessian)`` explains a term of ``assets/glossary.toml`` on hover.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from core.book import Chapter

WORDS_PER_MINUTE = 220

CITATION = re.compile(r"\[(@[\w:-]+(?:; @[\w:-]+)*)\]")
CLAIM = re.compile(r"\{claim:([\w.]+)\}")
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$]*\$", re.DOTALL)
RUN = re.compile(r"\{run:(\w+)\.([^}:]+)(?::([^}]+))?\}")
TERM = re.compile(r"\[([^\]]+)\]\(term:([\w-]+)\)")
TRY = re.compile(r"\[([^\]]+)\]\(try:(\w+)\?([^)\s]*)\)")


@dataclass(frozen=True)
class Block:
    """A piece of an essay: ``argument`` is a lab's name or a fold's title, ``text`` Markdown."""

    kind: Literal["text", "lab", "guess", "note", "fold"]
    argument: str
    text: str


@dataclass(frozen=True)
class Essay:
    """A chapter's text."""

    blocks: tuple[Block, ...]

    @property
    def labs(self) -> tuple[str, ...]:
        """The labs by short name, in the order of their figures."""
        return tuple(block.argument for block in self.blocks if block.kind == "lab")

    @property
    def text(self) -> str:
        """All of the Markdown."""
        return "\n\n".join(block.text for block in self.blocks)

    @property
    def words(self) -> int:
        """The number of words to read: captions and what is folded away left out, a formula is one."""
        read = " ".join(block.text for block in self.blocks if block.kind in ("text", "note"))
        return len(FORMULA.sub(" f ", RUN.sub("n", TERM.sub(r"\1", TRY.sub(r"\1", read)))).split())

    @property
    def minutes(self) -> int:
        """Reading time, without the labs."""
        return max(1, round(self.words / WORDS_PER_MINUTE))

    @property
    def citations(self) -> tuple[str, ...]:
        """The keys cited, each once, in the order of first mention."""
        return tuple(dict.fromkeys(key for marks in CITATION.findall(self.text) for key in keys(marks)))

    @property
    def terms(self) -> tuple[str, ...]:
        """The keys of the terms explained."""
        return tuple(dict.fromkeys(key for _, key in TERM.findall(self.text)))

    @property
    def claims(self) -> tuple[str, ...]:
        """The ids of the claims whose numbers the text prints, each once."""
        return tuple(dict.fromkeys(CLAIM.findall(self.text)))

    @property
    def readings(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """The numbers of runs that the text prints: by lab, each number's path and format, once."""
        found: dict[str, dict[tuple[str, str], None]] = {}
        for lab, path, form in RUN.findall(self.text):
            found.setdefault(lab, {})[path, form] = None
        return {lab: tuple(marks) for lab, marks in found.items()}


def keys(marks: str) -> list[str]:
    """The keys in “@one; @other”."""
    return [mark.removeprefix("@") for mark in marks.split("; ")]


def parse(source: str) -> Essay:
    """Read an essay's Markdown. Raises :class:`ValueError` for an unknown or unclosed block."""
    blocks: list[Block] = []
    pending: list[str] = []
    opened: tuple[str, str] | None = None

    def close(kind: str, argument: str) -> None:
        text = "\n".join(pending).strip()
        if text or kind != "text":
            blocks.append(Block(kind, argument, text))  # type: ignore[arg-type]
        pending.clear()

    for line in source.splitlines():
        if not line.startswith(":::"):
            pending.append(line)
        elif opened is not None and line.strip() == ":::":
            close(*opened)
            opened = None
        elif opened is None and line.strip() != ":::":
            close("text", "")
            kind, _, argument = line[3:].strip().partition(" ")
            if kind not in ("lab", "guess", "note", "fold"):
                raise ValueError(f"There is no block “{kind}”.")
            opened = (kind, argument.strip())
        else:
            raise ValueError(f"Blocks do not nest: {line!r}.")
    if opened is not None:
        raise ValueError(f"The block “{opened[0]}” is not closed.")
    close("text", "")
    return Essay(tuple(blocks))


@cache
def read(chapter: Chapter) -> Essay:
    """A chapter's essay."""
    return parse(chapter.essay.read_text("utf-8"))
