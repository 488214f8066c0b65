import pytest

from pinbench.base.errors import DataError
from pinbench.contract.data import DataFormat
from pinbench.worker.data.criteo.detect import detect_format, raw_files, splits_there


def lay(directory, *names):
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).touch()
    return directory


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["terabyte_processed_test.bin", "day_fea_count.npz"], DataFormat.MLPERF),
        (["kaggleAdDisplayChallenge_processed.npz"], DataFormat.KAGGLE),
        (["terabyte_processed_test.bin", "day0_fea_count.npz"], DataFormat.WSF),
        (["binary_dataset/feature_spec.yaml"], DataFormat.NVIDIA),
        (["feature_spec.yaml"], DataFormat.NVIDIA),
        (["day_0_dense.npy", "day_0_sparse.npy", "day_0_labels.npy"], DataFormat.TORCHREC),
        (["day_0_dense.npy", "day_0_sparse_multi_hot.npz", "day_0_labels.npy"], DataFormat.MULTIHOT),
        (["day_0", "day_1.gz"], DataFormat.TSV),
        (["train.txt", "test.txt"], DataFormat.TSV),
    ],
)
def test_without_a_manifest_the_files_tell_the_format(tmp_path, names, expected):
    assert detect_format(lay(tmp_path, *names)) is expected


def test_what_is_not_known_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no data set in a form that is known; make one with"):
        detect_format(lay(tmp_path, "notes.md", "day_0_dense.npy.part"))
    with pytest.raises(DataError, match=r"no data set: .*absent is not a directory; check DATASET_DIR"):
        detect_format(tmp_path / "absent")


def test_raw_files_come_in_the_order_of_their_numbers(tmp_path):
    lay(tmp_path, "day_10.gz", "day_9.gz", "day_0", "day_9.gz.md5", "manifest.json")
    assert [path.name for path in raw_files(tmp_path)] == ["day_0", "day_9.gz", "day_10.gz"]


def test_the_splits_are_those_that_have_files(tmp_path):
    lay(tmp_path, "terabyte_processed_train.bin", "terabyte_processed_test.bin")
    assert splits_there(tmp_path, DataFormat.MLPERF) == ("train", "test")
    lay(tmp_path, "binary_dataset/validation/label.bin", "binary_dataset/test/label.bin")
    assert splits_there(tmp_path, DataFormat.NVIDIA) == ("val", "test")
    lay(tmp_path, "day_0_labels.npy")
    assert splits_there(tmp_path, DataFormat.TORCHREC) == ("val", "test")
    lay(tmp_path, "day_1_labels.npy")
    assert splits_there(tmp_path, DataFormat.TORCHREC) == ("train", "val", "test")
