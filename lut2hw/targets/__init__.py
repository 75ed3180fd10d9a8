"""FPGA families by name."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.targets.base import Device, Instance, Target
    from lut2hw.targets.registry import TARGETS, get

__all__ = ["TARGETS", "Device", "Instance", "Target", "get"]

__getattr__, __dir__ = lazy(
    __name__, {"Device": "base", "Instance": "base", "TARGETS": "registry", "Target": "base", "get": "registry"}
)
