"""The steps of preprocessing that a recipe can declare, for training, calibration and evaluation alike."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from compressor.data.declared_step import Choice, Numbers, Operation, Pixels, Size

_RANGES = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}


class Step(Operation):
    """A step of preprocessing."""

    plain: ClassVar[bool] = False  # whether it is arithmetic that NumPy and TensorFlow do alike, to the last bit
    keeps_scale: ClassVar[bool] = False  # whether inputs stay on the scale that they have
    labels: ClassVar[bool] = False  # whether it works on the labels rather than on the inputs

    def apply(self, values: Any) -> Any:
        """The result for a batch, which is a NumPy array of float32, or a tensor where the step is not `plain`."""
        raise NotImplementedError

    def in_words(self) -> str:
        """What it does to a sample, for the report."""
        raise NotImplementedError


class Resize(Step):
    """Bring images to a size in pixels."""

    main = "size"
    keeps_scale = True

    size: Size = Field(description="height and width")
    method: Literal["bilinear", "nearest", "bicubic", "area"] = Field("bilinear", description="interpolation")

    def apply(self, values: Any) -> Any:
        import tensorflow as tf

        from compressor.data.declared_step import image_axes

        images, grey = image_axes(values, "resize")
        resized = tf.cast(tf.image.resize(images, self.size, self.method), tf.float32)
        return resized[..., 0] if grey else resized

    def in_words(self) -> str:
        return f"resized to {self.size[0]}x{self.size[1]} ({self.method})"


class Rescale(Step):
    """Multiply by `scale`, then add `offset`."""

    main = "scale"
    plain = True

    scale: float = Field(description="what values are multiplied by; 0.00392156862745098 is 1/255")
    offset: float = Field(0.0, description="what is added after that")

    def apply(self, values: Any) -> Any:
        import numpy as np

        scaled = values * np.float32(self.scale)
        return scaled + np.float32(self.offset) if self.offset else scaled

    def in_words(self) -> str:
        inverse = 1 / self.scale if self.scale else 0.5
        whole = inverse != 1 and abs(inverse - round(inverse)) < 1e-9 * abs(inverse)
        times = f"times 1/{round(inverse)}" if whole else f"times {self.scale:.6g}"
        return times + (f", plus {self.offset:.6g}" if self.offset else "")


class Normalize(Step):
    """Subtract the mean, then divide by the standard deviation."""

    main = "mean"
    plain = True

    mean: Numbers | Literal["adapt"] = Field(
        description="mean, one number or one for each channel or column; `adapt` measures both on the training split"
    )
    std: Numbers | None = Field(None, description="standard deviation, likewise; not with `adapt`")

    @model_validator(mode="after")
    def _both(self) -> Normalize:
        if self.mean == "adapt":
            if self.std is not None:
                raise ValueError("give no std with adapt, which measures it")
        elif self.std is None:
            raise ValueError("give mean and std, or write 'normalize: adapt'")
        elif min(self.std) <= 0:
            raise ValueError("a std must be above 0")
        elif len(self.std) not in (1, len(self.mean)) and len(self.mean) != 1:
            raise ValueError(f"there are {len(self.mean)} means and {len(self.std)} stds; give as many of each")
        return self

    def apply(self, values: Any) -> Any:
        import numpy as np

        if self.std is None or self.mean == "adapt":
            raise AssertionError("'adapt' is replaced by measured numbers before any batch is prepared")
        count = max(len(self.mean), len(self.std))
        if count > 1 and values.shape[-1] != count:
            from compressor.base.errors import DataError

            what = f"'normalize' has {count} numbers, and the samples have {values.shape[-1]} channels or columns"
            raise DataError(what, "give one number for each, or one for all")
        mean, std = (np.asarray(numbers, np.float32) for numbers in (self.mean, self.std))
        return (values - mean) * (np.float32(1) / std)

    def in_words(self) -> str:
        if self.std is None or self.mean == "adapt":
            return "normalized by the mean and deviation of the training split"
        return f"minus {_listed(self.mean)}, divided by {_listed(self.std)}"


class Cast(Step):
    """Round values to what a type can hold, and clip them to its range; the model still gets floats."""

    main = "dtype"

    dtype: Literal["float32", "float16", "uint8", "int8", "int16"] = Field(description="the type")

    def apply(self, values: Any) -> Any:
        import tensorflow as tf

        if self.dtype in _RANGES:
            return tf.clip_by_value(tf.round(values), *map(float, _RANGES[self.dtype]))
        return tf.cast(tf.cast(values, self.dtype), tf.float32)

    def in_words(self) -> str:
        return f"cast to {self.dtype}"


class Pad(Step):
    """Fill samples up to a shape."""

    main = "to"
    keeps_scale = True

    to: list[Pixels] = Field(
        min_length=1, max_length=4, description="sizes to reach, of a sample's first axes: [height, width], or [length]"
    )
    value: float = Field(0.0, description="what to fill with")
    where: Literal["both", "end"] = Field("both", description="at both ends of an axis, or after what is there")

    def apply(self, values: Any) -> Any:
        import tensorflow as tf

        from compressor.base.errors import DataError

        shape = values.shape[1:]
        if len(self.to) > len(shape) or any(size > to for size, to in zip(shape, self.to, strict=False)):
            what = f"'pad' fills up to {list(self.to)}, which does not hold samples of shape {tuple(shape)}"
            raise DataError(what, "pad to at least that, or resize first")
        edges = [(0, 0)]
        for axis, size in enumerate(shape):
            missing = self.to[axis] - size if axis < len(self.to) else 0
            before = missing // 2 if self.where == "both" else 0
            edges.append((before, missing - before))
        return tf.pad(values, edges, constant_values=self.value)

    def in_words(self) -> str:
        return f"padded to {'x'.join(map(str, self.to))} with {self.value:g}"


class Expand(Step):
    """Add an axis of size 1, such as the channels of grey images."""

    main = "axis"
    plain = True
    keeps_scale = True

    axis: Literal[-1, 1] = Field(-1, description="-1: after a sample's axes; 1: before them")

    def apply(self, values: Any) -> Any:
        return values[..., None] if self.axis == -1 else values[:, None]

    def in_words(self) -> str:
        return f"with an axis of size 1 added {'after' if self.axis == -1 else 'before'} the others"


class Squeeze(Step):
    """Remove an axis of size 1, such as the channels of grey images."""

    main = "axis"
    plain = True
    keeps_scale = True

    axis: Literal[-1, 1] = Field(-1, description="-1: the last one; 1: a sample's first one")

    def apply(self, values: Any) -> Any:
        if len(values.shape) < 2 or values.shape[self.axis] != 1:
            from compressor.base.errors import DataError

            what = f"'squeeze' removes an axis of size 1, and the samples have the shape {tuple(values.shape[1:])}"
            raise DataError(what, "remove it")
        return values[..., 0] if self.axis == -1 else values[:, 0]

    def in_words(self) -> str:
        return f"without the {'last' if self.axis == -1 else 'first'} axis, of size 1"


class OneHot(Step):
    """Turn class numbers into rows with a 1 at the class. It works on the labels."""

    main = "classes"
    keeps_scale = True
    labels = True

    classes: int = Field(ge=2, le=1_000_000, description="how many classes there are")

    def apply(self, values: Any) -> Any:
        import tensorflow as tf

        return tf.one_hot(tf.cast(values, tf.int64), self.classes)

    def in_words(self) -> str:
        return f"labels one-hot over {self.classes} classes"


class PreprocessStep(Choice):
    """One step of preprocessing; name it by its one key."""

    resize: Resize | None = Field(None, description="bring images to a size: [height, width]")
    rescale: Rescale | None = Field(None, description="multiply, and add")
    normalize: Normalize | None = Field(None, description="by mean and standard deviation; `adapt` measures them")
    cast: Cast | None = Field(None, description="round to what a type can hold")
    pad: Pad | None = Field(None, description="fill up to a shape")
    expand: Expand | None = Field(None, description="add an axis of size 1")
    squeeze: Squeeze | None = Field(None, description="remove an axis of size 1")
    one_hot: OneHot | None = Field(None, description="class numbers into rows of 0 and 1 (labels)")


def _listed(numbers: list[float]) -> str:
    shown = ", ".join(f"{number:.6g}" for number in numbers[:4])
    return shown if len(numbers) == 1 else f"[{shown}{', ...' if len(numbers) > 4 else ''}]"
