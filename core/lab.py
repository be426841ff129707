"""What a lab is: settings stated once, a run that yields frames, a figure, and claims.

Nothing here knows a page, a worker or TensorFlow. A lab is a module under
``core/experiments/<chapter>/`` that ends in ``LAB = Lab(...)``.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, get_type_hints

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import altair as alt

    from core.sketch import Sketch

P = TypeVar("P")
Array = NDArray[Any]
Value = bool | int | float | str
Columns = dict[str, list[Any]]
"""One data set of a figure: equally long columns by name, ready for JSON (no NaN: ``None``)."""
Rows = Mapping[str, Sequence[Any]]
"""The leading axes of a frame's arrays by name, each with the places along it."""

LONGEST_QUOTE = 40
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Unfit(ValueError):
    """A value that a setting cannot take; the message is one sentence for the reader."""


@dataclass(frozen=True)
class Knob:
    """One setting: its range, default, label and help. Everything that shows or reads it asks here.

    ``low`` and ``high`` bound a number (``log`` draws it on a logarithmic scale), ``choices`` list the
    allowed values, ``parse`` checks free text and raises :class:`Unfit`. ``minor`` settings are folded away.
    """

    name: str
    type: type
    default: Value
    label: str
    help: str = ""
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()
    parse: Callable[[str], object] | None = None
    minor: bool = False

    def read(self, raw: object) -> Value:
        """The value that ``raw`` (a widget's value, or text from a link or a command line) stands for.

        Raises :class:`Unfit` for a wrong type, a value out of range, NaN, or an unknown choice.
        """
        if self.parse is not None:
            text = str(raw)
            self.parse(text)
            return text
        if self.choices:
            for choice in self.choices:
                same = raw == choice and isinstance(raw, bool) == isinstance(choice, bool)  # True == 1, too.
                if same or (isinstance(raw, str) and raw.strip() == str(choice)):
                    return choice
            allowed = ", ".join(str(choice) for choice in self.choices)
            raise Unfit(f"{self.label} must be one of {allowed}, not {quote(raw)}.")
        return self._number(raw)

    def _number(self, raw: object) -> Value:
        kind = "a whole number" if self.type is int else "a number"
        wanted = f"{self.label} must be {kind} from {plain(self.low)} to {plain(self.high)}, not {quote(raw)}."
        if isinstance(raw, bool) or not isinstance(raw, str | int | float | np.number):
            raise Unfit(wanted)
        try:
            # Python would also take 1_0 and the digits of other alphabets for numbers.
            if isinstance(raw, str) and (not raw.strip().isascii() or "_" in raw):
                raise ValueError
            number = float(raw)
        except (ValueError, OverflowError):
            raise Unfit(wanted) from None
        low, high = self.low, self.high
        assert low is not None and high is not None
        if not low <= number <= high or (self.type is int and number != int(number)):
            raise Unfit(wanted)
        return int(number) if self.type is int else number


def knob(
    default: Value,
    *,
    label: str,
    help: str = "",
    low: float | None = None,
    high: float | None = None,
    log: bool = False,
    choices: Sequence[Value] = (),
    parse: Callable[[str], object] | None = None,
    minor: bool = False,
) -> Any:
    """Declare a field of a ``Params`` dataclass as a setting; see :class:`Knob`."""
    metadata = dict(
        label=label, help=help, low=low, high=high, log=log, choices=tuple(choices), parse=parse, minor=minor
    )
    return field(default=default, metadata={"knob": metadata})


def knobs(params: type) -> dict[str, Knob]:
    """The settings of a ``Params`` class by name, in the order of their declaration."""
    return _knobs(cast(Hashable, params))


@cache
def _knobs(params: Any) -> dict[str, Knob]:
    types = get_type_hints(params)
    return {
        f.name: Knob(name=f.name, type=types[f.name], default=cast(Value, f.default), **f.metadata["knob"])
        for f in fields(params)
    }


def read_settings(params: type[P], raw: Mapping[str, object]) -> tuple[P, list[str]]:
    """Settings from untrusted values: what can be read, the default for the rest, and a sentence for each miss."""
    known = knobs(params)
    values: dict[str, Value] = {}
    misses: list[str] = []
    for name, value in raw.items():
        if name not in known:
            misses.append(f"There is no setting {quote(name)}.")
            continue
        try:
            values[name] = known[name].read(value)
        except Unfit as miss:
            misses.append(f"{miss} {_instead(known[name])}")
    return params(**values), misses


def _instead(knob: Knob) -> str:
    return "The default is used." if knob.parse else f"The default, {plain(knob.default)}, is used."


def settings(params: Any) -> dict[str, Value]:
    """The values of a ``Params`` object by name."""
    return {name: getattr(params, name) for name in knobs(type(params))}


def quote(raw: object) -> str:
    """Somebody's value, short and printable, in quotation marks."""
    text = "".join(c if c.isprintable() else " " for c in str(raw))
    return f"“{text[:LONGEST_QUOTE]}…”" if len(text) > LONGEST_QUOTE else f"“{text}”"


def plain(value: object) -> str:
    """A setting's value as a reader writes it: ``0.005``, ``32``, ``relu``."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def describe(params: Any) -> str:
    """What sets these settings apart from the defaults, in words."""
    differing = [
        f"other {knob.label.lower()}" if knob.parse else f"{knob.label.lower()} {plain(getattr(params, name))}"
        for name, knob in knobs(type(params)).items()
        if getattr(params, name) != knob.default
    ]
    return ", ".join(differing) or "the default settings"


def printed(text: str) -> str:
    """A text's numbers as the essay prints them: ``1e-05`` as “1 × 10⁻⁵”, ``5%`` as “5 %”, a minus as “−”."""
    text = re.sub(r"(?<=\d)e([-+]?\d+)", lambda power: f" × 10{str(int(power[1])).translate(RAISED)}", text)
    return re.sub(r"(?<=\d)%", "\u202f%", text).replace("-", "−")


@dataclass(frozen=True)
class Frame:
    """What a run shows after ``step`` of ``total`` steps.

    Every frame of a run holds the same names, shapes and dtypes; what is missing is NaN.
    """

    step: int
    total: int
    values: Mapping[str, Array]


@dataclass(frozen=True)
class Guess:
    """A question asked before a run, and how the run answers it.

    ``settings`` is the run that answers; ``answer`` gives the index of the right option for that run's
    frames, and ``reveal`` the sentence that reports it.
    """

    question: str
    options: tuple[str, ...]
    settings: Mapping[str, Value]
    answer: Callable[[Any, Sequence[Frame]], int]
    reveal: Callable[[Any, Sequence[Frame]], str]


def replicas(params: Any) -> Rows:
    """The rows of a lab whose numbers are one a net."""
    return {"replica": range(params.replicas)}


@dataclass(frozen=True)
class Lab(Generic[P]):
    """One experiment. ``run`` yields frames; ``charts`` and ``data`` together are its figure.

    ``charts(params)`` gives the panels, whose data sets are named but empty, so that the drawing stays and only
    data moves while a run goes on; ``data(params, frames)`` fills them for the last of ``frames`` (with
    ``every``, also each replica by itself). ``result`` names the final numbers. ``sentence`` says what this run
    shows; it is also the figure's text alternative. ``rows`` names what a frame has a number for: a row each in a table
    (:mod:`core.tables`). Before it runs, a lab asks a ``guess`` or has its reader draw a ``sketch``. ``drawn`` names a
    text setting whose points the reader can draw on the first panel.
    """

    title: str
    Params: type[P]
    run: Callable[[P], Iterator[Frame]]
    charts: Callable[[P], "Sequence[alt.LayerChart]"]
    data: Callable[[P, Sequence[Frame], bool], dict[str, Columns]]
    result: Callable[[P, Sequence[Frame]], dict[str, Any]]
    sentence: Callable[[P, Sequence[Frame]], str]
    rows: Callable[[P], Rows] = replicas
    guess: Guess | None = None
    sketch: "Sketch | None" = None
    drawn: str = ""


Kind = Literal["exact", "published", "measured"]
Relation = Literal["equals", "at most", "at least"]


@dataclass(frozen=True)
class Claim:
    """A number that the essay states, and how to measure it.

    ``relation`` to ``expected`` must hold within ``tolerance`` (absolute). ``source`` is a key of
    ``assets/references.bib`` or, for what was first measured here, empty. ``shown`` formats the number in the
    text. ``slow`` claims take more than some seconds. ``measure`` is ``None`` for what was published elsewhere and is
    not reproduced here.
    """

    id: str
    sentence: str
    kind: Kind
    expected: float
    measure: Callable[[], float] | None
    tolerance: float = 0.0
    relation: Relation = "equals"
    source: str = ""
    shown: str = "{:g}"
    slow: bool = False

    @property
    def text(self) -> str:
        """The expected number as the essay prints it."""
        return printed(self.shown.format(self.expected))

    def holds(self, measured: float) -> bool:
        """Whether ``measured`` confirms the claim; NaN never does."""
        if self.relation == "at most":
            return measured <= self.expected + self.tolerance
        if self.relation == "at least":
            return measured >= self.expected - self.tolerance
        return abs(measured - self.expected) <= self.tolerance


def spread(values: Array) -> dict[str, Any]:
    """Median, 10 % and 90 % quantile over replicas ``(S,)``, those that diverged left out, and every value."""
    finite = values[np.isfinite(values)]
    low, median, high = np.quantile(finite, (0.1, 0.5, 0.9)) if finite.size else (math.nan,) * 3
    replicas = [float(v) if math.isfinite(v) else None for v in values]
    return {"median": float(median), "low": float(low), "high": float(high), "replicas": replicas}


def replace(params: P, changes: Mapping[str, Value]) -> P:
    """``params`` with some settings changed."""
    return dataclasses.replace(params, **changes)  # type: ignore[type-var]
