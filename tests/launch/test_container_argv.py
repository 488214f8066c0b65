from dataclasses import replace
from pathlib import Path

import pytest
from records import make_case

from pinbench.base.errors import UsageError
from pinbench.base.units import GIB, MIB
from pinbench.contract.host import Cpu, Node, Topology
from pinbench.contract.plan import Instance, Plan, WeightSource
from pinbench.harness.launch.container_argv import (
    Mount,
    container_for,
    export_argv,
    list_argv,
    remove_argv,
    run_argv,
    salvage_argv,
    stop_argv,
)

NODES = (Node(id=0, total_bytes=64 * GIB, free_bytes=60 * GIB), Node(id=1, total_bytes=64 * GIB, free_bytes=60 * GIB))
TOPOLOGY = Topology(cpus=tuple(Cpu(id=i, core=i, socket=i // 4, node=i // 4, l3=i // 4) for i in range(8)), nodes=NODES)


def plan(*sources: WeightSource) -> Plan:
    case = make_case()
    instances = tuple(
        Instance(
            index=i, case=case, shard=i, shards=len(sources), cpus=(2 * i, 2 * i + 1), memory_nodes=(i // 2,),
            weights=source, store=None, weight_budget_bytes=3 * GIB, env={},
        )
        for i, source in enumerate(sources)
    )  # fmt: skip
    return Plan(case=case, topology=TOPOLOGY, instances=instances, deadline_s=60.0)


def test_the_whole_command():
    container = container_for(
        plan(WeightSource.BUILD, WeightSource.MAP, WeightSource.PRIVATE), name="n", image="r/i:t",
        words=["--case", "c"],
        mounts=[Mount(path="/data/x y", writable=False), Mount(path="/out", writable=True)],
        variables={"RANK": "0"}, options=["--cap-add=SYS_NICE"],
    )  # fmt: skip
    assert run_argv("podman", container) == [
        "podman", "run", "--detach", "--pull=never", "--name=n", f"--label=pinbench={make_case().name}",
        "--cpuset-cpus=0-5", "--cpuset-mems=0-1", f"--shm-size={64 + 2 * 3 * 1024}m", "--read-only",
        "--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777", "--cap-drop=ALL", "--security-opt=no-new-privileges",
        "--network=none", "--no-healthcheck", "--mount=type=bind,source=/data/x y,target=/data/x y,readonly",
        "--mount=type=bind,source=/out,target=/out", "--env=RANK=0", "--cap-add=SYS_NICE", "r/i:t", "--case", "c",
    ]  # fmt: skip


def test_no_container_gets_all_rights():
    container = container_for(plan(WeightSource.PRIVATE), name="n", image="i", words=[])
    words = " ".join(run_argv("docker", container))
    assert "privileged" not in words
    assert "--network=none" in words


def test_ranks_on_several_hosts_meet_over_the_hosts_network():
    container = container_for(plan(WeightSource.PRIVATE), name="n", image="i", words=[], has_network=True)
    assert "--network=host" in run_argv("docker", container)


def test_shared_memory_is_rounded_up():
    container = container_for(plan(WeightSource.PRIVATE), name="n", image="i", words=[])
    assert "--shm-size=2m" in run_argv("docker", replace(container, shm_bytes=MIB + 1))


@pytest.mark.parametrize("path", ["/a,b", '/a"b'])
def test_a_path_that_the_engine_would_read_as_options_is_refused(path):
    container = container_for(
        plan(WeightSource.PRIVATE), name="n", image="i", words=[], mounts=[Mount(path=path, writable=False)]
    )
    with pytest.raises(UsageError, match="a comma or a quote cannot be mounted"):
        run_argv("docker", container)


def test_the_commands_for_a_container_that_runs():
    assert export_argv("docker", "n") == ["docker", "exec", "n", "cat", "/export-logs"]
    assert stop_argv("docker", "n") == ["docker", "kill", "--signal=TERM", "n"]
    assert remove_argv("docker", "n") == ["docker", "rm", "--force", "--volumes", "n"]
    assert "--filter=label=pinbench" in list_argv("docker")


def test_what_is_salvaged_lies_where_the_entry_puts_it():
    entry = (Path(__file__).parents[2] / "script/image/entry").read_text()
    assert f"state=${{PINBENCH_STATE:-{salvage_argv('docker', 'n')[5]}}}\n" in entry
