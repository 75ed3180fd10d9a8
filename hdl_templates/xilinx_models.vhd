-- Source: Xilinx, "Libraries Guide" UG953 and UG974.
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity MUXF7 is
    port (I0, I1, S : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of MUXF7 is
begin
    O <= choose(S, I1, I0);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity MUXF8 is
    port (I0, I1, S : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of MUXF8 is
begin
    O <= choose(S, I1, I0);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity LUT6_2 is
    generic (INIT : bit_vector(63 downto 0) := (others => '0'));
    port (I0, I1, I2, I3, I4, I5 : in std_logic := '0'; O6, O5 : out std_logic);
end entity;

architecture model of LUT6_2 is
    signal address : std_logic_vector(5 downto 0);
begin
    address <= I5 & I4 & I3 & I2 & I1 & I0;
    O6 <= look_up(INIT, address);
    O5 <= look_up(INIT(31 downto 0), address(4 downto 0));
end architecture;
