"""The layout of the ports: names of fields, positions, values."""

import keyword
import re

import numpy as np
import pytest
from amaranth.lib import data, enum
from helpers.networks import inputs_of, random_network
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.logic.port import NO_CLASSES, NO_FIELDS, InputPort, class_width, identifiers


def test_names_become_identifiers():
    names = [
        "petal length (cm)",
        "größe",
        "7",
        "class",
        "shape",
        "a b",
        "a_b",
        "a-b",
        "",
        "%",
        "_x_",
        "petal length (cm)",
    ]
    assert identifiers(names, "feature", NO_FIELDS) == (
        "petal_length_cm",
        "groe",
        "feature_7",
        "class_",
        "shape_",
        "a_b_2",  # the one that is called so keeps its name
        "a_b",
        "a_b_3",
        "feature",
        "feature_2",
        "x",
        "petal_length_cm_2",
    )


@given(
    st.lists(
        st.text(max_size=12) | st.sampled_from(["a", "a_2", "a b", "eq", "mro", "if", "9", "x" * 200]), max_size=30
    )
)
def test_identifiers_are_legal_and_distinct_and_stay(names):
    out = identifiers(names, "feature", NO_FIELDS)
    assert len(set(out)) == len(names)
    for name in out:
        assert re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) and len(name) < 120
        assert not keyword.iskeyword(name) and name not in NO_FIELDS
    assert identifiers(out, "feature", NO_FIELDS) == out


def test_many_equal_names_take_no_time():
    assert len(set(identifiers(["same thing"] * 20_000, "feature"))) == 20_000


def test_reserved_names_are_those_that_amaranth_uses():
    """A field hides a method of its view, and a class one of its enumeration."""
    methods = {name for kind in (data.View, data.Const) for name in dir(kind) if not name.startswith("_")}
    assert methods <= NO_FIELDS

    class Example(enum.Enum, shape=1):
        A = 0

    used = {name for kind in (type(Example), Example) for name in dir(kind) if not name.startswith("_")} - {"A"}
    assert used <= NO_CLASSES


@pytest.mark.parametrize("encoded", [False, True])
def test_values_and_bits_of_an_example_agree(encoded):
    for seed in range(8):
        network = random_network(seed)
        port = InputPort.of(network, range(len(network.encoder)), encoded=encoded)
        x = inputs_of(network, 50, seed)
        for word, values in zip(port.words_of(network, x), port.values_of(network, x), strict=True):
            assert list(values) == list(port.keys)
            assert word == sum(
                (values[key] & (1 << field.width) - 1) << field.offset
                for key, field in zip(port.keys, port.fields, strict=True)
            )
            assert all(field.signed or values[key] >= 0 for key, field in zip(port.keys, port.fields, strict=True))


def test_width_of_the_class():
    assert [class_width(n) for n in (1, 2, 3, 4, 5, 256, 257)] == [1, 1, 2, 2, 3, 8, 9]
    assert np.array_equal([class_width(n) for n in range(2, 100)], [int(n - 1).bit_length() for n in range(2, 100)])
