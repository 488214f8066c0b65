"""What a configured build folder knows: its workloads and their settings, as cmake/workload.cmake wrote them."""

from dataclasses import dataclass
from pathlib import Path

from pinbench.base.jsonio import from_jsonable, read_json


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """The options of CMake for one workload, in the form that names images and cases.

    Args:
        source: the path of the workload's folder.
        platform: the platform, or the alias of it that the user gave.
        benchmark: the regular expression that chose the workloads; empty for all.
        backend: where instances run.
        registry: empty, or with its closing slash.
        release: the image tag with its colon.
        timeout: seconds of a case, and after a comma of fetching its images.
        container_engine: docker, podman or a path of either; empty for the one that works.
        docker_options: words for `docker run`, as a shell reads them.
        kubernetes_options: what a pod asks for, and of which cluster, as a shell reads it.
    """

    source: str
    platform: str
    benchmark: str
    backend: str
    registry: str
    release: str
    timeout: str
    container_engine: str = ""
    docker_options: str = ""
    kubernetes_options: str = ""


def read_settings(build: Path) -> tuple[BuildSettings, ...]:
    """Return the settings of each workload in `build`: a whole build folder, or the folder of one workload in it.

    Raises:
        RecordError: a settings file is damaged.
    """
    files = [*build.glob("settings.json"), *sorted(build.glob("workload/*/settings.json"))]
    return tuple(from_jsonable(BuildSettings, read_json(path), str(path)) for path in files)
