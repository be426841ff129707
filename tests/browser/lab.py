"""A lab on a page, with the words of a reader."""

import re
from typing import Any

from playwright.sync_api import Page, expect

ANY_NUMBER = re.compile(r"^\d+$")


class LabPanel:
    """The lab called ``name`` on ``page``."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.area = page.locator(f".st-key-lab-{name}")
        self.figure = self.area.locator(".wd-lab")
        self.sentence = self.figure.locator(".wd-sentence")
        self.note = self.figure.locator(".wd-note")
        self.scrub = self.figure.locator(".wd-scrub")

    def button(self, name: str) -> Any:
        """A button of the figure by its class, so that its changing label does not matter."""
        return self.figure.locator(f".wd-{name}")

    def drawn(self) -> "LabPanel":
        """Wait until a frame has been drawn."""
        expect(self.figure).to_have_attribute("data-drawn", ANY_NUMBER, timeout=60_000)
        return self

    @property
    def step(self) -> int:
        """The optimiser step of the frame in sight."""
        return int(self.figure.get_attribute("data-step") or -1)

    @property
    def embeds(self) -> int:
        """How often the figure was built since this element was made."""
        return int(self.figure.get_attribute("data-embeds") or 0)

    def expect_step(self, test: str, seconds: float = 90) -> None:
        """Wait until ``test``, of the step ``s`` in JavaScript, holds."""
        handle = self.figure.element_handle()
        self.page.wait_for_function(
            f"element => {{ const s = Number(element.dataset.step); return {test}; }}",
            arg=handle,
            timeout=seconds * 1000,
        )

    def expect_settings(self, **settings: str) -> None:
        """Wait until the page's address holds exactly these settings, each ``lab__name="value"``."""
        wanted = {name.replace("__", "."): value for name, value in settings.items()}
        self.page.wait_for_function(
            """wanted => {
                const found = Object.fromEntries(new URLSearchParams(location.search));
                const ordered = (object) => JSON.stringify(Object.entries(object).sort());
                return ordered(found) === ordered(wanted);
            }""",
            arg=wanted,
        )


def open_lab(page: Page, url: str, name: str = "fit") -> LabPanel:
    """Go to ``url`` and wait for the lab's first drawing."""
    page.goto(url)
    lab = LabPanel(page, name)
    lab.drawn().figure.scroll_into_view_if_needed()  # Only then: what is drawn above it moves it.
    return lab
