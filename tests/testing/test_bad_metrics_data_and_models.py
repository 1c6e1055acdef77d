"""Metrics, data sets and models that misbehave fail the checks that they should, and no others."""

import bad_metrics_data_and_models as bad
import pytest
from bad_strategies import EXPECTED
from running_checks import failing


def by_name(cls):
    return cls.__name__


@pytest.mark.parametrize("cls", bad.METRICS, ids=by_name)
def test_what_is_wrong_with_a_metric_is_found(cls):
    found = failing("metric", cls)
    assert set(found) == EXPECTED.get(cls.__name__, set()), found


@pytest.mark.parametrize("cls", bad.DATASETS, ids=by_name)
def test_what_is_wrong_with_a_data_set_is_found(cls):
    found = failing("data set", cls)
    assert set(found) == EXPECTED.get(cls.__name__, set()), found


@pytest.mark.parametrize("cls", bad.MODELS, ids=by_name)
def test_what_is_wrong_with_a_model_is_found(cls, tensorflow):
    found = failing("model", cls)
    assert set(found) == EXPECTED.get(cls.__name__, set()), found
