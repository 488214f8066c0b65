"""A line after every so many steps of a training, for those who watch it; written between steps, so outside of them."""

from collections.abc import Callable

from pinbench.base.units import ns_to_ms
from pinbench.contract.result import Training


class StepLines:
    """What stands between steps, with a line now and then."""

    def __init__(
        self,
        more: Callable[[], bool],
        training: Callable[[], Training | None],
        every: int,
        *,
        say: Callable[[str], None],
        clock_ns: Callable[[], int],
    ) -> None:
        """Wrap `more`, which is asked before each step and after the last one; say a line after `every` steps."""
        self._more = more
        self._training = training
        self._every = every
        self._say = say
        self._clock_ns = clock_ns
        self._begin_ns: int | None = None  # of the step under way
        self._step_ns = 0  # of the steps since the last line
        self._steps = 0

    def more(self) -> bool:
        """Do what comes between steps, and return whether there is another one."""
        if self._begin_ns is not None:
            self._step_ns += self._clock_ns() - self._begin_ns
            self._steps += 1
        has_more = self._more()
        if self._begin_ns is not None and (self._steps % self._every == 0 or not has_more):
            self._line()
        self._begin_ns = self._clock_ns()
        return has_more

    def _line(self) -> None:
        found = self._training()
        since = self._steps % self._every or self._every
        loss = "" if found is None else f", loss {found.loss:.6f}"
        made = self._steps + (0 if found is None else found.resumed_step or 0)
        self._say(f"training: step {made}, {ns_to_ms(self._step_ns) / since:.2f} ms/step{loss}")
        self._step_ns = 0
