"""The hooks that register the first-party strategies, data sets, models, metrics and trackers."""

from __future__ import annotations

from compressor.contracts.hookspecs import hookimpl
from compressor.contracts.metric import Metric
from compressor.contracts.sources import Dataset, ModelSource
from compressor.contracts.strategy import Strategy
from compressor.contracts.tracker import Tracker


@hookimpl
def strategies() -> list[type[Strategy]]:
    """Every first-party strategy."""
    from compressor_plugins.channels.grow_channels import GrowChannels
    from compressor_plugins.channels.prune_channels import PruneChannels
    from compressor_plugins.cluster.cluster import Cluster
    from compressor_plugins.entropy.entropy import Entropy
    from compressor_plugins.files.pack import Pack
    from compressor_plugins.files.slim import Slim
    from compressor_plugins.low_rank.low_rank import LowRank
    from compressor_plugins.prune.prune import Prune
    from compressor_plugins.ptq.mixed_precision import MixedPrecision
    from compressor_plugins.ptq.ptq import PTQ
    from compressor_plugins.qat.qat import QAT
    from compressor_plugins.rewrite.equalize import Equalize
    from compressor_plugins.rewrite.fuse import Fuse
    from compressor_plugins.training.distill import Distill
    from compressor_plugins.training.train import Train

    return [
        Train,
        Distill,
        Fuse,
        Equalize,
        Prune,
        PruneChannels,
        GrowChannels,
        LowRank,
        Cluster,
        Entropy,
        QAT,
        PTQ,
        MixedPrecision,
        Slim,
        Pack,
    ]


@hookimpl
def datasets() -> list[type[Dataset]]:
    """Every first-party data set."""
    from compressor_plugins.datasets.cifar import CIFAR10, CIFAR100
    from compressor_plugins.datasets.fashion_mnist import FashionMNIST
    from compressor_plugins.datasets.mnist import MNIST

    return [MNIST, FashionMNIST, CIFAR10, CIFAR100]


@hookimpl
def models() -> list[type[ModelSource]]:
    """Every first-party model."""
    from compressor_plugins.models.lenet import LeNet5, LeNet300100
    from compressor_plugins.models.mnist_cnn import MNISTCNN
    from compressor_plugins.models.mobilenet_small import MobileNetSmall
    from compressor_plugins.models.strided_cnn import StridedCNN

    return [MNISTCNN, LeNet300100, LeNet5, StridedCNN, MobileNetSmall]


@hookimpl
def metrics() -> list[type[Metric]]:
    """Every first-party metric."""
    from compressor_plugins.metrics import classification, dense_labels, reconstruction, regression, roc

    return [
        classification.Accuracy,
        classification.TopKAccuracy,
        classification.Top5Accuracy,
        classification.BinaryAccuracy,
        classification.Precision,
        classification.Recall,
        classification.F1,
        roc.AUC,
        roc.AnomalyAUC,
        reconstruction.ReconstructionError,
        regression.MeanAbsoluteError,
        regression.MAE,
        regression.MeanSquaredError,
        regression.MSE,
        regression.RootMeanSquaredError,
        regression.RMSE,
        regression.R2,
        regression.CosineSimilarity,
        dense_labels.MeanIoU,
        dense_labels.SequenceAccuracy,
        dense_labels.Perplexity,
        dense_labels.SparseCategoricalCrossentropy,
    ]


@hookimpl
def trackers() -> list[type[Tracker]]:
    """Every first-party tracker."""
    from compressor_plugins.trackers.mlflow_tracker import MLflowTracker
    from compressor_plugins.trackers.tensorboard_tracker import TensorBoardTracker
    from compressor_plugins.trackers.wandb_tracker import WandbTracker

    return [TensorBoardTracker, MLflowTracker, WandbTracker]
