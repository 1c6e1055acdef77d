"""A strategy that changes weights and does not train."""

import compressor
from pydantic import Field


class Trim(compressor.Strategy):
    """Set the smallest weights of each kernel to zero."""

    name = "my_plugin_trim"

    class Params(compressor.Params):
        share: float = Field(0.3, ge=0.05, lt=1, description="share of weights that become zero", examples=[0.5])

    params: Params

    def plan(self, state: compressor.ModelState) -> compressor.ModelState:  # after the step, or a refusal
        return state.require(format="keras", lacks="quantization_aware").add("sparse")

    def apply(self, model: compressor.Model, context: compressor.StepContext) -> compressor.Model:
        import numpy as np  # what takes long to import is imported here, so that checking a recipe stays fast

        kernels = [weight for weight in model.trainable_weights if weight.shape.rank > 1]  # frozen ones stay
        for kernel in kernels:
            values = kernel.numpy()
            limit = np.sort(abs(values), axis=None)[int(self.params.share * values.size)]
            kernel.assign(np.where(abs(values) < limit, 0, values))
        if all(kernel.numpy().all() for kernel in kernels):
            raise compressor.StepError("no kernel has weights to trim", "unfreeze a layer, or raise 'share'")
        return model
