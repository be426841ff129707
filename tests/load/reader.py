"""One reader of a chapter, as a server meets it: Streamlit's own messages, and the questions of ``assets/lab.js``."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ContextInfo
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX

FRAMES_A_SECOND = 15
QUEUED_INTERVAL = 2.0
TELL_AGAIN = 1.0
LONGEST_WAIT = 60.0
"""Seconds after which a reader gives up on what the server should send."""


@dataclass
class Visit:
    """What one reader saw: times in seconds, and words of the server that no reader should have to read."""

    text: float = 0.0
    first_frames: list[float] = field(default_factory=list)
    """From each click on Run to the first new frame, without the time in the queue."""
    trained_frames: list[float] = field(default_factory=list)
    """The same, to the first frame after a training step."""
    frames: int = 0
    watched: float = 0.0
    """Seconds of runs from their first frame on."""
    questions: int = 0
    received: int = 0
    reruns: int = 0
    places: list[list[int]] = field(default_factory=list)
    """For each time in the queue, the places shown."""
    queued: list[float] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Page:
    """A chapter in a tab: its web socket, and what it has been sent."""

    def __init__(self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, url: str, path: str):
        self.http, self.url = http, url
        self.figures: dict[str, dict[str, Any]] = {}
        """What each lab's figure was mounted with."""
        self.changed = asyncio.Event()
        self.texts = 0
        self.finished = 0
        self.errors: list[str] = []
        self._socket = socket
        self._page_hash = ""
        self._slug, _, self._query = path.partition("?")
        self._figure_ids: dict[str, tuple[str, str]] = {}
        self._sliders: dict[str, Element] = {}

    async def listen(self) -> None:
        """Take in what the server sends until it ends."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                forward = ForwardMsg()
                forward.ParseFromString(message.data)
                self._take(forward)
                self.changed.set()

    def _take(self, forward: ForwardMsg) -> None:
        kind = forward.WhichOneof("type")
        if kind == "script_finished":
            self.finished += 1
        elif kind == "navigation":
            self._page_hash = forward.navigation.page_script_hash
        elif kind == "delta" and forward.delta.WhichOneof("type") == "new_element":
            element, fragment = forward.delta.new_element, forward.delta.fragment_id
            shape = element.WhichOneof("type")
            if shape == "markdown":
                self.texts += 1
            elif shape == "exception":
                self.errors.append(element.exception.message)
            elif shape == "slider":
                # An id ends with the key of the widget: “fit.learning_rate.0”, of which the last counts its versions.
                self._sliders[element.slider.id.rpartition("-")[2].rpartition(".")[0]] = element
            elif shape == "bidi_component" and element.bidi_component.json:
                data = json.loads(element.bidi_component.json)
                if isinstance(data, dict) and "token" in data:
                    self.figures[data["lab"]] = data
                    self._figure_ids[data["lab"]] = element.bidi_component.id, fragment

    def ran_since(self, finished: int) -> bool:
        """Whether the page has run again since so many runs had ended."""
        return self.finished > finished

    async def until(self, condition: Any, what: str) -> None:
        """Wait until ``condition()`` holds of what has been sent."""
        deadline = time.monotonic() + LONGEST_WAIT
        while not condition():
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), deadline - time.monotonic())
            except TimeoutError:
                raise TimeoutError(f"waited {LONGEST_WAIT:g} s in vain for {what}") from None

    async def rerun(self, *widgets: WidgetState, fragment: str = "") -> None:
        """Have the page, or a fragment of it, run again with widgets as they stand now."""
        message = BackMsg()
        message.rerun_script.page_name = "" if self._page_hash else self._slug
        message.rerun_script.page_script_hash = self._page_hash
        message.rerun_script.query_string = self._query
        message.rerun_script.fragment_id = fragment
        message.rerun_script.context_info.CopyFrom(ContextInfo(timezone="UTC", locale="en-GB", url=self.url))
        message.rerun_script.widget_states.widgets.extend(widgets)
        await self._socket.send_bytes(message.SerializeToString())

    async def move_slider(self, lab: str, setting: str, stop: int) -> None:
        """Move one of a lab's sliders, the first where that setting has none, to its ``stop``-th place."""
        own = {key: element for key, element in self._sliders.items() if key.startswith(f"{lab}.")}
        slider = own.get(f"{lab}.{setting}", next(iter(own.values()))).slider
        fragment = self._figure_ids[lab][1]
        state = WidgetState(id=slider.id)
        if slider.options:
            state.string_array_value.data.append(slider.options[stop % len(slider.options)])
        else:
            places = int((slider.max - slider.min) / slider.step)
            state.double_array_value.data.append(slider.min + slider.step * (stop % places))
        await self.rerun(state, fragment=fragment)

    async def tell(self, lab: str) -> None:
        """What a figure tells the page: its text is out of date."""
        id, fragment = self._figure_ids[lab]
        trigger = WidgetState(id=f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{id}__events")
        trigger.json_trigger_value = json.dumps([{"event": "moved", "value": True}])
        await self.rerun(trigger, fragment=fragment)

    async def leave(self) -> None:
        """Close the tab."""
        await self._socket.close()


@contextlib.asynccontextmanager
async def open_page(http: aiohttp.ClientSession, url: str, path: str) -> AsyncIterator[Page]:
    """Go to a page, as far as asking for its content, and close it at the end."""
    async with http.get(f"{url}/{path}") as document:
        document.raise_for_status()
        await document.read()
    stream = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
    async with http.ws_connect(stream, protocols=("streamlit",), origin=url, max_msg_size=0) as socket:
        page = Page(http, socket, url, path)
        listening = asyncio.create_task(page.listen())
        try:
            await page.rerun()
            yield page
        finally:
            await page.leave()
            listening.cancel()


class Figure:
    """A lab's figure: it asks for frames at the pace of ``assets/lab.js``."""

    def __init__(self, page: Page, lab: str, visit: Visit) -> None:
        self.page, self.lab, self.visit = page, lab, visit
        self.data: dict[str, Any] = {}
        self._held: dict[str, str] = {}
        self._due = 0.0
        self._told = 0.0

    async def ask(self, frame: int | None, act: str = "") -> None:
        """Ask for a frame, after an act if one is named."""
        question = {"frame": frame, "act": {"do": act} if act else None, "held": list(self._held.values())}
        token = self.page.figures[self.lab]["token"]
        async with self.page.http.post(f"{self.page.url}/frames/{token}", data=json.dumps(question)) as answer:
            body = await answer.read()
            answer.raise_for_status()
        self.visit.questions += 1
        self.visit.received += len(body)
        self.data = json.loads(body)
        self._held = self.data["parts"]
        if self.data["moved"] and time.monotonic() - self._told > TELL_AGAIN:
            self._told = time.monotonic()
            self.visit.reruns += 1
            await self.page.tell(self.lab)

    async def _pace(self) -> None:
        now = time.monotonic()
        at_end = self.data["frame"] >= self.data["drawn"] - 1
        queued = self.data["place"] and (self.data["waiting"] or at_end)
        interval = QUEUED_INTERVAL if queued else 1 / FRAMES_A_SECOND
        self._due = min(max(self._due + interval, now), now + interval)
        await asyncio.sleep(self._due - now)

    async def run(self, until: float) -> None:
        """Click Run and watch to the end of the run, or until a moment."""
        clicked = time.monotonic()
        await self.ask(0, "run")
        if self.data["refused"]:
            self.visit.refusals.append(self.data["note"])
            await asyncio.sleep(1.0)
            return
        first = await self._first_frame(clicked, until)
        if first is None:
            return
        trained = False
        while (self.data["open"] or self.data["frame"] < self.data["drawn"] - 1) and time.monotonic() < until:
            await self._pace()
            wanted = self.data["frame"] + 1
            await self.ask(wanted)
            while self.data["waiting"] and self.data["open"] and time.monotonic() < until:
                await self._pace()
                await self.ask(wanted)
            if self.data["frame"] == wanted:
                self.visit.frames += 1
                if not trained and self.data["step"] > 0:
                    self.visit.trained_frames.append(time.monotonic() - first + self.visit.first_frames[-1])
                    trained = True
            elif self.data["note"] and not self.data["waiting"]:
                self.visit.errors.append(self.data["note"])
                return
        self.visit.watched += time.monotonic() - first

    async def _first_frame(self, clicked: float, until: float) -> float | None:
        """Wait for a run's first frame, and return when it came."""
        places: list[int] = []
        while not self.data["drawn"] or self.data["stored"]:
            if not self.data["open"]:
                self.visit.errors.append(self.data["note"])
                return None
            if time.monotonic() > until:
                break
            if self.data["place"]:
                places.append(self.data["place"])
                let_in = time.monotonic()
            await self._pace()
            await self.ask(0 if self.data["waiting"] else self.data["frame"] + 1)
        now = time.monotonic()
        if places:
            self.visit.places.append(places)
            self.visit.queued.append(let_in - clicked)
            clicked = let_in
        if self.data["drawn"] and not self.data["stored"]:
            self.visit.first_frames.append(now - clicked)
            self.visit.frames += 1
            return now
        return None


async def read(url: str, slug: str, lab: str, seconds: float, number: int, change: str) -> Visit:
    """Visit a chapter for so long: run a lab, move a slider at half time, run again, leave."""
    visit = Visit()
    begun = time.monotonic()
    end = begun + seconds
    timeout = aiohttp.ClientTimeout(total=LONGEST_WAIT)
    try:
        # The server closes a connection that is idle for five seconds; a browser knows how to ask again.
        connector = aiohttp.TCPConnector(keepalive_timeout=3)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as http,
            open_page(http, url, slug) as page,
        ):
            await page.until(lambda: page.texts, "the text")
            visit.text = time.monotonic() - begun
            await page.until(lambda: lab in page.figures, f"the figure of {lab}")
            figure = Figure(page, lab, visit)
            await figure.ask(None)
            await page.until(lambda: page.finished, "the end of the page")
            moved = False
            while time.monotonic() < end:
                await figure.run(end if moved else min(end, begun + seconds / 2))
                if not moved and time.monotonic() >= begun + seconds / 2:
                    moved = True
                    finished = page.finished
                    await page.move_slider(lab, change, number)
                    visit.reruns += 1
                    await page.until(partial(page.ran_since, finished), "the end of a rerun")
                    await figure.ask(None)
            visit.errors += page.errors
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        visit.errors.append(f"{type(error).__name__}: {error}")
    return visit
