// Simulation model of the carry chain of MachXO2, with no more than a core uses of it.
// Source: Lattice, "MachXO2 Family Data Sheet" FPGA-DS-02056, and yosys's model.
module CCU2D(input CIN, A0, B0, C0, D0, A1, B1, C1, D1, output S0, S1, COUT);
    parameter [15:0] INIT0 = 0;
    parameter [15:0] INIT1 = 0;
    parameter INJECT1_0 = "NO";
    parameter INJECT1_1 = "NO";
    wire first = INIT0[{D0, C0, B0, A0}];
    wire second = INIT1[{D1, C1, B1, A1}];
    wire between = first ? CIN : ~INIT0[{2'b11, B0, A0}];
    assign S0 = first ^ CIN;
    assign S1 = second ^ between;
    assign COUT = second ? between : ~INIT1[{2'b11, B1, A1}];
endmodule
