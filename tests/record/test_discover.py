from pinbench.harness.record.discover import is_iteration, is_log_directory, iterations, log_directories


def test_iterations_are_ordered_by_number_not_by_name(tmp_path):
    for name in ("itr-10", "itr-2", "itr-1", "itr-x", "worker-0-itr-1"):
        (tmp_path / name).mkdir()
    assert [path.name for path in iterations(tmp_path)] == ["itr-1", "itr-2", "itr-10"]


def test_log_directories_are_found_at_any_depth_but_not_inside_each_other(tmp_path):
    for name in ("b/logs-x/itr-1/worker-0-c0", "a/0102-030405-logs-x/itr-1", "a/empty"):
        (tmp_path / name).mkdir(parents=True)
    found = [path.relative_to(tmp_path).as_posix() for path in log_directories(tmp_path)]
    assert found == ["a/0102-030405-logs-x", "b/logs-x"]


def test_a_run_that_ended_before_its_first_iteration_is_a_log_directory(tmp_path):
    (tmp_path / "workload-config.yaml").touch()
    assert is_log_directory(tmp_path)
    assert not is_iteration(tmp_path)


def test_an_iteration_under_another_name_is_known_by_its_record(tmp_path):
    (tmp_path / "record.json").touch()
    assert is_iteration(tmp_path)
