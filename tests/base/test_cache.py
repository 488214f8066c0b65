from pathlib import Path

from pinbench.base.cache import cache_folder


def test_the_cache_lies_where_xdg_says(tmp_path):
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "pinbench"


def test_without_it_the_cache_lies_in_the_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/user")
    for environment in ({"XDG_CACHE_HOME": ""}, {}, {"XDG_CACHE_HOME": "relative/is/ignored"}):
        assert cache_folder(environment) == Path("/home/user/.cache/pinbench")
