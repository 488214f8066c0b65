"""workload-config.yaml and test-config.yaml: how a run was configured, under WSF's keys."""

import shlex
from dataclasses import dataclass
from typing import Any

import yaml

from pinbench.base.jsonio import to_jsonable
from pinbench.contract.case import Case
from pinbench.harness.record.tunables import tunables


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the build and the command line say of a run, beyond its case. None or empty: not known."""

    command: tuple[str, ...]  # argv that repeats the run
    options: tuple[str, ...] = ()  # of ctest.sh itself, not of ctest
    platform: str | None = None  # as it is shown: "ARMv9 (GRAVITON4)"
    platform_option: str = ""  # as it is asked for: "GRAVITON4"
    architecture: str = ""  # of the platform, in the kernel's words: "aarch64"
    backend: str = "native"
    registry: str = ""
    release: str = ""
    container_engine: str = ""
    docker_options: str = ""
    kubernetes_options: str = ""
    docker_image: str = ""  # with registry and tag
    timeout: str = ""  # as WSF writes it: "<execution s>,<image pull s>"
    benchmark: str = ""
    title: str = ""  # of the workload, as people say it
    path: str = ""  # of the workload's folder, from the top of the suite
    category: str = ""
    git_commit: str | None = None
    git_branch: str | None = None  # None: none is checked out, but a commit or a tag


_IMAGE_ARCHITECTURES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}  # in the words of image manifests (OCI)


def workload_config(case: Case, settings: Settings) -> str:
    """Return the text of workload-config.yaml: YAML without duplicate keys; what is not known is absent.

    The command lines are written to be read and pasted into a shell.
    """
    config: dict[str, Any] = {
        "script_args": "",  # WSF's own list-kpi.sh passes these to kpi.sh; ours needs none
        "cmake_cmdline": _cmake_command(settings),
        "platform": settings.platform,
        "registry": settings.registry,
        "release": settings.release,
        "image_arch": _IMAGE_ARCHITECTURES.get(settings.architecture),
        "timeout": settings.timeout,
        "benchmark": settings.benchmark,
        "backend": settings.backend,
        "docker_image": settings.docker_image,
        "docker_options": settings.docker_options,
        "kubernetes_options": settings.kubernetes_options,
        "export_logs": "/export-logs" if settings.docker_image else None,
        "name": case.workload,
        "display_name": settings.title,
        "path": settings.path,
        "category": settings.category,
        "ctestsh_cmdline": shlex.join(settings.command),
        "ctestsh_options": shlex.join(settings.options),
        "tunables": {**to_jsonable(tunables(case)), "testcase": f"test_{case.display_name}"},
        "testcase": f"test_{case.name}",
        "git_commit": settings.git_commit,
        "git_branch": settings.git_branch,
    }
    known = {key: value for key, value in config.items() if value not in (None, "") or key == "script_args"}
    return _yaml(known)


def overrides_config(case: Case) -> str | None:
    """Return the text of test-config.yaml: the user's overrides in the form that ``--config`` reads.

    None when nothing was overridden.
    """
    if not case.overrides:
        return None
    values = to_jsonable(tunables(case))
    return _yaml({f"test_{case.name}": {name: values[name] for name in case.overrides if name in values}})


def _cmake_command(settings: Settings) -> str | None:
    """Return the command that configures the build as it was; None for a run that was not started from one."""
    if not settings.timeout:
        return None
    options = {
        "PLATFORM": settings.platform_option,
        "REGISTRY": settings.registry,
        "RELEASE": settings.release,
        "TIMEOUT": settings.timeout,
        "BENCHMARK": settings.benchmark,
        "BACKEND": settings.backend,
        **({"CONTAINER_ENGINE": settings.container_engine} if settings.container_engine else {}),
        **({"DOCKER_OPTIONS": settings.docker_options} if settings.docker_options else {}),
        **({"KUBERNETES_OPTIONS": settings.kubernetes_options} if settings.kubernetes_options else {}),
    }
    return shlex.join(["cmake", *(f"-D{name}={value}" for name, value in options.items())])


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
