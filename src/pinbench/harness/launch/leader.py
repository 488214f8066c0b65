"""Leads the instances through the gate, from the first word to the last death, and sees what goes wrong."""

import selectors
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pinbench.base.units import ns_to_s, s_to_ns
from pinbench.contract.gate import Barrier
from pinbench.harness.launch import failure
from pinbench.harness.launch.crew import Crew, Member, dump_stacks
from pinbench.harness.launch.evidence import count_oom_kills, last_lines, oom_evidence
from pinbench.harness.launch.failure import Death, Fault
from pinbench.harness.launch.gate import Gate
from pinbench.harness.launch.interrupts import Interrupts
from pinbench.harness.launch.stop_flag import StopFlag

_LEAD_NS = s_to_ns(0.05)  # within it every instance has read the opening, on a busy host too
_EDGE_NS = s_to_ns(0.005)  # the host is sampled just before the window, so that no step is disturbed by it
_LAST_WORDS_S = 2.0  # between an instance's own reason and its exit
_LOOK_S = 0.1  # between two looks for deaths on a kernel that does not tell (no pidfd)
_TOGETHER = (Barrier.START, Barrier.PEAK)  # the barriers after which all must begin at the same time


def _ignore(*_: object) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Who wants to know. The window's edges come with the pids of all instances."""

    on_phase: Callable[[int, str], None] = _ignore  # instance, the phase that it has begun
    on_window_open: Callable[[Sequence[int]], None] = _ignore
    on_window_close: Callable[[Sequence[int]], None] = _ignore


class Leader:
    """One way of a crew through the gate."""

    def __init__(
        self,
        crew: Crew,
        stop: StopFlag,
        interrupts: Interrupts,
        watcher: Watcher,
        deadline_s: float,
        silence_limit_s: float,
    ) -> None:
        now_ns = time.monotonic_ns()
        self._crew = crew
        self._stop = stop
        self._interrupts = interrupts
        self._watcher = watcher
        self._deadline_s = deadline_s
        self._deadline_ns = crew.members[0].started_ns + s_to_ns(deadline_s)
        self._silence_limit_ns = s_to_ns(silence_limit_s)
        self._gate = Gate(len(crew.members), now_ns)
        self._oom_kills = count_oom_kills()
        self._start_ns: int | None = None
        self._stop_ns: int | None = None
        self._is_open = False

    @property
    def window_ns(self) -> tuple[int, int]:
        """The window's begin and end, after `lead` found no fault."""
        assert self._start_ns is not None
        assert self._stop_ns is not None
        return self._start_ns, self._stop_ns

    def lead(self) -> Fault | None:
        """Return when all instances have ended, at the first fault, or when a signal asks for the end."""
        with selectors.DefaultSelector() as selector:
            self._register(selector)
            fault = None
            while fault is None and self._crew.alive and not self._interrupts.caught:
                ready = self._wait(selector)
                fault = self._attend(selector, ready)
                if fault is None:
                    self._move_on()
                    fault = self._watch_clock()
            return fault

    def _register(self, selector: selectors.BaseSelector) -> None:
        selector.register(self._interrupts, selectors.EVENT_READ)
        for member in self._crew.members:
            selector.register(member.channel, selectors.EVENT_READ, member)
            if member.child.death_fd is not None:
                selector.register(member.child.death_fd, selectors.EVENT_READ, member)

    def _wait(self, selector: selectors.BaseSelector) -> list[Member]:
        """Sleep until something happens; return the members that it happens to."""
        alive = self._crew.alive
        waits_ns = [self._deadline_ns]
        waits_ns += [self._gate.standings[m.instance.index].heard_ns + self._silence_limit_ns for m in alive]
        if self._start_ns is not None and not self._is_open:
            waits_ns.append(self._start_ns - _EDGE_NS)
        wait_s = max(0.0, ns_to_s(min(waits_ns) - time.monotonic_ns()))
        is_blind = any(member.child.death_fd is None for member in alive)
        ready = [key.data for key, _ in selector.select(min(wait_s, _LOOK_S) if is_blind else wait_s)]
        if None in ready:
            self._interrupts.drain()
        return alive if is_blind else [member for member in alive if member in ready]

    def _attend(self, selector: selectors.BaseSelector, members: Sequence[Member]) -> Fault | None:
        for member in members:
            has_ended = member.child.has_ended()  # asked before listening, so that its last words are heard
            self._listen(selector, member)
            if self._gate.standings[member.instance.index].error is not None:
                member.child.await_end(_LAST_WORDS_S)
                has_ended = True
            if has_ended and (fault := self._bury(selector, member)) is not None:
                return fault
        return None

    def _listen(self, selector: selectors.BaseSelector, member: Member) -> None:
        if member.channel.is_closed:
            return
        index = member.instance.index
        for message in member.channel.receive():
            before = self._gate.standings[index].phase
            self._gate.hear(index, message, time.monotonic_ns())
            if (phase := self._gate.standings[index].phase) != before:
                self._watcher.on_phase(index, phase)
        if member.channel.is_closed:
            selector.unregister(member.channel)

    def _bury(self, selector: selectors.BaseSelector, member: Member) -> Fault | None:
        if not member.channel.is_closed:
            selector.unregister(member.channel)
        if member.child.death_fd is not None:
            selector.unregister(member.child.death_fd)
        after_s = ns_to_s(time.monotonic_ns() - member.started_ns)
        member.bury()
        standing = self._gate.standings[member.instance.index]
        if member.returncode == 0 and self._gate.is_done:
            return None
        return failure.death(
            Death(
                instance=member.instance,
                returncode=member.returncode,
                after_s=after_s,
                phase=standing.phase,
                words=standing.error,
                exit_code=standing.exit_code,
                oom=oom_evidence(self._oom_kills, count_oom_kills()) if member.returncode == -signal.SIGKILL else None,
                tail=last_lines(member.stderr_log),
                log=member.stderr_log,
            )
        )

    def _move_on(self) -> None:
        """Open the barrier where all wait, and the window's edges when their time has come."""
        now_ns = time.monotonic_ns()
        if (barrier := self._gate.barrier_to_open()) is not None:
            at_ns = now_ns + _LEAD_NS if barrier in _TOGETHER else now_ns
            self._gate.open(barrier)
            for member in self._crew.alive:
                member.channel.send({"say": "open", "barrier": barrier, "at_ns": at_ns})
            if barrier is Barrier.START:
                self._start_ns = at_ns
        pids = [member.child.pid for member in self._crew.members]
        if self._start_ns is not None and not self._is_open and now_ns >= self._start_ns - _EDGE_NS:
            self._is_open = True
            self._watcher.on_window_open(pids)
        if self._gate.has_window_ended and self._stop_ns is None:
            self._stop.raise_flag()  # first: whatever the watcher does must not lengthen the window
            self._stop_ns = now_ns
            self._watcher.on_window_close(pids)

    def _watch_clock(self) -> Fault | None:
        now_ns = time.monotonic_ns()
        alive = self._crew.alive
        if alive and now_ns >= self._deadline_ns:
            dump_stacks(self._speakers(alive))
            phases = {member.instance.index: self._gate.standings[member.instance.index].phase for member in alive}
            return failure.deadline(self._deadline_s, phases, [member.stderr_log for member in alive])
        for member in alive:
            standing = self._gate.standings[member.instance.index]
            if now_ns - standing.heard_ns >= self._silence_limit_ns:
                dump_stacks(self._speakers([member]))
                silent_s = ns_to_s(now_ns - standing.heard_ns)
                return failure.silence(member.instance, standing.phase, silent_s, member.stderr_log)
        return None

    def _speakers(self, members: Sequence[Member]) -> list[Member]:
        return [member for member in members if self._gate.standings[member.instance.index].has_spoken]
