-- Source: Xilinx, "7 Series FPGAs Configurable Logic Block" UG474 and "Libraries Guide" UG953.
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity CARRY4 is
    port (
        S, DI : in std_logic_vector(3 downto 0);
        CI, CYINIT : in std_logic;
        O, CO : out std_logic_vector(3 downto 0)
    );
end entity;

architecture model of CARRY4 is
    signal carry : std_logic_vector(4 downto 0);
begin
    carry(0) <= CI or CYINIT;
    each : for place in 0 to 3 generate
        carry(place + 1) <= choose(S(place), carry(place), DI(place));
    end generate;
    O <= S xor carry(3 downto 0);
    CO <= carry(4 downto 1);
end architecture;
