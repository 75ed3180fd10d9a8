"""Espresso files of minterms, as in the IWLS 2020 contest: one example a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lut2hw.choices import Task
from lut2hw.data.source import content_of
from lut2hw.data.table import SEVERAL, Format, ReadOptions, Table, label_positions, some
from lut2hw.errors import UsageError, unknown_name

_KEYWORDS = (b".i", b".o", b".ilb", b".ob", b".p", b".type", b".phase", b".pair")
# Of espresso(5): 4 is 1, 3 is 0, 2 is -; what ~ and - say nothing of is no example.
_OUTPUTS = bytes.maketrans(b"432~", b"10--")


def read_pla(path: Path, options: ReadOptions) -> Table:
    """Inputs 0 or 1, outputs 0 or 1; rows that leave the chosen output open (`-`) are no examples, and noted.

    White space does not count within a row, which may go over several lines.
    """

    def bad(line: int, what: str) -> UsageError:
        return UsageError(f"{path} line {line}: {what}")

    n_in = n_out = None
    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    rows: list[bytes] = []
    answers: list[bytes] = []
    lines: list[int] = []
    flat, began, number = b"", 0, 0
    for number, raw in enumerate(content_of(path).removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        line = raw.split(b"#", 1)[0].strip()
        if not line:
            continue
        if line.startswith(b"."):
            if flat:
                break
            word, *rest = line.split()
            if word in (b".e", b".end"):
                break
            if word not in _KEYWORDS:
                raise bad(number, f"unknown keyword {word.decode(errors='replace')[:20]!r}")
            if word in (b".i", b".o") and rows:
                raise bad(number, ".i and .o must come before the first example")
            try:
                if word == b".i":
                    n_in = int(rest[0])
                elif word == b".o":
                    n_out = int(rest[0])
                elif word == b".ilb":
                    inputs = tuple(name.decode(errors="replace") for name in rest)
                elif word == b".ob":
                    outputs = tuple(name.decode(errors="replace") for name in rest)
            except (ValueError, IndexError):
                raise bad(number, f"{word.decode(errors='replace')[:20]} needs its value after it") from None
            continue
        if n_in is None or n_out is None:
            raise bad(number, ".i and .o must come before the first example")
        began = began if flat else number
        flat += b"".join(line.replace(b"|", b" ").split())
        if len(flat) < n_in + n_out:
            continue
        if len(flat) != n_in + n_out:
            raise bad(began, f"{len(flat)} characters, expected {n_in} inputs and {n_out} outputs")
        if flat[:n_in].strip(b"01"):
            raise bad(began, "an example must have 0 or 1 at every input; expand cubes ('-') to minterms first")
        answer = flat[n_in:].translate(_OUTPUTS)
        if answer.strip(b"01-"):
            raise bad(began, "outputs must be 0, 1 or -")
        rows.append(flat[:n_in])
        answers.append(answer)
        lines.append(began)
        flat = b""
    if flat:
        assert n_in is not None and n_out is not None
        raise bad(began, f"{len(flat)} characters, expected {n_in} inputs and {n_out} outputs")
    if not rows:
        raise UsageError(f"{path} has no examples")
    assert n_in is not None and n_out is not None
    if n_in < 1 or n_out < 1:
        raise UsageError(f"{path} has {n_in} inputs and {n_out} outputs; at least one of each is needed")
    x = np.frombuffer(b"".join(rows), np.uint8).reshape(-1, n_in) - ord("0")
    names = inputs if inputs is not None and len(inputs) == n_in and len(set(inputs)) == n_in else None
    if not options.labelled:
        return Table(str(path), x, np.zeros(len(x), np.int64), names=names, low=0, high=1)
    known = outputs if outputs is not None and len(outputs) == n_out else tuple(f"y{i}" for i in range(n_out))
    chosen = _outputs(path, options.label, known, options.task)
    y = np.frombuffer(b"".join(answers), np.uint8).reshape(-1, n_out)[:, chosen]
    given = (y != ord("-")).all(axis=1)
    notes: tuple[str, ...] = ()
    if not given.all():
        open_ = np.flatnonzero(~given)
        notes = (
            f"{len(open_)} of {len(y)} rows leave output {', '.join(repr(known[each]) for each in chosen)} open, "
            f"the first in line {lines[open_[0]]}, and are left out",
        )
    several = options.task in SEVERAL
    y = y[given] - ord("0")
    return Table(
        str(path),
        x[given],
        (y if several else y[:, 0]).astype(np.int64),
        names=names,
        target_names=tuple(known[each] for each in chosen) if several else None,
        low=0,
        high=1,
        notes=notes,
    )


def _outputs(path: Path, label: str | None, known: tuple[str, ...], task: Task) -> list[int]:
    """Numbers of the outputs that are the labels, by their names or else their positions."""
    if label is None:
        if len(known) > 1 and task is not Task.MULTILABEL:
            raise UsageError(f"{path} has {len(known)} outputs; choose one with --label ({some(known)})")
        return list(range(len(known)))
    found = label_positions(known, label, task)
    if found is None:
        raise unknown_name(f"output of {path}", label, known)
    return found


FORMAT = Format("Espresso", (".pla",), read_pla, frozenset({"label"}))
