"""AMD UltraScale and UltraScale+ (Xilinx, "UltraScale Architecture CLB" UG574; primitives: UG974). Synthesis only."""

from __future__ import annotations

from lut2hw.targets import xilinx
from lut2hw.targets.base import Target

XILINXU = Target(
    name="xilinxu",
    description="AMD UltraScale+: LUT6 of two outputs, MUXF7 to MUXF9, CARRY8; synthesis only",
    lut_inputs=6,
    primitive=xilinx.primitive("UltraScale+"),
    simulation_models=("xilinx/cells_sim.v",),
    plain_models=("xilinxu_models.v", "xilinx7_models.v", "xilinx_models.v", "lut_models.v"),
    edalize="xilinx",
    synthesis="synth_xilinx -family xcup -noiopad -top {top}",
    carry="steps",
    mux_levels=3,
    delay={"lut": 0.5, "pair": 0.5, "mux": 0.2, "carry4": 0.1, "carry8": 0.1},
    enter=0.3,
    most_lanes=1,  # of more, yosys's memory mapping ends with an exception
    overhead=0.5,
    kinds={**xilinx.kinds(4), **xilinx.kinds(8)},  # yosys may make a CARRY4
    finish=xilinx.finish(8),
    alone="-abc9 -nodsp",
    read=xilinx.READ,
    cells={"lut": 1, "pair": 1},
)
