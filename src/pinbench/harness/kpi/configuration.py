"""The configuration fields of the block: what ran, as it was read back; what is not known is absent."""

import shlex
from collections.abc import Iterable, Mapping, Sequence

from pinbench.base.units import format_bytes
from pinbench.contract.case import Case, Mode, Scalar
from pinbench.contract.host import HostFacts
from pinbench.contract.plan import DISTRIBUTED, Instance, Plan, WeightSource
from pinbench.contract.result import (
    ContainerFacts,
    DeviceFacts,
    EngineFacts,
    InstanceResult,
    Kernel,
    PackedWeights,
    Placement,
    Record,
)

Fields = dict[str, Scalar | None]

# The words of MLPerf LoadGen: all samples are there at the start; the next batch is sent when the last one is done.
_SCENARIOS = {Mode.THROUGHPUT: "offline", Mode.LATENCY: "single stream", Mode.ACCURACY: "offline"}


def workload_configuration(record: Record) -> dict[str, Scalar]:
    """Return the fields of a run as far as it came: of a failed one, those that are known."""
    if record.plan is None:
        return _known({"COMMAND": shlex.join(record.command)})
    case, results = record.plan.case, record.results
    return _known(
        {
            "TESTCASE": f"test_{case.display_name}",
            "FRAMEWORK": _framework(record),
            **_model(results),
            **_data(case, results),
            "FUNCTION": case.function.value,
            "MODE": case.mode.value,
            "PRECISION": case.label,
            "EMULATED": record.plan.emulation,
            "CASE_TYPE": case.variant.value or None,
            "BATCH_SIZE": _range(r.batch_size for r in results if r.batch_size),
            "WARMUP_STEPS": _range(len(r.warmup_ns) for r in results if r.begin_ns),
            "STEPS": _range(len(r.step_ns) for r in results if r.begin_ns),
            **_instances(record.plan, results),
            **_device(results),
            **_engine(results),
            **_readback(results),
            **_host(record.host),
            **_container(record.container),
            "PINBENCH": _version(record),
            "COMMAND": shlex.join(record.command),
        }
    )


def application_configuration(record: Record) -> dict[str, Scalar]:
    """Return how the model was served: in the process that measures, one batch at a time."""
    if record.plan is None:
        return {}
    case = record.plan.case
    return _known(
        {
            "SCENARIO": case.knobs.scenario.value or _SCENARIOS.get(case.mode),
            "LOADGEN": _loadgen(record),
            "SERVING_STACK": f"in process, engine {_engines(case, record.results)}" if _has_model(record) else None,
            "MODEL_WORKERS": len(record.plan.instances),
            "REQUEST_PER_WORKER": 1,
        }
    )


def _loadgen(record: Record) -> str | None:
    """Return the settings that LoadGen itself says it had."""
    found = next((result.loadgen for result in record.results if result.loadgen is not None), None)
    return None if found is None else ", ".join(f"{name}={value}" for name, value in found.settings.items()) or None


def _known(values: Fields) -> dict[str, Scalar]:
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _has_model(record: Record) -> bool:
    return any(result.model is not None for result in record.results)


def _engines(case: Case, results: Iterable[InstanceResult]) -> str:
    """Return what executed the model, as the instances saw it; those of an older record did not say."""
    ran = dict.fromkeys(_ran(result.engine) for result in results if result.engine is not None)
    return " and ".join(ran) or case.knobs.engine


def _ran(engine: EngineFacts) -> str:
    details = ", ".join(filter(None, (engine.path, engine.isa, engine.fallback)))
    return f"{engine.name} ({details})" if details else engine.name


def _framework(record: Record) -> str | None:
    version = record.software.packages.get("torch")
    return f"PyTorch {version}" if version is not None and _has_model(record) else None


def _version(record: Record) -> str:
    commit = record.software.git_commit
    return record.software.pinbench if commit is None else f"{record.software.pinbench} ({commit})"


def _host(host: HostFacts) -> Fields:
    return {
        "PLATFORM": host.platform,
        "CPU_MODEL": host.cpu_model,
        "MICROCODE": host.microcode,
        "KERNEL": host.kernel,
        "HYPERVISOR": host.hypervisor,
        "GOVERNOR": host.governor,
        "TURBO": host.turbo,
        "SMT": host.smt,
        "TRANSPARENT_HUGEPAGES": host.transparent_hugepages,
    }


def _container(container: ContainerFacts | None) -> Fields:
    if container is None:
        return {}
    return {
        "CONTAINER_ENGINE": container.engine,
        "IMAGE": container.image,
        "IMAGE_ID": container.image_id,
        "IMAGE_DIGEST": container.digest,
    }


def _model(results: Iterable[InstanceResult]) -> Fields:
    model = next((result.model for result in results if result.model is not None), None)
    if model is None:
        return {}
    return {
        "MODEL_NAME": model.name,
        "MODEL_SIZE": format_bytes(model.weight_bytes),
        "MODEL_SOURCE": model.origin,
        "PARAMETERS": model.parameters,
        "TABLE_ROWS": model.table_rows,
        "MAX_IND_RANGE": model.max_ind_range,
        "WEIGHT_DTYPE": model.weight_dtype,
        "TABLE_DTYPE": model.table_dtype,
        "CALIBRATION": model.calibration,
    }


def _data(case: Case, results: Sequence[InstanceResult]) -> Fields:
    data = [result.data for result in results if result.data is not None]
    if not data:
        return {}
    flows = [result.flow for result in results if result.flow is not None]
    return {
        "DATASET": f"{data[0].name}: {data[0].detail}" if data[0].detail else data[0].name,
        # Ranks of one training have the same rows, other instances each its own.
        "DATASET_ROWS": data[0].rows if case.knobs.own.get(DISTRIBUTED) else sum(facts.rows for facts in data),
        "DATA_TYPE": case.knobs.data_type.value,
        "DATA_LOADING": "end_to_end" if flows else "ready",
        "DATA_THREADS": _range(flow.threads for flow in flows),
    }


def _instances(plan: Plan, results: Iterable[InstanceResult]) -> Fields:
    placements = {result.index: result.placement for result in results if result.placement is not None}
    fields: Fields = {
        "INSTANCE_NUMBER": len(plan.instances),
        "CORES_PER_INSTANCE": _range(len(placement.cpus_seen) for placement in placements.values()),
        "THREADS_PER_INSTANCE": _range(placement.threads for placement in placements.values()),
    }
    if placements:
        fields["WEIGHT_SHARING"] = any(instance.weights is not WeightSource.PRIVATE for instance in plan.instances)
    for instance in plan.instances:
        if (placement := placements.get(instance.index)) is not None:
            fields[f"INSTANCE_{instance.index}"] = _place(instance, placement)
    return fields


def _place(instance: Instance, placement: Placement) -> str:
    cpus = ",".join(str(cpu) for cpu in placement.cpus_seen)
    nodes = ",".join(str(node) for node in instance.memory_nodes)
    migrations = "" if placement.migrations is None else f"; {placement.migrations} migrations"
    return f"cpus {cpus}; memory on node {nodes}, binding {placement.memory}{migrations}"


def _device(results: Iterable[InstanceResult]) -> Fields:
    devices = [result.device for result in results if result.device is not None]
    return {"DEVICE": _distinct(map(_computed, devices))}


def _computed(device: DeviceFacts) -> str:
    memory = "" if device.memory_bytes is None else f", {format_bytes(device.memory_bytes)}"
    return f"{device.device} ({device.name}{memory}), asked for: {device.asked}"


def _engine(results: Iterable[InstanceResult]) -> Fields:
    engines = [result.engine for result in results if result.engine is not None]
    compiled_s = [engine.compile_s for engine in engines if engine.compile_s is not None]
    return {
        "ENGINE": _distinct(engine.name for engine in engines),
        "ENGINE_VERSIONS": _distinct(_pairs(engine.versions) for engine in engines),
        "ENGINE_SETTINGS": _distinct(_pairs(engine.settings) for engine in engines),
        "ENGINE_COMPILE_S": round(max(compiled_s), 1) if compiled_s else None,
        "ENGINE_COMPILED": ("now" if any(not engine.reused for engine in engines) else "earlier")
        if compiled_s
        else None,
        "PACKED_WEIGHTS": _distinct(_packed(engine.packed) for engine in engines if engine.packed is not None),
    }


def _packed(packed: PackedWeights) -> str:
    return f"{format_bytes(packed.size_bytes)} for all instances of a node, mapped {packed.mapping}"


def _pairs(values: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _readback(results: Iterable[InstanceResult]) -> Fields:
    libraries = [result.libraries for result in results if result.libraries is not None]
    probes = [result.isa for result in results if result.isa is not None]
    return {
        "ALLOCATOR": _distinct(item.allocator for item in libraries),
        "OPENMP": _distinct(item.openmp for item in libraries),
        "ONEDNN_VERSION": _distinct(probe.version for probe in probes if probe.version is not None),
        "ONEDNN_ISA": _distinct(probe.header for probe in probes if probe.header is not None),
        "KERNELS": _distinct(_kernel(kernel) for probe in probes for kernel in probe.kernels),
    }


def _kernel(kernel: Kernel) -> str:
    return f"{kernel.primitive} {kernel.implementation} {kernel.types} x{kernel.calls}"


def _distinct(texts: Iterable[str]) -> str | None:
    return "; ".join(dict.fromkeys(texts)) or None


def _range(counts: Iterable[int]) -> Scalar | None:
    found = sorted(set(counts))
    if not found:
        return None
    return found[0] if len(found) == 1 else f"{found[0]}-{found[-1]}"
