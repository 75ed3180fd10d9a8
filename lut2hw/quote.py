"""Names from anybody, quoted for what they are written into: a line of text, a terminal, a figure, a comment.

Class and feature names, labels and names of files may hold anything. Where they reach HDL, scripts or C as names,
`identifier` and `distinct` make names of them that the languages have; everywhere else they are shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def plain(text: object) -> str:
    r"""The text with letters that would steer a terminal shown as what they are, `\x1b` say; line breaks stay."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def line(text: object, longest: int | None = None) -> str:
    """`plain` in one line, white space as single blanks, cut to so many letters."""
    return plain(" ".join(str(text).split()))[:longest]


def figure(text: object, longest: int | None = None) -> str:
    """`line` for matplotlib, which takes what is between dollar signs for mathematics."""
    return line(text, longest).replace("$", r"\$")


def comment(text: object, longest: int | None = 80) -> str:
    r"""`line` for a comment in source text: ASCII alone, the rest as `\xfc`, with no mark that ends or opens one."""
    quoted = line(text, longest).replace("\\", "\\\\").encode("ascii", "backslashreplace").decode("ascii")
    return re.sub(r"([*/])(?=[*/])", r"\1 ", quoted).replace("`", "'") or "(no name)"


def identifier(name: str) -> str:
    """`name` with letters, digits and underscores alone, not empty and not beginning with a digit."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return name if re.match(r"[A-Za-z_]", name) else f"x{name}"


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The same names, those that came before made different by a number."""
    seen: set[str] = set()
    out = []
    names = list(names)
    taken = set(names)
    for name in names:
        number, candidate = 1, name
        while candidate in seen or (candidate != name and candidate in taken):
            number += 1
            candidate = f"{name}_{number}"
        seen.add(candidate)
        out.append(candidate)
    return tuple(out)
