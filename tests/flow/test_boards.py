"""Boards, the host's side of the serial link, and the commands run, flash, wrap and boards."""

import json
import random
import re
import shutil
import stat
import warnings

import numpy as np
import pytest
from helpers import needs, stand_ins
from helpers.stand_ins import STAND_INS

from lut2hw import targets, tools
from lut2hw.artefact import emit as emitted
from lut2hw.cli import main
from lut2hw.errors import Lut2hwError, ToolError, UsageError
from lut2hw.extras import need
from lut2hw.flow import boards as catalogue
from lut2hw.flow import chips
from lut2hw.flow.build import build
from lut2hw.flow.flash import flash
from lut2hw.flow.result import read_build
from lut2hw.hdl import links, protocol
from lut2hw.hdl.chip import BoardChip
from lut2hw.hdl.convert import to_verilog
from lut2hw.hdl.emitted import EmittedCore, identity_of
from lut2hw.hdl.linked import LinkedCore
from lut2hw.hdl.protocol import Deframer, Identity
from lut2hw.host import serial as host
from lut2hw.host import simulation


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small core on four features, emitted for iCE40."""
    place = tmp_path_factory.mktemp("flowers")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 80, (200, 4))
    labels = np.array(["rose", "tulip", "lily"])[(x[:, 0] > 40).astype(int) + (x[:, 2] > 50)]
    rows = ["a,b,c,d,label", *(",".join(map(str, [*row, label])) for row, label in zip(x, labels, strict=True))]
    (place / "flowers.csv").write_text("\n".join(rows) + "\n")
    assert (
        main(
            [
                "train",
                "--data",
                str(place / "flowers.csv"),
                "--learner",
                "memorize",
                "--layers",
                "24",
                "-k",
                "4",
                "-o",
                str(place / "flowers.lut"),
            ]
        )
        == 0
    )
    assert main(["emit", str(place / "flowers.lut"), "--target", "ice40", "-o", str(place / "flowers")]) == 0
    return place / "flowers"


class FakeChip:
    """A serial port with a chip in software behind it, on a line that loses and damages bytes."""

    def __init__(self, identity, classify, loss=0.0, seed=0):
        self.identity, self.classify, self.loss = identity, classify, loss
        self.random = random.Random(seed)
        self.deframer = Deframer()
        self.out = bytearray()
        self.requests = 0

    def line(self, data):
        for byte in data:
            luck = self.random.random()
            if luck < self.loss / 2:
                continue
            yield byte ^ 1 << self.random.randrange(8) if luck < self.loss else byte

    def write(self, data):
        before = self.deframer.damaged
        for body in self.deframer.feed(bytes(self.line(data))):
            if body == bytes([protocol.TAG_IDENTIFY]):
                reply = body + self.identity.to_bytes()
            elif len(body) == 1 + self.identity.input_bytes:
                self.requests += 1
                answer = self.classify(int.from_bytes(body[1:], "little"))
                reply = body[:1] + answer.to_bytes(self.identity.answer_bytes, "little")
            else:
                reply = bytes([protocol.TAG_DAMAGED])
            self.out += bytes(self.line(protocol.frame(reply)))
        for _ in range(self.deframer.damaged - before):
            self.out += bytes(self.line(protocol.frame(bytes([protocol.TAG_DAMAGED]))))

    @property
    def in_waiting(self):
        return len(self.out)

    def read(self, size=1):
        data = bytes(self.out[:size])
        del self.out[:size]
        return data


def parity(word):
    return word.bit_count() % 5


@pytest.mark.parametrize("loss", [0.0, 0.003])
def test_every_answer_arrives_over_a_line_that_loses_bytes(loss):
    identity = Identity(37, 3, 0xABCD)
    words = [random.Random(i).getrandbits(37) for i in range(400)]
    golden = [parity(word) for word in words]
    port = FakeChip(identity, parity, loss, seed=3)
    result = host.run(host.Chip(port, silence=0.01), identity, words, golden, golden)
    assert (result["examples"], result["mismatches"], result["accuracy"]) == (400, 0, 1.0)
    assert (result["resent"] > 0) == (loss > 0)
    assert (port.requests > 400) == (loss > 0)


def test_a_wrong_answer_is_reported_with_its_example():
    identity = Identity(8, 3, 1)
    words = list(range(100))
    port = FakeChip(identity, lambda word: 4 - parity(word) if word == 42 else parity(word))
    golden = [parity(word) for word in words]
    seen = []
    result = host.run(host.Chip(port), identity, words, golden, [0] * 100, lambda *now: seen.append(now))
    assert result["mismatches"] == 1
    assert result["first"] == {"example": 42, "expected": golden[42], "got": 4 - golden[42]}
    assert seen[-1] == (100, sum(answer == 0 for answer in golden) + (4 - golden[42] == 0) - (golden[42] == 0), 1)


def test_another_design_is_refused():
    port = FakeChip(Identity(8, 3, 1), parity)
    with pytest.raises(host.LinkError, match="another design"):
        host.run(host.Chip(port), Identity(8, 3, 2), [1], [1], [1])


def test_a_silent_chip_is_given_up():
    identity = Identity(8, 3, 1)
    with pytest.raises(host.LinkError, match="does not answer"):
        host.Chip(FakeChip(identity, parity, loss=1.0), silence=0.01).identify()
    dumb = FakeChip(identity, parity)
    dumb.write = lambda data: None
    with pytest.raises(host.LinkError, match="fell silent after 0 of 3"):
        list(host.Chip(dumb, silence=0.01).classify([1, 2, 3], identity))


def test_run_against_the_simulated_chip(folder, capsys):
    """The whole way: command line, serial port, frames, UART, core, and back."""
    assert main(["run", str(folder), "--port", "sim", "-n", "25", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["examples"], result["mismatches"], result["resent"]) == (25, 0, 0)
    assert result["accuracy"] == result["golden_accuracy"] > 0.5


def test_a_core_with_a_flipped_table_is_caught_by_run(folder, tmp_path, capsys):
    """Flip INIT bits in the Verilog: the chip answers, and not like the golden model."""
    manifest = emitted.load(folder)
    copy = tmp_path / "flipped"
    copy.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    text = (copy / manifest.sources[0]).read_text()
    flipped, n = re.subn(r"16'h([0-9a-f]{4})", lambda m: f"16'h{int(m[1], 16) ^ 0xFFFF:04x}", text)
    assert n > 10
    (copy / manifest.sources[0]).write_text(flipped)
    assert main(["run", str(copy), "--port", "sim", "-n", "20"]) == 1
    assert "unlike the golden model" in capsys.readouterr().out


@pytest.mark.slow  # the tutorial does the same
def test_build_for_a_board_and_flash_it(folder, tmp_path, capsys, monkeypatch):
    assert main(["build", str(folder), "--board", "icestick", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    bitstream = folder / "icestick" / "chip.bin"
    assert result["bitstream"] == str(bitstream)
    used = result["chip"]
    assert 0 < used["logic_cells"] <= used["lut4"] + used["carry"] + used["ff"]  # cells that stay empty do not count
    assert bitstream.read_bytes()[4:8] == bytes.fromhex("7eaa997e")  # preamble of an iCE40 bitstream
    assert result["fmax_mhz"] > result["clock_mhz"] == 12
    assert 0 < result["core"]["lut4"] < result["chip"]["lut4"] < result["chip"]["logic_cells"] < 1280
    assert json.loads((folder / "icestick" / "build.json").read_text()) == result

    log = tmp_path / "log"
    programmer = tmp_path / "programmer"
    programmer.write_text(f'#!/bin/sh\necho "$@" > {log}\n')
    programmer.chmod(programmer.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("OPENFPGALOADER", str(programmer))
    assert main(["flash", str(folder)]) == 0
    assert log.read_text().split() == ["-b", "ice40_generic", "-f", str(bitstream)]

    programmer.write_text("#!/bin/sh\necho 'Error: no device found'\nexit 3\n")
    assert main(["flash", str(folder), "--board", "icestick"]) == 1
    error = capsys.readouterr().err
    assert "no device found" in error
    assert "plugged in" in error
    assert error.count("\n") == 1

    monkeypatch.setenv("OPENFPGALOADER", str(tmp_path / "nowhere"))
    monkeypatch.setenv("ICEPROG", str(tmp_path / "nowhere"))
    assert main(["flash", str(folder)]) == 1
    assert "nowhere is not a program" in capsys.readouterr().err
    (folder / "icestick" / "build.json").write_text("{")
    assert main(["flash", str(folder)]) == 1
    assert "make it again" in capsys.readouterr().err


def test_programmers_that_are_missing_say_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "chip.bin").write_bytes(b"x")
    with pytest.raises(ToolError, match=r"openFPGALoader is not installed; .*apt-get install openfpgaloader"):
        flash({"board": "icebreaker", "bitstream": str(tmp_path / "chip.bin")})


@pytest.mark.parametrize("name", catalogue.BOARDS)
def test_every_board_has_pins_clock_and_tools(name, folder):
    """Pins, clock and programmers of each board, up to where the vendor tools would start."""
    board = catalogue.board(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        platform = board.make_platform()
        divisor = links.uart_divisor(platform.default_clk_frequency, board.baud)
        plan = chips.plan_of(platform, BoardChip(emitted.load(folder), divisor))
    constraints = plan.files["chip.pcf" if board.target == "ice40" else "chip.lpf"]
    for line in ("uart_0__rx", "uart_0__tx"):
        assert len(re.findall(rf"{line}__io\"? (?:SITE )?\"?\w*\d", constraints)) == 1
    assert re.search(r"set_frequency|FREQUENCY PORT", constraints)
    target = targets.get(board.target)
    part, pins = chips.part_and_pins(chips.command_of(plan, target.flow.nextpnr))
    device = part[0].removeprefix("--").removeprefix("um5g-")
    assert target.devices[device].logic_cells == board.logic_cells
    assert part[1] == "--package" and pins in (["--pcf", "chip.pcf"], ["--lpf", "chip.lpf"])
    assert chips.command_of(plan, target.flow.pack[0])[1:]
    assert board.programmers
    for tool, *_ in board.programmers:
        assert tools.install_hint(tool)


def test_board_errors_say_what_to_do(folder, tmp_path):
    with pytest.raises(UsageError, match="did you mean 'icebreaker'"):
        catalogue.board("icebraker")
    with pytest.raises(UsageError, match="say which: ulx3s-12f, ulx3s-25f"):
        catalogue.board("ulx3s")
    with pytest.raises(UsageError, match="--target ecp5"):
        catalogue.check_target("ulx3s-25f", "ice40", folder)
    with pytest.raises(UsageError, match="is not built for icebreaker"):
        read_build(emitted.load(folder), "icebreaker")


def test_a_chip_that_is_too_big_for_the_board(folder, tmp_path, monkeypatch):
    before = sorted(path.name for path in folder.iterdir())
    big = STAND_INS["NEXTPNR_ICE40"].replace("10/ 5280", "6388/ 1280")
    stand_ins.install(monkeypatch, tmp_path, NEXTPNR_ICE40=big)
    with pytest.raises(Lut2hwError) as caught:
        build(folder, board="nandland-go")
    assert str(caught.value) == (
        "the chip needs 6,388 logic cells, the nandland-go has 1,280; these would hold it: ice40-hx8k-b-evn, "
        "tinyfpga-bx"
    )
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("first", "second", "got"), [(22.0, 26.0, 26.0), (22.0, 21.0, 0), (9.0, 30.0, 0), (27, 0, 27)]
)
def test_a_clock_missed_on_a_board_is_routed_again(first, second, got, folder, tmp_path, monkeypatch):
    """The board's clock is 25 MHz: missed by little it is routed again, and still missed it is an error."""
    before = sorted(path.name for path in folder.iterdir())
    router = f"mhz={first}; " + STAND_INS["NEXTPNR_ICE40"].replace(
        "case $1 in", f"case $1 in --tmg-ripup) mhz={second};;"
    ).replace('\'{"fmax": {"clk": {"achieved": 50.0}}', '\'{"fmax": {"clk": {"achieved": \'$mhz\'}}')
    assert "$mhz" in router
    stand_ins.install(monkeypatch, tmp_path, NEXTPNR_ICE40=router)
    if got:
        result = build(folder, board="nandland-go")
        assert (result.fmax_mhz, result.clock_mhz, result.freq_mhz, result.device) == (got, 25.0, 25.0, "hx1k")
        assert read_build(emitted.load(folder), "nandland-go") == result.as_json()
        shutil.rmtree(folder / "nandland-go")
    else:
        best = max(first, second) if 1.25 * first >= 25 else first
        with pytest.raises(Lut2hwError, match=rf"reaches {best:.1f} MHz, the nandland-go's clock is 25 MHz"):
            build(folder, board="nandland-go")
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_folder_of_the_boards_name_that_is_none_is_left_alone(folder, tmp_path, monkeypatch):
    stand_ins.install(monkeypatch, tmp_path)
    (folder / "nandland-go").symlink_to(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(Lut2hwError, match="is not a folder; move it away"):
        build(folder, board="nandland-go")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    (folder / "nandland-go").unlink()


def test_wrap_writes_a_link_and_checks_it(folder, tmp_path, capsys):
    out = tmp_path / "axi_core.v"
    assert main(["wrap", str(folder), "--link", "axi-stream", "-o", str(out), "--check", "10", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["checked"], result["module"]) == (10, "axi_core")
    text = out.read_text()
    assert "module axi_core(" in text
    assert str(tmp_path) not in text
    again = to_verilog(
        LinkedCore(
            links.make_link("axi-stream", identity_of(emitted.load(folder))),
            EmittedCore(emitted.load(folder), fields=False),
        ).module(),
        "axi_core",
    )
    assert again == text


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["wrap", "{}", "--link", "i2c"], "unknown link 'i2c'"),
        (["wrap", "{}", "-o", "{}/bad-name.v"], "does not name a Verilog module"),
        (["wrap", "{}", "--baud", "9000000"], "too fast"),
        (["run", "{}", "--port", "/dev/nowhere", "--baud", "9600"], "cannot open /dev/nowhere at 9600 baud"),
        (["run", "{}", "--port", "sim", "--split", "tset"], "did you mean 'test'"),
        (["run", "{}", "--port", "sim", "--board"], "--board"),
        (["build", "{}", "--board", "ulx3s-12f"], "--target ecp5"),
        (["build", "{}", "--board", "icestick", "--device", "up5k"], "leave --device and --package out"),
        (["build", "{}", "--baud", "9600"], "--board"),
        (["build", "{}", "--board", "icestick", "--freq", "30"], "leave --freq out"),
        (["flash", "{}/nothing"], "does not exist"),
        (["flash", "{}", "--board", "icestik"], "did you mean 'icestick'"),
    ],
)
def test_wrong_usage_is_one_line(arguments, hint, folder, capsys):
    assert main([word.format(folder) for word in arguments]) == 2
    error = capsys.readouterr().err
    assert hint in error
    assert error.count("\n") == 1


def test_boards_lists_them(capsys):
    assert main(["boards", "--json"]) == 0
    names = {board["name"] for board in json.loads(capsys.readouterr().out)["boards"]}
    assert {"icebreaker", "icestick", "ulx3s-25f", "orangecrab-25f"} <= names


def test_a_missing_package_is_named():
    need("serial", "cocotbext.uart", extra="boards")
    for module in ("no_such_package", "no_such_package.part"):
        with pytest.raises(UsageError, match=r"pip install 'lut2hw\[boards\]'"):
            need(module, extra="boards")


def test_a_folder_without_its_verilog_is_refused(folder, tmp_path):
    (tmp_path / "manifest.json").write_text((folder / "manifest.json").read_text())
    with pytest.raises(Lut2hwError, match="emit the core again"):
        identity_of(emitted.load(tmp_path))


def test_a_simulated_chip_that_does_not_start_says_why(folder, monkeypatch):
    monkeypatch.setenv("IVERILOG", "/nowhere/iverilog")
    with pytest.raises(ToolError, match="IVERILOG"), simulation.simulated_chip(emitted.load(folder)):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ulx3s-12f", "orangecrab-25f"])
def test_build_for_an_ecp5_board(name, folder, tmp_path):
    needs.skip_without("nextpnr-ecp5", "ecppack")
    model = folder.parent / "flowers.lut"
    assert main(["emit", str(model), "--target", "ecp5", "-o", str(tmp_path / "ecp5")]) == 0
    result = build(tmp_path / "ecp5", board=name)
    assert (tmp_path / "ecp5" / name / "chip.bit").stat().st_size > 10_000
    assert result["fmax_mhz"] > result["clock_mhz"]


@pytest.mark.slow
def test_a_chip_that_is_too_big_says_so(folder, tmp_path):
    model = tmp_path / "big.lut"
    assert (
        main(
            ["train", "--data", "digits", "--learner", "memorize", "--layers", "300,300", "-k", "6", "-o", str(model)]
        )
        == 0
    )
    assert main(["emit", str(model), "--target", "ice40", "-o", str(tmp_path / "big")]) == 0
    with pytest.raises(Lut2hwError, match="the icestick has 1,280"):
        build(tmp_path / "big", board="icestick")
    assert not (tmp_path / "big" / "icestick").exists()
