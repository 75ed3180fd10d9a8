-- Source: Lattice, "iCE Technology Library"; of the block RAM also TN1250, "Memory Usage Guide for iCE40 Devices".
library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity SB_LUT4 is
    generic (LUT_INIT : bit_vector(15 downto 0) := (others => '0'));
    port (I0, I1, I2, I3 : in std_logic := '0'; O : out std_logic);
end entity;

architecture model of SB_LUT4 is
    signal address : std_logic_vector(3 downto 0);
begin
    address <= I3 & I2 & I1 & I0;
    O <= look_up(LUT_INIT, address);
end architecture;

library ieee;
use ieee.std_logic_1164.all;
use work.lut2hw_models.all;

entity SB_CARRY is
    port (I0, I1, CI : in std_logic := '0'; CO : out std_logic);
end entity;

architecture model of SB_CARRY is
begin
    CO <= (I0 and I1) or ((I0 or I1) and CI);
end architecture;

-- Read only: of the 16 bits of a row, the address above the row chooses one of each 2 ** READ_MODE.
library ieee;
use ieee.std_logic_1164.all;

entity SB_RAM40_4K is
    generic (
        READ_MODE, WRITE_MODE : integer := 0;
        INIT_0, INIT_1, INIT_2, INIT_3 : bit_vector(255 downto 0) := (others => '0');
        INIT_4, INIT_5, INIT_6, INIT_7 : bit_vector(255 downto 0) := (others => '0');
        INIT_8, INIT_9, INIT_A, INIT_B : bit_vector(255 downto 0) := (others => '0');
        INIT_C, INIT_D, INIT_E, INIT_F : bit_vector(255 downto 0) := (others => '0')
    );
    port (
        RCLK, RCLKE, RE, WE, WCLKE : in std_logic;
        RADDR : in std_logic_vector(10 downto 0);
        RDATA : out std_logic_vector(15 downto 0)
    );
end entity;

architecture model of SB_RAM40_4K is
    constant memory : bit_vector(4095 downto 0) :=
        INIT_F & INIT_E & INIT_D & INIT_C & INIT_B & INIT_A & INIT_9 & INIT_8 &
        INIT_7 & INIT_6 & INIT_5 & INIT_4 & INIT_3 & INIT_2 & INIT_1 & INIT_0;
begin
    process (RCLK)
        variable row, above : natural;
        variable known : boolean;
        variable answer : std_logic_vector(15 downto 0);
        constant group_size : positive := 2 ** READ_MODE;
    begin
        if rising_edge(RCLK) and RCLKE = '1' and RE = '1' and not (WE = '1' and WCLKE = '1') then
            row := 0;
            above := 0;
            known := true;
            for place in 10 downto 0 loop
                known := known and (RADDR(place) = '0' or RADDR(place) = '1' or place >= 8 + READ_MODE);
                if place < 8 then
                    row := 2 * row;
                    if RADDR(place) = '1' then
                        row := row + 1;
                    end if;
                elsif place < 8 + READ_MODE then
                    above := 2 * above;
                    if RADDR(place) = '1' then
                        above := above + 1;
                    end if;
                end if;
            end loop;
            answer := (others => '0');
            for number in 0 to 16 / group_size - 1 loop
                -- the place in a group where its bit comes out: 0, 0, 1 and 3 by mode
                answer(number * group_size + group_size / 2 - boolean'pos(READ_MODE > 0)) :=
                    to_stdulogic(memory(16 * row + number * group_size + above));
            end loop;
            if not known then
                answer := (others => 'X');
            end if;
            RDATA <= answer;
        end if;
    end process;
end architecture;
