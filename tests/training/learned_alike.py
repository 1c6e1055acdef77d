"""Compares a training that several devices or machines share with the same training on one."""

import pytest


def is_same(found):
    """Whether both have the same weights and losses, within rounding."""
    (loss, validation), (other, other_validation) = found["losses"]
    # a last batch of one sample is given to all of them, and shown twice in the loss of the training
    return (
        found["apart"] < 1e-6
        and validation == pytest.approx(other_validation, rel=1e-4)
        and loss == pytest.approx(other, rel=0.02)
    )
