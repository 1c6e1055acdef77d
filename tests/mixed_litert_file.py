"""A LiteRT file that computes in integers but for some operators, as those for which LiteRT has no integers."""

import struct

from small_litert_files import litert_file, tensor


def with_an_island(prefix=""):
    """An int8 convolution, ROUND and CEIL in float, an int8 dense layer, and a SIGN in float at the output.

    Args:
        prefix: what the name of each tensor begins with.
    """
    tensors = [
        tensor("image", (1, 8, 8, 1), scales=[0.5]),
        tensor("kernel", (4, 3, 3, 1), data=bytes(range(36)), scales=[0.1] * 4),
        tensor("bias", (4,), "INT32", struct.pack("<4i", 1, 2, 3, 4), scales=[0.05] * 4),
        tensor("conv", (1, 6, 6, 4), scales=[0.5]),
        tensor("conv_float", (1, 6, 6, 4), "FLOAT32"),
        tensor("round", (1, 6, 6, 4), "FLOAT32"),
        tensor("ceil", (1, 6, 6, 4), "FLOAT32"),
        tensor("ceil_int8", (1, 6, 6, 4), scales=[0.5]),
        tensor("weights", (3, 144), data=bytes(number * 37 % 256 for number in range(432)), scales=[0.1]),
        tensor("logits", (1, 3), scales=[0.25]),
        tensor("logits_float", (1, 3), "FLOAT32"),
        tensor("sign", (1, 3), "FLOAT32"),
    ]
    for each in tensors:
        each.name = prefix.encode() + each.name
    calls = [
        ("CONV_2D", [0, 1, 2], [3]),
        ("DEQUANTIZE", [3], [4]),
        ("ROUND", [4], [5]),
        ("CEIL", [5], [6]),
        ("QUANTIZE", [6], [7]),
        ("FULLY_CONNECTED", [7, 8, -1], [9]),
        ("DEQUANTIZE", [9], [10]),
        ("SIGN", [10], [11]),
    ]
    return litert_file(tensors, calls, [0], [11], {"min_runtime_version": b"2.11.0\0\0", "<b>notes": bytes(200)})
