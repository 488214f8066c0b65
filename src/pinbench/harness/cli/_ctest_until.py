"""``--until cv=2%,max=20``: each case runs again until its key KPI is known well enough."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pinbench.base.errors import UsageError
from pinbench.base.units import PERCENT
from pinbench.harness.report.spread import half_width, variation

_MEASURES: dict[str, Callable[[Sequence[float]], float | None]] = {"cv": variation, "ci": half_width}
_LEAST, _MOST = 3, 20  # runs: two that happen to agree prove little
_NUMBER = re.compile(r"[0-9]{1,4}")
_SHARE = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """When a case has run often enough."""

    measure: str  # cv: standard deviation over mean; ci: half of the mean's 95 % interval over the mean
    share: float  # that it may have
    least: int
    most: int

    def reached(self, values: Sequence[float]) -> float | None:
        """Return the measure of `values`, None where they are too few."""
        return _MEASURES[self.measure](values)

    def is_met(self, values: Sequence[float]) -> bool:
        """Return whether `values`, one of each run that passed, are enough and near enough to each other."""
        found = self.reached(values)
        return found is not None and len(values) >= self.least and found <= self.share

    def line(self, case: str, values: Sequence[float]) -> str:
        """Return what is known of `case`."""
        found = self.reached(values)
        measured = "not known" if found is None else f"{found * PERCENT:.2f}%"
        verdict = "enough" if self.is_met(values) else f"not within {self.share * PERCENT:g}%"
        return f"# {case}: {self.measure} {measured} of {len(values)} runs, {verdict}"


def parse_until(text: str) -> Until:
    """Return what `text` asks for: ``cv=P%`` or ``ci=P%``, and where wanted ``min=N`` and ``max=N``.

    Raises:
        UsageError: it is not of that form.
    """
    given: dict[str, str] = {}
    for part in text.split(","):
        name, sign, value = (word.strip() for word in part.partition("="))
        if not sign or name in given or name not in (*_MEASURES, "min", "max"):
            raise UsageError(f"--until {text!r}: expected cv=P% or ci=P%, min=N and max=N, each once; got {part!r}")
        given[name] = value
    measures = [name for name in _MEASURES if name in given]
    if len(measures) != 1:
        raise UsageError(f"--until {text!r} needs one of cv=P% and ci=P%, such as cv=2%")
    (measure,) = measures
    share = _SHARE.fullmatch(given[measure])
    if share is None or not float(share[1]):
        raise UsageError(f"--until {text!r}: {measure} must be a percentage above 0 such as 2%, got {given[measure]!r}")
    least, most = _runs(given, "min", _LEAST, text), _runs(given, "max", _MOST, text)
    if "min" not in given:
        least = min(least, most)
    if least < 2 or most < least:
        raise UsageError(f"--until {text!r}: 2 <= min <= max is needed, got min={least} and max={most}")
    return Until(measure=measure, share=float(share[1]) / PERCENT, least=least, most=most)


def _runs(given: dict[str, str], name: str, otherwise: int, text: str) -> int:
    value = given.get(name)
    if value is not None and not _NUMBER.fullmatch(value):
        raise UsageError(f"--until {text!r}: {name} must be a number of runs, got {value!r}")
    return otherwise if value is None else int(value)
