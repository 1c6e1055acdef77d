"""Closed lists of what a Keras file may name without bringing code of its own; any other name may run anything."""

from __future__ import annotations

import re

_MODULES = (
    "activations", "constraints", "dtype_policies", "engine", "initializers", "layers", "losses", "metrics",
    "mixed_precision", "models", "ops", "optimizers", "quantizers", "random", "regularizers",
)  # fmt: skip
_CLASS_MODULE = re.compile(
    rf"(tf_)?keras(\.src)?(\.({'|'.join(_MODULES)})(\.\w+)*)?|tensorflow_model_optimization(\.\w+)*"
)
_FUNCTION_MODULE = re.compile(r"(tf_)?keras(\.src)?\.(activations|losses|metrics|regularizers)(\.\w+)*|builtins")
_FUNCTION_NAMES = """
    binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy categorical_crossentropy
    categorical_focal_crossentropy categorical_hinge celu cosine_similarity elu exponential gelu glu hard_shrink
    hard_sigmoid hard_silu hard_swish hard_tanh hinge huber kl_divergence kld kullback_leibler_divergence l1_l2
    leaky_relu linear log_cosh log_sigmoid log_softmax logcosh mae mape mean_absolute_error
    mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error mish mse msle poisson relu relu6
    selu sigmoid silu soft_shrink softmax softplus softsign sparse_categorical_accuracy
    sparse_categorical_crossentropy sparse_plus sparse_sigmoid sparse_top_k_categorical_accuracy sparsemax
    squared_hinge squareplus swish tanh tanh_shrink threshold top_k_categorical_accuracy
"""
_OPERATION_NAMES = """
    abs acos acosh add add_n argmax argmin argsort asin asinh atan atan2 atanh batch_to_space bitcast boolean_mask
    broadcast_to cast clip_by_norm clip_by_value complex concat constant convert_to_tensor cos cosh cumsum divide
    dynamic_partition dynamic_stitch einsum ensure_shape equal exp expand_dims eye fill floor gather gather_nd greater
    greater_equal identity identity_n less less_equal linspace logical_and logical_not logical_or matmul maximum
    meshgrid minimum multiply negative norm not_equal one_hot ones ones_like pad pow range rank realdiv
    reduce_all reduce_any reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat reshape
    reverse reverse_sequence roll round saturate_cast scalar_mul scatter_nd searchsorted sequence_mask shape sigmoid
    sign sin sinh size slice sort space_to_batch space_to_batch_nd split sqrt square squeeze stack stop_gradient
    strided_slice subtract tan tanh tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min
    tensor_scatter_nd_sub tensor_scatter_nd_update tensordot tile transpose truediv truncatediv truncatemod unique
    unravel_index unstack where zeros zeros_like
"""
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_OPERATIONS = frozenset(_OPERATION_NAMES.split())
_OPERATION_GROUP = re.compile(r"(math|nn|linalg|image|signal|random|__operators__)(\.experimental)?\.\w+")


def is_keras_class(module: str, name: str) -> bool:
    """Whether this is a class of Keras or tfmot that only computes."""
    return bool(_CLASS_MODULE.fullmatch(module)) and name[:1].isupper() and name.isidentifier()


def is_keras_function(module: str, name: str) -> bool:
    """Whether this is a function of Keras on tensors; at times Keras gives them the module "builtins"."""
    return bool(_FUNCTION_MODULE.fullmatch(module)) and name in _FUNCTIONS


def is_tensor_operation(name: str) -> bool:
    """Whether this is an operation of TensorFlow that only computes, such as `nn.relu` for `tf.nn.relu`."""
    return name in _OPERATIONS or _OPERATION_GROUP.fullmatch(name) is not None
