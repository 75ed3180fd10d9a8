"""AMD 7 series (Xilinx, "7 Series FPGAs Configurable Logic Block" UG474; primitives: UG953). Synthesis only."""

from __future__ import annotations

from lut2hw.targets import xilinx
from lut2hw.targets.base import Target

XILINX7 = Target(
    name="xilinx7",
    description="AMD 7 series: LUT6 of two outputs, MUXF7, MUXF8, CARRY4; synthesis only",
    lut_inputs=6,
    primitive=xilinx.primitive("7 series"),
    simulation_models=("xilinx/cells_sim.v",),
    plain_models=("xilinx7_models.v", "xilinx_models.v", "lut_models.v"),
    edalize="xilinx",
    synthesis="synth_xilinx -family xc7 -noiopad -top {top}",
    carry="steps",
    mux_levels=2,
    delay={"lut": 0.9, "pair": 0.9, "mux": 0.4, "carry4": 0.15},
    enter=0.5,
    most_lanes=1,  # of more, yosys's memory mapping ends with an exception
    overhead=1.0,
    kinds=xilinx.kinds(4),
    finish=xilinx.finish(4),
    alone="-abc9 -nodsp",
    read=xilinx.READ,
    cells={"lut": 1, "pair": 1},
)
