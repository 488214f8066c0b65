"""KUBERNETES_OPTIONS: what only the user knows of a cluster, as words that are read as a shell reads them."""

import re
import shlex
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pinbench.base.errors import UsageError
from pinbench.base.units import GIB, MIB

NAME = "KUBERNETES_OPTIONS"
_UNITS = {"Mi": MIB, "Gi": GIB, "Ti": 1024 * GIB}
_PAGES = {
    "2Mi": 2 * MIB,
    "1Gi": GIB,
    "64Ki": MIB // 16,
    "32Mi": 32 * MIB,
    "512Mi": 512 * MIB,
}  # x86, and Arm's granules
# kubernetes.io, "Labels and Selectors": Syntax and character set
_LABEL = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodOptions:
    """What a pod asks for, and of which cluster."""

    cpus: int
    memory_bytes: int
    hugepages: Mapping[str, int] = field(default_factory=dict)  # bytes, by the size of a page in Kubernetes' words
    node_labels: Mapping[str, str] = field(default_factory=dict)
    tolerations: Mapping[str, str] = field(default_factory=dict)  # an empty value: whatever the taint's is
    host_paths: tuple[str, ...] = ()
    needs_features: bool = False  # nodes without the labels of CPU and instruction set are out
    kubeconfig: str = ""
    context: str = ""
    node_wait_s: float = 30.0  # for a node that takes the pod; more where nodes are made on demand


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{NAME}: {message}; e.g. -D{NAME}='--cpus=16 --memory=64Gi', see doc/how-to/kubernetes.md")


def read_pod_options(text: str) -> PodOptions:
    """Return what `text`, the value of KUBERNETES_OPTIONS, asks for.

    Raises:
        UsageError: it is no words of a shell, lacks cpus or memory, or has a word or value that makes no sense.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{NAME}={text}: {error}") from error
    told: dict[str, Any] = vars(_parser().parse_args(words))
    for name in ("hugepages", "node_labels", "tolerations"):
        told[name] = dict(told[name])
    return PodOptions(**{**told, "host_paths": tuple(told["host_paths"])})


def _parser() -> _Parser:
    parser = _Parser(prog=NAME, allow_abbrev=False, add_help=False)
    parser.add_argument("--cpus", type=_count, required=True)
    parser.add_argument("--memory", type=_memory, required=True, dest="memory_bytes")
    parser.add_argument("--hugepages", type=_hugepages, action="append", default=[])
    parser.add_argument("--node-label", type=_pair, action="append", default=[], dest="node_labels")
    parser.add_argument("--toleration", type=_taint, action="append", default=[], dest="tolerations")
    parser.add_argument("--host-path", type=_path, action="append", default=[], dest="host_paths")
    parser.add_argument("--needs-features", action="store_true")
    parser.add_argument("--kubeconfig", default="")
    parser.add_argument("--context", default="")
    parser.add_argument("--node-wait", type=float, default=30.0, dest="node_wait_s")
    return parser


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise ArgumentTypeError(f"{text!r} is no whole number of CPUs, which alone get cores of their own")
    return int(text)


def _memory(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,7})(Mi|Gi|Ti)", text)
    if not found:
        raise ArgumentTypeError(f"{text!r} is no size such as 512Mi, 64Gi or 1Ti")
    return int(found[1]) * _UNITS[found[2]]


def _hugepages(text: str) -> tuple[str, int]:
    page, _, size = text.partition(":")
    if page not in _PAGES:
        raise ArgumentTypeError(f"{text!r} does not begin with a size of pages and a colon: {', '.join(_PAGES)}")
    size_bytes = _memory(size)
    if size_bytes % _PAGES[page]:
        raise ArgumentTypeError(f"{text!r}: {size} is no whole number of pages")
    return page, size_bytes


def _pair(text: str) -> tuple[str, str]:
    if "=" not in text:
        raise ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return _taint(text)


def _taint(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    if not _LABEL.fullmatch(key) or not _VALUE.fullmatch(value):
        raise ArgumentTypeError(f"{text!r} has characters that labels and taints cannot have")
    return key, value


def _path(text: str) -> str:
    if not text.startswith("/") or ".." in text.split("/"):
        raise ArgumentTypeError(f"{text!r} is no absolute path of the nodes")
    return text
