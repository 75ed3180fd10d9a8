"""Models of the real difflogic and torch_dwn, saved by the real torch.save, with what they answer.

`python tests/checkpoints/models.py` writes the files beside it anew. It needs torch (2.13.0 was used) and, on
PYTHONPATH, the sources of difflogic 0.1.0 and torch_dwn 1.1.1 as PyPI has them: their installation would build CUDA
extensions, which nothing here calls. difflogic has a CPU implementation of its own; torch_dwn's `EFDFunction` has
none, so the forward pass of its kernel (`efd_cuda_kernel.cu`) stands in for that one function.
"""

from __future__ import annotations

import sys
import types
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

HERE = Path(__file__).parent
sys.modules.setdefault("difflogic_cuda", types.ModuleType("difflogic_cuda"))

import difflogic  # noqa: E402
import torch_dwn  # noqa: E402


def _forward(context, x, mapping, luts, alpha, beta):
    n = mapping.shape[1]
    address = ((x[:, mapping.long()] > 0).long() << torch.arange(n)).sum(dim=2)
    return luts[torch.arange(len(luts)), address]


torch_dwn.lut_layer.EFDFunction.forward = staticmethod(_forward)


def logic_gates(seed, inputs, widths, classes, connections="random"):
    """A difflogic model as its documentation builds one, in training mode."""
    torch.manual_seed(seed)
    sizes = [inputs, *widths]
    return torch.nn.Sequential(
        torch.nn.Flatten(),
        *(
            difflogic.LogicLayer(a, b, device="cpu", implementation="python", connections=connections)
            for a, b in pairwise(sizes)
        ),
        difflogic.GroupSum(classes, tau=4, device="cpu"),
    )


def lut_layers(seed, inputs, widths, n, classes, mapping="random", shuffled=False):
    """A torch_dwn model as its documentation builds one; the first layer has the mapping, the others a random one."""
    torch.manual_seed(seed)
    sizes = [inputs, *widths]
    return torch.nn.Sequential(
        *(
            torch_dwn.LUTLayer(a, b, n=n, mapping="random" if i else mapping)
            for i, (a, b) in enumerate(pairwise(sizes))
        ),
        torch_dwn.GroupSum(classes, tau=1 / 0.3, randperm=widths[-1] if shuffled else False),
    )


def scores(model, x):
    """Sums of GroupSum, whole numbers."""
    model.eval()
    with torch.no_grad():
        return np.rint(model(torch.as_tensor(x, dtype=torch.float32)).numpy() * model[-1].tau).astype(np.int64)


def main():
    x, y = load_digits(return_X_y=True)
    model = logic_gates(1, 64, [160, 100], 10)
    bits = torch.as_tensor(x >= 8, dtype=torch.float32)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(bits), torch.as_tensor(y)).backward()
        optimizer.step()
    expected = {"difflogic": scores(model, bits)}
    torch.save(model, HERE / "difflogic.pt")
    torch.save(model.state_dict(), HERE / "difflogic_state.pt")
    print("difflogic", (expected["difflogic"].argmax(axis=1) == y).mean())

    thermometer = torch_dwn.DistributiveThermometer(2).fit(torch.as_tensor(x))
    code = thermometer.binarize(torch.as_tensor(x)).flatten(start_dim=1)
    model = lut_layers(2, 128, [60, 44], 4, 10, mapping="learnable", shuffled=True)
    expected["dwn"] = scores(model, code)
    torch.save({"model": model, "thermometer": thermometer}, HERE / "dwn.pt")
    model = lut_layers(3, 128, [40, 30], 5, 10)
    expected["dwn_state"] = scores(model, code)
    torch.save(
        {"classes": 10, "thresholds": thermometer.thresholds, "state": model.state_dict()}, HERE / "dwn_state.pt"
    )
    np.savez_compressed(HERE / "expected.npz", **{name: each.astype(np.int8) for name, each in expected.items()})


if __name__ == "__main__":
    main()
