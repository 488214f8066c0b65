import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinbench.base.errors import RecordError
from pinbench.base.jsonio import from_jsonable, read_json, to_jsonable, write_json


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    numbers: tuple[int, ...]
    by_node: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    colour: Colour
    leaves: tuple[Leaf, ...]
    note: str | None = None
    own: Mapping[str, bool | int | float | str] = field(default_factory=dict)


_LEAVES = st.builds(
    Leaf,
    numbers=st.lists(st.integers()).map(tuple),
    by_node=st.dictionaries(st.integers(0, 99), st.floats(allow_nan=False, allow_infinity=False)),
)
_TREES = st.builds(
    Tree,
    colour=st.just(Colour.RED),
    leaves=st.lists(_LEAVES, max_size=3).map(tuple),
    note=st.none() | st.text(st.characters(codec="utf-8")),
    own=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), st.booleans() | st.integers() | st.text()),
)
_SMALL = Tree(colour=Colour.RED, leaves=(Leaf(numbers=(1, 2), by_node={0: 1.5}),))


@settings(max_examples=30)  # each is flushed to the disk
@given(_TREES)
def test_what_is_written_reads_back_as_the_same_value(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("json") / "tree.json"
    write_json(path, tree)
    assert from_jsonable(Tree, read_json(path)) == tree


def test_a_list_of_numbers_takes_one_line(tmp_path):
    write_json(tmp_path / "f", Leaf(numbers=(1, 2, 3), by_node={}))
    assert (tmp_path / "f").read_text() == '{\n "numbers": [1, 2, 3],\n "by_node": {}\n}\n'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "blue"}, r"Tree.colour: 'blue' is not one of 'red'"),
        ({"size": 1}, r"Tree: unknown field 'size'"),
        ({"leaves": [{"numbers": [1, "2"], "by_node": {}}]}, r"Tree.leaves\[0\].numbers\[1\]: expected int, got str"),
        ({"leaves": [{"numbers": []}]}, r"field 'by_node' is missing"),
        ({"leaves": [{"numbers": [], "by_node": {"x": 1.0}}]}, r"the key 'x' is not a whole number"),
        ({"leaves": 3}, r"Tree.leaves: expected a list, got int"),
        ({"note": 7}, r"Tree.note: expected str, got int"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(change, message):
    with pytest.raises(RecordError, match=message):
        from_jsonable(Tree, {**to_jsonable(_SMALL), **change})


def test_a_file_that_is_cut_short_is_no_json(tmp_path):
    (tmp_path / "f").write_text('{"colour": "re')
    with pytest.raises(RecordError, match="is not JSON"):
        read_json(tmp_path / "f")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_json(tmp_path / "f", {"old": 1})
    monkeypatch.setattr(os, "fsync", _no_space)
    with pytest.raises(RecordError, match=r"cannot write .*: No space left on device"):
        write_json(tmp_path / "f", {"new": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert read_json(tmp_path / "f") == {"old": 1}


def _no_space(_: int) -> None:
    raise OSError(28, os.strerror(28))
