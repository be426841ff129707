"""The scripts of ``assets/`` on a page."""

import hashlib
from functools import lru_cache
from typing import Any

import streamlit as st

from core import book


def component(name: str, html: str) -> Any:
    """A component whose script is ``assets/NAME.js``: it exports ``draw(component)`` and ``leave(component)``."""
    return st.components.v2.component(name, html=html, js=_loader(name), isolate_styles=False)


@lru_cache
def _loader(name: str) -> str:
    version = hashlib.blake2s((book.ASSETS / f"{name}.js").read_bytes(), digest_size=5).hexdigest()
    # Streamlit sends a component's script with every message: this one only fetches the real one.
    return f"""
const loaded = import(new URL("assets/{name}.js?{version}", document.baseURI).href);
export default function (component) {{
  loaded.then((script) => script.draw(component));
  return () => loaded.then((script) => script.leave(component));
}}
"""
