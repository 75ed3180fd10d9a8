// Simulation models of the UltraScale primitives that a core is made of, with no more than it uses of them.
// Source: Xilinx, "UltraScale Architecture Configurable Logic Block" UG574 and "Libraries Guide" UG974.
module MUXF9(input I0, I1, S, output O);
    assign O = S ? I1 : I0;
endmodule

module CARRY8(input [7:0] S, DI, input CI, CI_TOP, output [7:0] O, CO);
    wire [8:0] carry = {CO, CI};
    assign O = S ^ carry[7:0];
    assign CO = S & carry[7:0] | ~S & DI;
endmodule
