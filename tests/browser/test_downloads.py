"""The files under a lab, pressed in the browser and opened: one lab of each chapter."""

import ast
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core import book, essay, stored, tables
from core.book import Chapter
from tests.browser.lab import open_lab
from tests.browser.server import Server

pytestmark = pytest.mark.browser

FIRST, *REST = book.chapters()
CASES = [FIRST, *(pytest.param(chapter, marks=pytest.mark.slow) for chapter in REST)]


@pytest.mark.parametrize("chapter", CASES, ids=lambda chapter: chapter.slug)
def test_every_file_opens_and_holds_the_run(page: Page, server: Server, tmp_path: Path, chapter: Chapter) -> None:
    name = essay.read(chapter).labs[0]
    lab = open_lab(page, f"{server.url}/{chapter.slug}", name)
    lab.area.get_by_role("button", name="Download").click()
    buttons = page.locator("[data-testid=stPopoverBody] [data-testid=stDownloadButton] button")
    expect(buttons).to_have_count(6)
    files = {}
    for button in buttons.all():
        with page.expect_download() as download:
            button.click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert file.stem == f"{chapter.slug}.{name}"
        files[file.suffix] = file
    assert set(files) == {".csv", ".parquet", ".svg", ".png", ".py", ".ipynb"}

    frames = stored.load(f"{chapter.slug}.{name}")
    assert frames is not None
    lab_itself = book.lab(f"{chapter.slug}.{name}")
    rows = lab_itself.rows(lab_itself.Params())
    for ending, curves, read in ((".csv", False, pd.read_csv), (".parquet", True, pd.read_parquet)):
        run = tables.frames_table(frames, rows, curves)
        assert len(run) >= len(frames)
        # A spreadsheet's number is the shortest that is still this one in the run's own precision.
        pd.testing.assert_frame_equal(read(files[ending]).astype(run.dtypes), run, rtol=1e-9, atol=0)

    drawing = ElementTree.fromstring(files[".svg"].read_text("utf-8"))
    marks = [element for element in drawing.iter() if element.tag.endswith(("path", "text"))]
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg" and len(marks) > 20
    with Image.open(files[".png"]) as picture:
        colours = picture.convert("RGB").getcolors(maxcolors=2**24)
        assert picture.width >= 1280 and colours is not None and len(colours) > 50
    ast.parse(files[".py"].read_text("utf-8"))
    notebook = json.loads(files[".ipynb"].read_text("utf-8"))
    assert notebook["nbformat"] == 4 and any(cell["cell_type"] == "code" for cell in notebook["cells"])
