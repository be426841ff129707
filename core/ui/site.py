"""The script behind every page: the look, the list of pages, and the page asked for."""

import streamlit as st

from core import book
from core.ui import home

st.set_page_config(layout="wide", initial_sidebar_state="collapsed")
st.html(book.ASSETS / "style.css")
pages = [
    st.Page(home.show, title="Why Deep Learning Works", url_path="contents", default=True),
    *(st.Page(chapter.page, title=chapter.title, url_path=chapter.slug) for chapter in book.chapters()),
]
st.navigation(pages, position="hidden").run()
