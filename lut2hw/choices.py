"""Closed choices of commands: quick to import, so that help texts and shells can list them."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """FPGA families, as in `lut2hw.targets.registry.TARGETS`."""

    ICE40 = "ice40"
    ECP5 = "ecp5"
    NEXUS = "nexus"
    GOWIN = "gowin"
    MACHXO2 = "machxo2"
    GATEMATE = "gatemate"
    XILINX7 = "xilinx7"
    XILINXU = "xilinxu"
    GENERIC = "generic"


class FrontEndKind(StrEnum):
    """What is made of the samples of a sequence, as in `lut2hw.frontends.registry.FRONT_ENDS`."""

    WINDOW = "window"
    DIFFERENCES = "differences"
    KERNELS = "kernels"
    FILTERBANK = "filterbank"
    EDGES = "edges"
    PATCHES = "patches"


class Split(StrEnum):
    """Examples of a data set."""

    TRAIN = "train"
    TEST = "test"
    ALL = "all"


class ClassWeight(StrEnum):
    """How often examples of a class count in training."""

    BALANCED = "balanced"
    EQUAL = "equal"


class Teacher(StrEnum):
    """Who answers made-up examples that a network learns from, too."""

    AUTO = "auto"
    FOREST = "forest"
    EXTRA = "extra-trees"
    BOOSTING = "boosting"
    LINEAR = "linear"
    NONE = "none"


class Interface(StrEnum):
    """How a core is fed: streams that either side may stall, or a fixed latency without ready."""

    STREAM = "stream"
    BARE = "bare"


class Language(StrEnum):
    """What a core is written in."""

    VERILOG = "verilog"
    VHDL = "vhdl"


class Effort(StrEnum):
    """How hard the compiler tries."""

    NORMAL = "normal"
    HIGH = "high"


class Ram(StrEnum):
    """Whether wide tables go into block RAM."""

    NEVER = "never"
    AUTO = "auto"


class Link(StrEnum):
    """Links around a core, as in `lut2hw.hdl.links.registry`."""

    UART = "uart"
    SPI = "spi"
    AXI_STREAM = "axi-stream"
    WISHBONE = "wishbone"
    SHIFT = "shift"


class VendorTool(StrEnum):
    """Vendors' tools, as in `lut2hw.targets.vendors.VENDORS`."""

    VIVADO = "vivado"
    QUARTUS = "quartus"
    RADIANT = "radiant"
    DIAMOND = "diamond"
    GOWIN = "gowin"
    LIBERO = "libero"


class Engine(StrEnum):
    """Engines of `lut2hw verify`, as in `lut2hw.verify.engines.ENGINES`."""

    GOLDEN = "golden"
    AMARANTH = "amaranth"
    COCOTB = "cocotb"
    GATES = "gates"
    BITSTREAM = "bitstream"
    FORMAL = "formal"
    VHDL = "vhdl"


class Outputs(StrEnum):
    """What the outputs of imported logic mean."""

    AUTO = "auto"
    BINARY = "binary"
    ONE_HOT = "one-hot"


class Task(StrEnum):
    """What is learned of labels: classes, numbers, several labels at once, or what is normal."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    MULTILABEL = "multilabel"
    ANOMALY = "anomaly"
