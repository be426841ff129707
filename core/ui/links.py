"""A page's state in its address: ``?fit.width=64&fit.noise=0.1``, settings that differ from their defaults."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.lab import Lab, knobs, plain, quote, read_settings, settings

FOREIGN = ("embed", "embed_options")
"""What Streamlit itself reads from an address."""


def read(labs: Mapping[str, Lab[Any]], query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Each lab's settings as the address has them, and one sentence for whatever cannot be read."""
    raw: dict[str, dict[str, object]] = {name: {} for name in labs}
    misses: list[str] = []
    for key, value in query.items():
        if key in FOREIGN:
            continue
        short, _, setting = key.partition(".")
        if short not in raw or not setting:
            misses.append(f"The link's {quote(key)} names nothing on this page.")
        else:
            raw[short][setting] = value
    found = {}
    for name, lab in labs.items():
        found[name], unread = read_settings(lab.Params, raw[name])
        misses += unread
    return found, misses


def write(lab: str, params: Any) -> None:
    """Put a lab's settings into the address, the defaults left out."""
    before = st.query_params.to_dict()
    kept = {key: value for key, value in before.items() if not key.startswith(f"{lab}.")}
    defaults = knobs(type(params))
    own = {f"{lab}.{name}": plain(value) for name, value in settings(params).items() if value != defaults[name].default}
    if kept | own != before:
        st.query_params.from_dict(kept | own)
