"""A page's state in its address: ``?fit.width=64&fit.noise=0.1``, settings that differ from their defaults.

``lab=fit`` shows that lab alone, ``hide=settings,data`` leaves some of it out, ``v=1`` is the version of all this.
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core.lab import Lab, knobs, plain, quote, read_settings, settings

FOREIGN = ("embed", "embed_options")
"""What Streamlit itself reads from an address."""
VERSION = "1"
OWN = ("lab", "hide", "v")
PARTS = {
    "settings": "All settings",
    "more": "“More settings”",
    "sentence": "The sentence under the figure",
    "guess": "The curve to draw before the run, where there is one",
    "buttons": "New seed, new data, pin, every seed",
    "caption": "The caption",
    "data": "Table, files and Share",
}
"""What ``hide`` may name of a lab, beside its settings, and how a reader calls it."""


@dataclass(frozen=True)
class View:
    """What of a page is shown: one ``lab`` alone, or all of it; and what is ``hidden`` of that lab."""

    lab: str = ""
    hidden: frozenset[str] = frozenset()


def view(labs: Mapping[str, Lab[Any]], query: Mapping[str, str]) -> tuple[View, list[str]]:
    """What of a page the address asks for, and one sentence for whatever cannot be read."""
    misses: list[str] = []
    lab = query.get("lab", "")
    if lab and lab not in labs:
        misses.append(f"There is no lab {quote(lab)} on this page: all of it is shown.")
        lab = ""
    known = {*PARTS, *(knobs(labs[lab].Params) if lab else ())}
    asked = [part.strip() for part in query.get("hide", "").split(",") if part.strip()] if lab else []
    misses += [
        f"The link hides {quote(part)}, which {labs[lab].title!r} does not have." for part in asked if part not in known
    ]
    if query.get("v", VERSION) != VERSION:
        misses.append(f"The link is of version {quote(query['v'])}; this page reads version {VERSION}.")
    return View(lab, frozenset(asked) & frozenset(known)), misses


def address(page: str, lab: str, params: Any, *, alone: bool = False, hidden: Iterable[str] = ()) -> str:
    """The address of ``page`` with a lab's settings; ``alone`` as an iframe shows it, without what is ``hidden``."""
    query = {"embed": "true", "lab": lab} if alone else {}
    if alone and hidden:
        query["hide"] = ",".join(hidden)
    return f"{page}?{urlencode(query | _differing(lab, params) | {'v': VERSION}, safe=',')}"


def _differing(lab: str, params: Any) -> dict[str, str]:
    defaults = knobs(type(params))
    return {f"{lab}.{name}": plain(v) for name, v in settings(params).items() if v != defaults[name].default}


def read(labs: Mapping[str, Lab[Any]], query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Each lab's settings as the address has them, and one sentence for whatever cannot be read."""
    raw: dict[str, dict[str, object]] = {name: {} for name in labs}
    misses: list[str] = []
    for key, value in query.items():
        if key in FOREIGN + OWN:
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


def write(labs: Mapping[str, Any]) -> None:
    """Put the settings of all a page's labs into the address, the defaults left out.

    All of them, as a browser that asks twice in quick succession has not yet heard what the first has changed.
    """
    before = st.query_params.to_dict()
    kept = {key: value for key, value in before.items() if key.partition(".")[0] not in labs}
    own = [_differing(lab, params) for lab, params in labs.items()]
    now = dict(ChainMap(*own, kept))
    if now != before:
        st.query_params.from_dict(now)
