"""Trains on one device and on two logical devices of the processor, and prints how far the results are apart.

It is a program of its own, since a process that has computed cannot be divided into devices any more. Its arguments are
names of cases.
"""

import json
import sys
from contextlib import nullcontext

import numpy as np

import compressor
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.context import StepContext
from compressor.contracts.model_state import ModelState
from compressor.contracts.observer import Observer
from compressor.data.prepared_splits import RunData
from compressor.models.files.tensorflow_setup import prepare_tensorflow
from compressor.planning.registry import Registry
from compressor.recipe.runtime_section import RuntimeSection
from compressor.recipe.training_params import EarlyStopping, Hint, Teacher, TrainingParams
from compressor.training.distribution import strategy_for
from compressor.training.trainer import Trainer

RUNTIME = RuntimeSection(distribute="mirrored", devices=2)
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(101, 6, 6, 1)).astype(np.float32)  # in parts of 12 and 13, and last 1
Y = (X.reshape(101, -1) @ GENERATOR.normal(size=(36, 3))).argmax(-1)
WEIGHTS = GENERATOR.uniform(0.2, 2, 101).astype(np.float32)
FIT = {"epochs": 2, "batch_size": 25, "optimizer": "sgd", "learning_rate": 0.05}
STEPS = {
    "prune": {"final_sparsity": 0.5, "min_weights": 0},
    "cluster": {"number_of_clusters": 8},
    "qat": {},
    "learned": {"ranges": "learned"},
    "integer only": {"ranges": "learned", "integer_only": True},
    "rewound": {"final_sparsity": 0.5, "min_weights": 0, "rounds": 2, "rewind": "weights"},
    "low_rank": {"energy": 0.8},
    "prune_channels": {"channels": 0.75},
    "grow_channels": {"channels": 1.5},
}
STRATEGIES = {"learned": "qat", "integer only": "qat", "rewound": "prune"}


class Kept:
    """Checkpoints in memory; with `until`, the training is cut after so many epochs."""

    def __init__(self, until=None):
        self.state, self.left = None, until

    def load(self, fit):
        return self.state

    def save(self, fit, state):
        if self.left == 0:
            raise KeyboardInterrupt
        self.state = state
        self.left = None if self.left is None else self.left - 1


def network(noisy=False, seed=1):
    import tf_keras
    from tf_keras import layers

    prepare_tensorflow(seed)
    return [
        tf_keras.Input((6, 6, 1)),
        layers.Conv2D(4, 3, activation="relu", name="conv"),
        *([layers.BatchNormalization(name="bn"), layers.Dropout(0.3, name="drop")] if noisy else []),
        layers.Flatten(name="flat"),
        layers.Dense(16, activation="relu", name="hidden"),
        layers.Dense(3, name="out"),
    ]


def two_outputs():
    import tf_keras
    from tf_keras import layers

    prepare_tensorflow(1)
    inputs = tf_keras.Input((6, 6, 1))
    flat = layers.Flatten()(inputs)
    return tf_keras.Model(inputs, [layers.Dense(3, name="kind")(flat), layers.Dense(1, name="size")(flat)])


def trained(strategy, case, checkpoints=None):
    """The weights after a training, and the figures of its epochs."""
    import tf_keras

    tf_keras.backend.clear_session()
    data, teacher, noisy = data_of(case), None, case in ("repeated", "resumed")
    with strategy.scope() if strategy else nullcontext():
        if case == "distilled":
            teacher = tf_keras.Sequential(network(seed=2))
        model = two_outputs() if case == "two outputs" else tf_keras.Sequential(network(noisy))
        if noisy:
            kernel = model.get_layer("hidden").kernel
            kernel.assign(np.where(np.abs(kernel.numpy()) < 0.1, 0, kernel.numpy()))
        accuracy = ConfiguredMetric.of(Registry.installed().get("metric", "accuracy").cls())
        half = case == "in bfloat16"
        trainer = Trainer("t", data, 0, Observer(), [accuracy], False, checkpoints, teacher, strategy, half)
        context = StepContext(state=ModelState(), train=data.train, trainer=trainer, seed=0)
        if case in STEPS:
            cls = Registry.installed().get("strategy", STRATEGIES.get(case, case)).cls
            model = cls(cls.Params(**FIT, **STEPS[case])).apply(model, context)
        else:
            callbacks = context_of_sparse(data, trainer).kept_structure(model) if noisy else ()
            context.fit(model, TrainingParams(**FIT | extra(case)), callbacks)
    curve = trainer.curves[-1]
    assert (model.distribute_strategy.num_replicas_in_sync == 2) == bool(strategy)
    return model.get_weights(), curve


def context_of_sparse(data, trainer):
    return StepContext(state=ModelState().add("sparse"), train=data.train, trainer=trainer, seed=0)


def data_of(case):
    if case == "two outputs":
        labels = {"kind": Y, "size": X.mean(axis=(1, 2))}
        splits = compressor.Splits((X, labels), (X[:57], {name: array[:57] for name, array in labels.items()}))
        return RunData("mine", splits.train, splits.test, splits.test)
    arrays = (X, Y, WEIGHTS) if case in ("weighted", "distilled") else (X, Y)
    splits = compressor.Splits(arrays, (X[:57], Y[:57]))
    return RunData("mine", splits.train, splits.test, splits.test, ("a", "b", "c"))


def extra(case):
    if case == "distilled":
        return {"teacher": Teacher(source="it", hints=[Hint(student="hidden", teacher="hidden")])}
    if case == "two outputs":
        losses = {"kind": "sparse_categorical_crossentropy", "size": "mean_squared_error"}
        return {"loss": losses, "loss_weights": {"size": 2.0}, "learning_rate": 0.005}
    if case == "stopped early":
        return {"epochs": 9, "learning_rate": 0.2, "early_stopping": EarlyStopping(patience=1, min_delta=0.1)}
    return {"class_weight": {"a": 3.0, "b": 0.5}} if case == "by class" else {}


def resumed(strategy, keep=Kept):
    """A training in one go, and one that was cut after its first epoch and went on."""
    whole = trained(strategy, "resumed", keep())
    kept = keep(until=1)
    try:
        trained(strategy, "resumed", kept)
    except KeyboardInterrupt:
        kept.left = None
    return whole, trained(strategy, "resumed", kept)


def main(cases):
    prepare_tensorflow(0, processors=2)
    strategy = strategy_for(RUNTIME)
    for case in cases:
        if case == "resumed":
            first, second = resumed(strategy)
        else:
            first = trained(strategy if case == "repeated" else None, case)
            second = trained(strategy, case)
        apart = max(float(np.abs(a - b).max()) for a, b in zip(first[0], second[0], strict=True))
        zeros = [int((second[0][2] == 0).sum()), len(np.unique(second[0][2]))]
        losses = [[curve[-1][name] for name in ("loss", "val_loss")] for _, curve in (first, second)]
        print(json.dumps({"case": case, "apart": apart, "losses": losses, "zeros": zeros}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
