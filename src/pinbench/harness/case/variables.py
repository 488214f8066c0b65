"""What the environment of a container may hold: parameters, and what systems and images set. Anything else is a slip.

Outside of a container nothing can be said: a shell's environment is full of names that are nobody's parameters.
"""

import re
from collections.abc import Collection, Mapping

from pinbench.base.errors import UsageError
from pinbench.harness.case.nearest import hint
from pinbench.harness.case.workload import Workload

PASS = "PINBENCH_PASS"  # names, by comma, that are handed on unexamined

_PARAMETER_LIKE = re.compile(r"[A-Z][A-Z0-9_]*")
# environ(7) and the standards that it names; images of Debian and of Python; what engines and clusters put there.
_SYSTEM = frozenset({
    "DEBIAN_FRONTEND", "GPG_KEY", "HOME", "HOSTNAME", "HTTPS_PROXY", "HTTP_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
    "LANG", "LANGUAGE", "LOGNAME", "OLDPWD", "PATH", "PWD", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SHELL", "SHLVL",
    "SOURCE_DATE_EPOCH", "TERM", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV",
})  # fmt: skip
_SYSTEM_PREFIXES = (
    "PINBENCH_", "PYTHON", "PIP_", "XDG_", "LC_", "LD_", "SSL_CERT_", "TORCH", "NVIDIA_", "CUDA_", "ASCEND_",
    "KUBERNETES_", "GLOO_", "NCCL_", "CCL_",
)  # fmt: skip
# Of torchrun, for the processes that it starts: torch.distributed.run, "Environment Variables".
TORCHRUN = frozenset({
    "RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "ROLE_NAME", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE",
    "ROLE_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
})  # fmt: skip
# Of each service in the namespace, unless a pod says enableServiceLinks: false (kubernetes.io, "Discovering services").
_SERVICE = re.compile(r"[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_[A-Z]+(_[A-Z]+)?)?)")
_TOPOLOGY = "TOPOLOGY"  # WSF's word for the recipe: its images hold several, ours one


def require_known(workload: Workload, environment: Mapping[str, str], scrubbed: Collection[str]) -> None:
    """Return if every name in `environment` that looks like a parameter is one, or is not meant as one.

    Args:
        workload: whose parameters.
        environment: of a container.
        scrubbed: prefixes of names that instances never get from it: those of libraries.

    Raises:
        UsageError: a name is unknown; names the nearest parameter.
    """
    passed = [name.strip() for name in environment.get(PASS, "").split(",")]
    prefixes = (*_SYSTEM_PREFIXES, *scrubbed)
    in_cluster = "KUBERNETES_SERVICE_HOST" in environment
    for name in sorted(environment):
        if name in workload.spellings or name in passed or not _PARAMETER_LIKE.fullmatch(name):
            continue
        if name in _SYSTEM or name in TORCHRUN or name.startswith(prefixes):
            continue
        if in_cluster and _SERVICE.fullmatch(name):
            continue
        if name == _TOPOLOGY:
            _require_topology(workload, environment[name])
            continue
        raise UsageError(
            f"{name}={environment[name]} is no parameter of {workload.name}{hint(name, workload.spellings)}; --help "
            f"lists them, and {PASS}={name} hands it on as it is"
        )


def _require_topology(workload: Workload, value: str) -> None:
    if value != workload.recipe:
        raise UsageError(f"{_TOPOLOGY}={value} is not what this image runs, which is {workload.recipe}; leave it out")
