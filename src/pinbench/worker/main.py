"""One instance: pins itself, prepares its model, measures when all are ready, and writes down what it saw."""

import argparse
import faulthandler
import mmap
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import ExitCode, PinbenchError
from pinbench.base.jsonio import from_jsonable, read_json, write_json
from pinbench.base.plugin import load_plugin
from pinbench.base.units import s_to_ns
from pinbench.contract.case import Mode
from pinbench.contract.gate import BEAT_S, STOP_FLAG_BYTES, Barrier
from pinbench.contract.plan import Instance
from pinbench.contract.result import Enforcement, InstanceResult, Placement, Status
from pinbench.worker import pinning, readback, recipes
from pinbench.worker.gate_client import GateClient
from pinbench.worker.loop import Timed, collector_off, measure, measure_while, wait_until, warm_up
from pinbench.worker.prepared import Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Binding:
    """What was set for the memory of this process."""

    host_nodes: tuple[int, ...]
    has_policy: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Run the instance that ``instance.json`` describes and return its exit code."""
    options = _parse(argv)
    # A crash shows its Python stack in stderr.log, and so does a hang when the parent asks for it.
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    with closing(GateClient(options.gate_fd)) as gate:
        try:
            _run_instance(options, gate)
        except PinbenchError as error:
            return _fail(gate, str(error), error.exit_code)
        except Exception as error:  # noqa: BLE001 - the top of the child: whatever it is, the parent must hear it
            traceback.print_exc()
            return _fail(gate, traceback.format_exception_only(error)[-1], ExitCode.FAILED)
    return ExitCode.PASSED


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pinbench.worker.main", allow_abbrev=False)
    parser.add_argument("instance", type=Path, help="instance.json; the result goes beside it")
    parser.add_argument("--gate-fd", type=int, required=True)
    parser.add_argument("--stop-fd", type=int, required=True)
    parser.add_argument("--store-fd", type=int)
    return parser.parse_args(argv)


def _fail(gate: GateClient, message: str, exit_code: int) -> int:
    sys.stderr.write(message.rstrip() + "\n")
    sys.stderr.flush()
    gate.error(message, exit_code)
    return exit_code


def _run_instance(options: argparse.Namespace, gate: GateClient) -> None:
    gate.phase("start-up")
    instance = from_jsonable(Instance, read_json(options.instance))
    binding = _pin(instance)
    gate.beat_every(BEAT_S)
    gate.phase("set-up")
    recipe = load_plugin(recipes, instance.case.recipe)
    prepared: Prepared
    with closing(recipe.prepare(instance, gate, options.store_fd, options.instance.parent)) as prepared:
        result = _measure(instance, prepared, gate, binding, options.stop_fd)
    gate.phase("writing")
    write_json(options.instance.with_name("result.json"), result)
    gate.wait(Barrier.DONE)
    gate.phase("exit")


def _pin(instance: Instance) -> _Binding:
    """Pin before the recipe imports its libraries: they size their thread pools by what they find."""
    pinning.pin_cpus(instance.cpus)
    nodes = pinning.memory_nodes_of_host()
    others = tuple(node for node in nodes if node not in instance.memory_nodes)
    has_policy = len(nodes) > 1 and pinning.bind_memory(instance.memory_nodes, others)
    return _Binding(host_nodes=nodes, has_policy=has_policy)


def _measure(
    instance: Instance, prepared: Prepared, gate: GateClient, binding: _Binding, stop_fd: int
) -> InstanceResult:
    gate.phase("probe")
    isa = prepared.probe()
    gate.phase("warm-up")
    warmup_ns = warm_up(prepared.warm_up_step or prepared.step, prepared.batches, instance.case.knobs.warmup_steps)
    prepared.warmed(warmup_ns)
    gate.phase("check")
    quality = prepared.check()
    # Before the window as well as after it: a thread on a foreign CPU would spoil the others' numbers too.
    readback.require_on_plan(instance.index, instance.cpus, readback.thread_masks().values())
    setup_s = readback.process_age_s()
    with collector_off():
        start_ns = gate.wait(Barrier.START)
        gate.phase("measurement")
        moves, flow = readback.count_migrations(), prepared.flow()
        timed = _timed_window(instance, prepared, gate, stop_fd, start_ns)
    flow = readback.flow_between(flow, prepared.flow())
    migrations = readback.migrations_between(moves, readback.count_migrations())
    gate.wait(Barrier.STOPPED)
    gate.phase("read-back")
    memory = readback.read_memory()
    placement = _read_placement(instance, prepared, binding, migrations)
    wait_until(gate.wait(Barrier.PEAK))
    gate.phase("peak")
    gemm_peak = prepared.gemm_peak()
    if instance.case.mode is Mode.ACCURACY:
        gate.phase("accuracy")
    return InstanceResult(
        index=instance.index,
        status=Status.PASSED,
        pid=os.getpid(),
        batch_size=prepared.batch_size,
        setup_s=setup_s,
        warmup_ns=warmup_ns,
        begin_ns=tuple(timed.begin_ns),
        step_ns=tuple(timed.step_ns),
        placement=placement,
        engine=prepared.engine,
        isa=isa,
        quality=quality,
        accuracy=prepared.accuracy(),
        training=prepared.training(),
        loadgen=prepared.loadgen(),
        answers=prepared.answers(),
        model=prepared.model,
        data=prepared.data,
        flow=flow,
        memory=memory,
        libraries=prepared.libraries or readback.read_libraries(),
        device=prepared.device(),
        gemm_peak_flop_per_s=gemm_peak,
    )


def _timed_window(instance: Instance, prepared: Prepared, gate: GateClient, stop_fd: int, start_ns: int) -> Timed:
    knobs = instance.case.knobs
    if prepared.more is not None:
        timed = measure_while(prepared.step, prepared.more, start_ns)
        gate.reached()
        return timed
    with mmap.mmap(stop_fd, STOP_FLAG_BYTES, prot=mmap.PROT_READ) as shared, memoryview(shared) as stop:
        return measure(
            prepared.step,
            prepared.batches,
            prepared.steps or knobs.steps or 1,
            s_to_ns(knobs.min_duration_s),
            stop,
            start_ns,
            gate.reached,
            alone=instance.shards == 1,
        )


def _read_placement(instance: Instance, prepared: Prepared, binding: _Binding, migrations: int | None) -> Placement:
    masks = readback.thread_masks().values()
    readback.require_on_plan(instance.index, instance.cpus, masks)
    pages = readback.node_pages() if len(binding.host_nodes) > 1 else {}
    memory: Enforcement = readback.enforcement(
        has_policy=binding.has_policy, host_nodes=binding.host_nodes, wanted=instance.memory_nodes, pages=pages
    )
    return readback.read_placement(
        threads=prepared.threads, masks=masks, memory=memory, pages=pages, migrations=migrations
    )


if __name__ == "__main__":
    sys.exit(main())
