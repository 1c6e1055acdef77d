"""Sample weights: where they may stand, and that each stays with its sample."""

import numpy as np
import pytest
from reading import refusal

import compressor
from compressor.base.path_or_function import Reference
from compressor.data.from_source import load_splits
from compressor.data.function_results import splits_of
from compressor.data.prepared_splits import run_data

X = np.arange(40, dtype=np.float32).reshape(20, 2)
Y = np.arange(20) % 2
W = np.arange(20, dtype=np.float32) / 4


def trained_weights(split, epochs=1):
    """The weight that training gave each sample, by the sample's first value."""
    batches = list(split.training_batches(6, 0, 0, epochs).as_numpy_iterator())
    return {float(row[0]): float(weight) for x, _, w in batches for row, weight in zip(x, w, strict=True)}


EXPECTED = {float(row[0]): float(weight) for row, weight in zip(X, W, strict=True)}


def as_arrays(tmp_path):
    return splits_of((X, Y, W), tmp_path)


def as_splits(tmp_path):
    return compressor.Splits((X, Y, W))


def as_dict(tmp_path):
    return splits_of({"x_train": X, "y_train": Y, "w_train": W}, tmp_path)


def as_batches(tmp_path):
    return splits_of(lambda: iter([(X[:15], Y[:15], W[:15]), (X[15:], Y[15:], W[15:])]), tmp_path)


def as_npz(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y, w=W)
    return load_splits(Reference("path", str(tmp_path / "a.npz")))


def as_npz_by_name(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, trust_train=W)
    return load_splits(Reference("path", str(tmp_path / "a.npz"), {"weights": "trust"}))


def as_npy(tmp_path):
    for name, array in (("x", X), ("y", Y), ("w", W)):
        np.save(tmp_path / f"{name}.npy", array)
    return load_splits(Reference("path", str(tmp_path)))


def as_table(tmp_path):
    rows = [f"{a},{b},{y},{w}" for (a, b), y, w in zip(X, Y, W, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["a,b,y,trust", *rows]) + "\n")
    return load_splits(Reference("path", str(tmp_path / "a.csv"), {"label": "y", "weights": "trust"}))


SOURCES = [as_arrays, as_splits, as_dict, as_batches, as_npz, as_npz_by_name, as_npy, as_table]


@pytest.mark.parametrize("source", SOURCES)
def test_each_sample_is_trained_with_its_own_weight(source, tmp_path, monkeypatch):
    from compressor.data import samples

    assert trained_weights(source(tmp_path).train) == EXPECTED
    monkeypatch.setattr(samples, "IN_MEMORY_BYTES", 50)
    assert trained_weights(source(tmp_path).train) == EXPECTED


def test_weights_follow_into_drawn_splits_and_change_the_fingerprint(section):
    data = run_data("mine", compressor.Splits((X, Y, W)), section(), seed=0, smoke=False)
    drawn = {}
    for split in data.splits.values():
        drawn |= trained_weights(split)
        weighted = [w for _, _, w in split.evaluation_batches(4).as_numpy_iterator()]
        assert np.concatenate(weighted).tolist() == [EXPECTED[x] for x in split.read(range(split.size))[0][:, 0]]
    assert drawn == EXPECTED
    prints = {compressor.Splits(given).train.fingerprint for given in ((X, Y), (X, Y, W), (X, Y, W + 1))}
    assert len(prints) == 3


def test_weights_of_pixels_move_with_the_pixels(section):
    images = np.random.default_rng(0).random((10, 8, 8, 1)).astype(np.float32)
    recipe = section(augment=[{"shift": 0.3}, {"flip": "horizontal"}])
    data = run_data("mine", compressor.Splits((images, images, images[..., 0])), recipe, seed=0, smoke=False)
    ((x, y, w),) = data.train.training_batches(16, 0, 0, 1).as_numpy_iterator()
    assert not np.array_equal(np.sort(x.ravel()), np.sort(data.train.read(range(data.train.size))[0].ravel()))
    np.testing.assert_array_equal(x[..., 0], w)
    np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (W[:-1], "the split 'train': there are 20 inputs and 19 sample weights; give each input one weight"),
        (W.astype(str), "the split 'train': the data is of the type <U32; give numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, message):
    assert refusal(compressor.Splits, (X, Y, weights)) == message


def test_weights_that_a_recipe_names_must_be_there(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y, w=W)
    assert refusal(load_splits, Reference("path", str(tmp_path / "a.npz"), {"weights": "trust"})) == (
        f"{tmp_path / 'a.npz'} is not a data set (it has w, x, y, and no trust of sample weights); "
        "save it with numpy.savez_compressed(path, x_train=..., y_train=..., x_test=..., y_test=...)"
    )
