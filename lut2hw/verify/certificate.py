"""A certificate of an emitted folder: what is in it, what was proved and simulated; and its check on any machine.

The check names every file that changed, and proves the core again: by ABC as `verify` does, and by the cuts of
`lut2hw.logic.cuts`, which share nothing with it. Chips of the iCE40 are read back and proved again in both ways.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lut2hw import __version__, checked
from lut2hw.artefact.folder import Manifest, first_difference, load
from lut2hw.artefact.results import VERIFY, read_build
from lut2hw.checked import List, Maybe, OneOf, Real, Table, Text, Whole, optional
from lut2hw.errors import Lut2hwError, ToolError, UsageError
from lut2hw.files import open_regular, read_bytes
from lut2hw.flow.doctor import versions
from lut2hw.flow.result import built_for
from lut2hw.logic.cuts import equal_by_cuts
from lut2hw.logic.equivalence import equal
from lut2hw.training.recall import recall
from lut2hw.verify import bitstream
from lut2hw.verify.engines import ENGINES, describe, verify
from lut2hw.verify.formal import circuit as hardware
from lut2hw.verify.formal import prove as formal
from lut2hw.verify.outcome import Outcome
from lut2hw.verify.stimulus import coverage, stimulus

FORMAT, VERSION = "lut2hw certificate", 1
LARGEST = 1 << 26
MOST_FILES = 10_000
PROOFS = ("formal", "gates")
"""Engines that prove the whole of what they are about."""

_SHAPE = {
    "format": OneOf([FORMAT]),
    "version": OneOf([VERSION]),
    "lut2hw": Text(100),
    "target": Text(100),
    "core": Text(64),
    "files": Table(Text(64)),
    "data": {"name": Text(), "sha256": optional(Text(64))},
    "tools": Table(Text(200)),
    "options": Table(Text()),
    "model": Table(checked.SCALAR),
    "proved": List({"what": Text(200), "engine": Text(100)}),
    "simulated": List({"what": Text(200), "engine": Text(100), "vectors": Whole()}),
    "not_checked": List(Text()),
    "coverage": Table(Real()),
    "bitstreams": Table(Text(64)),
    "sha256": Maybe(Text(64)),
}


@dataclass(frozen=True)
class Finding:
    """One line of a check.

    Attributes
    ----------
    what : str
        What was looked at.
    passed : bool or None
        None for what could not be checked here.
    words : str
        What was found.
    """

    what: str
    passed: bool | None
    words: str


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hashes(directory: Path, besides: Sequence[Path] = ()) -> dict[str, str]:
    """SHA-256 of every file of a folder and the folders in it, by path; what `verify` says of it is left out.

    Parameters
    ----------
    directory : Path
        An emitted folder.
    besides : sequence of Path
        Files that are left out, too.

    Raises
    ------
    Lut2hwError
        For a file that cannot be read, or too many.
    """
    skipped = {path.resolve() for path in besides}
    found: dict[str, str] = {}
    try:
        for path in sorted(directory.rglob("*")):
            name = path.relative_to(directory).as_posix()
            if (path.is_dir() and not path.is_symlink()) or name == VERIFY or path.resolve() in skipped:
                continue
            found[name] = _sha256(path)
            if len(found) > MOST_FILES:
                raise Lut2hwError(f"{directory} holds more than {MOST_FILES:,} files; keep other files elsewhere")
    except OSError as error:
        raise Lut2hwError(f"cannot read {error.filename}: {error.strerror or error}") from None
    return found


def _data(manifest: Manifest) -> dict[str, Any]:
    """What the model was trained on, and the SHA-256 of its arrays where they are at hand."""
    name = str(manifest.network.meta.get("data", manifest.data["vectors"]["source"]))
    try:
        data = recall(manifest.network)
    except Lut2hwError:
        return {"name": name, "sha256": None}
    digest = hashlib.sha256()
    for array in (data.x_train, data.y_train, data.x_test, data.y_test):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return {"name": name, "sha256": digest.hexdigest()}


def _model(manifest: Manifest) -> dict[str, Any]:
    """What decides answers beside tables."""
    network = manifest.network
    ties = {"argmax": "the lowest class number wins", "threshold": "a score of 0 is the second class"}
    return {
        "head": network.head.kind,
        "tie_rule": ties.get(network.head.kind, "there are none"),
        "luts": network.n_luts,
        "dont_cares": manifest.options.dont_cares,
        "latency_cycles": manifest.latency,
    }


def _bitstreams(manifest: Manifest) -> dict[str, str]:
    """SHA-256 of every bitstream that a build left, by file."""
    names = []
    built = read_build(manifest.directory)
    if built is not None and built["bitstream"]:
        names.append(Path(built["bitstream"]).name)
    for board in built_for(manifest):
        names += [f"{board}/{path.name}" for path in (manifest.directory / board).glob("chip.bi[nt]")]
    return {name: _sha256(manifest.directory / name) for name in names if (manifest.directory / name).is_file()}


def _digest(certificate: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in certificate.items() if name != "sha256"}
    return hashlib.sha256(checked.dumps(rest).encode()).hexdigest()


def certify(
    directory: str | Path,
    *,
    besides: Sequence[Path] = (),
    vectors: int | None = None,
    seed: int = 0,
    timeout: float | None = None,
    on_start: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Check an emitted folder with every engine, and say what was found in a certificate.

    Parameters
    ----------
    directory : str or Path
        An emitted folder.
    besides : sequence of Path
        Files in it that are no part of it, such as the certificate.
    vectors : int, optional
        How many to stream; default all emitted ones and 1,000 random ones.
    seed : int
        Of stalls and random vectors.
    timeout : float, optional
        Seconds for each tool run and each proof.
    on_start : callable, optional
        Called with the name of each engine as it starts.

    Returns
    -------
    dict
        JSON values: hashes of all files, of the data and of the bitstreams; versions of tools; what was proved, what
        was simulated with how many vectors, and what could not be checked; which share of classes and table entries
        the vectors reach; how ties are decided and which don't-cares were used; and a hash of all that.

    Raises
    ------
    UsageError
        If it is no emitted folder.
    Lut2hwError
        If an engine finds a fault, or nothing is proved.
    """
    manifest = load(directory)
    before = hashes(manifest.directory, besides)
    outcomes = verify(manifest, list(ENGINES), vectors=vectors, seed=seed, timeout=timeout, on_start=on_start)
    for outcome in outcomes:
        if outcome.passed is False:
            raise Lut2hwError(f"no certificate for {directory}: {outcome.engine} says {describe(manifest, outcome)}")
    proved, simulated, left = _claims(outcomes)
    if not proved:
        raise Lut2hwError(f"no certificate for {directory}: nothing was proved; {'; '.join(left)}")
    if hashes(manifest.directory, besides) != before:
        raise Lut2hwError(f"{directory} changed while it was checked; do it again")
    reached = coverage(manifest.network, manifest.input_port, stimulus(manifest, vectors, seed))
    certificate = {
        "format": FORMAT,
        "version": VERSION,
        "lut2hw": __version__,
        "target": manifest.target,
        "core": manifest.digest,
        "files": before,
        "data": _data(manifest),
        "tools": {"python": platform.python_version(), **versions()},
        "options": {name: str(value) for name, value in manifest.options.as_json().items()},
        "model": _model(manifest),
        "proved": proved,
        "simulated": simulated,
        "not_checked": left,
        "coverage": reached,
        "bitstreams": _bitstreams(manifest),
    }
    return certificate | {"sha256": _digest(certificate)}


def _claims(outcomes: Sequence[Outcome]) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """What outcomes prove, what they simulated, and what they leave open."""
    proved, simulated, left = list[dict[str, Any]](), list[dict[str, Any]](), list[str]()
    for outcome in outcomes:
        what, engine = ENGINES[outcome.engine][0], outcome.engine
        if outcome.passed is None:
            left.append(f"{engine}: {outcome.note}")
            continue
        parts: Mapping[str, str] = outcome.details.get("parts", {}) if engine == "bitstream" else {}
        if engine in PROOFS and outcome.note.startswith("proved"):
            proved.append({"what": what, "engine": engine})
        for chip, said in (outcome.details.get("chips") or {"": {"parts": parts}}).items() if parts else ():
            at = f" of {chip}" if chip else ""
            for part, word in said.get("parts", parts).items():
                if word == "proved":
                    proved.append({"what": f"{part}{at}", "engine": engine})
                elif word != "simulated":
                    left.append(f"{engine}: {part}{at} {word}")
        if outcome.vectors:
            simulated.append({"what": what, "engine": engine, "vectors": outcome.vectors})
    return proved, simulated, left


def to_bytes(certificate: Mapping[str, Any]) -> bytes:
    """The file of a certificate.

    Parameters
    ----------
    certificate : mapping
        As `certify` returns it.
    """
    return (checked.dumps(dict(certificate), indent=1) + "\n").encode()


def read_certificate(path: str | Path) -> dict[str, Any]:
    """A certificate file.

    Parameters
    ----------
    path : str or Path
        Of the file.

    Raises
    ------
    UsageError
        If there is none.
    Lut2hwError
        If it was changed.
    """
    try:
        content = read_bytes(path, LARGEST)
        certificate: dict[str, Any] = checked.check(checked.parse(content), _SHAPE)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise Lut2hwError(f"{path} is no certificate of lut2hw, or was changed ({error})") from None
    if certificate.get("sha256") != _digest(certificate) or content != to_bytes(certificate):
        raise Lut2hwError(f"{path} was changed since `lut2hw certify` wrote it: its own SHA-256 is another one")
    return certificate


def check_certificate(
    certificate: Mapping[str, Any],
    directory: str | Path,
    *,
    besides: Sequence[Path] = (),
    timeout: float | None = None,
) -> Iterator[Finding]:
    """Check that a folder is the one of a certificate, and prove again what it says is proved.

    Parameters
    ----------
    certificate : mapping
        As `read_certificate` returns it.
    directory : str or Path
        The emitted folder.
    besides : sequence of Path
        Files in it that are no part of it, such as the certificate.
    timeout : float, optional
        Seconds for each tool run and each proof.

    Yields
    ------
    Finding
        One after the other, as they are found.

    Raises
    ------
    UsageError
        If the folder is none.
    """
    known, found = certificate["files"], hashes(Path(directory), besides)
    changes = {
        "changed": sorted(name for name in known.keys() & found.keys() if known[name] != found[name]),
        "missing": sorted(known.keys() - found.keys()),
        "new": sorted(found.keys() - known.keys()),
    }
    said = "; ".join(f"{what}: {', '.join(names)}" for what, names in changes.items() if names)
    yield Finding("files", not said, said or f"{len(known)} files are those of the certificate")
    if said:
        return
    manifest = load(directory)
    mine = {"core": manifest.digest, "target": manifest.target, "model": _model(manifest)}
    mine |= {"bitstreams": _bitstreams(manifest)}
    where = first_difference({name: certificate[name] for name in mine}, mine)
    yield Finding("claims", where is None, f"{where} is another one here" if where else "of model and core are so")
    here = {"python": platform.python_version(), **versions()}
    other = sorted(name for name in certificate["tools"] if here.get(name) != certificate["tools"][name])
    words = ", ".join(f"{name} {here.get(name, 'missing')} for {certificate['tools'][name]}" for name in other)
    yield Finding("tools", True if not other else None, words or "in the same versions")
    yield from _core_again(manifest, timeout)
    if any(claim["engine"] == "bitstream" for claim in certificate["proved"]):
        yield from _chips_again(manifest, timeout)


def _core_again(manifest: Manifest, timeout: float | None) -> Iterator[Finding]:
    """Proofs of the core, by ABC and by cuts."""
    limit = formal.DEFAULT_LIMIT if timeout is None else timeout
    vectors = stimulus(manifest, 1_000, 0)
    outcome = formal.check(manifest, vectors, 0, limit)
    yield Finding("core, by ABC", outcome.passed, describe(manifest, outcome))
    if outcome.passed is False or manifest.folded:
        return
    circuit = hardware.read(list(manifest.verilog.values()), manifest.top, timeout=limit + 60)
    question = formal.Question(
        manifest.network, manifest.input_port, circuit, manifest.latency, vectors, manifest.output_port
    )
    known = formal.prove_by(question, equal_by_cuts)
    words = {True: "proved for all inputs", False: "wrong", None: "not shown by cuts of few nodes"}
    yield Finding("core, by cuts", known, words[known])


def _chips_again(manifest: Manifest, timeout: float | None) -> Iterator[Finding]:
    """Proofs of every chip, by ABC and by cuts."""
    for by, checker in (("ABC", equal), ("cuts", lambda pairs, limit: [equal_by_cuts(*pair) for pair in pairs])):
        try:
            for name, proof in bitstream.prove_chips(manifest, checker, timeout=timeout).items():
                words = {True: "proved to be core and link", False: proof.words, None: f"not shown: {proof.words}"}
                yield Finding(f"{name}, by {by}", proof.equal, words[proof.equal])
        except ToolError as error:
            yield Finding(f"chips, by {by}", None, str(error))
            return


def conclusion(findings: Sequence[Finding]) -> bool:
    """Whether a check went well: nothing is wrong, and the core was proved again in at least one way."""
    proved = any(finding.passed for finding in findings if finding.what.startswith("core"))
    return proved and not any(finding.passed is False for finding in findings)


__all__ = ["Finding", "certify", "check_certificate", "conclusion", "hashes", "read_certificate", "to_bytes"]
