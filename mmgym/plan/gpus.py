"""GPUs by name: memory, and the ceilings of the roofline.

Peaks are those of the makers' data sheets: dense bfloat16 with float32 accumulation, memory bandwidth, and the speed of
the link to another GPU in one direction. No kernel reaches them; where we have measured what one does reach, the
roofline takes that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["GPUS", "Gpu", "find_gpu"]


@dataclass(frozen=True)
class Gpu:
    """One GPU."""

    name: str
    gib: float
    """Memory. An "80 GB" card reports 79 to 80 GiB: their GB are binary."""
    tflops: float = 0.0
    """Products, in 10^12 FLOP per second; 0 where it is not known, and then no time is predicted."""
    tb_per_s: float = 0.0
    """Memory, in 10^12 bytes per second."""
    link_gb_per_s: float = 0.0
    """To another GPU, in 10^9 bytes per second, one direction."""
    measured: bool = False
    """Whether the ceilings are reached ones, not those of a data sheet."""
    sheet_tflops: float = 0.0
    """The data sheet's, where `tflops` is not."""

    @property
    def peak_tflops(self) -> float:
        """What the use of the GPU (MFU) is measured by: the peak of the data sheet."""
        return self.sheet_tflops or self.tflops


GPUS: dict[str, Gpu] = {
    gpu.name: gpu
    for gpu in (
        # NVIDIA H200 data sheet: 141 GB, 4.8 TB/s, 989 TFLOP/s dense, NVLink 900 GB/s both ways. Measured: a bfloat16
        # product of 8192^3 at 770 to 800 TFLOP/s, a copy at 4.3 TB/s.
        Gpu("h200", 139.8, 790.0, 4.3, 450.0, measured=True, sheet_tflops=989.0),
        Gpu("h100", 79.6, 989.0, 3.35, 450.0),  # H100 SXM data sheet
        Gpu("h100-pcie", 79.6, 756.0, 2.0, 64.0),  # H100 PCIe data sheet; PCIe 5.0 x16 between cards
        Gpu("a100", 79.3, 312.0, 2.04, 300.0),  # A100 80 GB SXM data sheet
        Gpu("a100-40gb", 39.4, 312.0, 1.56, 300.0),  # A100 40 GB SXM data sheet
        Gpu("l40s", 44.4, 362.0, 0.864, 32.0),  # L40S data sheet: 48 GB with error correction; PCIe 4.0
        Gpu("a10g", 22.5, 70.0, 0.6, 32.0),  # A10G data sheet: 24 GB; PCIe 4.0
        Gpu("l4", 22.5, 121.0, 0.3, 32.0),  # L4 data sheet: 24 GB; PCIe 4.0
        Gpu("rtx4090", 23.5, 165.2, 1.008, 32.0),  # Ada architecture whitepaper: dense, float32 accumulation
        Gpu("rtx3090", 23.6, 71.0, 0.936, 32.0),  # Ampere GA102 whitepaper: dense, float32 accumulation
    )
}
"""By name."""


def find_gpu(text: str, tflops: float = 0.0, tb_per_s: float = 0.0) -> Gpu:
    """The GPU of a name or a size.

    Args:
        text: a key of `GPUS`, or memory such as ``80GB``.
        tflops: replaces what is known, where it is above 0.
        tb_per_s: the same for memory.

    Raises:
        ValueError: for anything else, naming what is allowed.
    """
    size = re.fullmatch(r"(\d+(?:\.\d+)?)\s*gi?b", text.strip().lower())
    found = GPUS.get(text.strip().lower()) or (Gpu(text.strip(), float(size[1])) if size and float(size[1]) else None)
    if found is None:
        raise ValueError(f"gpu must be memory such as 80GB, or one of {', '.join(GPUS)}; got {text!r}")
    if min(tflops, tb_per_s) < 0:
        raise ValueError(f"tflops and tb_per_s must not be negative; got {tflops} and {tb_per_s}")
    if not (tflops or tb_per_s):
        return found
    measured = bool(tflops and tb_per_s)
    return Gpu(
        found.name,
        found.gib,
        tflops or found.tflops,
        tb_per_s or found.tb_per_s,
        found.link_gb_per_s,
        measured,
        found.peak_tflops,
    )
