-- Source: Cologne Chip, "GateMate Primitives Library". What is open is zero.
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity CC_LUT1 is
    generic (INIT : bit_vector(1 downto 0) := (others => '0'));
    port (I0 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of CC_LUT1 is
    signal address : std_logic_vector(0 downto 0);
begin
    address(0) <= I0;
    O <= look_up(INIT, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity CC_LUT2 is
    generic (INIT : bit_vector(3 downto 0) := (others => '0'));
    port (I0, I1 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of CC_LUT2 is
    signal address : std_logic_vector(1 downto 0);
begin
    address <= I1 & I0;
    O <= look_up(INIT, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity CC_L2T4 is
    generic (INIT_L00, INIT_L01, INIT_L10 : bit_vector(3 downto 0) := (others => '0'));
    port (I0, I1, I2, I3 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of CC_L2T4 is
    signal left, right, address : std_logic_vector(1 downto 0);
begin
    left <= I1 & I0;
    right <= I3 & I2;
    address <= look_up(INIT_L01, right) & look_up(INIT_L00, left);
    O <= look_up(INIT_L10, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;

entity CC_ADDF is
    port (A, B, CI : in std_logic := '0'; CO, S : out std_logic);
end entity;

architecture model of CC_ADDF is
begin
    S <= A xor B xor CI;
    CO <= (A and B) or (CI and (A or B));
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity CC_L2T5 is
    generic (INIT_L02, INIT_L03, INIT_L11, INIT_L20 : bit_vector(3 downto 0) := (others => '0'));
    port (I0, I1, I2, I3, I4 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of CC_L2T5 is
    signal left, right, tree, address : std_logic_vector(1 downto 0);
begin
    left <= I1 & I0;
    right <= I3 & I2;
    tree <= look_up(INIT_L03, right) & look_up(INIT_L02, left);
    address <= look_up(INIT_L11, tree) & I4;
    O <= look_up(INIT_L20, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity CC_MX4 is
    port (D0, D1, D2, D3, S0, S1 : in std_logic := '0'; Y : out std_logic);
end entity;

architecture model of CC_MX4 is
begin
    Y <= choose(S1, choose(S0, D3, D2), choose(S0, D1, D0));
end architecture;
