// Simulation model of the carry chain of 7 series.
// Source: Xilinx, "7 Series FPGAs Configurable Logic Block" UG474 and "Libraries Guide" UG953.
module CARRY4(input [3:0] S, DI, input CI, CYINIT, output [3:0] O, CO);
    wire [4:0] carry = {CO, CI | CYINIT};
    assign O = S ^ carry[3:0];
    assign CO = S & carry[3:0] | ~S & DI;
endmodule
