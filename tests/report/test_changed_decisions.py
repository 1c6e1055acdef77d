"""Classes, confusion and flips of a run: counted from the decisions of its first and its last stage."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest

from compressor.contracts.report_rows import ClassRow, ConfusionRow
from compressor.data.split import ArraySplit
from compressor.measure.decisions import Decisions
from compressor.report.changed_decisions import class_rows, confusion, flips

LABELS = [0, 0, 1, 1, 2]


def decisions(chosen, certainty=0.75, classes=3):
    size = len(chosen)
    return Decisions(np.array(LABELS), np.array(chosen), np.full(size, certainty), np.full(size, 0.25), classes)


def result(*stages, test=None):
    made = [SimpleNamespace(measurement=SimpleNamespace(decisions=stage)) for stage in stages]
    return SimpleNamespace(stages=made, test=test)


BEFORE, AFTER = decisions([0, 0, 1, 2, 2]), decisions([0, 1, 2, 1, 2])


def test_each_class_has_its_samples_those_found_and_those_put_into_it():
    assert class_rows(AFTER) == [
        ClassRow(samples=2, right=1, chosen=1), ClassRow(samples=2, right=1, chosen=2),
        ClassRow(samples=1, right=1, chosen=2),
    ]  # fmt: skip
    assert class_rows(None) == []


def test_the_confusion_counts_classes_in_rows_and_choices_in_columns():
    assert confusion(result(BEFORE, None, AFTER)) == ConfusionRow(
        before=[[2, 0, 0], [0, 1, 1], [0, 0, 1]], after=[[1, 1, 0], [0, 1, 1], [0, 0, 1]]
    )
    many = decisions([0] * 5, classes=41)
    assert confusion(result(many, many)) is None
    assert flips(result(many, many), 9).lost == 0


def test_samples_that_were_right_and_are_wrong_are_shown_with_the_surest_first():
    surest = Decisions(AFTER.labels, AFTER.chosen, np.array([0.9, 0.5, 0.8, 0.9, 0.9]), AFTER.of_label, 3)
    found = flips(result(BEFORE, surest), 9)
    assert (found.lost, found.gained) == (2, 1)
    assert [(row.place, row.label, row.before.chosen, row.after.chosen) for row in found.shown] == [
        (2, 1, 1, 2), (1, 0, 0, 1),
    ]  # fmt: skip
    assert found.shown[0].after.certainty == pytest.approx(0.8)
    assert (found.shown[0].picture, found.shown[0].values) == ("", [])
    assert [row.place for row in flips(result(BEFORE, surest), 1).shown] == [2]
    assert flips(result(BEFORE, surest), 0).shown == []


@pytest.mark.parametrize("stages", [(None, AFTER), (BEFORE, None), (BEFORE,), (BEFORE, decisions([0] * 5, classes=4))])
def test_there_is_nothing_to_hold_against_another_without_both_stages(stages):
    assert confusion(result(*stages)) is None
    assert flips(result(*stages), 9) is None


def test_rows_of_a_table_are_shown_by_their_numbers_and_images_as_small_pictures(tensorflow):
    table = ArraySplit(np.arange(15, dtype=np.float32).reshape(5, 3) / 7, np.array(LABELS))
    assert flips(result(BEFORE, AFTER, test=table), 9).shown[0].values == [0.428571, 0.571429, 0.714286]
    for shape, small in ((28, 28), (28, 28)), ((200, 100, 3), (50, 25, 3)), ((8, 8, 1), (8, 8, 1)):
        images = ArraySplit(np.random.default_rng(0).random((5, *shape), np.float32), np.array(LABELS))
        row = flips(result(BEFORE, AFTER, test=images), 9).shown[0]
        picture = tensorflow.io.decode_png(base64.b64decode(row.picture)).numpy()
        assert picture.shape == (small if len(small) == 3 else (*small, 1))
        assert (picture.min(), picture.max()) == (0, 255)
        assert row.values == []
