"""The look of the main pages beside pictures kept in ``pictures/``: where things stand, and how light it is there.

Letters differ from machine to machine, so that a picture is made of large blocks only, 16 pixels each, and a block is
compared with the best of those near it. After a change that was meant, make the pictures again and look at them:
``RENEW_PICTURES=1 python -m pytest tests/browser/test_pictures.py``.
"""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from core.lab import Array
from tests.browser.lab import LabPanel
from tests.browser.server import Server

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).parent / "pictures"
BLOCK = 16
SHIFT = 2
"""Blocks by which a part may have moved: lines of text break elsewhere in another font."""
UNLIKE = 40
"""Levels of 255 by which a block that has no like nearby must differ."""
MOST_UNLIKE = 0.04
"""The share of such blocks that is let pass."""

VIEWS = {
    "home": ("", 1280, "light"),
    "home-phone-dark": ("", 390, "dark"),
    "lab": ("sine_fits?embed=true&lab=fit", 1280, "light"),
    "lab-phone-dark": ("sine_fits?embed=true&lab=fit", 390, "dark"),
    "maps-dark": ("saddle_counts?embed=true&lab=critical_points", 1280, "dark"),
}


def _open(browser: Browser, server: Server, name: str) -> Page:
    path, width, scheme = VIEWS[name]
    context = browser.new_context(
        viewport={"width": width, "height": 1100},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"{server.url}/{path}")
    LabPanel(page, path.rpartition("=")[2] or "fit").drawn()
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(1000)
    return page


def _blocks(page: Page) -> Array:
    """The page's lightness in blocks."""
    with Image.open(io.BytesIO(page.screenshot(animations="disabled"))) as picture:
        grey = picture.convert("L")
        size = (grey.width // BLOCK, grey.height // BLOCK)
        return np.asarray(grey.resize(size, Image.Resampling.BOX), float)


def _unlike(seen: Array, kept: Array) -> float:
    """The share of blocks that have no like near their place in the other picture."""
    rows, columns = seen.shape
    padded = np.pad(kept, SHIFT, mode="edge")
    near = np.stack(
        [
            padded[down : down + rows, right : right + columns]
            for down in range(2 * SHIFT + 1)
            for right in range(2 * SHIFT + 1)
        ]
    )
    # Between the lightest and the darkest nearby, all is alike.
    away = np.maximum(near.min(axis=0) - seen, seen - near.max(axis=0))
    return float((away > UNLIKE).mean())


@pytest.mark.parametrize("name", VIEWS)
def test_page_looks_as_it_did(browser: Browser, server: Server, name: str) -> None:
    page = _open(browser, server, name)
    seen = _blocks(page)
    file = PICTURES / f"{name}.png"
    if os.environ.get("RENEW_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        Image.fromarray(seen.round().astype(np.uint8)).save(file, optimize=True)
    with Image.open(file) as picture:
        kept = np.asarray(picture, float)
    page.context.close()
    assert seen.shape == kept.shape
    assert max(_unlike(seen, kept), _unlike(kept, seen)) <= MOST_UNLIKE


DAMAGE = {
    "home": "main h1, main p { display: none }",
    "lab": "canvas { visibility: hidden }",
    "maps-dark": ".stApp { background: white !important }",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_page_that_looks_otherwise_is_noticed(browser: Browser, server: Server, name: str) -> None:
    page = _open(browser, server, name)
    page.add_style_tag(content=DAMAGE[name])
    seen = _blocks(page)
    page.context.close()
    with Image.open(PICTURES / f"{name}.png") as picture:
        kept = np.asarray(picture, float)
    assert max(_unlike(seen, kept), _unlike(kept, seen)) > MOST_UNLIKE
