"""Lesson plans, read from ``pages/NN_slug.lesson.md``: what to ask, what to do, what to expect.

The questions to be answered in writing are the numbered list under the heading “Questions”.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from core.book import Chapter

ABOUT = """
Each plan is for some 45 minutes with a class that has seen a neural net before. The questions are for before and after;
the tasks have an end that a group can reach and show; what to expect is there to be checked, too.
"""
QUESTION = re.compile(r"^\d+\. (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Lesson:
    """A plan as Markdown, and its questions."""

    text: str
    questions: tuple[str, ...]


@cache
def read(chapter: Chapter) -> Lesson:
    """A chapter's plan. Raises :class:`ValueError` if it has no questions."""
    text = chapter.essay.with_suffix(".lesson.md").read_text("utf-8")
    _, heading, rest = text.partition("#### Questions\n")
    questions = QUESTION.findall(rest.partition("####")[0])
    if not heading or not questions:
        raise ValueError(f"{chapter.slug}: the lesson has no questions.")
    return Lesson(text, tuple(questions))


def sheet(chapter: Chapter, answers: Sequence[str]) -> str:
    """The answers as a Markdown file to hand in."""
    lines = [f"# {chapter.title}", "", "Name:", ""]
    for question, answer in zip(read(chapter).questions, answers, strict=True):
        lines += [f"## {question}", "", answer.strip() or "(no answer)", ""]
    return "\n".join(lines)
