// Simulation models of the iCE40 primitives that a core is made of, with no more than it uses of them.
// Source: Lattice, "iCE Technology Library"; of the block RAM also TN1250, "Memory Usage Guide for iCE40 Devices".
module SB_LUT4(input I0, I1, I2, I3, output O);
    parameter [15:0] LUT_INIT = 0;
    assign O = LUT_INIT[{I3, I2, I1, I0}];
endmodule

module SB_CARRY(input I0, I1, CI, output CO);
    assign CO = I0 & I1 | (I0 | I1) & CI;
endmodule

// Read only: of the 16 bits of a row, the address above the row chooses one of each 2 ** READ_MODE.
module SB_RAM40_4K(input RCLK, RCLKE, RE, WE, WCLKE, input [10:0] RADDR, output [15:0] RDATA);
    parameter READ_MODE = 0;
    parameter WRITE_MODE = 0;
    parameter [255:0] INIT_0 = 0, INIT_1 = 0, INIT_2 = 0, INIT_3 = 0;
    parameter [255:0] INIT_4 = 0, INIT_5 = 0, INIT_6 = 0, INIT_7 = 0;
    parameter [255:0] INIT_8 = 0, INIT_9 = 0, INIT_A = 0, INIT_B = 0;
    parameter [255:0] INIT_C = 0, INIT_D = 0, INIT_E = 0, INIT_F = 0;
    wire [4095:0] memory = {
        INIT_F, INIT_E, INIT_D, INIT_C, INIT_B, INIT_A, INIT_9, INIT_8,
        INIT_7, INIT_6, INIT_5, INIT_4, INIT_3, INIT_2, INIT_1, INIT_0};
    wire [15:0] row = memory[16 * RADDR[7:0] +: 16];
    wire [15:0] selected =
        READ_MODE == 0 ? row :
        READ_MODE == 1 ? {1'b0, row[14 + RADDR[8]], 1'b0, row[12 + RADDR[8]], 1'b0, row[10 + RADDR[8]],
                          1'b0, row[8 + RADDR[8]], 1'b0, row[6 + RADDR[8]], 1'b0, row[4 + RADDR[8]],
                          1'b0, row[2 + RADDR[8]], 1'b0, row[RADDR[8]]} :
        READ_MODE == 2 ? {2'b0, row[12 + RADDR[9:8]], 3'b0, row[8 + RADDR[9:8]],
                          3'b0, row[4 + RADDR[9:8]], 3'b0, row[RADDR[9:8]], 1'b0} :
        {4'b0, row[8 + RADDR[10:8]], 7'b0, row[RADDR[10:8]], 3'b0};
    reg [15:0] q;
    always @(posedge RCLK) if (RCLKE & RE & ~(WE & WCLKE)) q <= selected;
    assign RDATA = q;
endmodule
