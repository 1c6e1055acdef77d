"""A model file that is not there: what is like it, or what else was meant."""

from pathlib import Path

import pytest

from compressor.base.errors import ModelError
from compressor.models.files.missing_file import refuse_missing


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("my models/smal.keras", "there is no model file my models/smal.keras; did you mean 'my models/small.keras'?"),
        ("my models/other.h5", "there is no model file my models/other.h5; check the path"),
        ("nowhere/small.keras", "there is no model file nowhere/small.keras; check the path"),
        (
            "mnist_cnn",
            "there is no model file mnist_cnn; give a path; names of models are for recipes, and a run saves its "
            "models under 'stages'",
        ),
        ("x" * 300 + ".h5", f"there is no model file {'x' * 300}.h5; check the path"),
    ],
)
def test_the_message_says_what_to_do(tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my models").mkdir()
    (tmp_path / "my models" / "small.keras").touch()
    with pytest.raises(ModelError) as raised:
        refuse_missing(Path(path))
    assert str(raised.value) == message


def test_a_file_and_a_folder_are_there(tmp_path):
    refuse_missing(tmp_path)
    (tmp_path / "m.keras").touch()
    refuse_missing(tmp_path / "m.keras")
