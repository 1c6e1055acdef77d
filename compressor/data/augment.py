"""The steps of augmentation that a recipe can declare, for training alone.

Random numbers depend on the seed, the epoch, the batch and the step's place in the list, and not on earlier draws, so
that training that is interrupted and resumed sees the same images.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from pydantic import Field

from compressor.data.declared_step import Choice, Operation, image_axes


class Change(Operation):
    """A random change of images."""

    moves: ClassVar[bool] = False  # whether it moves pixels, and so those of labels that are images, too

    def apply(self, images: Any, key: Any, smooth: bool = True) -> Any:
        """The changed images of a batch, shape (n, height, width[, channels]).

        Args:
            images: a tensor.
            key: the two numbers that decide everything random.
            smooth: whether pixels may be interpolated, which those of class masks must not be.
        """
        raise NotImplementedError


class Flip(Change):
    """Mirror each image with a probability of one half."""

    main = "direction"
    moves = True

    direction: Literal["horizontal", "vertical", "both"] = Field(description="which way")

    def apply(self, images: Any, key: Any, smooth: bool = True) -> Any:
        import tensorflow as tf

        images, grey = image_axes(images, "flip")
        draws = tf.random.stateless_uniform([2, tf.shape(images)[0], 1, 1, 1], key) < 0.5
        if self.direction != "vertical":
            images = tf.where(draws[0], tf.reverse(images, [2]), images)
        if self.direction != "horizontal":
            images = tf.where(draws[1], tf.reverse(images, [1]), images)
        return images[..., 0] if grey else images


class _Move(Change):
    """A change that moves the pixels of each image by a projective map of its own."""

    moves = True

    fill: Literal["nearest", "constant", "reflect"] = Field(
        "nearest", description="what comes in at the edges: the nearest pixel, 0, or a mirror image"
    )

    def maps(self, draws: Any, height: Any, width: Any) -> Any:
        """The eight numbers of each map, shape (n, 8), from two random numbers in -1..1 for each, shape (n, 2)."""
        raise NotImplementedError

    def apply(self, images: Any, key: Any, smooth: bool = True) -> Any:
        import tensorflow as tf

        images, grey = image_axes(images, type(self).__name__.lower())
        shape = tf.shape(images)
        draws = tf.random.stateless_uniform([shape[0], 2], key, -1.0, 1.0)
        height, width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
        moved = tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=self.maps(draws, height, width),
            output_shape=shape[1:3],
            fill_value=0.0,
            interpolation="BILINEAR" if smooth else "NEAREST",
            fill_mode=self.fill.upper(),
        )
        moved.set_shape(images.shape)
        return moved[..., 0] if grey else moved


class Shift(_Move):
    """Move images up or down and to the side."""

    main = "share"

    share: float = Field(gt=0, le=0.9, description="by how much at most, as a share of height and width")

    def maps(self, draws: Any, height: Any, width: Any) -> Any:
        return _affine(1.0, 0.0, draws[:, 0] * self.share * width, 0.0, 1.0, draws[:, 1] * self.share * height)


class Rotate(_Move):
    """Turn images around their middle."""

    main = "degrees"

    degrees: float = Field(gt=0, le=180, description="by how much at most, either way")

    def maps(self, draws: Any, height: Any, width: Any) -> Any:
        import tensorflow as tf

        angle = draws[:, 0] * (self.degrees * math.pi / 180)
        cos, sin = tf.cos(angle), tf.sin(angle)
        right, down = (width - 1) / 2, (height - 1) / 2
        across = right - cos * right + sin * down
        along = down - sin * right - cos * down
        return _affine(cos, -sin, across, sin, cos, along)


class Zoom(_Move):
    """Make images larger or smaller around their middle."""

    main = "share"

    share: float = Field(gt=0, lt=1, description="by how much at most, as a share of the size")

    def maps(self, draws: Any, height: Any, width: Any) -> Any:
        scale = 1.0 + draws[:, 0] * self.share
        return _affine(scale, 0.0, (1 - scale) * (width - 1) / 2, 0.0, scale, (1 - scale) * (height - 1) / 2)


class Contrast(Change):
    """Move the values of each image away from their mean, or closer to it."""

    main = "share"

    share: float = Field(gt=0, lt=1, description="by how much at most: 0.2 is a factor of 0.8 to 1.2")

    def apply(self, images: Any, key: Any, smooth: bool = True) -> Any:
        import tensorflow as tf

        rank = len(images.shape)
        factor = tf.random.stateless_uniform([tf.shape(images)[0]] + [1] * (rank - 1), key, -1.0, 1.0)
        mean = tf.reduce_mean(images, axis=list(range(1, rank)), keepdims=True)
        return (images - mean) * (1.0 + factor * self.share) + mean


class Noise(Change):
    """Add normally distributed noise."""

    main = "deviation"

    deviation: float = Field(gt=0, le=1e6, description="its standard deviation, on the scale of what the model gets")

    def apply(self, images: Any, key: Any, smooth: bool = True) -> Any:
        import tensorflow as tf

        return images + tf.random.stateless_normal(tf.shape(images), key) * self.deviation


class AugmentStep(Choice):
    """One step of augmentation; name it by its one key."""

    flip: Flip | None = Field(None, description="mirror: horizontal, vertical or both")
    shift: Shift | None = Field(None, description="move up or down and to the side")
    rotate: Rotate | None = Field(None, description="turn around the middle")
    zoom: Zoom | None = Field(None, description="larger or smaller")
    contrast: Contrast | None = Field(None, description="more or less contrast")
    noise: Noise | None = Field(None, description="normally distributed noise")


def _affine(*parts: Any) -> Any:
    """Maps of shape (n, 8) from the six numbers of each, of which a float is the same for all maps."""
    import tensorflow as tf

    many = next(part for part in parts if not isinstance(part, float))
    columns = [part * tf.ones_like(many) if isinstance(part, float) else part for part in (*parts, 0.0, 0.0)]
    return tf.stack(columns, axis=1)
