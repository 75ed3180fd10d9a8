-- Source: Xilinx, "UltraScale Architecture Configurable Logic Block" UG574 and "Libraries Guide" UG974.
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity MUXF9 is
    port (I0, I1, S : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of MUXF9 is
begin
    O <= choose(S, I1, I0);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity CARRY8 is
    port (
        S, DI : in std_logic_vector(7 downto 0);
        CI, CI_TOP : in std_logic;
        O, CO : out std_logic_vector(7 downto 0)
    );
end entity;

architecture model of CARRY8 is
    signal carry : std_logic_vector(8 downto 0);
begin
    carry(0) <= CI;
    each : for place in 0 to 7 generate
        carry(place + 1) <= choose(S(place), carry(place), DI(place));
    end generate;
    O <= S xor carry(7 downto 0);
    CO <= carry(8 downto 1);
end architecture;
