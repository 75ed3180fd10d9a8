"""Verilog from anybody: what `emit` can have written goes through, anything else is refused.

A core is one module: ports, wires and registers; assignments; instances of the primitives that its netlist maps to;
registers on the rising edge of a clock. Nothing else is let through, so no system task, initial block, directive,
function, included file or module of the tools' own is ever run, and a memory is never filled from a file. Nor is a
loop of logic, which a simulator can follow for ever without time passing.

The reader goes statement by statement, each matched by one regular expression, since a core may have a million of
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set

from lut2hw.logic.walk import operands_first
from lut2hw.targets.base import Instance

MAX_WIDTH = 1 << 22
"""Bits of all declared vectors together: they cost tools memory, and take few letters to write."""


def _all(pattern: str) -> str:
    """The pattern as often as it comes, without going back; possessive groups match wrongly before Python 3.11.5."""
    return f"(?>(?:{pattern})*)"


def _list(pattern: str) -> str:
    """One or more of the pattern, with commas between."""
    return _all(pattern + r",\s*+") + pattern


_NAME = r"(?:[A-Za-z_][A-Za-z0-9_$]*|\\[A-Za-z0-9_$.:]+(?:\[\d+\])?\s)\s*+"
# A size of four digits at most, so that a number costs no more memory than what is written.
_NUMBER = r"(?:\d{1,4}'s?[bdho][0-9a-fA-FxXzZ_]{1,4096}|[01]\b)\s*+"
_BITS = rf"(?:{_NUMBER}|{_NAME}(?:\[\d{{1,7}}(?::\d{{1,7}})?\]\s*+)?)"
_VALUE = rf"(?:{_BITS}|\{{\s*+{_list(_BITS)}\}}\s*+)"
_EXPRESSION = rf"(?:~\s*+)?{_VALUE}" + _all(rf"[&|^]\s*+(?:~\s*+)?{_VALUE}")
_STRING = r'"[0-9A-Za-z_]{0,4096}"\s*+'
_RANGE = r"(?:\[(\d{1,7}):(\d{1,7})\]\s*+)?"
_DIRECTION = r"(?:input|output|wire|reg)\b\s*+"
_ATTRIBUTES = _all(
    r"\(\*\s*+\\?(?:src|top|generator|hdlname|init)\s*+=\s*+"
    rf'(?:{_NUMBER}|"[0-9A-Za-z_.:/ -]{{0,4096}}"\s*+)\*\)\s*+'
)

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|//[^\n]*", re.DOTALL)
_MODULE = re.compile(rf"\s*+{_ATTRIBUTES}module\s++({_NAME})\(\s*+({_list(_NAME)})\)\s*+;\s*+")
_DECLARATION = re.compile(rf"{_ATTRIBUTES}{_DIRECTION}{_RANGE}{_NAME}(?:=\s*+{_NUMBER})?;\s*+")
_ASSIGNMENT = re.compile(rf"assign\s++{_VALUE}=\s*+{_EXPRESSION};\s*+")
_PARAMETER = rf"\.{_NAME}\(\s*+(?:{_STRING}|{_NUMBER})\)\s*+"
_PORT = rf"\.{_NAME}\(\s*+(?:{_VALUE})?\)\s*+"
_INSTANCE = re.compile(
    rf"{_ATTRIBUTES}([A-Za-z_][A-Za-z0-9_$]*+)\s*+(?:#\(\s*+({_list(_PARAMETER)})\)\s*+)?"
    rf"{_NAME}\(\s*+((?:{_list(_PORT)})?)\)\s*+;\s*+"
)
_CLOCKED = re.compile(rf"{_ATTRIBUTES}always\s*+@\(\s*+posedge\s++{_NAME}\)\s*+")
_ALWAYS = re.compile(rf"{_ATTRIBUTES}always\s*+@\s*+(?:\*|\(\s*+\*\s*+\))\s*+(?=begin\b)")
_STORE = re.compile(rf"{_VALUE}<?=\s*+{_EXPRESSION};\s*+")
_IF = re.compile(rf"if\s*+\(\s*+{_EXPRESSION}\)\s*+")
_CASE = re.compile(rf"casez?\s*+\(\s*+{_EXPRESSION}\)\s*+")
_LABEL = re.compile(rf"(?:default|{_list(_NUMBER)})\s*+:\s*+")
_WORD = re.compile(r"(begin|end|else|endcase)\b\s*+")
_NOTHING = re.compile(r";\s*+")
_NAMED = re.compile(rf"\.({_NAME})\(")
_READ = re.compile(
    rf"\d++'s?[bdho][0-9a-fA-FxXzZ_]++|\b(?:if|casez?|begin|end|else|endcase|default|assign)\b|({_NAME})"
)
_STORED = re.compile(rf"({_VALUE})<?=(?!=)")
_CONNECTED = re.compile(rf"\.({_NAME})\(\s*+((?:{_VALUE})?)\)")
_END = re.compile(r"endmodule\s*+\Z")

_RESERVED = frozenset(
    """alias always_comb always_ff always_latch and assert assume automatic before bind bins binsof bit break buf
    bufif0 bufif1 byte casex cell chandle checker class clocking cmos config const constraint context continue
    cover covergroup coverpoint cross deassign defparam design disable dist do edge endchecker endclass
    endclocking endconfig endfunction endgenerate endgroup endinterface endpackage endprimitive endprogram
    endproperty endspecify endsequence endtable endtask enum event eventually expect export extends extern final
    first_match for force foreach forever fork forkjoin function generate genvar global highz0 highz1 iff ifnone
    ignore_bins illegal_bins implements implies import incdir include initial inout inside instance int integer
    interconnect interface intersect join join_any join_none large let liblist library local localparam logic
    longint macromodule matches medium modport nand negedge nettype new nexttime nmos nor noshowcancelled not
    notif0 notif1 null or package packed parameter pmos primitive priority program property protected pull0 pull1
    pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real
    realtime ref reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always
    s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled signed small
    soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1 sync_accept_on
    sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0
    tri1 triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var
    vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard with within wor xnor xor""".split()
)
"""Keywords of Verilog and SystemVerilog that no core has."""


class Refused(ValueError):
    """What a text has that a core does not, in words."""


Primitives = Mapping[str, tuple[Set[str], Set[str], Set[str]]]
"""By module, names of the parameters, inputs and outputs of primitives."""


def primitives_of(instances: Iterable[Instance]) -> Primitives:
    """Parameters, inputs and outputs by module of the primitives that a core may have."""
    out: dict[str, tuple[set[str], set[str], set[str]]] = {}
    for instance in instances:
        parameters, inputs, outputs = out.setdefault(instance.module, (set(), set(), set()))
        parameters.update(instance.parameters)
        inputs.update(instance.inputs)
        outputs.update(instance.outputs)
    return out  # type: ignore[return-value]


def vetted(text: str, top: str, primitives: Primitives) -> str:
    """The text of a core for the tools: without its comments, but line for line.

    Parameters
    ----------
    text
        Verilog from anybody.
    top
        Name of its one module.
    primitives
        Parameters, inputs and outputs by module of what it may instantiate (`primitives_of`).

    Raises
    ------
    Refused
        For anything that `emit` does not write.
    """
    if not text.isascii() or "\0" in text:
        raise Refused("a letter that is not of ASCII")
    # Tools act on some comments, and do not agree where comments end in strings.
    text = _COMMENT.sub(lambda match: re.sub(r"[^\n]+", " ", match[0]), text)
    words = set(re.findall(r"(?<![\\A-Za-z0-9_$.])[a-z][a-z_0-9]*+(?![A-Za-z0-9_$])", text))
    if words & _RESERVED:
        raise Refused(f"the word {min(words & _RESERVED)}")
    head = _MODULE.match(text)
    if head is None or head[1].strip() != top:
        raise Refused(f"it does not start with module {top}")
    at, end, width = head.end(), len(text), 0
    needs: dict[str, set[str]] = {}  # by name, those that it follows at once

    while at < end:
        if match := _DECLARATION.match(text, at):
            if match[1]:
                width += abs(int(match[1]) - int(match[2])) + 1
                if width > MAX_WIDTH:
                    raise Refused("vectors of too many bits")
        elif match := _CLOCKED.match(text, at):
            after = _process(text, match.end())
            _follow(needs, _stored(text[match.end() : after]), _names(match[0].partition("posedge")[2]))
            at = after
            continue
        elif match := _ALWAYS.match(text, at):
            after = _process(text, match.end())
            body = text[match.end() : after]
            stored = _stored(body)
            _follow(needs, stored, _names(body) - stored)  # what it stores does not start it again
            at = after
            continue
        elif match := _ASSIGNMENT.match(text, at):
            left, _, right = match[0].partition("=")
            _follow(needs, _names(left), _names(right))
        elif match := _END.match(text, at):
            _check_loops(needs)
            return text
        elif match := _INSTANCE.match(text, at):
            _check_instance(match, primitives)
            read: dict[bool, set[str]] = {False: set(), True: set()}
            for port, value in _CONNECTED.findall(match[3] or ""):
                read[port.strip() in primitives[match[1]][2]] |= _names(value)
            _follow(needs, read[True], read[False])
        else:
            raise Refused(_at(text, at))
        at = match.end()
    raise Refused("no end")


def _process(text: str, at: int) -> int:
    """Where one statement of an always block ends."""
    open_: list[str] = []
    while True:
        follow = False  # whether more of the statement must come
        if match := _WORD.match(text, at):
            word = match[1]
            if word == "begin":
                open_.append("end")
                follow = True
            elif word == "else":
                follow = True
            elif not open_ or open_.pop() != word:
                raise Refused(_at(text, at))
        elif (match := _IF.match(text, at)) or (match := _LABEL.match(text, at)):
            follow = True
        elif match := _CASE.match(text, at):
            open_.append("endcase")
            follow = True
        elif match := (_STORE.match(text, at) or _NOTHING.match(text, at)):
            pass
        else:
            raise Refused(_at(text, at))
        at = match.end()
        if not open_ and not follow and not text.startswith("else", at):
            return at


def _names(text: str) -> set[str]:
    """The signals of an expression or statement."""
    return {name.strip() for name in _READ.findall(text) if name}


def _stored(text: str) -> set[str]:
    """The signals that a process stores to."""
    return set().union(*(_names(left) for left in _STORED.findall(text)))


def _follow(needs: dict[str, set[str]], made: Iterable[str], read: Set[str]) -> None:
    for name in made:
        needs.setdefault(name, set()).update(read)


def _check_loops(needs: Mapping[str, Set[str]]) -> None:
    """Raise `Refused` if a signal follows itself without a register between.

    A vector counts as one signal, and so does an instance: a netlist's cells are in an order in which each reads only
    earlier ones.
    """
    done: set[str] = set()
    for name in operands_first(
        list(needs),
        lambda name: list(needs.get(name, ())),
        done,
        lambda name: Refused(f"a loop of logic through {name[:40]}"),
    ):
        done.add(name)


def _check_instance(match: re.Match[str], primitives: Primitives) -> None:
    if match[1] not in primitives:
        raise Refused(f"a {match[1][:40]}, which its netlist has not")
    parameters, inputs, outputs = primitives[match[1]]
    for words, known in zip((match[2], match[3]), (parameters, inputs | outputs), strict=True):
        for name in _NAMED.findall(words or ""):
            if name.strip() not in known:
                raise Refused(f"a {match[1]} with {name.strip()[:40]}")


def _at(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"in line {line} `{' '.join(text[at : at + 60].split())[:40]}`"
