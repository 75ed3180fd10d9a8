"""Files of `torch.save` without PyTorch: difflogic and torch_dwn models as the arrays that their readers take.

The file is a zip archive with a pickle and the bytes of the tensors. The pickle is read so that nothing in it can
run: every class it names becomes an inert `Thing` that only keeps its state, and tensors become NumPy arrays whose
bounds are checked. Read are whole models (`torch.save(model, ...)`), state_dicts where they say enough, and
dictionaries, lists and tuples with a model, a thermometer and the like in them.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import FormatError, shown
from lut2hw.exchange.checkpoints.arrays import archive_of

MAX_PICKLE = 1 << 22
MAX_BYTES = 1 << 31
MAX_THINGS = 1_000_000

_STORAGES = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_OTHER_NAMES = {"num_classes": "classes", "thermometer": "thresholds"}
"""As dwn2rtl's checkpoints call them: the former in `config`, the latter where it is no object."""

_CONTAINERS = {"Sequential", "ModuleList", "ModuleDict"}
_PASS_ON = {"Flatten", "Identity", "Dropout", "STE"}
"""Modules that leave bits as they are when a model is evaluated."""


class Thing:
    """An object of a class that is not loaded: the name of its class, and what it holds."""

    kind = ""
    state: dict[Any, Any]

    def __new__(cls, *arguments: Any, **options: Any) -> Thing:
        thing = super().__new__(cls)
        thing.state = {}  # here, as a pickle may make an object without initializing it
        return thing

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}

    def held(self, name: str) -> Any:
        """An attribute, parameter, buffer or submodule; None if there is none."""
        for place in (self.state, *(self.state.get(each) for each in ("_parameters", "_buffers", "_modules"))):
            if isinstance(place, Mapping) and place.get(name) is not None:
                return place[name]
        return None


def _key(key: Any) -> Any:
    """A key of a dictionary; nested tuples can take for ever to hash."""
    if not isinstance(key, str | int | float | None):
        raise FormatError("a dictionary of it has a key that is neither text nor a number")
    return key


def _dictionary(*arguments: Any) -> OrderedDict[Any, Any]:
    pairs = list(arguments[0]) if arguments else []
    return OrderedDict([(_key(key), value) for key, value in pairs])


_Python: Any = pickle._Unpickler  # type: ignore[attr-defined]


class _Unpickler(_Python):
    """Makes dictionaries, lists, numbers, texts, arrays and `Thing`s, whatever the pickle asks for.

    The one written in Python, whose memo is a dictionary: the other makes a list as long as the pickle says.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(_Python.dispatch)

    def __init__(self, archive: zipfile.ZipFile, root: str, big: bool, size: int) -> None:
        super().__init__(archive.open(f"{root}data.pkl"))
        self.archive, self.root, self.big = archive, root, big
        self.storages: dict[str, bytes] = {}
        self.left = min(MAX_BYTES, 4 * size + (1 << 20))  # bytes of tensors, which may share a storage

    def load_setitem(self) -> None:
        _key(self.stack[-2])
        super().load_setitem()

    def load_setitems(self) -> None:
        for key in self.stack[::2]:
            _key(key)
        super().load_setitems()

    def load_dict(self) -> None:
        for key in self.stack[::2]:
            _key(key)
        super().load_dict()

    def load_set(self) -> None:
        raise FormatError("it holds a set, which is not read")

    dispatch |= {
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.DICT[0]: load_dict,
        pickle.EMPTY_SET[0]: load_set,
        pickle.FROZENSET[0]: load_set,
    }

    def find_class(self, module: str, name: str) -> Any:
        # Functions are new ones each time: a pickle can set attributes of what it is given.
        if (module, name) == ("collections", "OrderedDict"):
            return lambda *arguments: _dictionary(*arguments)
        if module in ("builtins", "__builtin__") and name == "set":
            return lambda *arguments: list(*arguments)
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_tensor"):
            return lambda *arguments: self._tensor(*arguments)
        if module == "torch._utils" and name.startswith("_rebuild_parameter"):
            return lambda data, *rest: data
        return type("Thing", (Thing,), {"kind": name.rpartition(".")[2]})

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        _, storage, key, _, count = pid
        if storage.kind not in _STORAGES:
            raise FormatError(f"it holds a {shown(storage.kind)}, which is not read")
        dtype = np.dtype((">" if self.big else "<") + _STORAGES[storage.kind])
        if not isinstance(key, str) or not re.fullmatch(r"\w{1,40}", key):
            raise FormatError("a tensor of it has no proper name")
        info = self.archive.getinfo(f"{self.root}data/{key}")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > MAX_BYTES:
            raise FormatError("it holds more than 2 GiB, or compressed tensors")
        if key not in self.storages:
            self.storages[key] = self.archive.read(info)
        data = np.frombuffer(self.storages[key], dtype)
        if len(data) != count:
            raise FormatError(f"tensor {key} does not have the size that the file says")
        return data

    def _tensor(self, *arguments: Any) -> NDArray[Any]:
        view = _tensor(*arguments)
        self.left -= view.nbytes
        if self.left < 0:
            raise FormatError("its tensors claim more bytes than it has")
        return view.astype(view.dtype.newbyteorder("="))


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> NDArray[Any]:
    size, stride = tuple(size), tuple(stride)
    whole = (offset, *size, *stride)
    if (
        not isinstance(storage, np.ndarray)
        or len(size) != len(stride)
        or len(size) > 8
        or not all(isinstance(each, int) and 0 <= each < MAX_BYTES for each in whole)
    ):
        raise FormatError("a tensor of it is damaged")
    if 0 in size:
        return np.zeros(size, storage.dtype)
    if offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) >= len(storage) or any(
        step == 0 and n > 1 for n, step in zip(size, stride, strict=True)
    ):
        raise FormatError("a tensor of it reaches beyond its bytes")
    view = np.lib.stride_tricks.as_strided(
        storage[offset:], size, [step * storage.itemsize for step in stride], writeable=False
    )
    if view.size > len(storage):
        raise FormatError("a tensor of it overlaps itself")
    return view


def load(path: str | Path) -> Any:
    """What `torch.save` wrote, of dictionaries, lists, tuples, numbers, texts, arrays and `Thing`s.

    Raises
    ------
    UsageError
        In one line.
    """
    advice = "; save it with torch.save of PyTorch 1.6 or newer"
    with archive_of(path, "is not a readable PyTorch file", advice) as archive:
        pickles = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
        if len(pickles) != 1 or archive.getinfo(pickles[0]).file_size > MAX_PICKLE:
            raise FormatError("it is not one that torch.save writes")
        root = pickles[0].removesuffix("data.pkl")
        order = f"{root}byteorder"
        big = (
            order in archive.namelist()
            and archive.getinfo(order).file_size < 16
            and archive.read(order).strip() == b"big"
        )
        return _Unpickler(archive, root, big, Path(path).stat().st_size).load()


def arrays_of(value: Any) -> dict[str, Any]:
    """The arrays that `difflogic.parse` or `dwn.parse` take, of what `load` returned.

    Raises
    ------
    FormatError
    """
    arrays: dict[str, Any] = {}
    layers: list[Thing] = []
    tables: list[Mapping[Any, Any]] = []
    for name, each in _walk(value):
        if isinstance(each, Thing):
            if each.kind == "GroupSum":
                if "classes" in arrays:
                    raise FormatError("it holds more than one model")
                arrays["classes"] = _number(each.held("k"))
                if each.held("randperm") is not None:
                    arrays["permutation"] = each.held("randperm")
            elif each.kind in ("LogicLayer", "LUTLayer"):
                layers.append(each)
            elif each.kind.endswith("Thermometer"):
                arrays["thresholds"] = each.held("thresholds")
            elif (
                "_modules" in each.state
                and each.kind not in _CONTAINERS | _PASS_ON | {"LearnableMapping"}
                and (each.state.get("_parameters") or not each.state["_modules"])
            ):
                raise FormatError(f"the model has a {shown(each.kind)}, which is not read")
        elif isinstance(each, Mapping):
            tables.append(each)
        elif name in ("classes", "thresholds", "inputs", "permutation"):
            arrays[name] = _number(each)
        elif name in _OTHER_NAMES and isinstance(each, int | np.ndarray):
            arrays.setdefault(_OTHER_NAMES[name], _number(each))
    for i, layer in enumerate(layers):
        arrays |= {
            f"{i}.{name}": array
            for name, array in (_logic_layer(layer) if layer.kind == "LogicLayer" else _lut_layer(layer)).items()
        }
    if layers and layers[0].kind == "LogicLayer":
        arrays["inputs"] = _number(layers[0].held("in_dim"))
    elif layers:
        arrays["inputs"] = _number(layers[0].held("input_size"))
        if layers[-1].held("ste") is False:
            raise FormatError("its last layer has ste=False, so it sums real numbers, not bits")
    found = [] if layers else [each for table in tables if (each := _state_dict(table))]
    if len(found) > 1:
        raise FormatError("it holds more than one state_dict")
    arrays |= found[0] if found else {}
    _spread_thresholds(arrays)
    return {name: each for name, each in arrays.items() if isinstance(each, np.ndarray)}


@dataclass(frozen=True, eq=False)
class About:
    """What a checkpoint says besides its model, as dwn2rtl's do; None where it does not.

    Attributes
    ----------
    class_names, feature_names : tuple of str or None
        Of `classes` and `feature_names`.
    mean, scale : float64 (n_features,) or None
        Of `scaler`: the model reads (x - mean) / scale.
    """

    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    mean: NDArray[np.float64] | None = None
    scale: NDArray[np.float64] | None = None


def about(value: Any) -> About:
    """What a file says besides its model, of what `load` returned.

    Parameters
    ----------
    value : object
        A dictionary with `classes`, `feature_names` and `scaler`, or any of them; of anything else nothing is said.

    Raises
    ------
    FormatError
        If names repeat or are no text, or the scaler is none that can be undone.
    """
    if not isinstance(value, Mapping):
        return About()
    scaler = value.get("scaler")
    if scaler is None:
        return About(_names(value, "classes"), _names(value, "feature_names"))
    if isinstance(scaler, Thing):
        parts = [scaler.held("mean_"), scaler.held("scale_")]
    else:
        parts = [scaler.get(name) for name in ("mean", "scale")] if isinstance(scaler, Mapping) else [None, None]
    try:
        mean, scale = (np.asarray(part, np.float64).reshape(-1) for part in parts)
    except (TypeError, ValueError):
        mean = scale = np.zeros(0)
    if not len(mean) or mean.shape != scale.shape or not np.isfinite([mean, scale]).all() or (scale <= 0).any():
        raise FormatError("its scaler is none of a finite 'mean' and a positive 'scale' for each feature")
    return About(_names(value, "classes"), _names(value, "feature_names"), mean, scale)


def _names(value: Mapping[Any, Any], key: str) -> tuple[str, ...] | None:
    names = value.get(key)
    if not isinstance(names, list | tuple):
        return None
    if not all(isinstance(name, str | int) for name in names) or len(set(map(str, names))) != len(names):
        raise FormatError(f"its {key} are no different names")
    return tuple(map(str, names)) or None


def _number(value: Any) -> Any:
    """A number as an array; arrays as they are, and nothing of what else may be nested without end."""
    return np.asarray(value) if isinstance(value, int | float | np.ndarray | np.generic) else None


def _spread_thresholds(arrays: dict[str, Any]) -> None:
    """One row for each feature, also of thresholds that all features share (feature_wise=False)."""
    thresholds = arrays.get("thresholds")
    if not isinstance(thresholds, np.ndarray) or not thresholds.ndim or not thresholds.shape[-1]:
        return
    thresholds = thresholds.reshape(-1, thresholds.shape[-1])
    inputs = arrays.get("inputs")
    if len(thresholds) == 1 and isinstance(inputs, np.ndarray) and inputs.dtype.kind in "iu":
        thresholds = np.repeat(thresholds, max(int(inputs) // thresholds.shape[1], 1), axis=0)
    arrays["thresholds"] = thresholds


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Objects in order, each once: modules, dictionaries of arrays, and arrays and numbers with a name."""
    seen: dict[int, Any] = {}
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        name, each = stack.pop()
        if isinstance(each, Thing | Mapping | list | tuple):
            if id(each) in seen:
                continue
            seen[id(each)] = each
            if len(seen) > MAX_THINGS:
                raise FormatError("it holds too many objects")
        if isinstance(each, Mapping):
            yield name, each
            stack += [(str(key), part) for key, part in reversed(list(each.items()))]
        elif isinstance(each, list | tuple):
            stack += [("", part) for part in reversed(each)]
        else:
            yield name, each
            if isinstance(each, Thing) and isinstance(modules := each.state.get("_modules"), Mapping):
                stack += [(str(key), part) for key, part in reversed(list(modules.items()))]


def _logic_layer(layer: Thing) -> dict[str, Any]:
    indices = layer.held("indices")
    a, b = indices if isinstance(indices, tuple | list) and len(indices) == 2 else (None, None)
    return {"weights": layer.held("weights"), "a": a, "b": b}


def _lut_layer(layer: Thing) -> dict[str, Any]:
    mapping = layer.held("mapping")
    if isinstance(mapping, Thing):
        return {"luts": layer.held("luts"), "mapping.weights": mapping.held("weights")}
    return {"luts": layer.held("luts"), "mapping": mapping}


def _state_dict(table: Mapping[Any, Any]) -> dict[str, NDArray[Any]]:
    """The arrays of a state_dict of LUTLayers, layers in the order of their first array whatever they are called."""
    arrays = {str(name): each for name, each in table.items() if isinstance(each, np.ndarray)}
    if any(
        name.endswith("weights") and each.ndim == 2 and each.shape[1] == 16 for name, each in arrays.items()
    ) and not any(name.endswith("luts") for name in arrays):
        raise FormatError(
            "a state_dict of difflogic does not say what its gates read; save the model itself: "
            "torch.save(model, ...)"
        )
    prefixes = dict.fromkeys(
        match[1] for name in arrays if (match := re.fullmatch(r"(.*?)(?:luts|mapping(?:\.weights)?)", name))
    )
    return {
        f"{i}.{name}": arrays[prefix + name]
        for i, prefix in enumerate(prefixes)
        for name in ("luts", "mapping", "mapping.weights")
        if prefix + name in arrays
    }
