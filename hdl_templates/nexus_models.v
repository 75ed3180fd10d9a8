// Simulation models of the Nexus primitives that a core is made of, with no more than it uses of them.
// Source: Lattice, "CrossLink-NX Family Data Sheet" FPGA-DS-02049; tables are texts, "0x" and four hexadecimal digits.
module LUT4(input A, B, C, D, output Z);
    parameter [47:0] INIT = "0x0000";
    // a letter has bit 6 set, and 9 less than its value below
    wire [15:0] table_ = {INIT[27:24] + (INIT[30] ? 4'd9 : 4'd0), INIT[19:16] + (INIT[22] ? 4'd9 : 4'd0),
                          INIT[11:8] + (INIT[14] ? 4'd9 : 4'd0), INIT[3:0] + (INIT[6] ? 4'd9 : 4'd0)};
    assign Z = table_[{D, C, B, A}];
endmodule

module WIDEFN9(input A0, B0, C0, D0, A1, B1, C1, D1, SEL, output Z);
    parameter INIT0 = "0x0000";
    parameter INIT1 = "0x0000";
    wire low, high;
    LUT4 #(.INIT(INIT0)) lut0(.A(A0), .B(B0), .C(C0), .D(D0), .Z(low));
    LUT4 #(.INIT(INIT1)) lut1(.A(A1), .B(B1), .C(C1), .D(D1), .Z(high));
    assign Z = SEL ? high : low;
endmodule

module CCU2(input CIN, A0, B0, C0, D0, A1, B1, C1, D1, output S0, S1, COUT);
    parameter INIT0 = "0x0000";
    parameter INIT1 = "0x0000";
    parameter INJECT = "NO";
    wire first, second, low0, low1;
    LUT4 #(.INIT(INIT0)) lut0(.A(A0), .B(B0), .C(C0), .D(D0), .Z(first));
    LUT4 #(.INIT(INIT1)) lut1(.A(A1), .B(B1), .C(C1), .D(D1), .Z(second));
    LUT4 #(.INIT(INIT0)) lut2(.A(A0), .B(B0), .C(1'b0), .D(1'b0), .Z(low0));
    LUT4 #(.INIT(INIT1)) lut3(.A(A1), .B(B1), .C(1'b0), .D(1'b0), .Z(low1));
    wire between = first ? CIN : low0;
    assign S0 = first ^ CIN;
    assign S1 = second ^ between;
    assign COUT = second ? between : low1;
endmodule
