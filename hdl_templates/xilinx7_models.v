// Simulation models of the 7 series primitives that a core is made of, with no more than it uses of them.
// Source: Xilinx, "7 Series FPGAs Configurable Logic Block" UG474 and "Libraries Guide" UG953.
module MUXF7(input I0, I1, S, output O);
    assign O = S ? I1 : I0;
endmodule

module MUXF8(input I0, I1, S, output O);
    assign O = S ? I1 : I0;
endmodule

module CARRY4(input [3:0] S, DI, input CI, CYINIT, output [3:0] O, CO);
    wire [4:0] carry = {CO, CI | CYINIT};
    assign O = S ^ carry[3:0];
    assign CO = S & carry[3:0] | ~S & DI;
endmodule
