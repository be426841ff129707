"""How to cite a page, under what licence it is, when it last changed, and where to report an error."""

import datetime
import os
import subprocess
from functools import cache
from pathlib import Path

import streamlit as st

from core import book
from core.book import Chapter

REPORTS = "WDLW_REPORTS"
"""The environment variable in which a host names the address where errors are reported."""


def show(chapter: Chapter) -> None:
    """Draw the foot of a chapter."""
    changed, address = last_change(chapter.essay), st.context.url or chapter.slug
    st.header("Citing, licence, errors", anchor=False)
    st.code(bibtex(chapter, changed.year, address), language=None, wrap_lines=True)
    st.markdown(
        "Text and figures: [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/). Code: Apache 2.0. "
        f"Last changed on {changed.day} {changed:%B %Y}. {reports()}"
    )


def bibtex(chapter: Chapter, year: int, address: str) -> str:
    """The chapter as a BibTeX entry."""
    return (
        f"@misc{{why_deep_learning_works_{chapter.slug},\n"
        f"  title = {{{chapter.title}}},\n"
        "  author = {{The authors of Why Deep Learning Works}},\n"
        "  howpublished = {Why Deep Learning Works, an explorable essay},\n"
        f"  year = {{{year}}},\n"
        f"  url = {{{address}}}\n}}"
    )


def reports() -> str:
    """Where an error is reported: to the host's address, if there is one."""
    address = os.environ.get(REPORTS, "").strip()
    if address.startswith(("https://", "http://", "mailto:")):
        return f"Found an error? [Report it]({address}), with this page's address: it holds the settings of its labs."
    return "Found an error? Tell whoever runs this server, with this page's address: it holds the settings of its labs."


@cache
def last_change(file: Path) -> datetime.date:
    """The day of the last commit that changed ``file``, or, without Git, of the file itself."""
    command = ["git", "log", "-1", "--format=%cs", "--", str(file)]
    try:
        found = subprocess.run(command, cwd=book.ROOT, capture_output=True, text=True, timeout=5, check=True)
        return datetime.date.fromisoformat(found.stdout.strip())
    except (OSError, subprocess.SubprocessError, ValueError):
        return datetime.date.fromtimestamp(file.stat().st_mtime)
