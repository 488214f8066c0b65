"""A pod from its making to its end: what it says is kept as it comes, and its logs as far as they go.

Whatever happens, the namespace is gone afterwards, or the error says that it is not.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinbench.base.errors import LaunchError
from pinbench.harness.launch.archive import unpack
from pinbench.harness.launch.cluster import Cluster, LostError, Remote
from pinbench.harness.launch.container_argv import EXPORT_COMMAND, LABEL, SALVAGE_COMMAND
from pinbench.harness.launch.container_session import OBEY_S, Folders
from pinbench.harness.launch.interrupts import Interrupts
from pinbench.harness.launch.pod_state import PodState, Stage

_TICK_S = 0.5
_EARLY_S = 10.0  # of a container that has just started, the pipe may not be there yet
_REAP_S = 2.0
_TORN_LIMIT = 5  # attempts to read the archive whole
_STOP = ("sh", "-c", "kill -TERM 1")  # the entry is the first process of its container


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLimits:
    """How long to wait, in seconds."""

    node_s: float  # for a node that takes the pod
    start_s: float  # from its making until it runs: images are fetched
    run_s: float  # for the logs of the whole run
    obey_s: float = OBEY_S  # for the logs of a run that was asked to end
    lost_s: float = 60.0  # for an API server that does not answer
    gone_s: float = 120.0  # for the end of the namespace
    poll_s: float = 2.0  # between two looks at the pod


class PodSession:
    """One pod; `run` may be called once. `pod` is the last that was seen of it."""

    def __init__(
        self,
        cluster: Cluster,
        objects: Sequence[Mapping[str, Any]],
        *,
        folders: Folders,
        limits: PodLimits,
        interrupts: Interrupts,
        say: Callable[[str], None],
        on_line: Callable[[str], None],
    ) -> None:
        """Take what `run` needs.

        Args:
            cluster: runs it.
            objects: a namespace, and a Job in it.
            folders: where its words and logs go.
            limits: in seconds.
            interrupts: entered; a signal ends the run, and the logs of what there was are fetched.
            say: is told how the pod fares.
            on_line: is given what the pod writes, line by line, while it runs.
        """
        self._cluster = cluster
        self._objects = objects
        self._namespace = str(objects[0]["metadata"]["name"])
        self._selector = f"{LABEL}={objects[0]['metadata']['labels'][LABEL]}"
        self._folders = folders
        self._limits = limits
        self._interrupts = interrupts
        self._say = say
        self._on_line = on_line
        self._words: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._rest = b""
        self._is_over = threading.Event()
        self._follower: threading.Thread | None = None
        self._heard = 0.0  # when the cluster last answered
        self.pod: PodState | None = None

    def run(self) -> None:
        """Run the pod until its logs are here, and remove its namespace.

        Raises:
            LaunchError: it cannot be made, finds no node, dies, or passes its limit. What there was of logs is here.
            KeyboardInterrupt: a signal came. Likewise.
        """
        self._make_namespace()
        reason = None
        try:
            self._cluster.create(self._objects[1])
            reason = self._await_running() or self._attend()
        except LaunchError as error:
            reason = str(error)
        finally:
            left = self._remove()
            if self._follower is not None:
                self._follower.join(_REAP_S)  # the pod's words end with it
        if self._interrupts.caught:
            if left is not None:
                self._say(left)
            raise KeyboardInterrupt(self._interrupts.caught[0].name)
        if told := "; ".join(words for words in (reason, left) if words is not None):
            raise LaunchError(told)

    def _make_namespace(self) -> None:
        try:
            self._cluster.create(self._objects[0])
        except LostError:  # it may have been made all the same
            self._remove()
            raise

    def _remove(self) -> str | None:
        """Remove all that was made; return why something is left, or None."""
        try:
            self._cluster.remove(self._namespace, self._limits.gone_s)
        except LaunchError as error:
            return str(error)
        return None

    def _await_running(self) -> str | None:
        """Return when the pod runs or has run; return why it never will, or that a signal came."""
        begin, said = time.monotonic(), ""
        self._heard = begin
        while not self._interrupts.caught:
            if (reason := self._look()) is not None:
                return reason
            pod, passed_s = self.pod, time.monotonic() - begin
            if pod is not None and pod.stage is not Stage.WAITING:
                self._say(f"pod {pod.name} is {pod.stage.value} on node {pod.node}")
                return None
            words = "the Job has made no pod" if pod is None else pod.words
            if words != said:
                self._say(f"the pod waits: {words}")
                said = words
            if pod is not None and pod.has_no_node and passed_s > self._limits.node_s:
                return f"no node takes the pod within {self._limits.node_s:g} s: {words}"
            if pod is not None and pod.is_hopeless:
                return f"the pod cannot start on node {pod.node}: {words}"
            if passed_s > self._limits.start_s:
                return (
                    f"the pod did not start within {self._limits.start_s:g} s: {'; '.join((words, *self._warnings()))}"
                )
            self._interrupts.await_one(self._limits.poll_s)
        return f"interrupted {self._interrupts.caught[0].name}"

    def _look(self) -> str | None:
        """Look at the pod; return why there is no use in looking again."""
        try:
            pod = self._cluster.pod(self._namespace, self._selector)
        except LostError as error:
            lost_s = time.monotonic() - self._heard
            return f"{error} (for {lost_s:.0f} s)" if lost_s > self._limits.lost_s else None
        self._heard = time.monotonic()
        if pod is None and self.pod is not None:
            return f"pod {self.pod.name} is gone: somebody has deleted it, or its node"
        self.pod = pod
        return None

    def _warnings(self) -> tuple[str, ...]:
        try:
            return self._cluster.warnings(self._namespace)
        except LaunchError:
            return ()  # they would only have explained

    def _attend(self) -> str | None:
        """Follow the pod's words while its logs are fetched; return why they are not those of a whole run, or None."""
        assert self.pod is not None, "it runs"
        self._follower = threading.Thread(target=self._follow, args=(self.pod.name,), name="words", daemon=True)
        self._follower.start()
        try:
            return self._fetch(self.pod.name)
        finally:
            self._archive.unlink(missing_ok=True)
            if self.pod is not None and self.pod.stage is Stage.ENDED:
                self._follower.join(_REAP_S)  # one that lives says nothing more
            self._is_over.set()
            self._hand_on(is_end=True)

    def _follow(self, pod: str) -> None:
        """Put what the pod writes into the queue, in a thread; a connection that breaks is made again."""
        seen = 0
        while not self._is_over.is_set():
            skip = seen
            try:
                for piece in self._cluster.follow(self._namespace, pod):
                    fresh = piece[skip:]
                    skip = max(0, skip - len(piece))
                    seen += len(fresh)
                    self._words.put(fresh)
            except LostError:
                self._is_over.wait(_TICK_S)
                continue
            except LaunchError:
                return  # the pod is gone
            return

    def _fetch(self, pod: str) -> str | None:
        """Bring the logs here; return why they are not those of a run that ended by itself, or None."""
        begin, torn = time.monotonic(), 0
        while True:
            remote, size, reason = self._export(pod, begin + self._limits.run_s)
            is_whole = size > 0 and self._unpack()
            if is_whole or reason is not None:
                return reason if is_whole else self._salvage(pod, reason)
            if (lost := self._look()) is not None:
                return lost
            if self.pod is not None and self.pod.stage is Stage.ENDED:
                return f"pod {pod} {self.pod.words}; its words: {self._folders.console}"
            torn += size > 0
            if torn == _TORN_LIMIT:
                return f"the archive of pod {pod} is torn, {torn} times"
            if remote is not None and remote.has_failed and time.monotonic() > begin + _EARLY_S:
                return f"pod {pod} gives no logs: {' '.join(remote.errors.decode(errors='replace').split())}"
            self._interrupts.await_one(_TICK_S)

    def _export(self, pod: str, give_up: float) -> tuple[Remote | None, int, str | None]:
        """Return the reader of one attempt, how many bytes came, and what is wrong with the run."""
        try:
            remote = self._cluster.start(self._namespace, pod, EXPORT_COMMAND)
        except LostError:
            return None, 0, self._trouble(0, give_up)
        try:
            self._archive.unlink(missing_ok=True)
            size, reason = self._copy(remote, give_up, known=0)
            if reason is not None:
                self._tell_to_stop(pod)
                known = len(self._interrupts.caught)  # those have been acted upon
                size += self._copy(remote, time.monotonic() + self._limits.obey_s, known=known)[0]
        finally:
            remote.close()
        return remote, size, reason

    def _copy(self, remote: Remote, give_up: float, *, known: int) -> tuple[int, str | None]:
        """Append what comes to the archive until its end; return its size, and why it was not waited for."""
        size, looked = 0, time.monotonic()
        with self._archive.open("ab") as file:
            while (data := remote.read(_TICK_S)) is not None:
                file.write(data)
                size += len(data)
                self._hand_on()
                if (reason := self._trouble(known, give_up)) is not None:
                    return size, reason
                if time.monotonic() > looked + self._limits.poll_s:
                    looked = time.monotonic()
                    if (reason := self._look()) is not None or (self.pod and self.pod.stage is Stage.ENDED):
                        return size, reason
        return size, None

    def _trouble(self, known: int, give_up: float) -> str | None:
        self._interrupts.drain()
        if len(self._interrupts.caught) > known:
            return f"interrupted {self._interrupts.caught[0].name}"
        if time.monotonic() > give_up:
            return f"the pod did not end within {self._limits.run_s:g} s, more than its own deadline"
        return None

    def _tell_to_stop(self, pod: str) -> None:
        try:
            remote = self._cluster.start(self._namespace, pod, _STOP)
        except LostError:
            return  # it may have died by now
        give_up = time.monotonic() + self._limits.obey_s
        while remote.read(_TICK_S) is not None and time.monotonic() < give_up:
            pass
        remote.close()

    def _salvage(self, pod: str, reason: str | None) -> str | None:
        """Fetch what lies in the pod now, because its entry does not give it any more; return `reason`."""
        try:
            remote = self._cluster.start(self._namespace, pod, SALVAGE_COMMAND)
        except LostError:
            return reason
        give_up = time.monotonic() + self._limits.obey_s
        with self._archive.open("wb") as file:
            while (data := remote.read(_TICK_S)) is not None and time.monotonic() < give_up:
                file.write(data)
        remote.close()
        self._unpack()
        return reason

    @property
    def _archive(self) -> Path:
        return self._folders.work / ".export.tar"

    def _unpack(self) -> bool:
        try:
            return unpack(self._archive, self._folders.logs)
        finally:
            self._archive.unlink(missing_ok=True)

    def _hand_on(self, *, is_end: bool = False) -> None:
        """Keep what the pod has written since, and hand on whole lines; at the end also one without a line break."""
        data = b""
        while not self._words.empty():
            data += self._words.get()
        with self._folders.console.open("ab") as console:
            console.write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if is_end and self._rest:
            lines.append(self._rest)
        for line in lines:
            self._on_line(line.decode("utf-8", errors="replace"))
