import gzip
from collections import namedtuple

import pytest
from criteo_rows import lines

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo import space
from pinbench.worker.data.criteo.space import estimated_rows, require_space

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("rows", [1, 20_000])
def test_the_rows_of_a_file_are_estimated_by_its_beginning(tmp_path, pack, rows):
    path = tmp_path / "day_0"
    path.write_bytes(pack(lines(rows)))
    assert estimated_rows(path) == pytest.approx(rows, rel=0.2)


def test_a_gzip_file_of_nothing_has_no_rows(tmp_path):
    path = tmp_path / "day_0.gz"
    path.write_bytes(gzip.compress(b""))
    assert estimated_rows(path) == 0


def test_too_little_space_is_refused_with_both_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(space.shutil, "disk_usage", lambda place: Usage(1 << 40, 0, 1 << 30))
    require_space(1_000_000, tmp_path / "not/yet/there", 900)
    with pytest.raises(DataError, match=r"too little space for .*there: about 1\.1 GiB needed, 1\.0 GiB free"):
        require_space(1_000_000, tmp_path / "not/yet/there", 1_100)
