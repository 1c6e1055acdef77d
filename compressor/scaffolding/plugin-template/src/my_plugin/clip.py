"""A strategy that trains."""

import compressor
from pydantic import Field


class Clip(compressor.Strategy):
    """Train on with the largest weights clipped, so that eight bits are spread over a smaller range."""

    name = "my_plugin_clip"

    class Params(compressor.TrainingParams):  # epochs, optimizer, loss and the rest, with the defaults of the recipe
        epochs: int = Field(2, ge=1, le=10_000, description="passes over the training split", examples=[5])
        largest: float = Field(
            4.0, ge=1, le=1000, description="largest weight, in units of the root mean square", examples=[3]
        )

    params: Params

    def plan(self, state: compressor.ModelState) -> compressor.ModelState:
        return state.require(format="keras", lacks="quantization_aware")

    def apply(self, model: compressor.Model, context: compressor.StepContext) -> compressor.Model:
        import tensorflow as tf
        import tf_keras  # not tf.keras, which is Keras 3

        kernels = [weight for weight in model.trainable_weights if weight.shape.rank > 1]
        if not kernels:
            raise compressor.StepError("the model has no kernel to train", "unfreeze a layer")
        limits = [self.params.largest * float((kernel.numpy() ** 2).mean() ** 0.5) for kernel in kernels]

        def clip() -> None:
            for kernel, limit in zip(kernels, limits, strict=True):
                if limit:  # a kernel of zeros may grow
                    kernel.assign(tf.clip_by_value(kernel, -limit, limit))

        clipping = tf_keras.callbacks.Callback()
        clipping.after_step = clip  # TensorFlow's operations, which become part of every train step
        clipping.stateless = True  # it keeps nothing from one epoch to the next, so that a training can be resumed
        context.fit(model, self.params, [*context.kept_structure(model), clipping])  # keeps zeros and clusters
        return model
