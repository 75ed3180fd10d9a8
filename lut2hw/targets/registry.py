"""FPGA families by name."""

from __future__ import annotations

from lut2hw.errors import unknown_name
from lut2hw.targets.base import Device, Instance, Target
from lut2hw.targets.ecp5 import ECP5
from lut2hw.targets.generic import GENERIC
from lut2hw.targets.gowin import GOWIN
from lut2hw.targets.ice40 import ICE40
from lut2hw.targets.nexus import NEXUS
from lut2hw.targets.xilinx7 import XILINX7

__all__ = ["TARGETS", "Device", "Instance", "Target", "get"]

TARGETS: dict[str, Target] = {target.name: target for target in (ICE40, ECP5, NEXUS, GOWIN, XILINX7, GENERIC)}


def get(name: str) -> Target:
    """The target of that name.

    Raises
    ------
    UsageError
        That suggests the nearest known one.
    """
    try:
        return TARGETS[name]
    except KeyError:
        raise unknown_name("target", name, TARGETS) from None
