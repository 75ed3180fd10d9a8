// Simulation models of the GateMate primitives that a core is made of, with no more than it uses of them.
// Source: Cologne Chip, "GateMate Primitives Library".
module CC_LUT1(input I0, output O);
    parameter [1:0] INIT = 0;
    assign O = INIT[I0];
endmodule

module CC_LUT2(input I0, I1, output O);
    parameter [3:0] INIT = 0;
    assign O = INIT[{I1, I0}];
endmodule

// An input that the table of its LUT2 does not depend on may be open.
module CC_L2T4(input I0, I1, I2, I3, output O);
    parameter [3:0] INIT_L00 = 0;
    parameter [3:0] INIT_L01 = 0;
    parameter [3:0] INIT_L10 = 0;
    wire [1:0] low = I1 ? INIT_L00[3:2] : INIT_L00[1:0];
    wire [1:0] high = I3 ? INIT_L01[3:2] : INIT_L01[1:0];
    wire left = I0 ? low[1] : low[0];
    wire right = I2 ? high[1] : high[0];
    assign O = INIT_L10[{right, left}];
endmodule

module CC_ADDF(input A, B, CI, output CO, S);
    assign {CO, S} = A + B + CI;
endmodule

module CC_L2T5(input I0, I1, I2, I3, I4, output O);
    parameter [3:0] INIT_L02 = 0;
    parameter [3:0] INIT_L03 = 0;
    parameter [3:0] INIT_L11 = 0;
    parameter [3:0] INIT_L20 = 0;
    wire tree;
    CC_L2T4 #(.INIT_L00(INIT_L02), .INIT_L01(INIT_L03), .INIT_L10(INIT_L11)) it(I0, I1, I2, I3, tree);
    assign O = INIT_L20[{tree, I4}];
endmodule


module CC_MX4(input D0, D1, D2, D3, S0, S1, output Y);
    wire [3:0] data = {D3, D2, D1, D0};
    assign Y = data[{S1, S0}];
endmodule
