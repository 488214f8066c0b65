"""What `pinbench image` is told, by options, the environment and CMake, as settings of a build."""

import hashlib
import platform
import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from pinbench.base.errors import LaunchError, UsageError
from pinbench.harness.case.nearest import hint
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.source import SOURCE_ROOT
from pinbench.harness.cli._build_folder import read_settings
from pinbench.harness.image.command import PROXIES, SECRETS, Settings, known_arguments
from pinbench.harness.image.dockerfile import ImageFile
from pinbench.harness.launch.process import run_tool

# OCI's names of architectures (GOARCH) by those of uname(2).
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_TAG = re.compile(r":[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")  # OCI distribution specification: a tag
_GIT_LIMIT_S = 10.0


def make_settings(
    arguments: Namespace, images: Mapping[str, ImageFile], environment: Mapping[str, str], root: Path = SOURCE_ROOT
) -> Settings:
    """Return the settings; an option wins over the environment, and that over the build folder.

    Raises:
        UsageError: a value is wrong, or names nothing that these images have.
    """
    registry, release = _configured(arguments.build)
    contexts = _contexts(arguments.context, images)
    wanted = arguments.platform or _platform_of(environment.get("PLATFORM", ""))
    return Settings(
        root=root,
        registry=_registry(_first(arguments.registry, environment.get("REGISTRY"), registry)),
        release=_release(_first(arguments.release, environment.get("RELEASE"), release)),
        platform=_platform(wanted) if wanted else None,
        is_foreign=bool(wanted) and wanted != _host_platform(),
        contexts=contexts,
        context_states={
            name: _state(contexts.get(name, root / image.context)) for name, image in images.items() if image.context
        },
        build_arguments=_build_arguments(arguments.build_arg, tuple(images.values())),
        secrets=_secrets(arguments.secret),
        proxies=tuple(name for proxy in PROXIES for name in (proxy, proxy.upper()) if environment.get(name)),
        revision=_revision(root),
        own_words=tuple(arguments.engine_option),
    )


def _configured(build: Path | None) -> tuple[str, str]:
    for settings in read_settings(build) if build else ():
        return settings.registry, settings.release
    return "", ""


def _first(*values: str | None) -> str:
    return next((value for value in values if value), "")


def _registry(text: str) -> str:
    return f"{text.rstrip('/')}/" if text else ""


def _release(text: str) -> str:
    tag = f":{text.removeprefix(':') or 'latest'}".lower()  # as CMake spells it
    if not _TAG.fullmatch(tag):
        raise UsageError(f"RELEASE={text} is not an image tag: letters, digits, '.', '_' and '-'")
    return tag


def _platform_of(name: str) -> str:
    """Return the OCI platform of one of platforms.yaml; nothing for nothing, and for the host's own architecture."""
    if not name:
        return ""
    architecture = load_platforms().resolve(name).architecture
    return "" if architecture == platform.machine() else f"linux/{_ARCHITECTURES[architecture]}"


def _platform(text: str) -> str:
    known = [f"linux/{name}" for name in _ARCHITECTURES.values()]
    if text not in known:
        raise UsageError(f"--platform {text} is not known; there are: {', '.join(known)}")
    return text


def _host_platform() -> str:
    return f"linux/{_ARCHITECTURES.get(platform.machine(), platform.machine())}"


def pairs(option: str, words: Sequence[str]) -> dict[str, str]:
    """Return the words ``NAME=VALUE`` of an option that may stand several times.

    Raises:
        UsageError: one is not of that form.
    """
    found = {}
    for word in words:
        name, is_pair, value = word.partition("=")
        if not (name and is_pair and value):
            raise UsageError(f"{option} {word}: write {option} NAME=VALUE")
        found[name] = value
    return found


def _contexts(words: Sequence[str], images: Mapping[str, ImageFile]) -> dict[str, Path]:
    open_ones = [name for name, image in images.items() if image.context]
    found = {}
    for name, value in pairs("--context", words).items():
        if name not in open_ones:
            raise UsageError(
                f"--context {name}: no image of that name takes a folder of yours{hint(name, open_ones)}; there are: "
                f"{', '.join(open_ones)}"
            )
        found[name] = Path(value).absolute()
        if not found[name].is_dir():
            raise UsageError(f"--context {name}={value}: no such folder")
    return found


def _state(folder: Path) -> str:
    """Return a word that changes with the files of `folder`; of their contents size and time of change must do."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        stat = path.stat()
        whole.update(f"{path.relative_to(folder)}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return whole.hexdigest()[:16]


def _build_arguments(words: Sequence[str], images: Sequence[ImageFile]) -> dict[str, str]:
    given, known = pairs("--build-arg", words), known_arguments(images)
    for name in given:
        if name not in known:
            raise UsageError(f"--build-arg {name}: no Dockerfile of this chain has such an ARG{hint(name, known)}")
    return given


def _secrets(words: Sequence[str]) -> dict[str, Path]:
    found = {}
    for name, value in pairs("--secret", words).items():
        if name not in SECRETS:
            raise UsageError(f"--secret {name}: nothing reads it{hint(name, SECRETS)}; there are: {', '.join(SECRETS)}")
        found[name] = Path(value).absolute()
        if not found[name].is_file():
            raise UsageError(f"--secret {name}={value}: no such file")
    return found


def _revision(root: Path) -> str:
    """Return the commit of the checkout, with a ``+`` where files differ from it; nothing without git."""
    git = ["git", "-C", str(root)]
    try:
        head = run_tool([*git, "rev-parse", "HEAD"], timeout_s=_GIT_LIMIT_S)
        status = run_tool([*git, "status", "--porcelain"], timeout_s=_GIT_LIMIT_S)
    except LaunchError:
        return ""
    if head.returncode != 0:
        return ""
    return f"{head.stdout.strip()}{'+' if status.stdout.strip() else ''}"
