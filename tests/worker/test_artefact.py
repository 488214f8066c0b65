import multiprocessing
import threading
from pathlib import Path

import pytest

from pinbench.base.errors import ModelError
from pinbench.worker.artefact import find_or_make, key_of


class Maker:
    """Writes its text, and counts how often it was asked to."""

    def __init__(self, text: str = "made") -> None:
        self.text = text
        self.calls: list[Path] = []

    def __call__(self, path: Path) -> None:
        self.calls.append(path)
        path.write_text(self.text)


def test_it_is_made_once_and_then_found(tmp_path):
    maker = Maker()
    first = find_or_make(tmp_path / "key", "model.so", maker)
    again = find_or_make(tmp_path / "key", "model.so", maker)
    assert (first.reused, again.reused, len(maker.calls)) == (False, True, 1)
    assert first.path == again.path == tmp_path / "key" / "model.so"
    assert again.path.read_text() == "made"
    assert again.make_s == first.make_s > 0


def test_it_is_written_under_another_name_with_the_same_suffix(tmp_path):
    maker = Maker()
    find_or_make(tmp_path, "model.so", maker)
    assert maker.calls[0] != tmp_path / "model.so"
    assert maker.calls[0].suffix == ".so"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "manifest.json", "model.so"]


@pytest.mark.parametrize("damage", ["cut", "changed", "file gone", "manifest gone", "manifest cut"])
def test_what_is_damaged_is_made_again(tmp_path, damage):
    path = find_or_make(tmp_path, "model.so", Maker()).path
    manifest = tmp_path / "manifest.json"
    match damage:
        case "cut":
            path.write_text("mad")
        case "changed":
            path.write_text("mode")
        case "file gone":
            path.unlink()
        case "manifest gone":
            manifest.unlink()
        case _:
            manifest.write_text(manifest.read_text()[:20])
    maker = Maker()
    assert not find_or_make(tmp_path, "model.so", maker).reused
    assert len(maker.calls) == 1
    assert path.read_text() == "made"
    assert find_or_make(tmp_path, "model.so", maker).reused


def test_a_maker_that_fails_leaves_nothing_and_the_next_one_makes_it(tmp_path):
    def fail(path: Path) -> None:
        path.write_text("half")
        raise ModelError("no")

    with pytest.raises(ModelError, match="no"):
        find_or_make(tmp_path, "model.so", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    assert not find_or_make(tmp_path, "model.so", Maker()).reused


def test_of_two_threads_one_makes_it_and_the_other_waits(tmp_path):
    entered, go_on = threading.Event(), threading.Event()

    def slow(path: Path) -> None:
        entered.set()
        go_on.wait(30)
        path.write_text("made")

    first = threading.Thread(target=find_or_make, args=(tmp_path, "model.so", slow))
    first.start()
    entered.wait(30)
    found = []
    second = threading.Thread(target=lambda: found.append(find_or_make(tmp_path, "model.so", Maker("second"))))
    second.start()
    second.join(0.2)
    assert second.is_alive()
    go_on.set()
    first.join()
    second.join()
    assert found[0].reused
    assert found[0].path.read_text() == "made"


def _make_in_a_process(folder: Path) -> bool:
    return find_or_make(folder, "model.so", Maker()).reused


def test_of_four_processes_one_makes_it(tmp_path):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        reused = pool.map(_make_in_a_process, [tmp_path] * 4)
    assert sorted(reused) == [False, True, True, True]


def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"cannot keep what is compiled in .*file/key: .*let XDG_CACHE_HOME name"):
        find_or_make(tmp_path / "file" / "key", "model.so", Maker())


def test_a_key_changes_with_each_part_and_their_order_and_borders():
    keys = {key_of(parts) for parts in (["a", "b"], ["b", "a"], ["ab"], ["a", b"c"], ["a", "b", ""])}
    assert len(keys) == 5
    assert key_of(["a", b"b"]) == key_of(["a", "b"])
