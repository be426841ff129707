"""The page for teachers: a lab for a course's own page, and what to do with each chapter in class."""

from typing import Any

import streamlit as st

from core import book, essay, lessons
from core.lab import knobs
from core.ui import links, share

ABOUT = """
Any lab can stand in a page of your own course: the students see that lab alone, with the settings you choose, and
train nets in it. Nothing is installed, nobody logs in, and no personal data are kept.

Choose a lab, untick what your students should not see, and copy what your platform takes. To fix other settings,
set them in the chapter and copy the frame from *Share* there.
"""
PLATFORMS = {
    "Plain HTML": "Put this where the lab should stand.",
    "Moodle": "Edit a page or a label, press “</>” (HTML) in the editor, and paste this. If Moodle removes the frame, "
    "an administrator must allow iframes from this address.",
    "Canvas": "Edit a page, choose *View* and *HTML editor*, and paste this.",
    "Jupyter Book": "Paste this into a Markdown cell or file.",
}


def show() -> None:
    """Draw the page."""
    with st.container(key="prose-teach"):
        st.title("Teach", anchor=False)
        st.markdown(ABOUT)
        name = st.selectbox("Lab", _lab_names(), format_func=_title, key="teach:lab")
        slug, _, short = name.partition(".")
        lab = book.lab(name)
        hidden = _choose(lab.Params)
        page = _address(slug)
        frame = share.iframe(page, lab, short, lab.Params(), hidden)
        platform = st.segmented_control("Platform", tuple(PLATFORMS), default="Plain HTML", key="teach:platform")
        st.markdown(PLATFORMS[platform or "Plain HTML"])
        st.code(frame, language=None, wrap_lines=True)
        preview = st.toggle("Preview", key="teach:preview")
    if preview:
        with st.container(key="wide-preview"):
            address = links.address(page, short, lab.Params(), alone=True, hidden=hidden)
            st.iframe(address, height=share.height(lab, lab.Params(), hidden))
    with st.container(key="prose-lessons"):
        st.header("In class", anchor=False)
        st.markdown(lessons.ABOUT)
        for chapter in book.chapters():
            with st.expander(f"{chapter.number}. {chapter.title}"):
                _lesson(chapter)


def _lab_names() -> list[str]:
    """Every lab as ``chapter.name``, in the order of the figures."""
    return [f"{chapter.slug}.{name}" for chapter in book.chapters() for name in essay.read(chapter).labs]


def _title(name: str) -> str:
    slug, _, short = name.partition(".")
    chapter = next(chapter for chapter in book.chapters() if chapter.slug == slug)
    return f"{chapter.number}. {chapter.title}: {book.labs(slug)[short].title}"


def _choose(params: type[Any]) -> list[str]:
    """What the teacher has left out, in the words of ``hide``."""
    shown = st.pills(
        "What students see",
        tuple(links.PARTS),
        selection_mode="multi",
        default=tuple(links.PARTS),
        format_func=lambda part: links.PARTS[part],
        key=f"teach:parts:{params.__module__}",
    )
    hidden = [part for part in links.PARTS if part not in shown]
    if "settings" in hidden:
        return hidden
    settings = {knob.name: knob.label for knob in knobs(params).values()}
    offered = st.pills(
        "Which settings",
        tuple(settings),
        selection_mode="multi",
        default=tuple(settings),
        format_func=lambda name: settings[name],
        key=f"teach:settings:{params.__module__}",
    )
    return hidden + [name for name in settings if name not in offered]


def _address(slug: str) -> str:
    """The address of a chapter on this server, as the reader's browser knows it."""
    here = st.context.url or ""
    return f"{here.rsplit('/', 1)[0]}/{slug}" if here else slug


def _lesson(chapter: book.Chapter) -> None:
    """A chapter's lesson, and a sheet of answers to hand in."""
    lesson = lessons.read(chapter)
    st.markdown(lesson.text)
    st.markdown("**Answers to hand in.** They stay in this tab until you save them as a file.")
    answers = [
        st.text_area(f"{number}. {question}", key=f"answer:{chapter.slug}:{number}")
        for number, question in enumerate(lesson.questions, 1)
    ]
    st.download_button(
        "Save the answers",
        lessons.sheet(chapter, answers),
        f"{chapter.slug}-answers.md",
        "text/markdown",
        on_click="ignore",
        key=f"save:{chapter.slug}",
    )
