"""Tiny real models of every task, trained for a moment, compressed, and measured through the file that would ship."""

import numpy as np
import pytest
from file_outputs import outputs_of
from running import run

from compressor.base.errors import CompressorError, DataError, StepError
from compressor.contracts.configured_metric import ConfiguredMetric, FunctionMetric
from compressor.contracts.execution_plan import Provider
from compressor.contracts.hookspecs import hookimpl
from compressor.contracts.observer import Observer
from compressor.contracts.sources import Dataset, ModelSource
from compressor.data import ArraySplit
from compressor.data.prepared_splits import RunData
from compressor.data.samples import ArraySamples
from compressor.data.split import Split, Splits
from compressor.measure.evaluation import measure
from compressor.models.litert.conversion.converter import to_litert
from compressor.planning.planner import resolve
from compressor.planning.registry import Registry
from compressor.recipe.load import load
from compressor.recipe.training_params import TrainingParams
from compressor.report.summary import summarise
from compressor.run.cache.store import Cache
from compressor.training.trainer import Trainer
from compressor_plugins.metrics.classification import Accuracy, BinaryAccuracy

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.uniform(size=(160, 8, 8, 1)).astype(np.float32)
BRIGHT = (IMAGES > 0.5).astype(np.int64)[..., 0]


@pytest.fixture
def layers(tensorflow):
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras.layers


@pytest.fixture
def report_of(tmp_path):
    """A function that runs a recipe on a model and data of the test's own, and gives its report."""

    def work(build, split, *steps, loss, metrics, constraints=None, epochs=2):
        class Given(Dataset):
            """The test's data."""

            name = "given"
            repeatable = False

            def load(self):
                return Splits(train=split, test=split, validation=split.take(32))

        class Built(ModelSource):
            """The test's model."""

            name = "built"

            def build(self):
                return build()

        class Plugin:
            @hookimpl
            def datasets(self):
                return [Given]

            @hookimpl
            def models(self):
                return [Built]

        registry = Registry.installed()
        registry.add(Plugin(), "tasks", Provider("tasks", "1"))
        recipe = load(
            {
                "version": 1,
                "model": {"source": "built", "train": {"epochs": epochs}},
                "data": {"source": "given"},
                "training": {"loss": loss, "batch_size": 16, "learning_rate": 0.01},
                "evaluation": {"metrics": metrics},
                "steps": [{"uses": step} for step in steps],
                "constraints": constraints or {},
            }
        )
        return summarise(run(resolve(recipe, registry), tmp_path, Cache(tmp_path / "cache")))

    return work


def images(labels):
    return ArraySplit(IMAGES, labels)


def measured(model, split, *metrics):
    return measure(to_litert(model), split, [ConfiguredMetric.of(metric) for metric in metrics], model)


def test_binary_classification_with_one_logit(layers, report_of):
    labels = (IMAGES[:, :2].mean((1, 2, 3)) > 0.5).astype(np.int64)

    def build():
        import tf_keras

        return tf_keras.Sequential([layers.InputLayer((8, 8, 1)), layers.Flatten(), layers.Dense(1, name="bright")])

    report = report_of(build, images(labels), "ptq", loss="bce", metrics=["accuracy", "auc", "f1"], epochs=25)
    baseline, ptq = report.stages
    assert baseline.metrics["accuracy"].value == baseline.metrics["accuracy"].keras > 0.7
    assert baseline.metrics["auc"].value == pytest.approx(baseline.metrics["auc"].keras, abs=1e-9)
    assert baseline.agreement.largest < 1e-5
    assert baseline.agreement.same_class is None  # one output decides nothing by being the highest
    assert 20 < ptq.agreement.signal_to_noise < 60  # of the baseline's file, for there is no Keras model any more
    for metric in ptq.metrics.values():
        assert metric.low <= metric.value <= metric.high
        assert abs(metric.from_baseline.difference) < 0.05


def test_multi_label_classification(layers, report_of):
    labels = np.stack([IMAGES[:, :4].mean((1, 2, 3)) > 0.5, IMAGES[:, 4:].mean((1, 2, 3)) > 0.5], axis=1).astype(int)

    def build():
        import tf_keras

        return tf_keras.Sequential(
            [layers.InputLayer((8, 8, 1)), layers.Flatten(), layers.Dense(2, activation="sigmoid", name="labels")]
        )

    loss, metrics = "binary_crossentropy", ["binary_accuracy", "auc", "precision", "recall"]
    report = report_of(build, images(labels), "ptq", loss=loss, metrics=metrics, epochs=8)
    for stage in report.stages:
        assert all(0.6 < metric.value <= 1 for metric in stage.metrics.values())


@pytest.mark.parametrize(("metric", "units"), [(Accuracy, 1), (BinaryAccuracy, 1), (BinaryAccuracy, 2)])
def test_yes_and_no_of_logits_turn_at_0_while_training_too(layers, metric, units):
    import tf_keras

    class Heard(Observer):
        def epoch_finished(self, step_id, epoch, logs):
            self.logs = logs

    model = tf_keras.Sequential([layers.InputLayer((1,)), layers.Dense(units, "linear", False, "ones", name="logits")])
    split = ArraySplit(np.full((16, 1), 0.2, np.float32), np.ones((16, units), int))  # a logit of 0.2 is a yes
    heard = Heard()
    trainer = Trainer("train", RunData("d", split, split, split), 0, heard, [ConfiguredMetric.of(metric())], smoke=True)
    trainer.fit(model, TrainingParams(epochs=1, loss="binary_crossentropy", learning_rate=1e-7), [], 0)
    assert heard.logs[f"val_{metric.name}"] == 1


def test_a_metric_that_cannot_judge_the_labels_is_told_before_any_training(layers, report_of, tmp_path):
    labels = np.ones((160, 2), int)

    def build():
        import tf_keras

        return tf_keras.Sequential([layers.InputLayer((8, 8, 1)), layers.Flatten(), layers.Dense(2, name="labels")])

    with pytest.raises(DataError) as error:
        report_of(build, images(labels), "ptq", loss="binary_crossentropy", metrics=["f1"])
    assert str(error.value).endswith(
        "it cannot judge outputs of shape (32, 2) by labels of shape (32, 2) (some labels have several classes, or "
        "none; use binary_accuracy or auc, or set 'multi_label: true' for precision, recall or f1); "
        "choose another metric, or data that fits the model"
    )
    assert {path.stem for path in (tmp_path / "stages").iterdir()} == {"source"}


def test_a_loss_that_is_not_there_is_told_before_any_training(layers, report_of, tmp_path):
    def build():
        import tf_keras

        return tf_keras.Sequential([layers.InputLayer((8, 8, 1)), layers.Flatten(), layers.Dense(1)])

    with pytest.raises(CompressorError) as error:
        report_of(build, images(IMAGES.mean((1, 2, 3))), "ptq", loss="json:nothing", metrics=["mae"])
    assert str(error.value) == "'json:nothing': it has no function 'nothing'; fix the name after the colon"
    assert type(error.value) is CompressorError  # wrong input, and no step's fault
    assert {path.stem for path in (tmp_path / "stages").iterdir()} == {"source"}


def test_regression_where_a_rise_of_the_error_is_a_drop(layers, report_of):
    labels = IMAGES.mean((1, 2, 3)) * 10 - 5

    def build():
        import tf_keras

        return tf_keras.Sequential([layers.InputLayer((8, 8, 1)), layers.Flatten(), layers.Dense(1)])

    metrics = ["mae", "rmse", "r2"]
    report = report_of(build, images(labels), "ptq", loss="mse", metrics=metrics, constraints={"max_relative_drop": 0})
    baseline, ptq = report.stages
    error = ptq.metrics["mae"]
    assert not error.higher_is_better
    assert error.from_baseline.relative == pytest.approx(error.value / baseline.metrics["mae"].value - 1)
    assert error.from_baseline.better is (error.value < baseline.metrics["mae"].value)
    assert ptq.metrics["rmse"].value >= error.value
    (row,) = report.constraints
    rise = error.from_baseline.relative
    assert (row.name, row.limit, row.actual, row.met) == ("max_relative_drop", "0.0%", f"{rise:.1%}", rise <= 0)


def test_an_autoencoder_whose_labels_are_its_inputs(layers, report_of):
    base = GENERATOR.normal(size=(2, 16)).astype(np.float32)
    normal = GENERATOR.normal(size=(150, 2)).astype(np.float32) @ base

    def build():
        import tf_keras

        return tf_keras.Sequential([layers.InputLayer((16,)), layers.Dense(2), layers.Dense(16)])

    split = ArraySplit(normal, normal)
    report = report_of(build, split, "ptq", loss="mse", metrics=["reconstruction_error", "mse"], epochs=20)
    for stage in report.stages:
        first, second = stage.metrics.values()
        assert first.value == pytest.approx(second.value)
        assert not first.higher_is_better


def test_the_anomaly_score_sees_what_went_in(layers):
    import tf_keras

    from compressor_plugins.metrics.roc import AnomalyAUC

    model = tf_keras.Sequential([layers.InputLayer((16,)), layers.ReLU()])  # gives back what is not negative
    inputs = np.abs(GENERATOR.normal(size=(60, 16))).astype(np.float32)
    labels = np.repeat([0, 1], 30)
    inputs[labels == 1] *= -1
    assert measured(model, ArraySplit(inputs, labels), AnomalyAUC()).keras_scores == {"anomaly_auc": 1.0}


def test_an_autoencoder_trained_on_its_inputs_is_judged_by_the_data_s_anomalies(layers, report_of):
    base = GENERATOR.normal(size=(2, 16)).astype(np.float32)
    inputs = GENERATOR.normal(size=(160, 2)).astype(np.float32) @ base
    inputs[120:] = GENERATOR.normal(size=(40, 16)) * 2
    labels = np.repeat([0, 1], [120, 40])

    def build():
        import tf_keras

        return tf_keras.Sequential([layers.InputLayer((16,)), layers.Dense(2), layers.Dense(16)])

    split = Split(ArraySamples(inputs, labels), (), inputs_as_labels=True)
    report = report_of(build, split, "ptq", loss="mse", metrics=["anomaly_auc", "mse"], epochs=20)
    for stage in report.stages:
        assert 0.8 < stage.metrics["anomaly_auc"].value <= 1
        assert stage.metrics["mse"].value > 0
    unlabelled = Split(ArraySamples(inputs, None), (), inputs_as_labels=True)
    with pytest.raises(DataError) as error:
        report_of(build, unlabelled, loss="mse", metrics=["anomaly_auc"])
    assert str(error.value) == "'anomaly_auc' judges by labels, and the data has none; add them, or drop the metric"


def test_segmentation_is_measured_batch_by_batch(layers, report_of):
    def build():
        import tf_keras

        return tf_keras.Sequential(
            [layers.InputLayer((8, 8, 1)), layers.Conv2D(8, 1, activation="tanh"), layers.Conv2D(2, 1, name="mask")]
        )

    metrics = ["mean_iou", "sequence_accuracy"]
    report = report_of(build, images(BRIGHT), "ptq", loss="sparse_categorical_crossentropy", metrics=metrics, epochs=12)
    baseline, _ = report.stages
    assert baseline.agreement.same_class == 1
    assert baseline.metrics["mean_iou"].value == pytest.approx(baseline.metrics["mean_iou"].keras, abs=1e-9)
    assert baseline.metrics["mean_iou"].value > 0.6


def test_mean_iou_through_the_file_is_that_of_all_outputs_at_once(layers):
    import tf_keras

    from compressor_plugins.metrics.dense_labels import MeanIoU

    model = tf_keras.Sequential([layers.InputLayer((8, 8, 1)), layers.Conv2D(3, 3, padding="same")])
    split = images(BRIGHT)
    chosen = outputs_of(to_litert(model), split).argmax(-1)
    ratios = [np.sum((chosen == i) & (i == BRIGHT)) / max(np.sum((chosen == i) | (i == BRIGHT)), 1) for i in range(3)]
    found = measured(model, split, MeanIoU())
    assert found.scores["mean_iou"].shape == (160, 3, 2)
    assert found.keras_scores["mean_iou"] == pytest.approx(np.mean(ratios), abs=1e-9)


def test_sequence_tagging_counts_the_steps_that_are_not_padding(layers, report_of):
    tokens = GENERATOR.integers(1, 9, (96, 6))
    tokens[:, 4:] = 0
    tags = np.where(tokens > 0, tokens % 2 + 1, 0)

    def build():
        import tf_keras

        given = tf_keras.Input((6,), dtype="int32", name="tokens")
        states = layers.Conv1D(8, 3, padding="same", activation="relu")(layers.Embedding(9, 6)(given))
        return tf_keras.Model(given, layers.Dense(3, activation="softmax", name="tags")(states))

    metrics = [{"uses": "sequence_accuracy", "with": {"ignore": 0}}, {"uses": "perplexity", "with": {"ignore": 0}}]
    split = ArraySplit(tokens, tags)
    report = report_of(build, split, loss="sparse_categorical_crossentropy", metrics=metrics, epochs=8)
    (baseline,) = report.stages
    assert baseline.metrics["sequence_accuracy"].value > 0.7
    assert baseline.metrics["perplexity"].value == pytest.approx(baseline.metrics["perplexity"].keras, rel=1e-5)
    assert [(end.name, end.dtype) for end in baseline.inputs] == [("tokens", "int32")]


def two_heads(layers):
    import tf_keras

    left, right = tf_keras.Input((4,), name="left"), tf_keras.Input((4,), name="right")
    hidden = layers.Dense(8, activation="relu")(layers.Concatenate()([left, right]))
    return tf_keras.Model([left, right], [layers.Dense(1, name="angle")(hidden), layers.Dense(2, name="kind")(hidden)])


def driving(count=128):
    left, right = GENERATOR.normal(size=(2, count, 4)).astype(np.float32)
    labels = {"kind": (left.sum(1) > right.sum(1)).astype(np.int64), "angle": (left - right).sum(1)}
    return ArraySplit({"right": right, "left": left}, labels)


def test_two_inputs_and_two_outputs_go_through_training_quantization_and_the_report(layers, report_of):
    metrics = [{"uses": "accuracy", "output": "kind"}, {"uses": "mae", "output": "angle", "name": "angle error"}]
    loss = {"angle": "mse", "kind": "sparse_categorical_crossentropy"}
    report = report_of(lambda: two_heads(layers), driving(), "qat", "ptq", loss=loss, metrics=metrics, epochs=12)
    assert [stage.id for stage in report.stages] == ["baseline", "qat", "ptq"]
    for stage in report.stages:
        assert [end.name for end in stage.inputs] == ["left", "right"]
        assert [end.name for end in stage.outputs] == ["angle", "kind"]
        assert list(stage.metrics) == ["accuracy (kind)", "angle error"]
        assert stage.metrics["accuracy (kind)"].value > 0.8
        assert stage.metrics["angle error"].value < 2
    baseline = report.stages[0]
    assert baseline.agreement.largest < 1e-5
    assert baseline.agreement.same_class == 1
    assert baseline.metrics["angle error"].value == pytest.approx(baseline.metrics["angle error"].keras, rel=1e-5)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            None,
            "'accuracy' does not say which of the model's outputs (angle, kind) it judges; "
            "write it as {uses: accuracy, output: angle}",
        ),
        (
            "sort",
            "'accuracy (sort)' judges the output 'sort', and the model has angle, kind; name one of these",
        ),
        (
            "angle",
            "'accuracy (angle)' judges the output 'angle', and the data has labels for kind; "
            "call the labels as the model's outputs are called",
        ),
    ],
)
def test_a_metric_must_name_an_output_that_has_labels(layers, output, message):
    from compressor_plugins.metrics.classification import Accuracy

    split = driving()
    if output == "angle":
        split = ArraySplit(split.samples.inputs, {"kind": split.labels()["kind"]})
    with pytest.raises(DataError) as error:
        measure(to_litert(two_heads(layers)), split, [ConfiguredMetric.of(Accuracy(), output)])
    assert str(error.value) == message


def test_a_function_is_a_metric(layers, tmp_path, monkeypatch):
    import tf_keras

    (tmp_path / "own_metrics.py").write_text(
        "def beyond(outputs, labels, limit=1.0):\n    return (abs(outputs[:, 0] - labels) > limit).astype(float)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    model = tf_keras.Sequential([layers.InputLayer((4,)), layers.Dense(1)])
    features, labels = GENERATOR.normal(size=(2, 50, 4)).astype(np.float32)
    metric = FunctionMetric("own_metrics:beyond", {"limit": 0.5}, higher_is_better=False)
    found = measured(model, ArraySplit(features, labels[:, 0]), metric)
    gaps = np.abs(model.predict(features, verbose=0)[:, 0] - labels[:, 0])
    assert found.keras_scores == {"beyond": pytest.approx(np.mean(gaps > 0.5))}


def test_a_metric_without_a_value_is_told_rather_than_reported(layers):
    import tf_keras

    from compressor_plugins.metrics.roc import AUC

    model = tf_keras.Sequential([layers.InputLayer((4,)), layers.Dense(1)])
    split = ArraySplit(np.ones((20, 4), np.float32), np.ones(20))
    with pytest.raises(DataError) as error:
        measured(model, split, AUC())
    assert str(error.value) == (
        "'auc' is nan on the 20 test samples; check the labels of the test split, and the outputs of the model"
    )


def test_a_file_of_other_weights_is_refused_and_its_gap_to_another_file_is_measured(layers):
    import tf_keras

    from compressor_plugins.metrics.classification import Accuracy

    model = tf_keras.Sequential([layers.InputLayer((4,)), layers.Dense(3)])
    split = ArraySplit(GENERATOR.normal(size=(50, 4)).astype(np.float32), GENERATOR.integers(0, 3, 50))
    content = to_litert(model)
    kernel, bias = model.get_weights()
    model.set_weights([-kernel, bias])
    with pytest.raises(StepError) as error:
        measure(content, split, [ConfiguredMetric.of(Accuracy())], model)
    assert str(error.value) == (
        "the Keras model: the file computes something else than the Keras model; outputs differ by 200 % of the "
        "largest, and rounding explains 0.01 %; take layers out of the model, to find the one that the LiteRT "
        "converter gets wrong"
    )
    found = measure(to_litert(model), split, [ConfiguredMetric.of(Accuracy())], made_of=content).agreement
    outputs = split.samples.inputs @ kernel
    assert found.same_class == 0
    assert found.largest == pytest.approx(2 * np.abs(outputs).max() / np.ptp(outputs), rel=1e-4)


def grids_of_columns(layers, in_turn):
    """A net on a grid's columns, one after another, and grids whose class is the column that rises."""
    import tf_keras

    labels = GENERATOR.integers(0, 3, 160)
    grids = GENERATOR.normal(0, 0.4, (160, 6, 8)).astype(np.float32)
    grids[np.arange(160), :, np.array([1, 4, 6])[labels]] += np.linspace(-2, 2, 6, dtype=np.float32)

    def build():
        inputs = layers.Input((6, 8), name="grid")
        columns = layers.Reshape((8, 6))(in_turn(inputs))
        features = layers.Flatten()(layers.Conv1D(8, 3, activation="relu", name="along")(columns))
        return tf_keras.Model(inputs, layers.Dense(3, name="kind")(features))

    return build, ArraySplit(grids, labels)


def test_columns_read_in_turn_reach_the_8_bit_file_in_that_order(layers, report_of, tensorflow):
    tf = tensorflow
    model, split = grids_of_columns(layers, lambda x: tf.concat(tf.unstack(x, axis=2), axis=1))
    report = report_of(
        model, split, "prune", "qat", "ptq", loss="sparse_categorical_crossentropy", metrics=["accuracy"], epochs=8
    )
    assert all(stage.metrics["accuracy"].value > 0.95 for stage in report.stages)
    assert all(stage.agreement.same_class > 0.98 for stage in report.stages)
    assert not any(stage.agreement.doubtful for stage in report.stages)


def test_a_run_whose_float_file_computes_something_else_fails_at_the_baseline(layers, report_of, tensorflow):
    import tf_keras

    tf = tensorflow

    @tf_keras.utils.register_keras_serializable()
    class InTurn(layers.Layer):
        @tf.function  # within which the operations are not rewritten for the converter
        def call(self, x):
            return tf.concat(tf.unstack(x, axis=2), axis=1)

    model, split = grids_of_columns(layers, InTurn(name="columns"))
    with pytest.raises(StepError) as error:
        report_of(model, split, "ptq", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    assert str(error.value).startswith(
        "the model of the step 'baseline' (train, compressor 0.1.0): the file computes something else than the Keras "
        "model; outputs differ by "
    )
    assert str(error.value).endswith(
        "and rounding explains 0.01 %; they part at the layer 'columns', which the file computes by RESHAPE; write "
        "that layer with other operations, or take it out"
    )
    assert error.value.exit_code == 4
