// Simulation models of the ECP5 primitives that a core is made of, with no more than it uses of them.
// Source: Lattice, "ECP5 and ECP5-5G Family Data Sheet" FPGA-DS-02012; of the carry chain also yosys's model.
module CCU2C(input CIN, A0, B0, C0, D0, A1, B1, C1, D1, output S0, S1, COUT);
    parameter [15:0] INIT0 = 0;
    parameter [15:0] INIT1 = 0;
    parameter INJECT1_0 = "NO";
    parameter INJECT1_1 = "NO";
    wire first = INIT0[{D0, C0, B0, A0}];
    wire second = INIT1[{D1, C1, B1, A1}];
    wire between = first ? CIN : INIT0[{B0, A0}];
    assign S0 = first ^ CIN;
    assign S1 = second ^ between;
    assign COUT = second ? between : INIT1[{B1, A1}];
endmodule

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

// Contents as the memory mapping of yosys lays them out (techlibs/lattice/brams_map_16kd.v): row r of 18 bits is in
// INITVAL_(r / 16) from bit 20 * (r % 16) up.
module DP16KD(
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0, CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
           DOA1, DOA0);
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
    parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG", RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC";
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000", CLKAMUX = "CLKA", CLKBMUX = "CLKB", GSR = "ENABLED";
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
    parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0;
    parameter [319:0] INITVAL_04 = 0, INITVAL_05 = 0, INITVAL_06 = 0, INITVAL_07 = 0;
    parameter [319:0] INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0;
    parameter [319:0] INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0;
    parameter [319:0] INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0;
    parameter [319:0] INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0;
    parameter [319:0] INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0;
    parameter [319:0] INITVAL_1C = 0, INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0;
    parameter [319:0] INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0, INITVAL_23 = 0;
    parameter [319:0] INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0;
    parameter [319:0] INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0;
    parameter [319:0] INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0;
    parameter [319:0] INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0;
    parameter [319:0] INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0, INITVAL_37 = 0;
    parameter [319:0] INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0;
    parameter [319:0] INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0;

    reg [319:0] slices [0:63];
    initial begin
        slices[0] = INITVAL_00; slices[1] = INITVAL_01; slices[2] = INITVAL_02; slices[3] = INITVAL_03;
        slices[4] = INITVAL_04; slices[5] = INITVAL_05; slices[6] = INITVAL_06; slices[7] = INITVAL_07;
        slices[8] = INITVAL_08; slices[9] = INITVAL_09; slices[10] = INITVAL_0A; slices[11] = INITVAL_0B;
        slices[12] = INITVAL_0C; slices[13] = INITVAL_0D; slices[14] = INITVAL_0E; slices[15] = INITVAL_0F;
        slices[16] = INITVAL_10; slices[17] = INITVAL_11; slices[18] = INITVAL_12; slices[19] = INITVAL_13;
        slices[20] = INITVAL_14; slices[21] = INITVAL_15; slices[22] = INITVAL_16; slices[23] = INITVAL_17;
        slices[24] = INITVAL_18; slices[25] = INITVAL_19; slices[26] = INITVAL_1A; slices[27] = INITVAL_1B;
        slices[28] = INITVAL_1C; slices[29] = INITVAL_1D; slices[30] = INITVAL_1E; slices[31] = INITVAL_1F;
        slices[32] = INITVAL_20; slices[33] = INITVAL_21; slices[34] = INITVAL_22; slices[35] = INITVAL_23;
        slices[36] = INITVAL_24; slices[37] = INITVAL_25; slices[38] = INITVAL_26; slices[39] = INITVAL_27;
        slices[40] = INITVAL_28; slices[41] = INITVAL_29; slices[42] = INITVAL_2A; slices[43] = INITVAL_2B;
        slices[44] = INITVAL_2C; slices[45] = INITVAL_2D; slices[46] = INITVAL_2E; slices[47] = INITVAL_2F;
        slices[48] = INITVAL_30; slices[49] = INITVAL_31; slices[50] = INITVAL_32; slices[51] = INITVAL_33;
        slices[52] = INITVAL_34; slices[53] = INITVAL_35; slices[54] = INITVAL_36; slices[55] = INITVAL_37;
        slices[56] = INITVAL_38; slices[57] = INITVAL_39; slices[58] = INITVAL_3A; slices[59] = INITVAL_3B;
        slices[60] = INITVAL_3C; slices[61] = INITVAL_3D; slices[62] = INITVAL_3E; slices[63] = INITVAL_3F;
    end

    wire [13:0] address = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [319:0] slice = slices[address[13:8]];
    wire [17:0] row = slice[20 * address[7:4] +: 18];
    wire [8:0] byte_ = address[3] ? row[17:9] : row[8:0];
    wire [17:0] selected =
        DATA_WIDTH_A == 18 ? row :
        DATA_WIDTH_A == 9 ? {9'b0, byte_} :
        DATA_WIDTH_A == 4 ? {14'b0, byte_[4 * address[2] +: 4]} :
        DATA_WIDTH_A == 2 ? {16'b0, byte_[2 * address[2:1] +: 2]} : {17'b0, byte_[address[2:0]]};
    reg [17:0] q;
    always @(posedge CLKA) if (RSTA) q <= 0; else if (CEA && !WEA) q <= selected;
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
            DOA1, DOA0} = q;
endmodule
