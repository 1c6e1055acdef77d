"""The table of layer types in the docs holds: every type has a row, and a choice of rows is found again by doing it."""

import pytest
from foreign_files import written
from layer_table import read_table, verdicts
from layer_zoo import ZOO

CHOSEN = [
    "Add", "Conv1DTranspose", "Conv2D", "Dense", "DepthwiseConv2D", "Embedding", "LSTM", "MultiHeadAttention", "PReLU",
    "Rescaling",
]  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return written(tmp_path_factory.mktemp("foreign"), "zoo") / "zoo"


def test_every_layer_type_that_is_taken_has_a_row():
    assert sorted(read_table()) == sorted(ZOO)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] * (n not in CHOSEN)) for n in sorted(ZOO)])
def test_a_row_is_what_happens(files, name, tensorflow):
    import tf_keras

    tf_keras.backend.clear_session()
    assert verdicts(name, files / f"{name}.keras") == read_table()[name]
