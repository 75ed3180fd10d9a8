-- Simulation models of the primitives that a core is made of, with no more than it uses of them. A lookup table with an
-- unknown input is unknown.
library ieee;
use ieee.std_logic_1164.all;

package lut2hw_models is
    function look_up(table_of : bit_vector; address : std_logic_vector) return std_logic;
    function digits(text : string) return bit_vector;
    function choose(s, when_one, when_zero : std_logic) return std_logic;
end package;

package body lut2hw_models is
    -- Entry 0 of a table is its rightmost bit; so is bit 0 of an address.
    function look_up(table_of : bit_vector; address : std_logic_vector) return std_logic is
        alias entries : bit_vector(table_of'length - 1 downto 0) is table_of;
        variable index : natural := 0;
    begin
        for bit_number in address'range loop
            index := 2 * index;
            case address(bit_number) is
                when '1' | 'H' => index := index + 1;
                when '0' | 'L' => null;
                when others => return 'X';
            end case;
        end loop;
        return to_stdulogic(entries(index));
    end function;

    -- "0x" and hexadecimal digits.
    function digits(text : string) return bit_vector is
        variable value : bit_vector(4 * (text'length - 2) - 1 downto 0);
        variable digit : natural;
        variable at : natural := 4 * (text'length - 2);
    begin
        for place in text'left + 2 to text'right loop
            case text(place) is
                when '0' to '9' => digit := character'pos(text(place)) - character'pos('0');
                when others => digit := character'pos(text(place)) - character'pos('A') + 10;
            end case;
            for bit_number in 3 downto 0 loop
                at := at - 1;
                value(at) := bit'val((digit / 2 ** bit_number) mod 2);
            end loop;
        end loop;
        return value;
    end function;

    function choose(s, when_one, when_zero : std_logic) return std_logic is
    begin
        if s = '1' then
            return when_one;
        elsif s = '0' then
            return when_zero;
        end if;
        return 'X';
    end function;
end package body;
