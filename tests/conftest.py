"""Fixtures: real MNIST, cut short, and small real models."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LONGEST = (  # of the files of tests, a minute and more each, so that two workers end at about the same time
    "test_recipes", "test_architectures", "test_engine", "test_resume", "test_qat", "test_apply", "test_distill",
    "test_random_graphs", "test_prune", "test_session", "test_from_keras3", "test_layer_table", "test_composition",
    "test_open_sizes", "test_search_command", "test_tasks",
)  # fmt: skip


def pytest_configure():
    """Have TensorFlow compute with the threads of a recipe that names none, also where a test imports it by itself."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = "2"


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest (a worker gets a whole file at a time), and let long tests take hours."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.timeout(3 * 3600))


@pytest.fixture(scope="module", autouse=True)
def quick_collections():
    """Look no more at what TensorFlow keeps of the file's models, or collecting garbage takes longer after each one."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Each test starts with an empty cache of its own."""
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def s3_settings():
    """A real S3 server on this machine, with a bucket `team`: the environment variables by which clients find it."""
    from s3_server import s3_server

    with s3_server() as settings:
        yield settings


@pytest.fixture
def s3(s3_settings, monkeypatch, tmp_path):
    """Have this process find the S3 server: an address there that no other test uses, and the settings."""
    from s3_server import BUCKET

    for name, value in s3_settings.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{tmp_path.name}", s3_settings


@pytest.fixture(scope="session")
def registry():
    from compressor.planning.registry import Registry

    return Registry.installed()


@pytest.fixture(scope="session")
def tensorflow():
    """TensorFlow as the engine sets it up."""
    from compressor.models.files.tensorflow_setup import prepare_tensorflow

    prepare_tensorflow(seed=0)
    import tensorflow

    return tensorflow


@pytest.fixture(scope="session")
def mnist():
    """All of MNIST, as the data set brings it."""
    from compressor_plugins.datasets.mnist import MNIST

    return MNIST(MNIST.Params()).load()


@pytest.fixture(scope="session")
def digits(mnist):
    """Two thousand real digits to train on, five hundred to validate, five hundred to test."""
    from compressor.data.prepared_splits import RunData

    train, test = mnist.train, mnist.test
    held = train.part(range(2000, 2500))
    return RunData("digits", train.take(2000), held, test.take(500))


@pytest.fixture
def step_context(tensorflow, digits) -> Callable[..., Any]:
    """A context for a strategy that is applied by hand: `step_context(state)`, with its parts as named arguments."""
    from compressor.contracts.configured_metric import ConfiguredMetric
    from compressor.contracts.context import StepContext
    from compressor.contracts.model_state import ModelState
    from compressor.contracts.observer import Observer
    from compressor.training.trainer import Trainer
    from compressor_plugins.metrics.classification import Accuracy

    def make(state: ModelState | None = None, data: Any = digits, converted: bytes | None = None) -> StepContext:
        trainer = Trainer("step", data, 0, Observer(), [ConfiguredMetric.of(Accuracy())], smoke=False)
        return StepContext(state=state or ModelState(), train=data.train, trainer=trainer, seed=0, converted=converted)

    return make


@pytest.fixture
def small_cnn(tensorflow):
    """A function that builds the MNIST CNN, always with the same weights, and with biases, as after training."""
    import numpy as np
    import tf_keras

    from compressor_plugins.models.mnist_cnn import MNISTCNN

    def build(**params: Any):
        tf_keras.backend.clear_session()
        tf_keras.utils.set_random_seed(0)
        model = MNISTCNN(MNISTCNN.Params(**params)).build()
        generator = np.random.default_rng(0)
        model.set_weights([w if w.ndim > 1 else generator.normal(0, 0.1, w.shape) for w in model.get_weights()])
        return model

    return build


@pytest.fixture(scope="session")
def two_inputs(tensorflow):
    """A file of two inputs, and ten samples whose names stand in another order than the alphabet's."""
    import numpy as np
    import tf_keras
    from tf_keras import layers

    from compressor.models.litert.conversion.converter import to_litert

    tab, pic = tf_keras.Input((8,), name="tab"), tf_keras.Input((4, 4, 1), name="pic")
    model = tf_keras.Model([tab, pic], layers.Dense(3)(layers.Concatenate()([tab, layers.Flatten()(pic)])))
    generator = np.random.default_rng(0)
    shapes = {"tab": (10, 8), "pic": (10, 4, 4, 1)}
    return to_litert(model), {name: generator.normal(size=shape).astype("float32") for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory):
    """The report and the folder of `prune_qat`, run in smoke mode."""
    import compressor

    folder = tmp_path_factory.mktemp("smoke run") / "out"
    report, where = compressor.apply("prune_qat", output=folder, smoke=True, cache=folder.parent / "cache")
    return report, Path(where)
