"""Area of compiled networks against plain yosys on behavioural Verilog of the same network, in the same run.

    python benchmarks/area.py [--quick] [--family ice40,ecp5] [--network a,c] [--route] [--json FILE]

Networks: (a) MNIST, descent, 500 LUT4; (b) MNIST, descent, 1000 LUT6; (c) MNIST two-class, memorize, 5 x 256 LUT8;
(d) digits, memorize, 3 x 256 LUT6, 4-bit thermometer; (e6, e8, e10) random tables of 6, 8, 10 inputs. MNIST needs
LUT2HW_DATA or a network connection; --quick leaves MNIST out. Cells are logic cells after packing by nextpnr, for
7-series LUTs after synthesis, of the combinational core; --route adds Fmax between registers.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lut2hw import bits, data, targets, tools
from lut2hw.build import free_chain_starts
from lut2hw.compile import compile_network
from lut2hw.compile.area import estimate_netlist
from lut2hw.compile.lower import bits_read, tables
from lut2hw.compile.port import InputPort
from lut2hw.emit.core import TOP, to_verilog
from lut2hw.encode import Encoder, Features, fixed, thermometer
from lut2hw.errors import Lut2hwError
from lut2hw.learn import memorize
from lut2hw.learn.descent import train_descent
from lut2hw.model import Head, Layer, LutNetwork


def behavioural(network: LutNetwork, *, encoded: bool) -> str:
    """Verilog as one would write it by hand: constant shifts for tables, `+` for sums, `>` for argmax."""
    read = bits_read(tables(network))
    port = InputPort.of(network, read, encoded=encoded)
    encoder, head = network.encoder, network.head
    width = max(1, (network.n_classes - 1).bit_length())
    lines = [f"module {TOP}(input [{max(port.width, 1) - 1}:0] x, output [{width - 1}:0] y);"]
    fields = {field.index: field for field in port.fields}
    for bit in sorted(read):
        field = fields[bit if encoded else int(encoder.feature[bit])]
        value = f"x[{field.offset + field.width - 1}:{field.offset}]"
        if encoded:
            lines.append(f"wire s{bit} = {value};")
        elif field.signed:
            threshold = int(encoder.threshold[bit])
            lines.append(f"wire signed [{field.width - 1}:0] v{bit} = {value}; wire s{bit} = v{bit} >= {threshold};")
        else:
            lines.append(f"wire s{bit} = {value} >= {int(encoder.threshold[bit])};")
    lines += [f"wire s{bit} = 1'b0;" for bit in range(len(encoder)) if bit not in read]
    for layer, first in zip(network.layers, network.first_signal, strict=True):
        for row, (table, wiring) in enumerate(zip(layer.tables, layer.wiring.tolist(), strict=True)):
            value = int.from_bytes(table.tobytes(), "little")
            index = ", ".join(f"s{signal}" for signal in reversed(wiring)) or "1'b0"
            lines.append(f"wire s{first + row} = {1 << layer.k}'h{value:x} >> {{{index}}};")
    if head.kind == "bit":
        return "\n".join([*lines, f"assign y = s{head.signal[0]};", "endmodule", ""])
    low, high = head.score_range
    size = max(int(high.max()), -int(low.min())).bit_length() + 1
    sign = "signed" if low.min() < 0 else ""
    for c, bias in enumerate(head.bias.tolist()):
        terms = [f"{'-' if weight < 0 else '+'} ({abs(weight)} * s{signal})" if abs(weight) != 1 else
                 f"{'-' if weight < 0 else '+'} s{signal}"
                 for signal, of, weight in zip(head.signal.tolist(), head.class_of.tolist(), head.weight.tolist(),
                                               strict=True) if of == c]
        # sums are right modulo 2**size whatever Verilog thinks of their signs
        lines.append(f"wire {sign} [{size - 1}:0] p{c} = {bias} {' '.join(terms)};")
    if head.kind == "threshold":
        return "\n".join([*lines, "assign y = p0 >= 0;", "endmodule", ""])
    lines += [f"reg [{width - 1}:0] best; reg {sign} [{size - 1}:0] most; assign y = best;",
              "always @* begin best = 0; most = p0;"]
    lines += [f"if (p{c} > most) begin most = p{c}; best = {c}; end" for c in range(1, network.n_classes)]
    return "\n".join([*lines, "end", "endmodule", ""])


def random_tables(k: int, n_luts: int = 200, n_bits: int = 64) -> LutNetwork:
    """One layer of random tables in ten classes."""
    rng = np.random.default_rng(k)
    features = Features.integers(np.zeros(n_bits, np.int64), np.ones(n_bits, np.int64))
    wiring = np.array([rng.permutation(n_bits)[:k] for _ in range(n_luts)], np.int32)
    layer = Layer(wiring, bits.pack_tables(rng.random((n_luts, 1 << k)) < 0.5))
    return LutNetwork(Encoder(features, np.arange(n_bits, dtype=np.int32), np.ones(n_bits, np.int64)), (layer,),
                      Head.argmax(np.arange(n_bits, n_bits + n_luts), np.arange(n_luts) % 10, 10),
                      tuple(map(str, range(10))))


def networks(names: list[str]):
    """(name, what it is, network, encoded inputs, dataset or None) of those asked for."""
    if set(names) & {"a", "b"}:
        mnist = data.load("mnist")
        code = fixed(mnist.features, 128)
        if "a" in names:
            yield "a", "MNIST, 500 LUT4", train_descent(mnist, code, luts=500, votes=500, levels=1, k=4, sweeps=2,
                                                        proposals=30), True, mnist
        if "b" in names:
            yield "b", "MNIST, 1000 LUT6", train_descent(mnist, code, luts=1000, votes=1000, levels=1, k=6, sweeps=2,
                                                         proposals=30), True, mnist
    if "c" in names:
        halves = data.load("mnist", classes="0,1,2,3,4:5,6,7,8,9")
        network = memorize.learn(halves, fixed(halves.features, 128), layers=[256] * 5, k=8, seed=0,
                                 progress=lambda *_: None)
        yield "c", "MNIST halves, 5 x 256 LUT8", network, True, halves
    if "d" in names:
        digits = data.load("digits")
        yield "d", "digits, 3 x 256 LUT6", memorize.learn(
            digits, thermometer(digits.features, digits.x_train, 4), layers=[256] * 3, k=6, seed=0,
            progress=lambda *_: None), False, digits
    for k in (6, 8, 10):
        if f"e{k}" in names:
            yield f"e{k}", f"200 random LUT{k}", random_tables(k), True, None


def cells(family: str, verilog: str, folder: Path, *, baseline: bool) -> int:
    """Logic cells of a combinational module after synthesis (with -abc9 for the baseline) and packing."""
    target = targets.get(family)
    (folder / "in.v").write_text(verilog)
    (folder / "stat.json").unlink(missing_ok=True)
    synth = target.synth.format(top=TOP, json="out.json")
    if baseline:
        synth = re.sub(r"^(synth_\w+)", r"\1 -abc9", synth).replace(" -noccu2", "")
    tools.run("yosys", ["-q", "-p", f"read_verilog in.v; {synth}; tee -q -o stat.json stat -json"], cwd=folder)
    if target.flow is None:
        counts = json.loads((folder / "stat.json").read_text())["modules"]["\\" + TOP]["num_cells_by_type"]
        return sum(count for cell, count in counts.items() if re.fullmatch(r"LUT\d", cell))
    free_chain_starts(folder / "out.json", TOP, target.flow)
    device = list(target.devices)[-1] if family != "ice40" else "hx8k"
    words = {"device": device, "package": target.devices[device].packages[0]}
    arguments = [word.format(**words) for word in target.flow.arguments]
    run = tools.run(target.flow.nextpnr, [*arguments, "--json", "out.json", "--pack-only"], cwd=folder)
    return int(re.findall(rf"{target.flow.logic_cell}:\s+(\d+)/", run.output)[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="ice40,ecp5,xilinx7")
    parser.add_argument("--network", default="a,b,c,d,e6,e8,e10")
    parser.add_argument("--quick", action="store_true", help="no MNIST")
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = options.network.split(",")
    if options.quick:
        names = [name for name in names if name not in "abc"]
    rows = []
    print(f"{'network':<28}{'family':<9}{'baseline':>9}{'lut2hw':>8}{'ratio':>7}{'unseen':>8}{'ratio':>7}"
          f"{'accuracy':>10}{'unseen':>8}{'estimate':>10}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key, what, network, encoded, dataset in networks(names):
            for family in options.family.split(","):
                target = targets.get(family)
                began = time.perf_counter()
                made = {care: compile_network(network, target, encoded_inputs=encoded, pipeline="none",
                                              dont_cares=care, effort=options.effort)
                        for care in (("off", "unseen") if network.layers[0].care is not None else ("off",))}
                seconds = time.perf_counter() - began
                row = {"network": key, "what": what, "family": family, "compile_seconds": round(seconds, 1)}
                try:
                    row["baseline"] = cells(family, behavioural(network, encoded=encoded), folder,
                                            baseline=True)
                    for care, compiled in made.items():
                        row[care] = cells(family, to_verilog(compiled.netlist, latency=0, target=target), folder,
                                          baseline=False)
                except Lut2hwError as error:
                    print(f"{key} {what:<26}{family:<9}{error}")
                    continue
                row["estimate"] = estimate_netlist(made["off"].netlist, target)
                if dataset is not None:
                    x, y = dataset.split("test")
                    row |= {f"accuracy_{care}": float((compiled.network.predict_integers(x) == y).mean())
                            for care, compiled in made.items()}
                rows.append(row)

                def number(field: str, form: str, row: dict = row) -> str:
                    value = row.get(field)
                    if field.startswith("/"):
                        value = row[field[1:]] / row["baseline"] if field[1:] in row else None
                    return format("" if value is None else format(value, form), ">0")

                print(f"{key} {what:<26}{family:<9}{number('baseline', ','):>9}{number('off', ','):>8}"
                      f"{number('/off', '.2f'):>7}{number('unseen', ','):>8}{number('/unseen', '.2f'):>7}"
                      f"{number('accuracy_off', '.4f'):>10}{number('accuracy_unseen', '.4f'):>8}"
                      f"{number('estimate', ','):>10}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
