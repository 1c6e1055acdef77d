"""First-party metrics, held against their definitions computed by hand or by SciPy."""

import time

import numpy as np
import pytest
from scipy import stats
from scipy.special import log_softmax, softmax

from compressor.contracts.metric import Batch
from compressor.measure.statistics import change, score, value

GENERATOR = np.random.default_rng(0)


def batch(outputs, labels, ends_in="linear", inputs=None):
    outputs = np.asarray(outputs, np.float32)
    return Batch(outputs, np.asarray(labels), outputs if inputs is None else inputs, ends_in)


@pytest.fixture
def judged(registry):
    """A function that gives a metric's value; the batch goes through in two parts, as in a run."""

    def configured(name, given, **params):
        cls = registry.get("metric", name).cls
        metric = cls(cls.Params(**params))
        half = len(given.labels) // 2
        parts = [
            Batch(given.outputs[part], given.labels[part], given.inputs[part], given.ends_in)
            for part in (slice(None, half), slice(half, None))
        ]
        return value(np.concatenate([metric.per_sample(part) for part in parts]), metric)

    return configured


def counted_f1(chosen, truth, classes):
    scores = []
    for index in classes:
        found = np.sum((chosen == index) & (truth == index))
        scores.append(2 * found / (np.sum(chosen == index) + np.sum(truth == index)))
    return np.mean(scores)


@pytest.mark.parametrize("form", ["numbers", "column", "one-hot"])
def test_accuracy_takes_class_numbers_and_one_hot_labels(judged, form):
    outputs, classes = GENERATOR.normal(size=(100, 5)), GENERATOR.integers(0, 5, 100)
    labels = {"numbers": classes, "column": classes[:, None], "one-hot": np.eye(5)[classes]}[form]
    assert judged("accuracy", batch(outputs, labels)) == np.mean(outputs.argmax(1) == classes)


@pytest.mark.parametrize(("ends_in", "limit"), [("sigmoid", 0.5), ("linear", 0.0)])
def test_accuracy_of_one_output_turns_at_a_half_or_at_logit_zero(judged, ends_in, limit):
    outputs, labels = GENERATOR.uniform(-1, 1, (100, 1)), GENERATOR.integers(0, 2, 100)
    assert judged("accuracy", batch(outputs, labels, ends_in)) == np.mean((outputs[:, 0] > limit) == labels)


def test_top_k_accuracy_counts_the_k_highest(judged):
    outputs, labels = GENERATOR.normal(size=(200, 10)), GENERATOR.integers(0, 10, 200)
    ranks = (-outputs).argsort(1).argsort(1)[range(200), labels]
    assert judged("top_5_accuracy", batch(outputs, labels)) == np.mean(ranks < 5)
    assert judged("top_k_accuracy", batch(outputs, labels), k=2) == np.mean(ranks < 2)


def test_outputs_that_are_no_numbers_are_never_right(judged):
    broken = batch(np.full((4, 10), np.nan), [1, 2, 3, 4])
    assert judged("accuracy", broken) == judged("top_5_accuracy", broken) == 0


def test_binary_accuracy_is_the_share_of_right_labels(judged):
    outputs, labels = GENERATOR.uniform(size=(60, 4)), GENERATOR.integers(0, 2, (60, 4))
    assert judged("binary_accuracy", batch(outputs, labels, "sigmoid")) == pytest.approx(
        np.mean((outputs > 0.5) == labels)
    )


def test_precision_recall_and_f1_are_means_over_the_classes_that_occur(judged):
    outputs, labels = GENERATOR.normal(size=(300, 6)), GENERATOR.integers(0, 4, 300)
    outputs[:, 5] = -9  # a class that is neither in the labels nor decided for
    chosen, given = outputs.argmax(1), batch(outputs, labels)
    precision = [np.mean(labels[chosen == i] == i) for i in range(5)]
    recall = [np.mean(chosen[labels == i] == i) if np.any(labels == i) else 0 for i in range(5)]
    assert judged("precision", given) == pytest.approx(np.mean(precision))
    assert judged("recall", given) == pytest.approx(np.mean(recall))
    assert judged("f1", given) == pytest.approx(counted_f1(chosen, labels, range(5)))


def test_with_one_output_they_are_of_the_positive_class_alone(judged):
    outputs, labels = GENERATOR.uniform(size=(300, 1)), GENERATOR.integers(0, 2, 300)
    chosen, given = outputs[:, 0] > 0.5, batch(outputs, labels, "sigmoid")
    assert judged("precision", given) == pytest.approx(np.mean(labels[chosen]))
    assert judged("recall", given) == pytest.approx(np.mean(chosen[labels == 1]))
    assert judged("f1", given) == pytest.approx(counted_f1(chosen, labels, [1]))


def test_a_sigmoid_at_the_end_or_a_parameter_tells_that_a_sample_may_have_several_labels(judged):
    outputs, labels = GENERATOR.normal(size=(200, 3)), GENERATOR.integers(0, 2, (200, 3))
    expected = np.mean([counted_f1(outputs[:, i] > 0, labels[:, i], [1]) for i in range(3)])
    probable = 1 / (1 + np.exp(-outputs))
    assert judged("f1", batch(probable, labels, "sigmoid")) == pytest.approx(expected)
    assert judged("f1", batch(outputs, labels), multi_label=True) == pytest.approx(expected)


def test_auc_is_mann_whitneys_share_of_pairs_with_ties_as_halves(judged):
    outputs, labels = GENERATOR.integers(0, 20, (300, 1)) / 20, GENERATOR.integers(0, 2, 300)
    yes, no = outputs[labels == 1, 0], outputs[labels == 0, 0]
    expected = stats.mannwhitneyu(yes, no).statistic / (len(yes) * len(no))
    assert judged("auc", batch(outputs, labels, "sigmoid")) == pytest.approx(expected)


def test_auc_of_several_classes_is_the_mean_of_each_against_the_rest(judged):
    outputs, labels = GENERATOR.normal(size=(300, 3)), GENERATOR.integers(0, 3, 300)
    areas = []
    for index, column in enumerate(softmax(outputs, axis=1).T):
        yes, no = column[labels == index], column[labels != index]
        areas.append(stats.mannwhitneyu(yes, no).statistic / (len(yes) * len(no)))
    assert judged("auc", batch(outputs, labels)) == pytest.approx(np.mean(areas), abs=1e-6)
    assert judged("auc", batch(softmax(outputs, axis=1), labels, "softmax")) == pytest.approx(np.mean(areas), abs=1e-6)


def test_the_noise_of_an_auc_over_ten_thousand_samples_is_told_within_a_second(registry):
    metric = registry.get("metric", "auc").cls()
    labels = GENERATOR.integers(0, 2, 10_000)
    before = labels[:, None] + GENERATOR.normal(size=(10_000, 1))
    after = before + GENERATOR.normal(scale=0.3, size=(10_000, 1))
    rows = [metric.per_sample(batch(outputs, labels)) for outputs in (before, after)]
    started = time.process_time()
    found = change(*rows, metric)
    assert time.process_time() - started < 1  # of the processor, whatever else it does
    assert found.p_value < 0.01
    assert found.difference < 0
    interval = score(rows[0], metric)
    # Hanley & McNeil's standard error
    area, n, m = interval.value, labels.sum(), (1 - labels).sum()
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    error = np.sqrt((area * (1 - area) + (n - 1) * (q1 - area**2) + (m - 1) * (q2 - area**2)) / (n * m))
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_errors_of_numbers_are_as_their_definitions_say(judged):
    outputs, labels = GENERATOR.normal(size=(80, 1)), GENERATOR.normal(size=80)
    gaps, given = outputs[:, 0] - labels, batch(outputs, labels)
    for name in ("mae", "mean_absolute_error"):
        assert judged(name, given) == pytest.approx(np.abs(gaps).mean(), rel=1e-6)
    for name in ("mse", "mean_squared_error"):
        assert judged(name, given) == pytest.approx((gaps**2).mean(), rel=1e-6)
    for name in ("rmse", "root_mean_squared_error"):
        assert judged(name, given) == pytest.approx(np.sqrt((gaps**2).mean()), rel=1e-6)
    assert judged("r2", given) == pytest.approx(1 - (gaps**2).sum() / ((labels - labels.mean()) ** 2).sum(), rel=1e-5)


def test_cosine_similarity_is_of_all_numbers_of_a_sample(judged):
    outputs, labels = GENERATOR.normal(size=(20, 4)), GENERATOR.normal(size=(20, 4))
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(outputs, labels, strict=True)]
    assert judged("cosine_similarity", batch(outputs, labels)) == pytest.approx(np.mean(cosines), rel=1e-5)


def test_mean_iou_is_over_all_pixels_of_the_classes_that_occur(judged):
    outputs, labels = GENERATOR.normal(size=(6, 5, 4, 4)), GENERATOR.integers(0, 3, (6, 5, 4))
    chosen = outputs.argmax(-1)
    ratios = [np.sum((chosen == i) & (labels == i)) / np.sum((chosen == i) | (labels == i)) for i in range(4)]
    assert judged("mean_iou", batch(outputs, labels)) == pytest.approx(np.mean(ratios))
    assert judged("mean_iou", batch(outputs, labels[..., None])) == pytest.approx(np.mean(ratios))
    assert judged("mean_iou", batch(outputs, np.eye(4)[labels])) == pytest.approx(np.mean(ratios))
    single = batch(outputs[..., :1], labels.clip(0, 1))
    chosen, truth = outputs[..., 0] > 0, labels > 0
    pair = [np.sum(a & b) / np.sum(a | b) for a, b in ((chosen, truth), (~chosen, ~truth))]
    assert judged("mean_iou", single) == pytest.approx(np.mean(pair))


@pytest.mark.parametrize("name", ["mean_iou", "sequence_accuracy", "perplexity"])
def test_what_is_to_be_ignored_does_not_count(judged, name):
    outputs, labels = GENERATOR.normal(size=(8, 6, 3)), GENERATOR.integers(0, 3, (8, 6))
    masked = labels.copy()
    masked[:, 4:] = -1
    assert judged(name, batch(outputs, masked), ignore=-1) == pytest.approx(
        judged(name, batch(outputs[:, :4], labels[:, :4]))
    )


def test_sequence_accuracy_and_perplexity_are_over_all_steps(judged):
    outputs, labels = GENERATOR.normal(size=(8, 6, 3)), GENERATOR.integers(0, 3, (8, 6))
    given = batch(outputs, labels)
    lost = -np.take_along_axis(log_softmax(outputs, axis=-1), labels[..., None], -1)
    assert judged("sequence_accuracy", given) == pytest.approx(np.mean(outputs.argmax(-1) == labels))
    assert judged("sparse_categorical_crossentropy", given) == pytest.approx(lost.mean(), rel=1e-5)
    assert judged("perplexity", given) == pytest.approx(np.exp(lost.mean()), rel=1e-5)
    probable = batch(softmax(outputs, axis=-1), labels, "softmax")
    assert judged("perplexity", probable) == pytest.approx(np.exp(lost.mean()), rel=1e-5)


def test_an_autoencoder_is_judged_by_what_it_gives_back(judged):
    inputs, labels = GENERATOR.normal(size=(50, 3, 2)), GENERATOR.integers(0, 2, 50)
    outputs = inputs + GENERATOR.normal(size=inputs.shape) * (1 + labels)[:, None, None]
    errors = ((outputs - inputs) ** 2).mean((1, 2))
    area = stats.mannwhitneyu(errors[labels == 1], errors[labels == 0]).statistic / (labels.sum() * (1 - labels).sum())
    given = batch(outputs, labels, inputs=inputs)
    assert judged("reconstruction_error", given) == pytest.approx(errors.mean(), rel=1e-5)
    assert judged("anomaly_auc", given) == pytest.approx(area)


@pytest.mark.parametrize(
    ("name", "outputs", "labels", "text"),
    [
        (
            "accuracy",
            np.zeros((4, 3)),
            np.ones((4, 3)),
            "some labels have several classes, or none; use binary_accuracy or auc, or set 'multi_label: true' for "
            "precision, recall or f1",
        ),
        (
            "accuracy",
            np.zeros((4, 5, 3)),
            np.zeros((4, 5)),
            "it takes one decision per sample; for many use 'sequence_accuracy' or 'mean_iou'",
        ),
        ("accuracy", np.zeros((4, 3)), np.zeros((4, 2)), "it takes class numbers, or one-hot labels"),
        ("accuracy", np.zeros((4, 3)), np.array([0, 3, 1, 2]), "there is a label 3, but only outputs for 3 classes"),
        ("accuracy", np.zeros((4, 3)), np.array([0, 1.5, 1, 2]), "the label 1.5 is no class number"),
        ("accuracy", np.zeros((4, 1)), np.array([0, 1, 2, 1]), "there is a label 2, but only outputs for 2 classes"),
        ("f1", np.zeros((4, 3)), np.array([0, 3, 1, 2]), "there is a label 3, but only outputs for 3 classes"),
        ("top_5_accuracy", np.zeros((4, 3)), np.zeros(4), "it takes outputs for at least 5 classes"),
        (
            "sparse_categorical_crossentropy",
            np.zeros((4, 3)),
            np.array([0, 1, 7, 2]),
            "there is a label 7, but only outputs for 3 classes",
        ),
        (
            "sparse_categorical_crossentropy",
            np.zeros((4, 1)),
            np.array([0, 1, 1, 0]),
            "it takes an output for each class",
        ),
        ("top_5_accuracy", np.zeros((4, 6)), np.full(4, -1), "there is a label -1, but only outputs for 6 classes"),
        ("mae", np.zeros((4, 3)), np.zeros(4), "it takes a label for each output"),
        (
            "mean_iou",
            np.zeros((2, 4, 3)),
            np.full((2, 4), 255),
            "there is a label 255, but only outputs for 3 classes; set 'ignore' if it does not count",
        ),
        (
            "sequence_accuracy",
            np.zeros((4, 3)),
            np.zeros(4),
            "it takes many decisions per sample; for one use 'accuracy'",
        ),
        ("auc", np.zeros((4, 3, 3)), np.zeros(4), "it takes outputs of shape (n, classes)"),
    ],
)
def test_what_a_metric_cannot_judge_it_says(registry, name, outputs, labels, text):
    with pytest.raises(ValueError) as error:
        registry.get("metric", name).cls().per_sample(batch(outputs, labels))
    assert str(error.value) == text
