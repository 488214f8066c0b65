"""The data of a training by path: a prepared Kaggle set, or raw rows that are prepared once and kept beside them."""

from argparse import ArgumentParser
from pathlib import Path

from pinbench.base.errors import DataError, ExitCode
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.contract.data import MANIFEST_FILE, DataManifest
from pinbench.harness.cli import data

FOLDER = "prepared"  # in the directory of the raw rows
_PREPARED = "kaggleAdDisplayChallenge_processed.npz"  # as facebookresearch/dlrm names it
_RAW = ("train.txt", "train.txt.gz")


def find_or_prepare(data_path: Path, *, accepts_license: bool) -> tuple[int, Path]:
    """Return an exit code and the prepared set that `data_path` holds, or that its raw rows have become.

    The preparation says itself what went wrong when the code is not 0.

    Raises:
        DataError: there is neither, or the raw rows are not those that were prepared.
    """
    if not data_path.is_dir():
        raise DataError(f"--data_path={data_path} is not a directory; {_wanted()}")
    if (data_path / _PREPARED).is_file():
        return ExitCode.PASSED, data_path
    raw = next((data_path / name for name in _RAW if (data_path / name).is_file()), None)
    if raw is None:
        raise DataError(f"--data_path={data_path} holds no data; {_wanted()}")
    output = data_path / FOLDER
    if (output / MANIFEST_FILE).is_file():
        _require_same(raw, output)
        print(f"the prepared set in {output} is used again")
        return ExitCode.PASSED, output
    words = ["criteo", "--format", "kaggle", "--input", str(raw), "--output", str(output)]
    parser = ArgumentParser(prog="pinbench data", allow_abbrev=False)
    data.configure(parser)
    return data.run(parser.parse_args([*words, *(["--accept-license"] if accepts_license else [])])), output


def _wanted() -> str:
    return f"name one with train.txt (rows of the Criteo Kaggle set) or {_PREPARED}"


def _require_same(raw: Path, output: Path) -> None:
    manifest = from_jsonable(DataManifest, read_json(output / MANIFEST_FILE), MANIFEST_FILE)
    before_bytes = [found.size_bytes for found in manifest.inputs]
    now_bytes = raw.stat().st_size
    if before_bytes != [now_bytes]:
        raise DataError(
            f"{output} was prepared from {before_bytes} bytes, and {raw} has {now_bytes}; move {output} away to "
            "prepare it again"
        )
