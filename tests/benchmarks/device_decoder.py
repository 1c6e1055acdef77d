"""What the decoder of packages in C costs on a device: code, stack, working memory, and instructions a byte.

    python tests/benchmarks/device_decoder.py [FILE ...]    by default weights of 2 kB and 20 kB

Needs gcc-arm-none-eabi for code and stack, valgrind for instructions of this machine, and gcc-arm-linux-gnueabihf,
libc6-dev-armhf-cross and qemu-user for those of Arm; what is missing is left out. Bytes are compared each time.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from device_packages import DEVICE, built, unpacked_by

THUMB = ("-std=c99", "-Os", "-mthumb", "-mcpu=cortex-m4", "-ffreestanding", "-fstack-usage")
WAYS = {"memory": "1", "flash": "2"}


def weights(size: int) -> bytes:
    """Bytes as a pruned and quantized model has them."""
    generator = np.random.default_rng(0)
    numbers = np.clip(generator.normal(0, 12, size), -128, 127).astype(np.int8)
    numbers[generator.random(size) < 0.6] = 0
    return numbers.tobytes()


def code(folder: Path) -> None:
    """Print the sizes of the code for a Cortex-M4, and the deepest stack."""
    if shutil.which("arm-none-eabi-gcc") is None:
        print("code: not measured, since there is no arm-none-eabi-gcc")
        return
    for name, options in (
        ("all", ()),
        ("gzip and xz", ("-DTFPACK_WITHOUT_MIXED",)),
        ("gzip alone", ("-DTFPACK_WITHOUT_XZ", "-DTFPACK_WITHOUT_MIXED")),
        ("xz alone", ("-DTFPACK_WITHOUT_GZIP", "-DTFPACK_WITHOUT_MIXED")),
        ("mixed alone", ("-DTFPACK_WITHOUT_GZIP", "-DTFPACK_WITHOUT_XZ")),
    ):
        made = folder / "t.o"
        subprocess.run(["arm-none-eabi-gcc", *THUMB, *options, "-c", DEVICE / "tfpack.c", "-o", made], check=True)
        sizes = subprocess.run(["arm-none-eabi-size", made], check=True, capture_output=True, text=True).stdout
        text, data, bss = sizes.splitlines()[1].split()[:3]
        frames = [int(line.split("\t")[1]) for line in made.with_suffix(".su").read_text().splitlines()]
        print(
            f"code, {name}: {text} bytes, data {data}, bss {bss}; all frames of the stack together: {sum(frames)} bytes"
        )


def stream(package: bytes) -> bytes:
    """What the program reads."""
    return struct.pack("<I", len(package)) + package


def counted_here(program: Path, package: bytes, way: str) -> int:
    """Instructions of this machine."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "256", WAYS[way]]
    done = subprocess.run(command, input=stream(package) if package else b"", capture_output=True, check=True)
    return int(re.search(rb"Collected : (\d+)", done.stderr)[1])


def counted_on_arm(program: Path, package: bytes, way: str) -> int:
    """Instructions of Thumb: qemu logs each block, and every instruction is one."""
    command = (
        f"qemu-arm -singlestep -d exec,nochain -D /dev/fd/3 {program} 256 {WAYS[way]} 3>&1 >/dev/null | grep -c ^Trace"
    )
    done = subprocess.run(["bash", "-c", command], input=stream(package) if package else b"", capture_output=True)
    return int(done.stdout)


def main() -> None:
    """Print the figures."""
    from compressor.devices.flash import decoder_work
    from compressor.models.packing.package import pack

    files = [(path, Path(path).read_bytes()) for path in sys.argv[1:]] or [
        (f"weights of {size:,} bytes", weights(size)) for size in (2_000, 20_000)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code(folder)
        machines = []
        if shutil.which("valgrind"):
            (folder / "here").mkdir()
            machines.append(("x86-64, -O2", built(folder / "here", "-O2"), [], counted_here))
        if shutil.which("qemu-arm") and shutil.which("arm-linux-gnueabihf-gcc"):
            (folder / "arm").mkdir()
            program = built(folder / "arm", "-Os", "-mthumb", "-static", compiler="arm-linux-gnueabihf-gcc")
            machines.append(("Thumb-2, -Os", program, ["qemu-arm"], counted_on_arm))
        print(f"\n| file | coder | package | working memory | machine | to memory | to flash |\n|{' --- |' * 7}")
        for title, content in files:
            for coder in ("gzip", "xz", "mixed"):
                package = pack(content, coder)
                for machine, program, runner, counted in machines:
                    assert unpacked_by([*runner, program], [package]) == [[(0, content)] * 2]
                    each = [
                        (counted(program, package, way) - counted(program, b"", way)) / len(content) for way in WAYS
                    ]
                    cells = [
                        title,
                        coder,
                        f"{len(package):,}",
                        f"{decoder_work(package):,}",
                        machine,
                        *(f"{one:.0f} instructions a byte" for one in each),
                    ]
                    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
