-- LUT4, PFUMX and L6MUX21 of Lattice ECP5 and MachXO2. There is no model of the block RAM.
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity LUT4 is
    generic (INIT : bit_vector(15 downto 0) := (others => '0'));
    port (A, B, C, D : in std_logic := '0'; Z : out std_logic);
end entity;

architecture model of LUT4 is
    signal address : std_logic_vector(3 downto 0);
begin
    address <= D & C & B & A;
    Z <= look_up(INIT, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity PFUMX is
    port (BLUT, ALUT, C0 : in std_logic := '0'; Z : out std_logic);
end entity;

architecture model of PFUMX is
begin
    Z <= choose(C0, ALUT, BLUT);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity L6MUX21 is
    port (D0, D1, SD : in std_logic := '0'; Z : out std_logic);
end entity;

architecture model of L6MUX21 is
begin
    Z <= choose(SD, D1, D0);
end architecture;
