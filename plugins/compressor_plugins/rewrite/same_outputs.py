"""Checks that a rewritten model still computes the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from compressor import StepContext, StepError

_TOLERANCE = 1e-4  # of the largest output; sums in another order differ by about a tenth of that


def require_same_outputs(model: Any, rewritten: Any, context: StepContext) -> None:
    """Compare the outputs of a rewritten model with those before, on a few training samples.

    Raises:
        StepError: they differ by more than sums in another order explain.
    """
    import tensorflow as tf

    for features in context.calibration(4):
        pairs = zip(tf.nest.flatten(model(features)), tf.nest.flatten(rewritten(features)), strict=True)
        for old, new in pairs:
            before, after = np.asarray(old, np.float64), np.asarray(new, np.float64)
            apart = float(np.abs(before - after).max(initial=0))
            if apart > _TOLERANCE * max(1.0, float(np.abs(before).max(initial=0))):
                what = f"the rewritten model's outputs differ by {apart:.2g} from those before"
                raise StepError(what, "switch the rewrites off one by one, and report the one it is")
