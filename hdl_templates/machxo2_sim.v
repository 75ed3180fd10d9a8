// The carry chain of MachXO2: yosys's own model. Its LUT4 is that of ECP5.
`include "ccu2d_sim.vh"
