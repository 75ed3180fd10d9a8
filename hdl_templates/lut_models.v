// Simulation models of the lookup tables that a core is made of.
module LUT1(input I0, output O);
    parameter [1:0] INIT = 0;
    assign O = INIT[{I0}];
endmodule

module LUT2(input I0, I1, output O);
    parameter [3:0] INIT = 0;
    assign O = INIT[{I1, I0}];
endmodule

module LUT3(input I0, I1, I2, output O);
    parameter [7:0] INIT = 0;
    assign O = INIT[{I2, I1, I0}];
endmodule

module LUT4(input I0, I1, I2, I3, output O);
    parameter [15:0] INIT = 0;
    assign O = INIT[{I3, I2, I1, I0}];
endmodule

module LUT5(input I0, I1, I2, I3, I4, output O);
    parameter [31:0] INIT = 0;
    assign O = INIT[{I4, I3, I2, I1, I0}];
endmodule

module LUT6(input I0, I1, I2, I3, I4, I5, output O);
    parameter [63:0] INIT = 0;
    assign O = INIT[{I5, I4, I3, I2, I1, I0}];
endmodule
