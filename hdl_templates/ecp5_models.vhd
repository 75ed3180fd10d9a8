-- Source: Lattice, "ECP5 and ECP5-5G Family Data Sheet" FPGA-DS-02012.
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity CCU2C is
    generic (INIT0, INIT1 : bit_vector(15 downto 0) := (others => '0'); INJECT1_0, INJECT1_1 : string := "NO");
    port (CIN, A0, B0, C0, D0, A1, B1, C1, D1 : in std_logic := '0'; S0, S1, COUT : out std_logic);
end entity;

architecture model of CCU2C is
    signal address0, address1 : std_logic_vector(3 downto 0);
    signal first, second, between : std_logic;
begin
    address0 <= D0 & C0 & B0 & A0;
    address1 <= D1 & C1 & B1 & A1;
    first <= look_up(INIT0, address0);
    second <= look_up(INIT1, address1);
    between <= choose(first, CIN, look_up(INIT0(3 downto 0), address0(1 downto 0)));
    S0 <= first xor CIN;
    S1 <= second xor between;
    COUT <= choose(second, between, look_up(INIT1(3 downto 0), address1(1 downto 0)));
end architecture;
