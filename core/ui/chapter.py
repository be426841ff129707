"""A chapter's page: its essay, block by block, with the labs between."""

import streamlit as st

from core import book, essay
from core.ui import home, labs, links, prose


def show(slug: str) -> None:
    """Draw the chapter called ``slug``."""
    chapters = book.chapters()
    index = next(i for i, chapter in enumerate(chapters) if chapter.slug == slug)
    chapter = chapters[index]
    text = essay.read(chapter)
    # A link is read once, when a reader arrives; from then on the page writes the address, and never reads it.
    if f"{slug}:read" not in st.session_state:
        found, misses = links.read(book.labs(slug), st.query_params.to_dict())
        labs.open_panels(slug, found)
        st.session_state[f"{slug}:read"] = misses
    with st.container(key="prose-head"):
        _contents_link("Why Deep Learning Works")
        st.title(chapter.title, anchor=False)
        reading, trying = counted(text.minutes, "minute"), counted(len(text.labs), "lab")
        st.markdown(f"*Chapter {chapter.number}. {reading} to read, {trying} to try.*")
        prose.says(st.session_state[f"{slug}:read"], "miss")
    figures = {name: number for number, name in enumerate(text.labs, 1)}
    for position, block in enumerate(text.blocks):
        if block.kind == "lab":
            with st.container(key=f"lab-{block.argument}"):
                labs.show(slug, block.argument, figures[block.argument], prose.ready(chapter, block.text))
            continue
        with st.container(key=f"{'note' if block.kind == 'note' else 'prose'}-{position}"):
            if block.kind == "guess":
                labs.guess(slug, block.argument)
            elif block.kind == "fold":
                with st.expander(block.argument):
                    prose.prose(chapter, block.text)
            else:
                prose.prose(chapter, block.text)
    with st.container(key="prose-foot"):
        st.header("References", anchor=False)
        prose.references(text)
        before, after = st.columns(2)
        with before:
            if index > 0:
                st.page_link(chapters[index - 1].page, label=f"← {chapters[index - 1].title}")
            else:
                _contents_link("← Contents")
        with after:
            if index + 1 < len(chapters):
                st.page_link(chapters[index + 1].page, label=f"{chapters[index + 1].title} →")


def counted(number: int, noun: str) -> str:
    """“1 lab”, “4 labs”."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _contents_link(label: str) -> None:
    st.page_link(st.Page(home.show, url_path="contents", default=True), label=label)
