"""Scripts of the first version still find what they import."""

from __future__ import annotations

import importlib

import pytest

from lut2hw.former import FORMER


@pytest.mark.parametrize("name", FORMER)
def test_former_names_are_found_and_warn(name):
    with pytest.warns(DeprecationWarning, match=FORMER[name][0]):
        module = importlib.reload(importlib.import_module(f"lut2hw.{name}"))
    for place in FORMER[name]:
        importlib.import_module(f"lut2hw.{place}")
    with pytest.raises(AttributeError):
        module.nothing_of_the_kind  # noqa: B018


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_the_first_documentation_imported():
    from lut2hw import data, encode, learn
    from lut2hw.boards.chip import EmittedCore, LinkedCore, make_link
    from lut2hw.build import build
    from lut2hw.compile import compile_network
    from lut2hw.emit import emit_model, load
    from lut2hw.emit.core import Core, to_verilog
    from lut2hw.imports import trees
    from lut2hw.report import make
    from lut2hw.targets import get
    from lut2hw.verify import verify

    assert callable(data.load) and callable(encode.thermometer) and callable(encode.quantize)
    assert encode.Features is importlib.import_module("lut2hw.model.features").Features
    assert callable(learn.learner("memorize")) and callable(trees.from_sklearn)
    for thing in (
        EmittedCore,
        LinkedCore,
        make_link,
        build,
        compile_network,
        emit_model,
        load,
        Core,
        to_verilog,
        get,
    ):
        assert callable(thing)
    assert callable(make) and callable(verify)
