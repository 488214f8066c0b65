"""Real processes: the dummy recipe through the launcher, well and badly behaved."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pinbench.base.errors import ExitCode, RecordError
from pinbench.base.jsonio import write_json
from pinbench.contract.case import Case, Function, Isa, Knobs, Mode, Precision, Scalar, Variant
from pinbench.contract.host import Cpu, Node, Topology
from pinbench.contract.plan import Instance, Plan, WeightSource
from pinbench.contract.result import Enforcement, InstanceResult, Status
from pinbench.harness.backend import native
from pinbench.harness.launch.failure import InstanceError
from pinbench.harness.launch.launcher import Launched, launch
from pinbench.harness.launch.leader import Watcher

SOURCE = str(Path(__file__).parents[2] / "src")
PARENT = """
import os, sys
from pathlib import Path
from pinbench.base.jsonio import from_jsonable, read_json
from pinbench.contract.plan import Plan
from pinbench.harness.launch.launcher import launch
from pinbench.harness.launch.leader import Watcher

def say(pids):
    print(*pids, flush=True)

launch(
    from_jsonable(Plan, read_json(Path(sys.argv[1]))), Path(sys.argv[2]), base_env=os.environ,
    watcher=Watcher(on_window_open=say),
)
"""


def make_plan(
    count: int = 2, *, steps: int = 20, duration_s: float = 0.2, deadline_s: float = 60.0, **own: Scalar
) -> Plan:
    usable = sorted(os.sched_getaffinity(0))
    cpus = [usable[index % len(usable)] for index in range(count)]
    knobs = Knobs(batch_size=4, warmup_steps=3, steps=steps, min_duration_s=duration_s, own=own)
    case = Case(
        workload="dummy", name="dummy_throughput", recipe="dummy", function=Function.INFERENCE, mode=Mode.THROUGHPUT,
        isa=Isa.ANY, precision=Precision.FP32, variant=Variant.FULL, knobs=knobs,
    )  # fmt: skip
    topology = Topology(
        cpus=tuple(Cpu(id=cpu, core=cpu, socket=0, node=0, l3=0) for cpu in usable),
        nodes=(Node(id=0, total_bytes=1 << 30, free_bytes=1 << 30),),
    )
    instances = tuple(
        Instance(
            index=index, case=case, shard=index, shards=count, cpus=(cpus[index],), memory_nodes=(0,),
            weights=WeightSource.PRIVATE, store=None, weight_budget_bytes=1 << 20, env={"OMP_NUM_THREADS": "1"},
        )
        for index in range(count)
    )  # fmt: skip
    return Plan(case=case, topology=topology, instances=instances, deadline_s=deadline_s)


def run(plan: Plan, directory: Path, **options: object) -> Launched:
    return launch(plan, directory, base_env=os.environ, **options)


def failing(plan: Plan, directory: Path, **options: object) -> InstanceError:
    with pytest.raises(InstanceError) as caught:
        run(plan, directory, **options)
    return caught.value


def window_ns(result: InstanceResult) -> tuple[int, int]:
    return result.begin_ns[0], result.begin_ns[-1] + result.step_ns[-1]


def overlap(results: tuple[InstanceResult, ...]) -> float:
    windows = [window_ns(result) for result in results]
    common = min(end for _, end in windows) - max(begin for begin, _ in windows)
    return common / max(end - begin for begin, end in windows)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(is_true: Callable[[], bool], limit_s: float = 5.0) -> bool:
    give_up = time.monotonic() + limit_s
    while not is_true() and time.monotonic() < give_up:
        time.sleep(0.01)
    return is_true()


def workers_of(directory: Path) -> list[int]:
    """The pids of living workers with orders under `directory`, found as `ps` would find them."""
    pids = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue  # it ended while we looked
        if f"{directory}/instance-".encode() in command:
            pids.append(int(entry.name))
    return pids


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Callable[[Plan], subprocess.Popen[str]]]:
    """Start a launch in a process of its own; its first line are the pids of the instances, sent at the window."""
    started: list[subprocess.Popen[str]] = []

    def start(plan: Plan) -> subprocess.Popen[str]:
        write_json(tmp_path / "plan.json", plan)
        argv = [sys.executable, "-c", PARENT, str(tmp_path / "plan.json"), str(tmp_path)]
        process = subprocess.Popen(
            argv, env={**os.environ, "PYTHONPATH": SOURCE}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_two_instances_measure_together_and_report_what_they_saw(tmp_path: Path) -> None:
    edges: dict[str, tuple[int, list[int]]] = {}
    phases: dict[tuple[int, str], int] = {}
    watcher = Watcher(
        on_phase=lambda index, phase: phases.update({(index, phase): time.monotonic_ns()}),
        on_window_open=lambda pids: edges.update(open=(time.monotonic_ns(), list(pids))),
        on_window_close=lambda pids: edges.update(close=(time.monotonic_ns(), list(pids))),
    )

    launched = run(make_plan(STEP_MS=2.0), tmp_path, watcher=watcher)

    first, second = launched.results
    assert (first.index, second.index) == (0, 1)
    assert overlap(launched.results) >= 0.95
    for result in launched.results:
        begin, end = window_ns(result)
        assert result.status is Status.PASSED
        assert len(result.step_ns) >= 20
        assert len(result.warmup_ns) == 3
        assert begin >= launched.start_ns
        assert end - begin >= 200_000_000 - 2 * 2_500_000  # MIN_DURATION counts from the common start
        assert result.placement is not None
        assert result.placement.memory in (Enforcement.NONE, Enforcement.ENFORCED, Enforcement.BEST_EFFORT)
        assert result.memory is not None
        assert 0 < result.memory.pss_bytes <= result.memory.rss_bytes
        assert result.libraries is not None
        assert result.libraries.allocator == "libc"
        assert result.setup_s is not None
        assert 0 < result.setup_s < 10
    cpus = [result.placement.cpus_seen for result in launched.results if result.placement is not None]
    assert cpus == [instance.cpus for instance in make_plan().instances]
    assert phases[0, "measurement"] < launched.start_ns  # both were told the time before it came
    assert phases[1, "measurement"] < launched.start_ns
    opened_ns, pids = edges["open"]
    assert pids == [first.pid, second.pid]
    assert -10_000_000 < opened_ns - launched.start_ns < 50_000_000
    assert 0 <= edges["close"][0] - launched.stop_ns < 50_000_000


def test_the_region_of_interest_is_marked_around_the_window_and_the_load_is_read_at_its_edges(tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []
    outcome = native.run(
        make_plan(1),
        tmp_path,
        base_env=os.environ,
        scrub=(),
        say=lambda line: heard.append((line, time.monotonic_ns())),
    )
    told = dict(heard)
    begin_ns, end_ns = window_ns(outcome.results[0])
    assert outcome.status is Status.PASSED
    assert [line for line, _ in heard if "region" in line] == ["region of interest: begin", "region of interest: end"]
    assert abs(told["region of interest: begin"] - begin_ns) < 50_000_000
    assert -10_000_000 < told["region of interest: end"] - end_ns < 50_000_000
    assert outcome.load is not None
    assert outcome.load.busy_share is not None
    assert outcome.load.steal_share is not None


def test_an_instance_alone_ends_exactly_at_its_steps(tmp_path: Path) -> None:
    launched = run(make_plan(1, steps=7, duration_s=0.0, STEP_MS=1.0), tmp_path)
    assert len(launched.results[0].step_ns) == 7
    assert launched.stop_ns > launched.start_ns


def test_a_late_instance_delays_the_start_of_all_and_the_windows_still_overlap(tmp_path: Path) -> None:
    plan = make_plan(BEHAVIOUR="slow_start", BEHAVIOUR_INSTANCE=1, START_DELAY=0.5)
    first, second = run(plan, tmp_path).results
    assert second.setup_s is not None
    assert second.setup_s > 0.5
    assert overlap((first, second)) >= 0.95


def test_the_child_does_not_inherit_scrubbed_names_and_gets_those_of_the_plan(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    spy = tmp_path / "spy.sh"
    spy.write_text(f"#!/bin/sh\nenv > {environment}\nexit 3\n")
    spy.chmod(0o755)
    stray = {**os.environ, "OMP_NUM_THREADS": "64", "KMP_BLOCKTIME": "9"}
    with pytest.raises(InstanceError, match="exited with code 3"):
        launch(make_plan(1), tmp_path, base_env=stray, scrub=("OMP_", "KMP_"), program=[str(spy)])
    lines = environment.read_text().splitlines()
    assert "OMP_NUM_THREADS=1" in lines
    assert not [line for line in lines if line.startswith("KMP_")]


def test_an_instance_gets_the_store_of_its_node(tmp_path: Path) -> None:
    seen = tmp_path / "descriptors"
    spy = tmp_path / "spy.sh"
    spy.write_text(f'#!/bin/sh\nls -l /proc/self/fd > {seen}\necho "$*" >> {seen}\nexit 3\n')
    spy.chmod(0o755)
    plan = make_plan(1)
    sharing = dataclasses.replace(plan.instances[0], store=0, weights=WeightSource.BUILD)
    with pytest.raises(InstanceError):
        run(dataclasses.replace(plan, instances=(sharing,)), tmp_path, program=[str(spy)])
    text = seen.read_text()
    store = re.search(r"(\d+) -> /memfd:pinbench-weights-0", text)
    assert store is not None
    assert f"--store-fd {store[1]}" in text


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU is nowhere to stray from")
def test_threads_outside_the_plan_fail_the_case_before_the_window(tmp_path: Path) -> None:
    unpinned = (
        "import sys; from pinbench.worker import main, pinning; pinning.pin_cpus = lambda cpus: None; "
        "sys.exit(main.main())"
    )
    phases: list[str] = []
    error = failing(
        make_plan(1),
        tmp_path,
        program=[sys.executable, "-P", "-c", unpinned],
        watcher=Watcher(on_phase=lambda _, phase: phases.append(phase)),
    )
    assert re.match(r"instance 0 was to run on cpus \d+ but its threads may run on ", str(error))
    assert "measurement" not in phases


def test_an_unexpected_exception_is_one_line_and_its_traceback_is_in_the_log(tmp_path: Path) -> None:
    error = failing(make_plan(1, STEP_MS="soon"), tmp_path)
    assert str(error) == "ValueError: could not convert string to float: 'soon'"
    assert "Traceback (most recent call last):" in (tmp_path / "instance-000/stderr.log").read_text()


def test_wrong_outputs_fail_the_case_in_the_instances_own_words(tmp_path: Path) -> None:
    error = failing(make_plan(BEHAVIOUR="fail", BEHAVIOUR_INSTANCE=1), tmp_path)
    assert re.fullmatch(r"instance 1 \(cpus \d+, node 0\): the dummy was told to fail \(BEHAVIOUR=fail\)", str(error))
    assert [result.status for result in error.results] == [Status.FAILED, Status.FAILED]
    assert error.results[1].error == str(error)
    assert error.results[0].error == "stopped, because the run had failed"


def test_a_usage_error_of_the_child_is_the_exit_code_of_the_run(tmp_path: Path) -> None:
    error = failing(make_plan(1, BEHAVIOUR="sulk"), tmp_path)
    assert str(error).startswith("BEHAVIOUR must be one of pass, fail,")
    assert error.exit_code is ExitCode.BAD_USAGE


def test_a_misbehaving_instance_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    error = failing(make_plan(1, BEHAVIOUR="fail", BEHAVIOUR_INSTANCE=1), tmp_path)
    assert str(error) == "BEHAVIOUR_INSTANCE must be below the number of instances, 1; got 1"


def test_a_return_value_is_named_and_77_means_skipped(tmp_path: Path) -> None:
    error = failing(make_plan(1, RETURN_VALUE=77), tmp_path)
    assert "exited with code 77 after" in str(error)
    assert "during check" in str(error)
    assert error.exit_code is ExitCode.SKIPPED


def test_a_crash_is_named_with_its_signal_and_its_stack_is_in_the_log(tmp_path: Path) -> None:
    error = failing(make_plan(BEHAVIOUR="crash", BEHAVIOUR_INSTANCE=1), tmp_path)
    assert re.match(
        r"instance 1 \(cpus \d+, node 0\) was killed by signal 11 \(SIGSEGV\) after \d+\.\d s, during warm-up; last",
        str(error),
    )
    assert f"log: {tmp_path}/instance-001/stderr.log" in str(error)
    assert "Fatal Python error: Segmentation fault" in (tmp_path / "instance-001/stderr.log").read_text()
    assert error.results[1].exit_signal == 11
    assert error.exit_code is ExitCode.FAILED


def test_an_instance_that_dies_while_measuring_is_named_without_a_guess_at_memory(tmp_path: Path) -> None:
    error = failing(make_plan(BEHAVIOUR="die", duration_s=30.0), tmp_path)
    assert re.match(r"instance 0 .* was killed by signal 9 \(SIGKILL\) after \d+\.\d s, during measurement", str(error))
    assert "memory" not in str(error)


def test_a_broken_result_fails_the_case(tmp_path: Path) -> None:
    error = failing(make_plan(BEHAVIOUR="garbage", BEHAVIOUR_INSTANCE=1), tmp_path)
    assert re.match(r"instance 1 .* left no usable result: \S+/result.json is not JSON", str(error))
    assert [result.status for result in error.results] == [Status.PASSED, Status.FAILED]


def test_a_hang_ends_at_the_deadline_with_stacks_in_the_log(tmp_path: Path) -> None:
    plan = make_plan(BEHAVIOUR="hang", BEHAVIOUR_INSTANCE=1, deadline_s=1.0)
    begin = time.monotonic()
    error = failing(plan, tmp_path)
    assert time.monotonic() - begin < 4
    assert str(error).startswith(
        "the deadline of 1 s passed with instance 0 in the wait for 'start', instance 1 in warm-up; stacks: "
    )
    stacks = (tmp_path / "instance-001/stderr.log").read_text()
    assert "in _hang" in stacks
    assert "in warm_up" in stacks
    assert "in _beat" in stacks  # all threads, not the one that got the signal
    assert not workers_of(tmp_path)


def test_an_instance_that_is_stopped_is_reported_as_hanging(tmp_path: Path) -> None:
    plan = make_plan(1, START_DELAY=30.0)

    def freeze(index: int, phase: str) -> None:
        if phase == "set-up":
            os.kill(workers_of(tmp_path)[index], signal.SIGSTOP)

    error = failing(plan, tmp_path, silence_limit_s=1.0, watcher=Watcher(on_phase=freeze))
    assert re.match(r"instance 0 .* hangs during set-up: it has said nothing for \d+ s; stacks: ", str(error))
    assert "(most recent call first)" in (tmp_path / "instance-000/stderr.log").read_text()
    assert not workers_of(tmp_path)


def test_kill_9_from_outside_fails_the_case_within_5_s_and_names_the_instance(tmp_path: Path) -> None:
    killed_s: list[float] = []

    def kill(pids: list[int]) -> None:
        os.kill(pids[1], signal.SIGKILL)
        killed_s.append(time.monotonic())

    error = failing(make_plan(duration_s=30.0), tmp_path, watcher=Watcher(on_window_open=kill))
    assert time.monotonic() - killed_s[0] < 5
    assert re.match(r"instance 1 .* was killed by signal 9 \(SIGKILL\)", str(error))
    assert not workers_of(tmp_path)


def test_earlier_results_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "instance-000").mkdir()
    with pytest.raises(RecordError, match="earlier results are never overwritten"):
        run(make_plan(1), tmp_path)


def test_a_program_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"cannot start /nowhere/python: .*No such file"):
        run(make_plan(1), tmp_path, program=["/nowhere/python"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_launch_leaves_no_process_and_ends_as_interrupted(
    tmp_path: Path, parent: Callable[[Plan], subprocess.Popen[str]], number: signal.Signals
) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored here, as nohup has it, and stays so")
    process = parent(make_plan(duration_s=30.0))
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    assert len(pids) == 2
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert f"KeyboardInterrupt: {number.name}" in stderr
    assert not any(is_alive(pid) for pid in pids)
    assert not workers_of(tmp_path)


def test_a_parent_killed_with_9_leaves_no_children(
    tmp_path: Path, parent: Callable[[Plan], subprocess.Popen[str]]
) -> None:
    process = parent(make_plan(duration_s=30.0))
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    assert all(is_alive(pid) for pid in pids)
    process.kill()
    assert wait_for(lambda: not any(is_alive(pid) for pid in pids), 2.0)


def test_what_a_child_started_itself_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "grandchild"
    program = tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\nsleep 300 &\necho $! > {note}\nexit 5\n")
    program.chmod(0o755)
    error = failing(make_plan(1), tmp_path, program=[str(program)])
    assert "exited with code 5" in str(error)
    assert wait_for(lambda: not is_alive(int(note.read_text())), 2.0)


def test_the_dummy_starts_in_a_fifth_of_a_second(tmp_path: Path) -> None:
    result = run(make_plan(1, steps=1, duration_s=0.0), tmp_path).results[0]
    orders = json.loads((tmp_path / "instance-000/instance.json").read_text())
    assert orders["index"] == result.index
    assert result.setup_s is not None
    assert result.setup_s < 1.0  # 0.15 s on an idle host; the others' load is not ours to test
