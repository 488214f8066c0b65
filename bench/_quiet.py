"""Whether a comparison had the host to itself: one beside which others ran says little, and fails nobody."""

import os

from pinbench.base.units import PERCENT
from pinbench.harness.host.load import LoadCounters, load_between, read_load_counters

# Of all CPUs: of two, one that is busy elsewhere is half.
_OTHERS_PERCENT = 10.0


class Watch:
    """What others took of the CPUs since it was made, the hypervisor among them."""

    def __init__(self) -> None:
        self._host: LoadCounters = read_load_counters()
        self._own_s = _own_s()

    def others_percent(self) -> float | None:
        """Return their share; None where the kernel does not say."""
        load = load_between(self._host, read_load_counters(), _own_s() - self._own_s)
        if load.other_busy_share is None or load.steal_share is None:
            return None
        return (load.other_busy_share + load.steal_share) * PERCENT

    def says(self) -> str:
        """Return a line on what the figures are worth: threads that wait for each other wait for others' work too."""
        others = self.others_percent()
        if others is None:
            return "the kernel does not say what others took of the CPUs"
        worth = "" if others <= _OTHERS_PERCENT else ": with more than one thread rates and ratios tell of that load"
        return f"others took {others:.0f} % of the CPUs meanwhile{worth}"

    def exit_code(self, is_held: bool) -> int:
        """Return 0 for limits that were held, 1 for others unless they were measured beside somebody's work."""
        others = self.others_percent()
        if is_held or others is None or others <= _OTHERS_PERCENT:
            return 0 if is_held else 1
        print(f"not judged: others took {others:.0f} % of the CPUs meanwhile, {_OTHERS_PERCENT:.0f} % are tolerated")
        return 0


def _own_s() -> float:
    """Return the processor time of this process and of the children that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
