"""A Kubernetes cluster through its API: what a run asks of it, in plain values and our own errors."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from pinbench.base.errors import LaunchError, UsageError
from pinbench.harness.launch.kubernetes_client import broken_connection, require_client
from pinbench.harness.launch.pod_manifest import CONTAINER
from pinbench.harness.launch.pod_state import PodState, pod_state

_CALL_S = (10.0, 30.0)  # to connect, to answer
_STDOUT, _STDERR, _RESULT = 1, 2, 3  # of the exec protocol: k8s.io/apimachinery, "remotecommand"
_REFUSED, _GONE = 400, 404  # RFC 9110
_MAY_PASS = (429, *range(500, 600))  # RFC 6585, RFC 9110


class LostError(LaunchError):
    """The API server does not answer, which may pass."""


class Remote:
    """A command that runs in a pod, and what it writes."""

    def __init__(self, stream: Any, broken: tuple[type[Exception], ...]) -> None:
        """Take the client's stream, which raises one of `broken` when its connection breaks."""
        self._stream = stream
        self._broken = broken
        self.errors = b""
        self._result = b""

    def read(self, wait_s: float) -> bytes | None:
        """Return what has come within `wait_s` or before, None at the end."""
        data = b""
        try:
            self._stream.update(timeout=wait_s)
            data = self._stream.read_channel(_STDOUT)
            self.errors += self._stream.read_channel(_STDERR)
            self._result += self._stream.read_channel(_RESULT)
        except self._broken as error:
            self.errors += str(error).encode()
            self.close()
        return data if data or self._stream.is_open() else None

    @property
    def has_failed(self) -> bool:
        """Whether it ended by itself and not well; false where the connection broke."""
        try:
            return bool(json.loads(self._result)["status"] != "Success")
        except (ValueError, KeyError, TypeError):
            return False

    def close(self) -> None:
        """Leave it."""
        with suppress(*self._broken):
            self._stream.close()
        self._stream.sock.shutdown()  # after the server's own word of the end, close() leaves the socket open


class Cluster:
    """The cluster of a kubeconfig, or the one that this process runs in; connections are open while it is entered."""

    def __init__(self, *, kubeconfig: str = "", context: str = "") -> None:
        """Read the configuration; nothing is asked yet.

        Raises:
            LaunchError: the client is not installed.
            UsageError: there is no usable configuration.
        """
        self._client = require_client()
        self._stream = require_client("stream")
        self._broken = broken_connection()
        self._configuration = self._client.Configuration()
        _configure(self._configuration, kubeconfig, context)
        self._configuration.retries = False  # a run asks again by itself, and knows for how long
        self._apis: list[Any] = []
        api = self._api()
        self._core, self._batch = self._client.CoreV1Api(api), self._client.BatchV1Api(api)
        self._version = self._client.VersionApi(api)
        self.address = str(self._configuration.host)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for api in self._apis:
            api.rest_client.close()

    def version(self) -> str:
        """Return the version of the API server.

        Raises:
            LostError: it does not answer.
        """
        return str(self._ask(self._version.get_code)["gitVersion"])

    def create(self, manifest: Mapping[str, Any]) -> None:
        """Create a namespace or a Job.

        Raises:
            LaunchError: the cluster refuses, in its own words.
        """
        if manifest["kind"] == "Namespace":
            self._ask(self._core.create_namespace, dict(manifest))
        else:
            self._ask(self._batch.create_namespaced_job, manifest["metadata"]["namespace"], dict(manifest))

    def pod(self, namespace: str, selector: str) -> PodState | None:
        """Return the state of the newest pod that `selector` finds, None where there is none.

        Raises:
            LostError: the cluster does not answer.
        """
        pods = self._ask(self._core.list_namespaced_pod, namespace, label_selector=selector)["items"]
        pods.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp")))
        return pod_state(pods[-1]) if pods else None

    def warnings(self, namespace: str) -> tuple[str, ...]:
        """Return what the cluster warns of in `namespace`, each thing once."""
        events = self._ask(self._core.list_namespaced_event, namespace)["items"]
        told = [f"{event.get('reason')}: {event.get('message')}" for event in events if event.get("type") == "Warning"]
        return tuple(dict.fromkeys(" ".join(words.split()) for words in told))

    def follow(self, namespace: str, pod: str) -> Iterator[bytes]:
        """Yield what the pod writes, from its start on, as it comes, until its end or that of the connection.

        Raises:
            LaunchError: it cannot be read.
        """
        api = self._client.ApiClient(self._configuration)  # of its own: it is for another thread
        core = self._client.CoreV1Api(api)
        response = self._call(
            core.read_namespaced_pod_log, pod, namespace, container=CONTAINER, follow=True, _request_timeout=None
        )
        try:
            while piece := response.read1(1 << 16):
                yield piece
        except self._broken as error:
            raise LostError(f"the words of pod {pod} do not come any more: {error}") from error
        finally:
            response.close()
            api.rest_client.close()

    def start(self, namespace: str, pod: str, command: Sequence[str]) -> Remote:
        """Start `command` in the pod.

        Raises:
            LaunchError: it cannot be started.
        """
        api = self._client.CoreV1Api(self._api())  # of its own: the client bends it to another protocol meanwhile
        try:
            stream = self._stream.stream(
                api.connect_get_namespaced_pod_exec, pod, namespace, container=CONTAINER, command=list(command),
                stdin=False, stdout=True, stderr=True, tty=False, binary=True, _preload_content=False,
            )  # fmt: skip
        except self._client.ApiException as error:
            raise LostError(f"no command can be run in pod {pod}: {error.reason}") from error
        return Remote(stream, self._broken)

    def remove(self, namespace: str, gone_s: float, pause: Callable[[float], None] = time.sleep) -> None:
        """Delete `namespace` with all in it, and wait until it is gone, `gone_s` at the most.

        Raises:
            LaunchError: it stays; says how to remove it.
        """
        give_up = time.monotonic() + gone_s
        way_out = f"remove it: kubectl delete namespace {namespace}"
        try:
            while self._delete(namespace):
                if time.monotonic() > give_up:
                    raise LaunchError(f"namespace {namespace} is still there after {gone_s:g} s; {way_out}")
                pause(0.5)
        except LostError as error:
            raise LaunchError(f"namespace {namespace} is left: {error}; {way_out}") from error

    def _delete(self, namespace: str) -> bool:
        """Ask for the end of `namespace`; return whether it is still there."""
        try:
            self._call(self._core.delete_namespace, namespace, propagation_policy="Foreground").close()
        except _AbsentError:
            return False
        return True

    def _ask(self, call: Callable[..., Any], *values: Any, **options: Any) -> Any:
        response = self._call(call, *values, **options)
        return json.loads(response.data)

    def _call(self, call: Callable[..., Any], *values: Any, **options: Any) -> Any:
        """Return the raw answer: the client's models would refuse what newer servers add."""
        try:
            response = call(*values, **{"_preload_content": False, "_request_timeout": _CALL_S, **options})
        except self._client.ApiException as error:
            raise self._refusal(error.status or 0, error.body, error.reason or error) from error
        except self._client.rest.urllib3.exceptions.HTTPError as error:
            raise LostError(f"the cluster at {self.address} does not answer: {error}") from error
        if response.status >= _REFUSED:
            raise self._refusal(response.status, response.data, response.reason)
        return response

    def _refusal(self, status: int, body: Any, reason: object) -> LaunchError:
        """Return the error for an answer that is none, in the cluster's own words."""
        try:
            words = " ".join(str(json.loads(body)["message"]).split())
        except (TypeError, ValueError, KeyError):
            words = " ".join(f"{status or ''} {reason}".split())
        if not status:
            return LostError(f"the cluster at {self.address} does not answer: {words}")
        kind = _AbsentError if status == _GONE else LostError if status in _MAY_PASS else LaunchError
        return kind(f"the cluster at {self.address} refuses: {words}")

    def _api(self) -> Any:
        api = self._client.ApiClient(self._configuration)
        self._apis.append(api)
        return api


class _AbsentError(LaunchError):
    """What was asked for is not there."""


def _configure(configuration: Any, kubeconfig: str, context: str) -> None:
    config = require_client("config")
    try:
        try:
            config.load_kube_config(kubeconfig or None, context or None, configuration, persist_config=False)
        except config.ConfigException:
            if kubeconfig or context:
                raise
            config.load_incluster_config(client_configuration=configuration)
    except (config.ConfigException, OSError, ValueError) as error:
        where = f"--kubeconfig={kubeconfig}" if kubeconfig else "KUBECONFIG or ~/.kube/config"
        raise UsageError(f"no cluster is configured by {where}: {' '.join(str(error).split())}") from error
