"""What parent and child say to each other over the gate: one JSON object a line on a socket pair.

Child to parent:
    {"say": "phase", "phase": "warm-up"}          heartbeat and progress, at each phase and every BEAT_S; a noun
    {"say": "arrived", "barrier": "start"}        waits until all instances have arrived
    {"say": "reached"}                            has its steps and duration; goes on until told to stop
    {"say": "error", "message": "...", "exit_code": 1}    the reason, in one line, before it exits
Parent to child:
    {"say": "open", "barrier": "start", "at_ns": 123}     all have arrived; begin at this CLOCK_MONOTONIC time

The stop flag is one byte of shared memory: reading it between two steps costs nothing that a measurement shows.
An end of file on either side means that the other one died.
"""

from enum import StrEnum


class Barrier(StrEnum):
    """The places where all instances wait for each other, in this order."""

    WEIGHTS = "weights"  # the shared stores are filled
    START = "start"  # all are warm: the measured window begins
    STOPPED = "stopped"  # all have left the window: memory is read while everyone still lives
    PEAK = "peak"  # the GEMM peak is measured by all at once
    DONE = "done"  # results are written


STOP_FLAG_BYTES = 1
BEAT_S = 5.0  # a child says where it is at least this often; rarely enough to leave no trace in a measurement
