import io
import subprocess
import sys
import zipfile

from records import DATA

from pinbench.harness.record.bundle import bundle, write_bundle


def test_the_same_sources_give_the_same_bytes():
    assert bundle() == bundle()
    with zipfile.ZipFile(io.BytesIO(bundle())) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_bundle_runs_alone_with_the_standard_library(tmp_path):
    write_bundle(tmp_path / "kpi.pyz")
    (tmp_path / "itr-1").mkdir()
    (tmp_path / "itr-1" / "record.json").write_bytes((DATA / "records" / "v1" / "good.json").read_bytes())
    # -I: not the checkout on PYTHONPATH; -S: no site-packages, hence no PyYAML and no installed pinbench
    argv = [sys.executable, "-I", "-S", str(tmp_path / "kpi.pyz"), str(tmp_path)]
    done = subprocess.run(argv, cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (DATA / "kpi" / "good.txt").read_text()


def test_no_half_written_bundle_is_left_behind(tmp_path):
    write_bundle(tmp_path / "kpi.pyz")
    assert [path.name for path in tmp_path.iterdir()] == ["kpi.pyz"]
