"""Nonsense to be sent to a server: random, but the same for the same seed."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg

from core import book
from core.lab import knobs

SETTINGS = [f"{name.partition('.')[2]}.{knob}" for name in book.lab_names() for knob in knobs(book.lab(name).Params)]
WORDS = [
    "", "0", "-1", "1e308", "1e-320", "nan", "inf", "-inf", "0x10", "1_000", "true", "None", "[]", "{}", "1,2;3,4", "é",
    "\u202e", "\x00", "\r\n", "%00", "../../etc/passwd", "__import__('os')", "<script>alert(1)</script>", "'; --",
    "\uff19",
    "1" * 400, "9" * 5000, "()" * 200, "lab", "hide", "v", "embed", "fit", "settings,data", ";".join(["0,0"] * 3000),
]  # fmt: skip
WHOLE = (
    FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SINT32,
    FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64,
)  # fmt: skip
ROUTES = [
    "/", "/sine_fits", "/contents", "/teach", "/frames/x", "/claims/x", "/claims/sine_fits.nothing", "/assets/",
    "/assets/..%2fpyproject.toml", "/_stcore/health", "/_stcore/upload_file/a/b", "/_stcore/agent/mcp", "/media/x",
    "/component/x/y", "/_stcore/bidi-components/x/y", "/status", "/healthz", "/readyz", "//evil.example/", "/static/x",
]  # fmt: skip


def text(source: random.Random) -> str:
    """A word of :data:`WORDS`, or random characters."""
    if source.random() < 0.6:
        return source.choice(WORDS)
    letters = (chr(source.choice([source.randrange(32, 127), source.randrange(0x11000)])) for _ in range(40))
    return "".join(letter for letter in letters if not 0xD800 <= ord(letter) < 0xE000)[: source.randrange(41)]


def link(source: random.Random, settings: Sequence[str] = SETTINGS) -> dict[str, str]:
    """A page's query: settings that exist, or nearly, with values that may."""
    keys = [source.choice(settings) if source.random() < 0.7 else text(source) for _ in range(source.randrange(6))]
    return {
        key: str(source.uniform(-100, 100)) if source.random() < 0.3 else text(source) for key in keys if key != "embed"
    }


def value(source: random.Random, depth: int = 0) -> Any:
    """Something that JSON can say."""
    kinds: list[Callable[[], Any]] = [
        lambda: None,
        lambda: source.random() < 0.5,
        lambda: source.choice([0, 1, -1, 2**63, -(10**30), 3.5, 1e308]),
        lambda: text(source),
    ]
    if depth < 3:
        kinds.append(lambda: [value(source, depth + 1) for _ in range(source.randrange(4))])
        kinds.append(lambda: {text(source): value(source, depth + 1) for _ in range(source.randrange(4))})
    return source.choice(kinds)()


def question(source: random.Random) -> bytes:
    """What no figure would ask of ``/frames``."""
    if source.random() < 0.2:
        return source.randbytes(source.choice([0, 1, 10, 1000, 70_000]))
    acts = ["run", "seed", "data_seed", "set", "draw", "pin", "every", "no such act"]
    changes = {setting.partition(".")[2]: value(source) for setting in source.sample(SETTINGS, 3)}
    act = {"do": source.choice(acts), "settings": changes if source.random() < 0.7 else value(source)}
    ask = {
        "frame": source.choice([0, 1, 5, -7, 10**12, value(source)]),
        "held": source.choice([[], ["a", "b"], value(source)]),
        "act": act if source.random() < 0.8 else value(source),
    }
    return json.dumps({key: said for key, said in ask.items() if source.random() < 0.8}).encode()


def fill(message: Message, source: random.Random, widgets: Sequence[str], depth: int = 0) -> None:
    """Set random fields of a message to random values; the ids of widgets are such as exist, mostly."""
    for field in message.DESCRIPTOR.fields:
        if source.random() < 0.5 or depth > 4:
            continue
        if field.message_type is not None:
            several = getattr(message, field.name)
            inner = [several.add() for _ in range(source.randrange(4))] if field.is_repeated else [several]
            for part in inner:
                if not field.is_repeated:
                    part.SetInParent()
                fill(part, source, widgets, depth + 1)
            continue
        if field.name == "id" and widgets and source.random() < 0.8:
            message.id = source.choice(widgets)
            continue
        if field.type == FieldDescriptor.TYPE_STRING:
            some: Any = text(source)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            some = source.randbytes(source.randrange(200))
        elif field.type == FieldDescriptor.TYPE_BOOL:
            some = source.random() < 0.5
        elif field.type in WHOLE:
            some = source.choice([0, 1, 7, 2**31 - 1])
        elif field.type == FieldDescriptor.TYPE_ENUM:
            some = field.enum_type.values[0].number
        else:
            some = source.choice([0.0, -1.0, float("nan"), 1e308, 1e30])
        if field.is_repeated:
            getattr(message, field.name).extend([some] * source.randrange(4))
        else:
            setattr(message, field.name, some)


def message(source: random.Random, widgets: Sequence[str]) -> bytes | str:
    """What no browser of ours would send over the websocket."""
    lot = source.random()
    if lot < 0.1:
        return source.randbytes(source.choice([0, 1, 20, 2000]))
    if lot < 0.13:
        return text(source)
    made = BackMsg()
    if lot < 0.16:
        made.rerun_script.widget_states.widgets.add(id="huge", string_value="x" * source.choice([10**5, 2 * 10**6]))
        return bytes(made.SerializeToString())
    if lot < 0.8:
        # Most of all, what looks like a reader at a widget.
        fill(made.rerun_script, source, widgets)
        made.rerun_script.page_script_hash = ""
        made.rerun_script.page_name = source.choice(["sine_fits", "teach", "contents", "evidence", text(source)])
        return bytes(made.SerializeToString())
    fill(made, source, widgets)
    return bytes(made.SerializeToString())
