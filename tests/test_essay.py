"""Essays are read into blocks."""

import pytest

from core import essay

SOURCE = """Before, citing [@barron1993] and {claim:one}, {claim:one}.

::: lab fit
Caption with [words](try:fit?width=8&points=4).
:::

::: fold Why it is so
Since $a = b$.
:::
After [@barron1993; @runge1901].
"""


def test_blocks_in_order_with_their_marks() -> None:
    text = essay.parse(SOURCE)
    assert [(block.kind, block.argument) for block in text.blocks] == [
        ("text", ""),
        ("lab", "fit"),
        ("fold", "Why it is so"),
        ("text", ""),
    ]
    assert text.labs == ("fit",)
    assert text.claims == ("one",)
    assert text.citations == ("barron1993", "runge1901")
    assert essay.TRY.findall(text.text) == [("words", "fit", "width=8&points=4")]
    assert text.minutes == 1


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("::: lab fit\n", "not closed"),
        ("::: film a\n:::", "no block"),
        ("::: lab a\n::: lab b\n:::", "do not nest"),
    ],
)
def test_a_slip_in_the_marks_is_named(source: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        essay.parse(source)
