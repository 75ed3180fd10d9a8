"""Links, FIFOs and devices: nothing is written through a link, and only regular files are read."""

from __future__ import annotations

import os
import time

import pytest

from lut2hw import files
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.files import (
    atomic_write,
    open_regular,
    read_bytes,
    replace_files,
    scratch,
    subfolder,
    write_into,
    write_text,
)


def test_only_regular_files_of_a_bounded_size_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "link").symlink_to("file")
    assert read_bytes(tmp_path / "link", 5) == b"12345"
    for name, words in {
        "fifo": "not a regular file",
        "endless": "not a regular file",
        "": "it is a folder",
        "file": "more than 4 bytes",
        "none": "No such file",
    }.items():
        with pytest.raises(OSError, match=words):
            open_regular(tmp_path / name, 4).close()
    with pytest.raises(OSError, match="more than 10 bytes"):
        read_bytes("/proc/self/maps", 10)  # which says that it has none


def test_links_in_folders_are_replaced_and_those_a_user_names_followed(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "folder").mkdir()
    for name in ("soft", "seal", "hard"):
        if name == "hard":
            (tmp_path / "folder" / name).hardlink_to(tmp_path / "mine")
        else:
            (tmp_path / "folder" / name).symlink_to(tmp_path / "mine")
    write_into(tmp_path / "folder", "soft", "new")
    replace_files(tmp_path / "folder", {"seal": b"new", "hard": b"new"}, "seal")
    assert (tmp_path / "mine").read_text() == "mine"
    for name in ("soft", "seal", "hard"):
        assert not (tmp_path / "folder" / name).is_symlink()
        assert (tmp_path / "folder" / name).read_text() == "new"
    (tmp_path / "link").symlink_to("mine")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "mine").read_text() == "new"
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UsageError, match="not a regular file"), atomic_write(tmp_path / "fifo", follow=False):
        pass


def test_a_folder_that_is_a_link_elsewhere_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    with pytest.raises(Lut2hwError, match="is a link to another folder"):
        subfolder(tmp_path, "link")
    assert subfolder(tmp_path, "new").is_dir() and subfolder(tmp_path, "new").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(Lut2hwError, match="cannot make"):
        subfolder(tmp_path, "file")


def test_temporary_folders_go_and_so_do_those_of_killed_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, new = tmp_path / "lut2hw.999999999.abc.part", tmp_path / "lut2hw.999999998.abc.part"
    for folder in (dead, new):
        folder.mkdir()
        (folder / "file").touch()
    os.utime(dead, (0, time.time() - 7200))
    with scratch() as work:
        (work / "file").touch()
        assert sorted(tmp_path.iterdir()) == sorted([work, new])
    assert list(tmp_path.iterdir()) == [new]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(Lut2hwError, match="folder for temporary files"), scratch():
        pass
    assert files.MAX_FILE > 1 << 30
