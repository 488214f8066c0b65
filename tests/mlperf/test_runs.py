"""Which runs make a submission: found wherever they lie, of one kind, as many as the rules want."""

import pytest
from mlperf_logs import events, rewrite, write_log
from records import make_record

from pinbench.base.errors import RecordError
from pinbench.contract.mlperf import LOG_FILE
from pinbench.harness.mlperf.runs import find_runs, require_submission
from pinbench.harness.record.schema import write_record


def iteration(folder, number, seed):
    instance = folder / f"itr-{number}" / "worker-0-c0" / "instance-000"
    instance.mkdir(parents=True)
    write_record(folder / f"itr-{number}" / "record.json", make_record())
    return write_log(instance / LOG_FILE, "dlrm", seed=seed)


def test_the_logs_of_a_log_directory_come_in_the_order_of_its_iterations_each_with_its_record(tmp_path):
    for number in (10, 2, 1):
        iteration(tmp_path, number, seed=number)
    runs = find_runs([tmp_path])
    assert [run.log.said("seed") for run in runs] == ["1", "2", "10"]
    assert all(run.record is not None for run in runs)


def test_a_log_without_a_record_is_a_run_too(tmp_path):
    path = write_log(tmp_path / "some.txt", "bert")
    assert [(run.log.benchmark, run.record) for run in find_runs([path])] == [("bert", None)]


def test_a_folder_without_logs_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(RecordError, match=r"holds no mlperf_log\.txt: .*MLPERF_LOGGING=True"):
        find_runs([tmp_path])


@pytest.mark.parametrize(("model", "wanted"), [("dlrm", 5), ("dlrm_dcnv2", 10), ("bert", 10)])
def test_the_number_of_runs_is_the_benchmarks(model, wanted, tmp_path):
    paths = [write_log(tmp_path / f"{number}.txt", model, seed=number) for number in range(wanted)]
    require_submission(find_runs(paths))
    with pytest.raises(RecordError, match=f"a submission of {model} has {wanted} runs, got {wanted - 1}"):
        require_submission(find_runs(paths[1:]))


def test_runs_of_two_benchmarks_are_refused(tmp_path):
    paths = [write_log(tmp_path / "a.txt", "dlrm"), write_log(tmp_path / "b.txt", "bert")]
    with pytest.raises(RecordError, match=r"b\.txt has submission_benchmark bert, but .*a\.txt has dlrm"):
        require_submission(find_runs(paths))


def test_runs_of_two_systems_are_refused(tmp_path):
    paths = [write_log(tmp_path / f"{number}.txt", "dlrm", seed=number) for number in range(5)]
    changed = events(paths[3])
    next(event for event in changed if event["key"] == "submission_platform")["value"] = "another"
    rewrite(paths[3], changed)
    with pytest.raises(RecordError, match=r"3\.txt has submission_platform another, but"):
        require_submission(find_runs(paths))


def test_two_runs_of_the_same_seed_are_refused(tmp_path):
    paths = [write_log(tmp_path / f"{number}.txt", "dlrm", seed=min(number, 3)) for number in range(5)]
    with pytest.raises(RecordError, match=r"4\.txt and .*3\.txt have the same seed 3"):
        require_submission(find_runs(paths))
