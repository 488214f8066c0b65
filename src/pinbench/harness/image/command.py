"""The command that builds an image, for docker, podman or buildah. Pure.

docker-build(1), podman-build(1), buildah-build(1). All three have RUN --mount (docker: BuildKit, 20.10 or later).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pinbench.harness.image.chain import is_pinned, taken_from, untagged
from pinbench.harness.image.dockerfile import ImageFile

TOOLS = ("docker", "podman", "buildah")  # in the order in which they are looked for
SECRETS = ("pip.conf", "ca.crt", "sources.list", "apt.conf")  # what script/image reads of /run/secrets
# The ARG of a Dockerfile that mounts its context: without it podman and buildah would not see that a file has changed.
STATE = "CONTEXT_STATE"
REVISION = "PINBENCH_REVISION"  # an ARG of runners: the commit, for their records
# Dockerfile reference, "Predefined ARGs": they need no ARG, and are kept out of an image's history.
PROXIES = tuple(f"{name}_proxy" for name in ("http", "https", "ftp", "no", "all"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What all images of a chain are built with.

    `registry` ends with a slash, or is empty; `release` begins with a colon.
    """

    root: Path
    registry: str = ""
    release: str = ":latest"
    platform: str | None = None  # linux/arm64; None: the host's own
    is_foreign: bool = False  # that platform is not the host's
    contexts: Mapping[str, Path] = field(default_factory=dict)  # by image
    context_states: Mapping[str, str] = field(default_factory=dict)  # what is in the contexts, by image
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    proxies: tuple[str, ...] = ()  # names of those that the environment has
    revision: str = ""  # the commit of the checkout
    own_words: tuple[str, ...] = ()  # the user's, for the tool

    @property
    def tag(self) -> str:
        """The tag of what is built: images of another architecture do not take the place of the host's own."""
        suffix = self.platform.partition("/")[2].replace("/", "-") if self.platform and self.is_foreign else ""
        return f"{self.release}-{suffix}" if suffix else self.release


def local_name(image: ImageFile, settings: Settings) -> str:
    """Return what `image` is called on the building machine."""
    return f"{image.name}{settings.tag}"


def public_name(image: ImageFile, settings: Settings) -> str:
    """Return what `image` is called in the registry, or locally where there is none or it is to stay here."""
    return f"{'' if image.is_local else settings.registry}{local_name(image, settings)}"


def build_argv(tool: str, image: ImageFile, images: Mapping[str, ImageFile], settings: Settings) -> list[str]:
    """Return the command that builds `image`; `images` are all that are built here, by name."""
    names = dict.fromkeys((local_name(image, settings), public_name(image, settings)))
    values = {**chosen_arguments(image, images, settings)}
    program = Path(tool).name
    return [
        tool, "build",
        # OCI's own form knows no HEALTHCHECK.
        *(() if program == "docker" else ("--format=docker",)),
        f"--file={image.path}",
        *(f"--tag={name}" for name in names),
        *((f"--platform={settings.platform}",) if settings.platform else ()),
        *(f"--label={name}={value}" for name, value in labels(image, settings).items()),
        *(f"--build-arg={name}={value}" for name, value in values.items()),
        # Without a value: the tool takes it from its environment, and nobody reads it off the command line.
        *(f"--build-arg={name}" for name in settings.proxies),
        *(f"--secret=id={name},src={path}" for name, path in settings.secrets.items()),
        *settings.own_words,
        str(context(image, settings)),
    ]  # fmt: skip


def chosen_arguments(image: ImageFile, images: Mapping[str, ImageFile], settings: Settings) -> dict[str, str]:
    """Return the ARGs of `image` that are given from outside: the images of ours it takes from, and the user's."""
    taken = {name for name, _ in taken_from(image) if not is_pinned(name)}
    ours = {
        name: local_name(images[untagged(value)], settings)
        for name, value in image.arguments.items()
        if value in taken and untagged(value) in images
    }
    states = {STATE: settings.context_states[image.name]} if image.name in settings.context_states else {}
    revision = {REVISION: settings.revision} if settings.revision else {}
    chosen = {**revision, **states, **settings.build_arguments, **ours}  # ours last: with their tag
    return {name: value for name, value in chosen.items() if name in image.declared}


def known_arguments(images: Sequence[ImageFile]) -> frozenset[str]:
    """Return the names of all ARGs of `images`."""
    return frozenset(name for image in images for name in image.declared)


def labels(image: ImageFile, settings: Settings) -> dict[str, str]:
    """Return the labels of `image` (OCI image specification, "Pre-Defined Annotation Keys").

    The commit is told of published images only: those below them would be built anew with every one.
    """
    known = {"title": image.name, "licenses": "Apache-2.0"}
    if not image.is_local:
        known |= {"version": settings.release.removeprefix(":"), "revision": settings.revision}
    return {f"org.opencontainers.image.{name}": value for name, value in known.items() if value}


def context(image: ImageFile, settings: Settings) -> Path:
    """Return the folder that `image` takes files from."""
    return settings.contexts.get(image.name) or settings.root / (image.context or "")


def push_argv(tool: str, image: ImageFile, settings: Settings) -> list[str]:
    """Return the command that puts `image` into the registry."""
    return [tool, "push", public_name(image, settings)]
