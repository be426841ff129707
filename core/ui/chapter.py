"""A chapter's page: its essay, block by block, with the labs between."""

import html

import streamlit as st

from core import book, essay
from core.book import Chapter
from core.ui import colophon, home, labs, links, prose


def show(slug: str) -> None:
    """Draw the chapter called ``slug``."""
    chapters = book.chapters()
    index = next(i for i, chapter in enumerate(chapters) if chapter.slug == slug)
    chapter = chapters[index]
    text = essay.read(chapter)
    # A link is read once, when a reader arrives; from then on the page writes the address, and never reads it.
    if f"{slug}:read" not in st.session_state:
        query = st.query_params.to_dict()
        found, misses = links.read(book.labs(slug), query)
        view, unseen = links.view(book.labs(slug), query)
        labs.open_panels(slug, found)
        st.session_state[f"{slug}:read"] = unseen + misses
        st.session_state[f"{slug}:view"] = view
    figures = {name: number for number, name in enumerate(text.labs, 1)}
    view = st.session_state[f"{slug}:view"]
    if view.lab:
        _alone(chapter, view, figures[view.lab])
        return
    with st.container(key="prose-head"):
        st.title(chapter.title, anchor=False)
        reading, trying = counted(text.minutes, "minute"), counted(len(text.labs), "lab")
        st.markdown(f"*Chapter {chapter.number}. {reading} to read, {trying} to try.*")
        prose.says(st.session_state[f"{slug}:read"], "miss")
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
        colophon.show(chapter)
        before, after = st.columns(2)
        with before:
            if index > 0:
                st.page_link(chapters[index - 1].page, label=f"← {chapters[index - 1].title}")
            else:
                _contents_link("← Contents")
        with after:
            if index + 1 < len(chapters):
                st.page_link(chapters[index + 1].page, label=f"{chapters[index + 1].title} →")


def _alone(chapter: Chapter, view: links.View, number: int) -> None:
    """One lab without its essay, as an iframe shows it."""
    caption = next(
        block.text for block in essay.read(chapter).blocks if (block.kind, block.argument) == ("lab", view.lab)
    )
    with st.container(key=f"lab-{view.lab}"):
        prose.says(st.session_state[f"{chapter.slug}:read"], "miss")
        labs.show(chapter.slug, view.lab, number, prose.ready(chapter, caption), view.hidden)
        st.html(
            f"<p class='wd-origin'>From <a href='{chapter.slug}' target='_blank'>{html.escape(chapter.title)}</a>, a "
            "chapter of <em>Why Deep Learning Works</em>. CC BY 4.0.</p>"
        )


def counted(number: int, noun: str) -> str:
    """“1 lab”, “4 labs”."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _contents_link(label: str) -> None:
    st.page_link(st.Page(home.show, url_path="contents", default=True), label=label)
