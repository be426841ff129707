"""Ten thousand links that nobody wrote: each is read, and what cannot be read gets a sentence."""

import random

import pytest
from streamlit.testing.v1 import AppTest

from core import book
from core.engine.inline import InlineEngine
from core.lab import knobs
from core.ui import links, panel, server
from tests.fuzz import nonsense


@pytest.mark.parametrize("number", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_any_link_is_read(number: int) -> None:
    source = random.Random(number)
    for _ in range(number):
        labs = book.labs(source.choice(book.chapters()).slug)
        query = nonsense.link(source)
        found, misses = links.read(labs, query)
        view, unseen = links.view(labs, query)
        assert view.lab in ("", *labs) and set(found) == set(labs)
        assert all(miss.endswith(".") and "\n" not in miss and len(miss) < 400 for miss in misses + unseen)
        for params in found.values():
            assert all(knob.read(getattr(params, name)) is not None for name, knob in knobs(type(params)).items())


@pytest.mark.parametrize("number", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_any_link_draws_its_page(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = InlineEngine()
    monkeypatch.setattr(panel, "engine", lambda: engine)
    source = random.Random(number)
    for _ in range(number):
        chapter = source.choice(book.chapters())
        app = AppTest.from_file(str(server.SITE), default_timeout=60)
        for name, value in nonsense.link(source).items():
            app.query_params[name] = value
        app.run().switch_page(str(chapter.page)).run()
        assert not app.exception and [title.value for title in app.title] in ([chapter.title], [])
