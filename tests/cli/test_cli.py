"""The command line: train and eval, exit codes, one line for every error, one JSON object for every result."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers import needs
from helpers.processes import last_line, started

from lut2hw.cli import main
from lut2hw.cli import options as cli
from lut2hw.cli.render import progress_bar, report
from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork
from lut2hw.training.options import all_flags

FAST = ["--learner", "memorize", "--layers", "24", "-k", "4", "--bits-per-feature", "1"]


def run(capsys, *arguments) -> dict:
    """The JSON object of a command that succeeds; nothing else is on stdout."""
    capsys.readouterr()
    code = main([str(each) for each in arguments] + ["--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert captured.out.count("\n") == 1
    return json.loads(captured.out)


def fails(capsys, code, *arguments) -> str:
    """The one line that a command leaves that fails with `code`."""
    capsys.readouterr()
    assert main([str(each) for each in arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "d.lut"
    assert main(["train", "--data", "digits", *FAST, "-o", str(path)]) == 0
    return path


def csv(tmp_path, name="t.csv", rows=60):
    path = tmp_path / name
    path.write_text(
        "size,weight,animal\n"
        + "".join(f"{i % 9 + (5 if i % 2 else 0)},{i / 4},{'dog' if i % 2 else 'cat'}\n" for i in range(rows))
    )
    return path


def test_train_and_eval(capsys, tmp_path):
    path = tmp_path / "d.lut"
    made = run(capsys, "train", "--data", "digits", "--learner", "memorize", "--layers", "200,100", "-o", path)
    assert made["luts"] == 300
    assert made["model"] == str(path)
    assert made["train_accuracy"] > made["test_accuracy"] > 0.7
    assert made["seconds"] > 0
    for split, n in (("test", 450), ("train", 1347), ("all", 1797)):
        seen = run(capsys, "eval", path, "--data", "digits", "--split", split)
        assert seen["examples"] == n
        assert np.trace(seen["confusion"]) / n == pytest.approx(seen["accuracy"], abs=1e-6)
        assert np.sum(seen["confusion"]) == n
        assert seen["examples_per_second"] > 0
        if split != "all":
            assert seen["accuracy"] == made[f"{split}_accuracy"]
    assert run(capsys, "eval", path)["accuracy"] == made["test_accuracy"]


def test_text_output(capsys, tmp_path, model):
    assert main(["train", *FAST, "-o", str(tmp_path / "d.lut")]) == 0
    out = capsys.readouterr().out
    assert "train accuracy" in out
    assert "24 LUTs" in out
    assert main(["eval", str(model)]) == 0
    assert "confusion" in capsys.readouterr().out
    for command in ("datasets", "targets"):
        assert main([command]) == 0
        assert capsys.readouterr().out.strip()
    assert {"digits", "mnist", "fashion-mnist", "cifar10"} <= {
        each["name"] for each in run(capsys, "datasets")["datasets"]
    }
    assert any(each["name"] == "ice40" for each in run(capsys, "targets")["targets"])


def test_two_classes_end_in_one_lut(capsys, tmp_path):
    path = tmp_path / "d.lut"
    made = run(capsys, "train", "--data", "digits", "--classes", "0,1,2,3,4:5,6,7,8,9", *FAST, "-o", path)
    assert made["luts"] == 25
    network = LutNetwork.load(path)
    assert network.head.kind == "bit"
    assert network.class_names == ("0,1,2,3,4", "5,6,7,8,9")
    assert run(capsys, "eval", path, "--data", "digits")["accuracy"] == made["test_accuracy"]
    assert (
        run(capsys, "train", "--classes", "3:8", "--learner", "memorize", "--layers", "none", "-k", "8", "-o", path)[
            "luts"
        ]
        == 1
    )


def test_same_seed_same_bytes(capsys, tmp_path):
    files = []
    for seed in (1, 1, 2):
        path = tmp_path / "d.lut"
        run(capsys, "train", *FAST, "--seed", seed, "-o", path)
        files.append(path.read_bytes())
    assert files[0] == files[1] != files[2]


def test_csv_of_your_own(capsys, tmp_path):
    path, table = tmp_path / "a.lut", csv(tmp_path)
    made = run(
        capsys,
        "train",
        "--data",
        table,
        "--label",
        "animal",
        "--learner",
        "memorize",
        "--layers",
        "16,8",
        "-k",
        "4",
        "--bits-per-feature",
        "4",
        "--test-split",
        "0.3",
        "-o",
        path,
    )
    assert made["test_examples"] == 18
    assert run(capsys, "eval", path, "--data", table)["accuracy"] == made["test_accuracy"]
    other = run(capsys, "eval", path, "--data", csv(tmp_path, "other.csv", 40))
    assert other["examples"] == 40
    assert other["split"] == "all"
    assert "split" in fails(capsys, 2, "eval", path, "--data", tmp_path / "other.csv", "--split", "train")
    table.write_text(table.read_text() + "3,,cat\n")
    line = fails(capsys, 2, "eval", path, "--data", table, "--split", "all")  # trained without missing values
    assert "line 62" in line and "'weight'" in line
    learner = ("--learner", "memorize", "--layers", "16,8", "-k", "4")
    run(capsys, "train", "--data", table, "--label", "animal", *learner, "-o", tmp_path / "b.lut")
    assert run(capsys, "eval", tmp_path / "b.lut", "--split", "all")["examples"] == 61


def test_npz_and_one_bit_pixels(capsys, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (90, 6, 6), np.uint8), rng.integers(0, 3, 90)
    np.savez(tmp_path / "t.npz", x_train=x[:60], y_train=y[:60], x_test=x[60:], y_test=y[60:])
    made = run(
        capsys,
        "train",
        "--data",
        tmp_path / "t.npz",
        "--threshold",
        "128",
        "--learner",
        "memorize",
        "--layers",
        "30",
        "-k",
        "5",
        "-o",
        tmp_path / "t.lut",
    )
    assert made["encoder_bits"] == 36
    assert (LutNetwork.load(tmp_path / "t.lut").encoder.threshold == 128).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "digitz"], "did you mean 'digits'"),
        (["--data", "none.npz"], "no data file"),
        (["--learner", "memorise"], "did you mean 'memorize'"),
        (["-k", "99"], "k must be"),
        (["-k", "0"], "k must be"),
        (
            ["-k", "20", "--threshold", "8", "--classes", "0:1", "--layers", "15,15"],
            "more than the 15 LUTs of layer 1",
        ),
        (["--layers", "99999999999999"], "GiB of memory"),
        (["--layers", "a,b"], "--layers a,b must be"),
        (["--layers", "10,0"], "must be whole numbers"),
        (["--layers", "5"], "each class needs one"),
        (["--threshold", "99"], "outside the range"),
        (["--threshold", "3", "--bits-per-feature", "2"], "not both"),
        (["--classes", "0:99"], "unknown label"),
        (["--classes", "0"], "two or more groups"),
        (["--test-split", "2"], "between 0 and 1"),
        (["--bits-per-feature", "0"], "bits-per-feature"),
        (["--seed", "-1"], "seed"),
        (["-o", "no/such/folder/x.lut"], "does not exist"),
        (["-o", "/"], "is a folder"),
        pytest.param(
            ["-o", "/proc/x.lut"],
            "cannot write into /proc",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="a folder no one can write into"),
        ),
        (["--no-such-option"], "No such option"),
        (["-k", "many"], "-k"),
        (["-o", "/dev/null"], "not a regular file"),
        (["--data", "/dev/zero"], "not a regular file"),
        (["--data", ""], "holds no data that is known"),
        (["--data", "n\0ul"], "null byte"),
        (["--data", "x\x1b[2J\nt.npz"], r"no data file at x\x1b[2J t.npz"),
        (["-o", "n\0ul"], "null byte"),
        (["--layers", ""], "--layers"),
        (["--learner", "descent", "--margin", "nan"], "margin"),
        (["--learner", "descent", "--time-limit", "nan"], "time-limit"),
    ],
)
def test_bad_training(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    before = [] if "--learner" in arguments else ["--learner", "memorize"]
    assert message in fails(capsys, 2, "train", *before, *arguments)
    assert not list(tmp_path.iterdir())


def test_bad_evaluation(capsys, tmp_path, model):
    assert "no model file" in fails(capsys, 2, "eval", tmp_path / "none.lut")
    assert "did you mean 'test'" in fails(capsys, 2, "eval", model, "--split", "tset")
    damaged = tmp_path / "x.lut"
    damaged.write_bytes(model.read_bytes()[:-100])
    assert "not a usable model file" in fails(capsys, 1, "eval", damaged)
    assert "reads 64" in fails(capsys, 2, "eval", model, "--data", wide_npz(tmp_path))
    assert "Missing argument" in fails(capsys, 2, "eval")


def wide_npz(tmp_path):
    np.savez(tmp_path / "w.npz", x_train=np.eye(4), y_train=np.arange(4) % 2)
    return tmp_path / "w.npz"


def test_folder_that_cannot_be_written(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    command = [*needs.without_rights(), sys.executable, "-m", "lut2hw", "train", *FAST, "-o", str(folder / "d.lut")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"cannot write into {folder}: Permission denied" in done.stderr


def test_full_disk(capsys, tmp_path, monkeypatch):
    """Nothing half-written stays behind when the disk fills up."""

    def full(*_):
        raise OSError(28, "No space left on device")

    path = tmp_path / "d.lut"
    path.write_bytes(b"what was here before")
    monkeypatch.setattr("lut2hw.files.os.fsync", full)
    assert "No space left on device" in fails(capsys, 1, "train", *FAST, "-o", path)
    assert path.read_bytes() == b"what was here before"
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_command(capsys):
    assert "Did you mean 'train'" in fails(capsys, 2, "trian")


def test_unexpected_errors_are_one_line_too(capsys, monkeypatch, model):
    def broken(*_):
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("lut2hw.model.network.LutNetwork.load", broken)
    line = fails(capsys, 1, "eval", model)
    assert "RuntimeError: first second" in line
    assert "LUT2HW_DEBUG" in line
    monkeypatch.setenv("LUT2HW_DEBUG", "1")
    with pytest.raises(RuntimeError):
        main(["eval", str(model)])


def test_out_of_memory(capsys, monkeypatch, model):
    def huge(*_):
        raise MemoryError

    monkeypatch.setattr("lut2hw.model.network.LutNetwork.load", huge)
    assert "not enough memory" in fails(capsys, 1, "eval", model)


def test_interrupted(capsys, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lut2hw.kernels.memorize.fill_layer", stop)
    assert "interrupted" in fails(capsys, 1, "train", *FAST, "-o", tmp_path / "d.lut")
    assert not list(tmp_path.iterdir())


def test_ctrl_c_while_training(tmp_path):
    """A signal to the real program: exit code 1, one line, nothing written, soon."""
    options = ["--learner", "memorize", "--layers", ",".join(["4000"] * 400), "-k", "12", "-o", "d.lut"]
    with started(["train", *options], tmp_path, "layer") as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, b"")
    assert last_line(err) == "error: interrupted; nothing half-written is left"
    assert not list(tmp_path.iterdir())


def test_the_program_itself(tmp_path):
    def call(*arguments, **options):
        return subprocess.run([sys.executable, "-m", "lut2hw", *arguments], cwd=tmp_path, text=True, **options)

    shown = call("--version", capture_output=True)
    assert shown.returncode == 0
    assert shown.stdout.strip()
    assert "train" in call("--help", capture_output=True).stdout
    wrong = call("train", "--data", "nothing", capture_output=True)
    assert (wrong.returncode, wrong.stdout, len(wrong.stderr.splitlines())) == (2, "", 1)


def test_a_reader_that_goes_away(tmp_path):
    """As in `lut2hw datasets | head -0`: no traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "lut2hw", "datasets"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert "Traceback" not in process.stderr


def test_start_is_fast():
    """Heavy packages are imported by the commands that need them, not by the program."""
    code = (
        "import sys, lut2hw.cli; heavy = {'numba', 'sklearn', 'pandas', 'matplotlib', 'amaranth'}; "
        "print(*heavy & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_help_loads_nothing_that_is_slow():
    code = (
        "import sys; from lut2hw.cli import main; main(['--help']); "
        "print([name for name in ('numpy', 'numba', 'rich.markdown', 'amaranth') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"
    assert out.index("Data and learning:") < out.index("  train ") < out.index("Hardware:") < out.index("--version")


def test_layers_on_the_command_line():
    layers = all_flags()["layers"]
    assert layers.read("256, 64,16") == (256, 64, 16)
    assert layers.read("none") == ()
    for text in ("", "1,", "-4", "1.5"):
        with pytest.raises(UsageError):
            layers.read(text)
    assert cli.accuracy(np.array([]), np.array([])) == 0.0


def test_a_person_at_a_terminal_is_told_what_comes_next(capsys, monkeypatch):
    report({"a": 1}, False, "done", then=["lut2hw", "emit", "my model.lut"])
    assert capsys.readouterr() == ("done\n", "")  # a pipe is not a person
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    report({"a": 1}, False, "done", then=["lut2hw", "emit", "my model.lut"])
    assert "next: lut2hw emit 'my model.lut'" in capsys.readouterr().err
    report({"a": 1}, True, "done", then=["lut2hw", "emit", "my model.lut"])
    assert capsys.readouterr() == ('{"a": 1}\n', "")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "--help"], ["datasets"], ["doctor"], ["trian"]])
def test_no_colours_in_a_pipe(arguments):
    done = subprocess.run([sys.executable, "-m", "lut2hw", *arguments], capture_output=True, text=True, timeout=60)
    assert "\x1b" not in done.stdout + done.stderr
    if arguments == ["trian"]:
        assert "did you mean 'train'" in done.stderr.lower()
    else:
        assert len(done.stdout) > 100


def test_progress_at_a_terminal_alone(capsys, monkeypatch):
    with progress_bar() as progress:
        progress("votes: loss 1", 1, 2)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # as if it were one
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    with progress_bar() as progress:
        progress("votes: loss 2", 1, 2)
        progress("votes: loss 1", 2, 2)
        progress("scoring", 1, 1)
    out, err = capsys.readouterr()
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err.split("\x1b[2K")[-1] if "\x1b[2K" in err else err)
    assert out == "" and "votes: loss 1" in err and "scoring" in err
    assert "getting ready" not in last and "loss 2" not in last
