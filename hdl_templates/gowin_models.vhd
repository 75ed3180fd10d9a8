-- Source: Gowin, "Configurable Function Unit User Guide" UG288.
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity LUT4 is
    generic (INIT : bit_vector(15 downto 0) := (others => '0'));
    port (I0, I1, I2, I3 : in std_logic := '0'; F : out std_logic);
end entity;

architecture model of LUT4 is
    signal address : std_logic_vector(3 downto 0);
begin
    address <= I3 & I2 & I1 & I0;
    F <= look_up(INIT, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity MUX2_LUT5 is
    port (I0, I1, S0 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of MUX2_LUT5 is
begin
    O <= choose(S0, I1, I0);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity MUX2_LUT6 is
    port (I0, I1, S0 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of MUX2_LUT6 is
begin
    O <= choose(S0, I1, I0);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity MUX2_LUT7 is
    port (I0, I1, S0 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of MUX2_LUT7 is
begin
    O <= choose(S0, I1, I0);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity MUX2_LUT8 is
    port (I0, I1, S0 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of MUX2_LUT8 is
begin
    O <= choose(S0, I1, I0);
end architecture;

-- Modes 0, a sum, and 1, a difference.
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity ALU is
    generic (ALU_MODE : integer := 0);
    port (I0, I1, I3, CIN : in std_logic := '0'; SUM, COUT : out std_logic);
end entity;

architecture model of ALU is
    signal propagate, difference : std_logic;
begin
    propagate <= I0 xor I1 xor difference;
    difference <= '1' when ALU_MODE = 1 else '0';
    SUM <= propagate xor CIN;
    COUT <= choose(propagate, CIN, I0);
end architecture;
