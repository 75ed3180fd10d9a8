"""Tools that end well without an output, print without end, or find modules of others in the current folder."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from lut2hw import tools
from lut2hw.errors import ToolError
from lut2hw.flow import doctor


def run(text: str, **options):
    return tools.run_command([sys.executable, "-c", text], what="tool", **options)


def test_what_a_tool_must_make(tmp_path):
    assert run("open('made', 'w').write('x'); print('done')", cwd=tmp_path, makes=["made"]).output == "done\n"
    for text in (
        "print('fine')",
        "open('out', 'w')",
        "import os; os.mkdir('out')",
        "import os; os.symlink('made', 'out')",
    ):
        with pytest.raises(
            ToolError, match=r"^tool ended without an error but made no out .*it last said: \S"
        ) as error:
            run(text, cwd=tmp_path, makes=["out"])
        assert "\n" not in str(error.value)
        if (tmp_path / "out").is_dir():
            (tmp_path / "out").rmdir()
        (tmp_path / "out").unlink(missing_ok=True)


def test_a_tool_that_prints_without_end(monkeypatch, tmp_path):
    monkeypatch.setattr(tools, "MAX_OUTPUT", 1 << 20)
    began = time.monotonic()
    with pytest.raises(ToolError, match=r"^tool printed more than 1 MiB and was ended; it last said: more$"):
        run("while True: print('more')", timeout=60)
    assert time.monotonic() - began < 30


def test_what_a_tool_says_is_whole(tmp_path):
    """Also what comes at its end, from its children, and after it closed its output."""
    assert run("print('x' * 300_000, end='')").output == "x" * 300_000
    assert run("import os; os.wait() if os.fork() else os.write(1, b'child')").output == "child"
    assert (
        run("import os, time; print('said', flush=True); os.close(1); os.close(2); time.sleep(0.3)").output
        == "said\n"
    )
    with pytest.raises(ToolError, match=r"did not finish in 0.5 s .* it last said: thinking"):
        run("import os, time; print('thinking', flush=True); os.close(1); os.close(2); time.sleep(60)", timeout=0.5)


def test_children_take_no_modules_from_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shlex.py").write_text("open('owned', 'w')")
    run("import shlex")
    for name, module in tools.YOWASP.items():
        if tools.find(name) and module in " ".join(tools.find(name) or []):
            assert "-P" in (tools.find(name) or [])
    tools.run_command([sys.executable, "-m", "lut2hw", "--version"], what="lut2hw", env={"PYTHONSAFEPATH": ""})
    assert not (tmp_path / "owned").exists()


def test_a_script_takes_modules_from_beside_itself(tmp_path, monkeypatch):
    """As icebox_vlog does; a module of the same name in the current folder is none of its."""
    beside, here = tmp_path / "share", tmp_path / "here"
    for folder, word in ((beside, "right"), (here, "wrong")):
        folder.mkdir()
        (folder / "box.py").write_text(f"WORD = {word!r}")
    program = beside / "boxed"
    program.write_text(f"#!{sys.executable}\nimport box\nprint(box.WORD)\n")
    program.chmod(0o755)
    monkeypatch.chdir(here)
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    assert tools.run_command([str(program)], what="boxed").output == "right\n"


def test_a_home_that_cannot_be_written(tmp_path, monkeypatch):
    """YoWASP's tools are compiled once all the same, into a folder that is this user's alone."""
    pytest.importorskip("platformdirs")
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.write_text("not a folder, as nobody can write into one")
    temporary.mkdir()
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(home / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    script = "import os; print(os.environ['YOWASP_CACHE_DIR'])  # yowasp"
    place = Path(run(script).output.strip())
    assert place.parent == temporary and place.stat().st_mode & 0o777 == 0o700
    assert not tools.yowasp_cache()[1]
    assert [entry.version for entry in doctor._cache()] in (
        [],
        [f"in {place}, as {home / 'cache'} cannot be written"],
    )
    place.chmod(0o777)  # others could put machine code there
    assert run(script).output.strip() == str(home / "cache")
    with pytest.raises(ToolError, match=r"LUT2HW_TOOL_TIMEOUT|--timeout.*compiles it at each start"):
        run("import time; time.sleep(60)  # yowasp", timeout=0.2)
    assert all("set YOWASP_CACHE_DIR" in entry.hint for entry in doctor._cache())
    place.rmdir()
    place.symlink_to(tmp_path)
    assert tools.other_cache() is None
