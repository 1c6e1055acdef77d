"""Describes the machine as far as results depend on it: instruction sets, and variables that change rounding."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path

DEFAULT_THREADS = 2
MOST_THREADS = 256

# one list for both kinds of processor; kernels are chosen by these, and by nothing else of what a processor can do
_INSTRUCTIONS = (
    "sse4_1", "avx", "fma", "f16c", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8", "amx_fp16", "avx10_1",
    "asimd", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme",
)  # fmt: skip
_VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "DNNL_DEFAULT_FPMATH_MODE", "DNNL_MAX_CPU_ISA", "NPY_DISABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS", "ONEDNN_DEFAULT_FPMATH_MODE", "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS", "TF_SET_ONEDNN_FPMATH_MODE",
    "TF_XLA_FLAGS", "XLA_FLAGS",
)  # fmt: skip
_CPU_INFO = Path("/proc/cpuinfo")


def usable_cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def conditions() -> Mapping[str, str]:
    """The processor's instruction sets, and the environment variables that change numbers, of those that are set.

    Another set of instructions, or another value, may round differently and so lead to other bytes.
    """
    variables = {name: os.environ[name] for name in _VARIABLES if os.environ.get(name)}
    return {"instructions": _instructions(), **variables}


@cache
def processor() -> str:
    """The processor's name, for people."""
    return _cpu_info().get("model name") or platform.processor() or platform.machine()


@cache
def _instructions() -> str:
    """The architecture and its instruction sets for numbers, as far as the system lists them."""
    known = _cpu_info()
    listed = set((known.get("flags") or known.get("Features") or "").split())
    return " ".join([platform.machine(), *(name for name in _INSTRUCTIONS if name in listed)])


@cache
def _cpu_info() -> Mapping[str, str]:
    """The entries of /proc/cpuinfo for the first processor; empty on other systems than Linux."""
    try:
        first = _CPU_INFO.read_text(errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
