"""What is shipped is what its sources make."""

import numpy as np
import pytest
import vl_convert

from core import book
from core.data import mnist_1d

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


def test_data_set_carries_its_licence() -> None:
    assert "Apache License" in (book.ASSETS / "mnist1d.LICENSE").read_text("utf-8")


def test_data_set_is_what_its_generator_makes() -> None:
    generator = pytest.importorskip("mnist1d.data", reason="the generator is a development tool")
    made = generator.make_dataset(generator.get_dataset_args())
    for name, array in mnist_1d()._asdict().items():
        np.testing.assert_allclose(array, made[name], rtol=0, atol=1e-6)
