"""Shell scripts that stand in for the tools of a build: quick, and as wrong as a test wants them."""

from __future__ import annotations

from pathlib import Path

import pytest

STAND_INS = {
    "YOSYS": """cat > stat.json << end
{"design": {"num_cells_by_type": {"SB_LUT4": 5}}}
end
echo read > yosys.log; echo wrapper > chip.v; echo '{}' > lut2hw_core.json
echo '{"modules": {"chip": {"cells": {}}}}' > chip.json""",
    "NEXTPNR_ICE40": """seed=; asc=
while [ $# -gt 0 ]; do case $1 in --seed) seed=$2;; --asc) asc=$2;; --write)
echo '{"modules": {"top": {"cells": {}, "netnames": {}, "settings": {}}}}' > $2;; esac; shift; done
echo 'ICESTORM_LC: 10/ 5280'
[ -z "$asc" ] || { echo "seed $seed" > $asc
echo '{"fmax": {"clk": {"achieved": 50.0}}, "utilization": {"ICESTORM_LC": {"used": 10}}}' > report.json; }""",
    "ICEPACK": "sed 's/^/bitstream of /' $1 > $2",
}
"""Scripts by the environment variable that names the tool."""


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, **scripts: str) -> None:
    """Let the scripts, and for other tools those of `STAND_INS`, be the tools of a build; they lie in `folder`."""
    for name, text in {**STAND_INS, **scripts}.items():
        path = folder / name.lower()
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        monkeypatch.setenv(name, str(path))
