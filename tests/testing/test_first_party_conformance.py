"""Every first-party strategy, metric, data set and model passes the conformance kit."""

from pathlib import Path

import pytest
from running_checks import failing, structural

from compressor.planning.registry import Registry
from compressor.testing import check_dataset, check_metric, check_model, check_strategy, kit_models

REGISTRY = Registry.installed()
PARAMS = {
    "cluster": {"number_of_clusters": 8},
    "low_rank": {"energy": 0.5},
    "mixed_precision": {"max_size": "25 kB"},
    "prune_channels": {"channels": 0.7},
    "grow_channels": {"channels": 1.5},
    "pack": {"coder": "zstd"},
}
SHIPPED = ("mnist",)  # the other data sets are downloaded, or are part of Debian


def first_party(kind):
    entries = [REGISTRY.preferred(kind, name) for name in REGISTRY.names(kind)]
    return {entry.cls.name: entry.cls for entry in entries if entry.provider.distribution == "compressor"}


STRATEGIES, METRICS = first_party("strategy"), first_party("metric")
DATASETS, MODELS = first_party("data set"), first_party("model")


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_declares_what_it_should(name):
    assert failing("strategy", STRATEGIES[name], structural(), PARAMS.get(name)) == {}


def test_a_strategy_does_what_it_should_with_one_model(tensorflow, monkeypatch):
    for model in [*kit_models.TRIED][1:]:
        monkeypatch.delitem(kit_models.TRIED, model)
    chosen = ["works_on_conv_norm", "leaves_its_input_alone", "can_be_converted", "same_seed_gives_same_bytes"]
    assert failing("strategy", STRATEGIES["fuse"], chosen) == {}


@pytest.mark.long
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_does_what_it_should(name, tensorflow):
    check_strategy(STRATEGIES[name], params=PARAMS.get(name))


@pytest.mark.long
def test_the_example_plugin_does_what_it_should(tensorflow, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "example_plugin")
    from example_plugin import PowersOfTwo

    check_strategy(
        PowersOfTwo, expected_failures={"leaves_the_traits_that_it_plans": "a single weight shares its value with none"}
    )


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_does_what_it_should(name):
    check_metric(METRICS[name])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name not in SHIPPED)) for name in DATASETS]
)
def test_a_data_set_does_what_it_should(name):
    check_dataset(DATASETS[name])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name != "lenet_5")) for name in MODELS]
)
def test_a_model_does_what_it_should(name, tensorflow):
    check_model(MODELS[name])
