"""What is shipped is what its sources make."""

import vl_convert

from core import book

MAKE_VEGA = (
    "python -c \"import vl_convert as v; open('assets/vega.js', 'w', encoding='utf-8').write(v.javascript_bundle())\""
)


def test_vega_is_the_bundle_that_vl_convert_makes() -> None:
    shipped = (book.ASSETS / "vega.js").read_text("utf-8")
    # The stub asks for an argument that is optional.
    assert shipped == vl_convert.javascript_bundle(), f"Make it again: {MAKE_VEGA}"  # type: ignore[call-arg]


def test_fonts_carry_their_licence() -> None:
    fonts = book.ASSETS / "fonts"
    assert len(list(fonts.glob("*.woff2"))) == 2
    assert "SIL OPEN FONT LICENSE" in (fonts / "OFL.txt").read_text("utf-8")
