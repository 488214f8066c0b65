import os

import pytest

from pinbench.base.errors import DataError
from pinbench.worker.data.lock import take_lock


def test_a_lock_is_held_until_it_is_closed(tmp_path):
    handle = take_lock(tmp_path / "new" / "lock", "somebody is at work")
    with pytest.raises(DataError, match=r"^somebody is at work$"):
        take_lock(tmp_path / "new" / "lock", "somebody is at work")
    os.close(handle)
    os.close(take_lock(tmp_path / "new" / "lock", "somebody is at work"))


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    begun = os.open

    def removed_once(*words):
        handle = begun(*words)
        monkeypatch.setattr(os, "open", begun)
        path.unlink()
        return handle

    monkeypatch.setattr(os, "open", removed_once)
    handle = take_lock(path, "somebody is at work")
    assert os.path.samestat(path.stat(), os.fstat(handle))
    os.close(handle)
