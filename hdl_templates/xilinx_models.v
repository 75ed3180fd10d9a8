// Simulation models of what the families of AMD share, with no more than a core uses of it.
// Source: Xilinx, "Libraries Guide" UG953 and UG974.
module MUXF7(input I0, I1, S, output O);
    assign O = S ? I1 : I0;
endmodule

module MUXF8(input I0, I1, S, output O);
    assign O = S ? I1 : I0;
endmodule

module LUT6_2(input I0, I1, I2, I3, I4, I5, output O6, O5);
    parameter [63:0] INIT = 0;
    assign O6 = INIT[{I5, I4, I3, I2, I1, I0}];
    assign O5 = INIT[{1'b0, I4, I3, I2, I1, I0}];
endmodule
