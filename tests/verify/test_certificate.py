"""Certificates: what they say, that every changed byte is named, and that a forged one is found by the proof."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers import needs
from helpers.networks import vote_network

from lut2hw import cli
from lut2hw.artefact.emit import emit_model
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.verify import certificate as certificates
from lut2hw.verify.certificate import certify, check_certificate, conclusion, read_certificate, to_bytes
from lut2hw.verify.engines import ENGINES

pytestmark = needs.tool("yosys")


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A folder and its certificate by the two fastest engines."""
    base = tmp_path_factory.mktemp("certificate")
    emit_model(vote_network(12, 4, 3, n_bits=10), base / "core", pipeline=1, encoded_inputs=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificates, "ENGINES", {name: ENGINES[name] for name in ("golden", "formal")})
        certificate = certify(base / "core", vectors=100)
    (base / "cert.json").write_bytes(to_bytes(certificate))
    return base / "core", base / "cert.json"


def test_it_says_what_was_proved_and_what_simulated(certified):
    folder, path = certified
    certificate = read_certificate(path)
    assert [claim["engine"] for claim in certificate["proved"]] == ["formal"]
    assert [(claim["engine"], claim["vectors"]) for claim in certificate["simulated"]] == [("golden", 100)]
    assert certificate["model"]["tie_rule"] == "the lowest class number wins"
    assert certificate["model"]["dont_cares"] == "off" and certificate["coverage"]["class_coverage"] > 0
    assert set(certificate["files"]) == {path.name for path in folder.iterdir()}
    assert "numpy" in certificate["tools"] and certificate["data"]["sha256"] is None

    findings = list(check_certificate(certificate, folder))
    assert conclusion(findings) and {finding.what for finding in findings if finding.passed} >= {
        "files",
        "core, by ABC",
        "core, by cuts",
    }


def test_a_changed_byte_anywhere_is_named(certified, tmp_path):
    folder, path = certified
    certificate = read_certificate(path)
    copy = Path(shutil.copytree(folder, tmp_path / "core"))

    def first() -> str:
        finding = next(iter(check_certificate(certificate, copy)))
        assert finding.what == "files"
        return "" if finding.passed else finding.words

    assert first() == ""
    for name in certificate["files"]:
        right = (copy / name).read_bytes()
        at = len(right) // 2
        (copy / name).write_bytes(right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :])
        assert first() == f"changed: {name}"
        (copy / name).unlink()
        assert first() == f"missing: {name}"
        (copy / name).write_bytes(right)
    (copy / "icestick").mkdir()
    (copy / "icestick" / "chip.bin").write_bytes(b"")
    assert first() == "new: icestick/chip.bin"
    (copy / "icestick" / "chip.bin").unlink()
    (copy / "verify.json").write_bytes(b"what anybody found since")
    assert first() == ""


def test_a_changed_byte_of_the_certificate_is_refused(certified, tmp_path):
    right = certified[1].read_bytes()
    other = tmp_path / "cert.json"
    for at in range(0, len(right), 97):
        other.write_bytes(right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :])
        with pytest.raises(Lut2hwError) as error:
            read_certificate(other)
        assert "\n" not in str(error.value)
    other.write_bytes(right + b" ")
    with pytest.raises(Lut2hwError, match="was changed"):
        read_certificate(other)
    with pytest.raises(UsageError, match="cannot read"):
        read_certificate(tmp_path / "none.json")


def test_a_forged_certificate_of_a_wrong_core_is_found(certified, tmp_path, capsys, monkeypatch):
    """All hashes are those of a core with one wrong table: the proofs, made again, tell."""
    from test_verify import flipped_init

    from lut2hw.artefact.folder import load

    folder, path = certified
    copy = Path(shutil.copytree(folder, tmp_path / "core"))
    flipped_init(copy)
    certificate = dict(read_certificate(path))
    certificate["files"] = certificates.hashes(copy)
    certificate["core"] = load(copy).digest
    certificate["sha256"] = certificates._digest(certificate)
    forged = tmp_path / "cert.json"
    forged.write_bytes(to_bytes(certificate))
    assert cli.main(["check-cert", str(forged), str(copy), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert not said["passed"]
    assert {each["what"]: each["passed"] for each in said["findings"]}["core, by ABC"] is False

    monkeypatch.setattr(certificates, "ENGINES", {name: ENGINES[name] for name in ("golden", "formal")})
    with pytest.raises(Lut2hwError, match=r"no certificate for .*: formal says FAIL"):
        certify(copy, vectors=50)


def test_claims_are_compared_with_the_folder(certified):
    folder, path = certified
    certificate = read_certificate(path)
    wrong = {**certificate, "model": {**certificate["model"], "dont_cares": "unseen"}}
    findings = [finding for finding in check_certificate(wrong, folder) if finding.passed is False]
    assert [finding.words for finding in findings] == ["model.dont_cares is another one here"]


@pytest.mark.slow
@needs.tool("nextpnr-ice40", "icepack", "icebox_vlog", "iverilog")
def test_a_whole_certificate(tmp_path, capsys):
    from lut2hw.flow.build import build

    emit_model(vote_network(12, 4, 3, n_bits=10), tmp_path / "core", pipeline=1, encoded_inputs=True)
    build(tmp_path / "core")
    assert cli.main(["certify", str(tmp_path / "core"), "-o", str(tmp_path / "cert.json")]) == 0
    assert "proved      chip (bitstream)" in capsys.readouterr().out
    assert cli.main(["check-cert", str(tmp_path / "cert.json"), str(tmp_path / "core")]) == 0
    said = capsys.readouterr().out
    assert "no board, by ABC: ok" in said and "no board, by cuts: ok" in said
