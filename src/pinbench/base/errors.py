"""The exception tree and the exit codes of every command.

    PinbenchError            1   the run failed
    +-- UsageError           2   what the user wrote is wrong; nothing was started
    +-- HostError           77   this host cannot run the case (ctest shows Skipped)
    +-- PlanError            1   the case does not fit this host
    +-- LaunchError          1   an instance died, hung or could not be started
    +-- RecordError          1   a log directory cannot be written or read
    +-- KpiError             1   the record does not support a number
    +-- DataError            1   a data set is missing, damaged or of another form
    +-- ModelError           1   a model or checkpoint does not fit, or computes something wrong
    +-- OperatorError        1   an operator of our own cannot be had; an engine falls back and says so

A message is one line: what is wrong, with the value; where; what to do.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a process returns; ctest knows `SKIPPED` as its SKIP_RETURN_CODE."""

    PASSED = 0
    FAILED = 1
    BAD_USAGE = 2
    SKIPPED = 77


class PinbenchError(Exception):
    """An error that its message explains completely; shown without a traceback."""

    exit_code: ExitCode = ExitCode.FAILED


class UsageError(PinbenchError):
    """A parameter, option or configuration file is wrong."""

    exit_code = ExitCode.BAD_USAGE


class HostError(PinbenchError):
    """This host lacks what the case needs."""

    exit_code = ExitCode.SKIPPED


class PlanError(PinbenchError):
    """The instances that were asked for do not fit the host."""


class LaunchError(PinbenchError):
    """An instance could not be started, died, or passed its deadline."""


class RecordError(PinbenchError):
    """A log directory or record cannot be written or read."""


class KpiError(PinbenchError):
    """The record does not support the number."""


class DataError(PinbenchError):
    """A data set is missing, damaged or of another form."""


class ModelError(PinbenchError):
    """A model or checkpoint does not fit, or computes something wrong."""


class OperatorError(PinbenchError):
    """An operator of our own cannot be built, loaded or used for a model."""
