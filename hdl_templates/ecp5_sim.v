// LUT4, PFUMX and L6MUX21 of Lattice ECP5 for simulators that cannot read yosys's lattice/common_sim.vh (Icarus
// Verilog up to 11 knows no elaboration tasks). The carry chain's model is yosys's own.
`include "ccu2c_sim.vh"

module LUT4(input A, B, C, D, output Z);
    parameter [15:0] INIT = 16'h0000;
    assign Z = INIT[{D, C, B, A}];
endmodule

module LUT2(input A, B, output Z);
    parameter [3:0] INIT = 4'h0;
    assign Z = INIT[{B, A}];
endmodule

module PFUMX(input ALUT, BLUT, C0, output Z);
    assign Z = C0 ? ALUT : BLUT;
endmodule

module L6MUX21(input D0, D1, SD, output Z);
    assign Z = SD ? D1 : D0;
endmodule
