"""What a run keeps of its scores: small, the same bytes each time, and enough for the tests that the report makes."""

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.base.errors import DataError
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.metric import Metric
from compressor.measure.kept_scores import KeptScores, kept_scores, paired_change, read_scores, scores_content
from compressor.measure.statistics import change, value


class Share(Metric):
    name = "share"
    share = True

    def per_sample(self, batch):
        raise AssertionError("not called here")


class Root(Share):
    name = "root"

    def score(self, means):
        return np.sqrt(means)


METRICS = [ConfiguredMetric.of(Share()), ConfiguredMetric.of(Root()), ConfiguredMetric.of(Share(), name="loss")]
N = 3_001


def rows(seed):
    draw = np.random.default_rng(seed)
    return {
        "share": (draw.random(N) < 0.9).astype(float),
        "root": draw.random(N),
        "loss": draw.random(N),
    }


@pytest.fixture
def kept(tmp_path):
    def kept(seed):
        path = tmp_path / f"{seed}.npz"
        path.write_bytes(scores_content(kept_scores(rows(seed), METRICS, "f" * 64, N)))
        return read_scores(path)

    return kept


def test_what_is_read_is_what_was_kept(kept):
    scores = kept(0)
    assert (scores.test, scores.samples, list(scores.metrics)) == ("f" * 64, N, ["share", "root", "loss"])
    assert np.array_equal(scores.metrics["share"], rows(0)["share"] == 1)
    assert scores.metrics["root"].shape == scores.metrics["loss"].shape == (500,)


def test_the_file_is_small_and_the_same_bytes_each_time():
    content = scores_content(kept_scores(rows(0), METRICS, "f" * 64, N))
    assert content == scores_content(kept_scores(rows(0), METRICS, "f" * 64, N))
    assert len(content) < 10_000


@pytest.mark.parametrize("configured", METRICS, ids=lambda configured: configured.name)
def test_two_files_are_tested_as_the_rows_themselves_are(kept, configured):
    before, after = rows(0)[configured.name], rows(1)[configured.name]
    values = value(before, configured.metric), value(after, configured.metric)
    found = paired_change(kept(0), kept(1), configured.name, values)
    expected = change(before, after, configured.metric)
    assert found.change.difference == pytest.approx(expected.difference)
    assert found.change.p_value == pytest.approx(expected.p_value, abs=1e-12)
    assert found.test == ("McNemar's test" if configured.name == "share" else "a paired bootstrap")


def test_a_metric_that_is_all_or_nothing_for_one_model_alone_is_paired_with_the_other():
    before = {**rows(0), "loss": np.zeros(N)}
    found = paired_change(
        kept_scores(before, METRICS, "", N), kept_scores(rows(1), METRICS, "", N), "loss", (0.0, rows(1)["loss"].mean())
    )
    assert found.change.p_value == pytest.approx(1 / 501)


def test_more_samples_than_bits_are_kept_for_keep_their_resampled_scores(monkeypatch):
    monkeypatch.setattr("compressor.measure.kept_scores._MOST_BITS", N - 1)
    assert kept_scores(rows(0), METRICS, "", N).metrics["share"].shape == (500,)


def archive(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as found:
        for name, content in files.items():
            found.writestr(name, content)
    return stream.getvalue()


SHORT = KeptScores("", 80, {"share": np.zeros(72, bool)})
ODD = KeptScores("", 80, {"share": np.zeros((2, 2))})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "File is not a zip file"),
        (b"no scores", "File is not a zip file"),
        (archive(), "'samples is not a file in the archive'"),
        (scores_content(SHORT), "scores of shape (9,) and type uint8"),
        (scores_content(ODD), "scores of shape (2, 2) and type float64"),
    ],
)
def test_a_file_that_holds_no_scores_is_told(tmp_path, content, why):
    path = tmp_path / "scores.npz"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_scores(path)
    assert str(error.value) == (
        f"{path} does not hold the scores of a run ({why}); copy it anew from the run's folder, or remove it"
    )


def test_a_file_that_would_unpack_to_more_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("compressor.measure.kept_scores._MOST_UNPACKED", 100)
    path = tmp_path / "scores.npz"
    path.write_bytes(scores_content(kept_scores(rows(0), METRICS, "f" * 64, N)))
    with pytest.raises(DataError, match="it unpacks to more than such a file holds"):
        read_scores(path)


WHOLE = scores_content(kept_scores(rows(0), METRICS[:1], "f" * 64, N))


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_a_damaged_file_is_read_or_told(damage, cut):
    content = bytearray(WHOLE)
    for place, byte in damage:
        content[place] = byte
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scores.npz"
        path.write_bytes(content[: damage[0][0]] if cut else content)
        try:
            assert read_scores(path).samples >= 0
        except DataError as error:
            assert str(error).endswith("; copy it anew from the run's folder, or remove it")
