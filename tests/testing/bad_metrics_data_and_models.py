"""Metrics, data sets and models that misbehave, each in one way, with the checks that have to find it."""

import os

import numpy as np
from bad_strategies import fails

import compressor


class GoodMetric(compressor.Metric):
    """Mean absolute difference of outputs and labels."""

    name = "good"
    higher_is_better = False

    def per_sample(self, batch):
        if batch.outputs.shape != batch.labels.shape:
            raise ValueError("it takes a label for each output")
        return abs(batch.outputs - batch.labels).reshape(len(batch.labels), -1).mean(1)


@fails("better_outputs_score_better")
class WrongDirection(GoodMetric):
    """An error, of which more is said to be better."""

    higher_is_better = True


@fails("judges_each_sample_alone")
class LooksAtTheBatch(GoodMetric):
    """It divides by the largest of the batch."""

    def per_sample(self, batch):
        rows = super().per_sample(batch)
        return rows / rows.max()


@fails("takes_some_outputs")
class RefusesAllOutputs(GoodMetric):
    """It takes outputs of eleven dimensions."""

    def per_sample(self, batch):
        raise ValueError("it takes outputs of eleven dimensions")


@fails("refuses_by_value_error")
class FailsOnOtherShapes(GoodMetric):
    """It fails where it should refuse."""

    def per_sample(self, batch):
        if batch.outputs.shape != batch.labels.shape:
            return batch.no_such_field
        return super().per_sample(batch)


@fails("scores_are_finite")
class NoShare(GoodMetric):
    """It says that it is a share, and is not."""

    share = True

    def score(self, means):
        return means + 1


@fails("scores_many_sets_alike")
class MergesSets(GoodMetric):
    """It gives one score for all sets."""

    def score(self, means):
        return np.asarray(means).mean(keepdims=True)


@fails("same_score_each_time")
class DrawsScores(GoodMetric):
    """It adds noise."""

    def per_sample(self, batch):
        count = len(batch.labels)
        return super().per_sample(batch) + 1e-12 * np.random.default_rng().integers(1, 9) * np.ones(count)


@fails("leaves_its_batch_alone")
class ChangesInputs(GoodMetric):
    """It empties the inputs."""

    def per_sample(self, batch):
        rows = super().per_sample(batch)
        batch.inputs[:] = 0
        return rows


class GoodDataset(compressor.Dataset):
    """Points in two classes."""

    name = "good"

    def load(self):
        return compressor.Splits(self.part(0, 80), self.part(80, 100))

    def part(self, start, stop):
        points = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
        return points[start:stop], (np.arange(100) % 2)[start:stop]


@fails("loads")
class LoadingFails(GoodDataset):
    """It fails where it should say what is missing."""

    def load(self):
        return {}["points"]


@fails("brings_splits")
class NoSplits(GoodDataset):
    """It returns a text."""

    def load(self):
        return "points"


@fails("splits_are_alike")
class OtherTestShape(GoodDataset):
    """Test samples have fewer columns."""

    def load(self):
        points, labels = self.part(80, 100)
        return compressor.Splits(self.part(0, 80), (points[:, :2], labels))


@fails("samples_are_finite")
class HoldsNaN(GoodDataset):
    """A value is missing."""

    def part(self, start, stop):
        points, labels = super().part(start, stop)
        points[0, 0] = np.nan
        return points, labels


@fails("test_classes_are_in_training")
class UnseenClass(GoodDataset):
    """A class is in the test split alone."""

    def load(self):
        points, labels = self.part(80, 100)
        return compressor.Splits(self.part(0, 80), (points, labels + 2))


@fails("test_samples_are_new")
class TestsOnTraining(GoodDataset):
    """Test samples are training samples."""

    def load(self):
        return compressor.Splits(self.part(0, 80), self.part(40, 60))


@fails("loads_the_same_again")
class DrawsSamples(GoodDataset):
    """It draws other samples each time."""

    def part(self, start, stop):
        points, labels = super().part(start, stop)
        return points + np.random.random(points.shape).astype(np.float32), labels


@fails("loads_without_side_effects")
class LoudDataset(GoodDataset):
    """It prints, and goes to another folder."""

    def load(self):
        os.chdir("/")
        print("loading")
        return super().load()


class GoodModel(compressor.ModelSource):
    """Two dense layers."""

    name = "good"

    def build(self):
        import tf_keras

        return tf_keras.Sequential([tf_keras.Input((4,)), *self.layers(tf_keras.layers)])

    def layers(self, layers):
        return [layers.Dense(6, activation="relu"), layers.Dense(3)]


@fails("builds")
class BuildingFails(GoodModel):
    """It fails."""

    def build(self):
        return {}["model"]


@fails("is_a_model_that_steps_take")
class BuildsNoModel(GoodModel):
    """It returns its layers."""

    def build(self):
        import tf_keras

        return self.layers(tf_keras.layers)


@fails("builds_the_same_again")
class DrawsWeights(GoodModel):
    """Its weights differ each time."""

    def build(self):
        model = super().build()
        shift = np.random.default_rng().random()
        model.set_weights([weights + shift for weights in model.get_weights()])
        return model


@fails("trained_weights_come_with_it")
class SaysTrained(GoodModel):
    """It is not trained."""

    trained = True


@fails("model_can_be_saved_and_loaded")
class OwnLayer(GoodModel):
    """It has a layer that no file can name."""

    def layers(self, layers):
        class Same(layers.Layer):
            def call(self, inputs):
                return inputs

        return [*super().layers(layers), Same()]


@fails("weights_get_gradients")
class RoundsValues(GoodModel):
    """No gradient goes through its rounding."""

    def build(self):
        import tensorflow as tf
        import tf_keras

        inputs = tf_keras.Input((4,))
        x = tf.round(tf_keras.layers.Dense(6)(inputs))
        return tf_keras.Model(inputs, tf_keras.layers.Dense(3)(x))


@fails("builds_without_side_effects")
class LoudModel(GoodModel):
    """It prints, and sets another precision."""

    def build(self):
        import tf_keras

        print("building")
        model = super().build()
        tf_keras.backend.set_floatx("float64")
        return model


METRICS = [cls for cls in (*globals().values(),) if isinstance(cls, type) and issubclass(cls, GoodMetric)]
DATASETS = [cls for cls in (*globals().values(),) if isinstance(cls, type) and issubclass(cls, GoodDataset)]
MODELS = [cls for cls in (*globals().values(),) if isinstance(cls, type) and issubclass(cls, GoodModel)]
