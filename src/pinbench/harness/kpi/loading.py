"""Loading: what the steps' own reading of their batches cost, and where the bytes came from."""

from pinbench.base.units import MIB, PERCENT, ns_to_s
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import DataFlow
from pinbench.harness.kpi.measurement import Measurement
from pinbench.harness.kpi.rounding import rounded
from pinbench.harness.kpi.window import measured_window


def kpis(run: Measurement) -> tuple[Kpi, ...]:
    """Return rate, waiting and origin of the data; nothing when all batches were ready before the window."""
    read = [(result, result.flow) for result in run.results if result.flow is not None]
    if len(read) < len(run.results):
        return ()
    flows = [flow for _, flow in read]
    rate = sum(flow.read_bytes / ns_to_s(measured_window(result).duration_ns) for result, flow in read)
    steps_ns = sum(sum(result.step_ns) for result, _ in read)
    waits = sum(flow.waits for flow in flows)
    share = rounded(sum(flow.wait_ns for flow in flows) / steps_ns * PERCENT) if steps_ns else 0.0
    passes = [flow.rows / result.data.rows for result, flow in read if result.data is not None]
    return (
        Kpi(name="Data Read", value=rounded(sum(flow.read_bytes for flow in flows) / MIB), unit="MiB"),
        Kpi(name="Data Rate", value=rounded(rate / MIB), unit="MiB/s", higher_is_better=True),
        *_from_disk(flows),
        *([Kpi(name="Data Passes", value=rounded(max(passes)))] if passes else []),
        Kpi(
            name="Data Wait Share", value=share, unit="%", higher_is_better=False,
            note=f"of the steps' time; {waits} steps waited",
        ),
    )  # fmt: skip


def _from_disk(flows: list[DataFlow]) -> tuple[Kpi, ...]:
    fetched = [flow.disk_bytes for flow in flows if flow.disk_bytes is not None]
    read_bytes = sum(flow.read_bytes for flow in flows)
    if len(fetched) < len(flows) or not read_bytes:
        return ()
    share = rounded(sum(fetched) / read_bytes * PERCENT)
    return (Kpi(name="Data From Disk", value=share, unit="%", note="of the data read; the page cache had the rest"),)
