-- Source: Lattice, "CrossLink-NX Family Data Sheet" FPGA-DS-02049; tables are texts, "0x" and four hexadecimal digits.
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity LUT4 is
    generic (INIT : string := "0x0000");
    port (A, B, C, D : in std_logic := '0'; Z : out std_logic);
end entity;

architecture model of LUT4 is
    signal address : std_logic_vector(3 downto 0);
begin
    address <= D & C & B & A;
    Z <= look_up(digits(INIT), address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity WIDEFN9 is
    generic (INIT0, INIT1 : string := "0x0000");
    port (A0, B0, C0, D0, A1, B1, C1, D1, SEL : in std_logic := '0'; Z : out std_logic);
end entity;

architecture model of WIDEFN9 is
    signal address0, address1 : std_logic_vector(3 downto 0);
begin
    address0 <= D0 & C0 & B0 & A0;
    address1 <= D1 & C1 & B1 & A1;
    Z <= choose(SEL, look_up(digits(INIT1), address1), look_up(digits(INIT0), address0));
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity CCU2 is
    generic (INIT0, INIT1 : string := "0x0000"; INJECT : string := "NO");
    port (CIN, A0, B0, C0, D0, A1, B1, C1, D1 : in std_logic := '0'; S0, S1, COUT : out std_logic);
end entity;

architecture model of CCU2 is
    signal address0, address1 : std_logic_vector(3 downto 0);
    signal first, second, between : std_logic;
begin
    address0 <= D0 & C0 & B0 & A0;
    address1 <= D1 & C1 & B1 & A1;
    first <= look_up(digits(INIT0), address0);
    second <= look_up(digits(INIT1), address1);
    between <= choose(first, CIN, look_up(digits(INIT0), "00" & address0(1 downto 0)));
    S0 <= first xor CIN;
    S1 <= second xor between;
    COUT <= choose(second, between, look_up(digits(INIT1), "00" & address1(1 downto 0)));
end architecture;
