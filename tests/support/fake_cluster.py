"""A stand-in for an API server: it keeps what it was asked, and a "pod" is the real entry as a process.

`mode` is what is to go wrong: `unschedulable`, `no-image`, `no-pod`, `dead` (out of memory at once), `evicted`, `stuck`
(the entry exports nothing and obeys nobody), `torn` (half of each archive), `dropped` (the first reader's connection
breaks), `forbidden` (no namespace may be made). What it is given must be valid by the schemas of Kubernetes.
"""

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
from fake_entry import start_entry

ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
IMAGE_ID = f"registry.example.org/dummy@sha256:{'b' * 64}"


class FakeCluster:
    """Serves on a port of its own while it is entered."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder = folder
        self.python = python
        self.mode = ""
        self.is_gone = False  # every connection ends without an answer
        self.asked: list[tuple[str, str]] = []
        self.made: list[dict] = []
        self.namespaces: set[str] = set()
        self.events: list[dict] = []
        self.looks = 0
        self.readers = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.cluster = self  # type: ignore[attr-defined]
        self.server.daemon_threads = True

    def __enter__(self) -> "FakeCluster":
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.kill()

    @property
    def state(self) -> Path:
        return self.folder / "tmp"

    def kubeconfig(self) -> Path:
        path = self.folder / "kubeconfig"
        address = f"http://127.0.0.1:{self.server.server_address[1]}"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": address}}],
            "users": [{"name": "me", "user": {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "me"}}],
        }))  # fmt: skip
        return path

    def made_of(self, kind: str) -> dict:
        (found,) = (manifest for manifest in self.made if manifest["kind"] == kind)
        return found

    def start(self, job: dict) -> None:
        container = job["spec"]["template"]["spec"]["containers"][0]
        self.state.mkdir()
        self.process = start_entry(
            self.mode,
            container["args"],
            state=self.state,
            variables={variable["name"]: variable["value"] for variable in container.get("env", ())},
            python=self.python,
            out=self.folder / "out",
        )

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def pods(self) -> list[dict]:
        self.looks += 1
        if self.mode == "no-pod":
            return []
        pod = {"metadata": {"name": "case-x7x7x", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {}}
        return [
            {**pod, "spec": {"nodeName": "" if self.mode == "unschedulable" else "node-a"}, "status": self._status()}
        ]

    def _status(self) -> dict:
        if self.mode == "unschedulable":
            condition = {
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/3 nodes are free: 3 Insufficient cpu.",
            }  # fmt: skip
            return {"phase": "Pending", "conditions": [condition]}
        if self.mode == "no-image":
            reason = "ErrImagePull" if self.looks == 1 else "ImagePullBackOff"
            waiting = {"reason": reason, "message": 'Back-off pulling image "dummy:latest"'}
            return {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}}]}
        if self.mode == "evicted" and self.looks > 2:
            message = "The node was low on resource: memory."
            return {"phase": "Failed", "reason": "Evicted", "message": message}
        if self.looks == 1:
            return {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}
        assert self.process is not None
        code = self.process.poll()
        if code is None:
            return {"phase": "Running", "containerStatuses": [{"imageID": IMAGE_ID, "state": {"running": {}}}]}
        ended = {"exitCode": code, "reason": "OOMKilled" if self.mode == "dead" else "Error"}
        return {"phase": "Failed", "containerStatuses": [{"imageID": IMAGE_ID, "state": {"terminated": ended}}]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def cluster(self) -> FakeCluster:
        return self.server.cluster  # type: ignore[attr-defined, no-any-return]

    def log_message(self, *words: object) -> None:
        return

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()

    def _answer(self, value: object, code: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, message: str, code: int) -> None:
        self._answer({"kind": "Status", "status": "Failure", "message": message, "code": code}, code)

    def _begin(self) -> str | None:
        """Note the request and return its path; None where nobody answers any more."""
        if self.cluster.is_gone:
            self.close_connection = True
            return None
        path = urlsplit(self.path).path
        self.cluster.asked.append((self.command, path))
        return path

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if (path := self._begin()) is None:
            return
        if self.cluster.mode == "forbidden":
            self._refuse('namespaces is forbidden: User "me" cannot create resource "namespaces"', 403)
            return
        kubernetes_validate.validate(body, kubernetes_validate.latest_version(), strict=True)
        self.cluster.made.append(body)
        if path == "/api/v1/namespaces":
            self.cluster.namespaces.add(body["metadata"]["name"])
        elif path == f"/apis/batch/v1/namespaces/{body['metadata']['namespace']}/jobs":
            self.cluster.start(body)
        else:
            self._refuse(f"nothing is at {path}", 404)
            return
        self._answer(body, 201)

    def do_DELETE(self) -> None:
        path = self._begin()
        if path is None:
            return
        name = path.removeprefix("/api/v1/namespaces/")
        if name not in self.cluster.namespaces:
            self._refuse(f'namespaces "{name}" not found', 404)
            return
        self.cluster.namespaces.remove(name)
        self.cluster.kill()
        self._answer({"metadata": {"name": name}, "status": {"phase": "Terminating"}})

    def do_GET(self) -> None:
        path = self._begin()
        if path is None:
            return
        if path == "/version/":
            self._answer({"gitVersion": "v1.99.1"})
        elif re.fullmatch(r"/api/v1/namespaces/[^/]+/pods", path):
            self._answer({"items": self.cluster.pods(), "aFieldOfTheFuture": 1})
        elif path.endswith("/events"):
            self._answer({"items": self.cluster.events})
        elif path.endswith("/log"):
            self._log()
        elif path.endswith("/exec"):
            self._exec(parse_qs(urlsplit(self.path).query)["command"])
        else:
            self._refuse(f"nothing is at {path}", 404)

    def _log(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        process = self.cluster.process
        with (self.cluster.folder / "out").open("rb") as out:
            while True:
                has_ended = process is None or process.poll() is not None or self.cluster.is_gone
                if data := out.read():
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                elif has_ended:
                    break
                time.sleep(0.02)
        self.wfile.write(b"0\r\n\r\n")

    def _exec(self, command: list[str]) -> None:
        process = self.cluster.process
        if process is None or process.poll() is not None:
            self._refuse("container not found", 500)
            return
        if command[0] == "sh":
            os.kill(process.pid, signal.SIGTERM)
            command = ["true"]
        state = str(self.cluster.state)
        words = [
            word.replace("/export-logs", f"{state}/export-logs").replace("/tmp/pinbench", state) for word in command
        ]
        accept = base64.b64encode(hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + ACCEPT).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
        self.end_headers()
        self.close_connection = True
        with suppress(ConnectionError):
            self._serve(words)

    def _serve(self, words: list[str]) -> None:
        is_export = words[0] == "cat"
        self.cluster.readers += is_export
        if is_export and self.cluster.mode == "dropped" and self.cluster.readers == 1:
            self.wfile.write(b"\x88\x00")
            return
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader:
            assert reader.stdout is not None
            data = self._read(reader)
            if is_export and self.cluster.mode == "torn":
                data = data[: len(data) // 2]
            for begin in range(0, len(data), 10_000):
                self._frame(1, data[begin : begin + 10_000])
            code = reader.wait()
        status = {"status": "Success"} if code == 0 else {"status": "Failure", "message": f"exit code {code}"}
        self._frame(3, json.dumps(status).encode())
        self.wfile.write(b"\x88\x00")

    def _read(self, reader: subprocess.Popen[bytes]) -> bytes:
        """Return all that `reader` writes; end it when the pod or the cluster goes away."""
        done = threading.Event()

        def watch() -> None:
            process = self.cluster.process
            while not done.wait(0.05):
                if self.cluster.is_gone or process is None or process.poll() is not None:
                    reader.kill()
                    return

        threading.Thread(target=watch, daemon=True).start()
        assert reader.stdout is not None
        try:
            return reader.stdout.read()
        finally:
            done.set()

    def _frame(self, channel: int, data: bytes) -> None:
        payload = bytes([channel]) + data
        head = b"\x82" + (bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big"))
        self.wfile.write(head + payload)
