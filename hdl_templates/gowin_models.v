// Simulation models of the Gowin primitives that a core is made of, with no more than it uses of them.
// Source: Gowin, "Configurable Function Unit User Guide" UG288.
module LUT1(input I0, output F);
    parameter [1:0] INIT = 0;
    assign F = INIT[{I0}];
endmodule

module LUT2(input I0, I1, output F);
    parameter [3:0] INIT = 0;
    assign F = INIT[{I1, I0}];
endmodule

module LUT3(input I0, I1, I2, output F);
    parameter [7:0] INIT = 0;
    assign F = INIT[{I2, I1, I0}];
endmodule

module LUT4(input I0, I1, I2, I3, output F);
    parameter [15:0] INIT = 0;
    assign F = INIT[{I3, I2, I1, I0}];
endmodule

module MUX2_LUT5(input I0, I1, S0, output O);
    assign O = S0 ? I1 : I0;
endmodule

module MUX2_LUT6(input I0, I1, S0, output O);
    assign O = S0 ? I1 : I0;
endmodule

module MUX2_LUT7(input I0, I1, S0, output O);
    assign O = S0 ? I1 : I0;
endmodule

module MUX2_LUT8(input I0, I1, S0, output O);
    assign O = S0 ? I1 : I0;
endmodule

// Modes 0, a sum, and 1, a difference.
module ALU(input I0, I1, I3, CIN, output SUM, COUT);
    parameter ALU_MODE = 0;
    wire propagate = I0 ^ I1 ^ (ALU_MODE == 1);
    assign SUM = propagate ^ CIN;
    assign COUT = propagate ? CIN : I0;
endmodule
