-- Lookup tables as most vendors spell them.
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity LUT1 is
    generic (INIT : bit_vector(1 downto 0) := (others => '0'));
    port (I0 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of LUT1 is
    signal address : std_logic_vector(0 downto 0);
begin
    address(0) <= I0;
    O <= look_up(INIT, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity LUT2 is
    generic (INIT : bit_vector(3 downto 0) := (others => '0'));
    port (I0, I1 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of LUT2 is
    signal address : std_logic_vector(1 downto 0);
begin
    address <= I1 & I0;
    O <= look_up(INIT, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity LUT3 is
    generic (INIT : bit_vector(7 downto 0) := (others => '0'));
    port (I0, I1, I2 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of LUT3 is
    signal address : std_logic_vector(2 downto 0);
begin
    address <= I2 & I1 & I0;
    O <= look_up(INIT, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity LUT4 is
    generic (INIT : bit_vector(15 downto 0) := (others => '0'));
    port (I0, I1, I2, I3 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of LUT4 is
    signal address : std_logic_vector(3 downto 0);
begin
    address <= I3 & I2 & I1 & I0;
    O <= look_up(INIT, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity LUT5 is
    generic (INIT : bit_vector(31 downto 0) := (others => '0'));
    port (I0, I1, I2, I3, I4 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of LUT5 is
    signal address : std_logic_vector(4 downto 0);
begin
    address <= I4 & I3 & I2 & I1 & I0;
    O <= look_up(INIT, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity LUT6 is
    generic (INIT : bit_vector(63 downto 0) := (others => '0'));
    port (I0, I1, I2, I3, I4, I5 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of LUT6 is
    signal address : std_logic_vector(5 downto 0);
begin
    address <= I5 & I4 & I3 & I2 & I1 & I0;
    O <= look_up(INIT, address);
end architecture;
