"""The README says what is so."""

import re
from dataclasses import fields

from core import book
from core.engine.limits import PREFIX, Limits
from core.lab import knobs, plain

README = (book.ROOT / "README.md").read_text("utf-8")


def test_every_limit_is_in_the_table_with_its_default() -> None:
    rows = dict(re.findall(rf"^\| `({PREFIX}\w+)` \| ([^|]+) \|", README, re.MULTILINE))
    limits = knobs(Limits)
    assert set(rows) == {PREFIX + name.upper() for name in limits}
    for name, knob in limits.items():
        if name != "workers":  # Its default depends on the machine.
            assert rows[PREFIX + name.upper()] == plain(knob.default)
    assert len(rows) == len(fields(Limits))


def test_every_command_named_exists() -> None:
    commands = set(re.findall(r"python -m core (\w+)", README))
    source = (book.ROOT / "core" / "__main__.py").read_text("utf-8")
    assert commands and all(f'"{command}"' in source for command in commands)
    targets = set(re.findall(r"`?make ([a-z-]+)`?", README))
    makefile = (book.ROOT / "Makefile").read_text("utf-8")
    assert targets and all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
