"""Comments stand beside their lines where there is room, and texts are quoted where YAML needs it."""

import pytest
import yaml

from compressor.scaffolding.recipe_text import laid_out, yaml_text


def test_comments_begin_below_one_another():
    lines = [("", "about"), ("model:", ""), ("  source: m.keras", "the model"), ("  train: null", "trained")]
    assert laid_out(lines) == "# about\nmodel:\n  source: m.keras  # the model\n  train: null      # trained\n"


def test_a_comment_that_does_not_fit_goes_above_its_line():
    long = "x" * 100
    assert laid_out([(f"  source: {long}", "a comment"), ("a: 1", "why")]) == (
        f"  # a comment\n  source: {long}\na: 1                                        # why\n"
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("./a.keras", "./a.keras"),
        ("no", '"no"'),
        ("1e3", '"1e3"'),
        ("my #1 model.keras", '"my #1 model.keras"'),
        ("a: b", '"a: b"'),
        ("é\n", '"\\u00e9\\n"'),
        ("keras_applications:MobileNetV2", '"keras_applications:MobileNetV2"'),
    ],
)
def test_texts_are_read_back_as_they_were(text, written):
    assert yaml_text(text) == written
    assert yaml.safe_load(f"key: {written}") == {"key": text}
