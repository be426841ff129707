"""References read as a reader expects them."""

from core import bibliography


def test_short_and_full_forms() -> None:
    references = bibliography.references()
    assert references["barron1993"].short == "Barron, 1993"
    assert references["hornik1989"].short == "Hornik, Stinchcombe and White, 1989"
    assert references["barron1993"].full.startswith("Barron, A. R. (1993). Universal approximation bounds")
    assert references["barron1993"].url.startswith("https://doi.org/")
    assert "äquidistanten" in references["runge1901"].full


def test_no_tex_is_left_over() -> None:
    for reference in bibliography.references().values():
        assert not set("{}\\") & set(reference.full + reference.short)
        assert reference.full.endswith(".")
        assert ".." not in reference.full
