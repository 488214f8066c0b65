"""The order in which images are built: what an image takes from comes before it, and the higher number first."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.harness.image.dockerfile import ImageFile, Instruction, fill, read_images, used_names

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_MOUNT_FROM = re.compile(r"--mount=\S*\bfrom=([^,\s]+)")
_COPY_FROM = re.compile(r"--from=(\S+)")


def shared_images(folder: Path) -> dict[str, ImageFile]:
    """Return the images of all folders in `folder` (``docker/``), by name.

    Raises:
        UsageError: two have the same name.
    """
    found: dict[str, ImageFile] = {}
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        for image in read_images(part):
            if image.name in found:
                raise UsageError(f"{found[image.name].path} and {image.path} both name the image {image.name}")
            found[image.name] = image
    return found


def chain(own: Sequence[ImageFile], shared: Mapping[str, ImageFile]) -> tuple[ImageFile, ...]:
    """Return the images of `own` (as `read_images` orders them) and what they need of `shared`, in building order.

    Raises:
        UsageError: an image takes from one that is built later.
    """
    done: dict[str, ImageFile] = {}
    for image in own:
        _visit(image, {one.name: one for one in own}, shared, done, ())
    return tuple(done.values())


def taken_from(image: ImageFile) -> Iterator[tuple[str, Instruction]]:
    """Yield the images that `image` takes from, as it names them with its ARGs filled in; its own stages are none."""
    values = image.arguments
    stages: set[str] = set()
    for instruction in image.instructions:
        if instruction.word == "FROM":
            words = [word for word in shlex.split(instruction.text) if not word.startswith("--")]
            named = [fill(words[0], values)]
            stages |= {words[2]} if len(words) > 2 else set()
        elif instruction.word in ("COPY", "ADD", "RUN"):
            pattern = _MOUNT_FROM if instruction.word == "RUN" else _COPY_FROM
            named = [fill(name, values) for name in pattern.findall(instruction.text)]
        else:
            continue
        yield from ((name, instruction) for name in named if name not in stages and name != "scratch")


def is_pinned(reference: str) -> bool:
    """Return whether `reference` names one image for ever, by its digest."""
    return _DIGEST.search(reference) is not None


def needed_names(image: ImageFile) -> tuple[str, ...]:
    """Return the names of the images of ours that `image` takes from, each once."""
    return tuple(dict.fromkeys(untagged(name) for name, _ in taken_from(image) if not is_pinned(name)))


def require_given(image: ImageFile) -> None:
    """Return if `image` says of all that it takes from which that is.

    Raises:
        UsageError: an ARG without a default names an image, and was given no value.
    """
    for name, instruction in taken_from(image):
        for argument in used_names(name):
            raise UsageError(
                f"{image.path}:{instruction.line}: {argument} has no default; give --build-arg "
                f"{argument}=IMAGE@sha256:..."
            )


def untagged(reference: str) -> str:
    """Return an image's reference without its tag: ``r:5000/name:v1`` is ``r:5000/name``."""
    place, slash, name = reference.rpartition("/")
    return f"{place}{slash}{name.partition(':')[0]}"


def _visit(
    image: ImageFile,
    own: Mapping[str, ImageFile],
    shared: Mapping[str, ImageFile],
    done: dict[str, ImageFile],
    waiting: tuple[str, ...],
) -> None:
    if image.name in done:
        return
    if image.name in waiting:
        raise UsageError(f"images take from each other in a circle: {' <- '.join((*waiting, image.name))}")
    for name in needed_names(image):
        if name in own and name not in done:
            raise UsageError(
                f"{image.path}: takes from {name}, which {own[name].path.name} builds later; give it a higher number"
            )
        if name in shared:
            _visit(shared[name], own, shared, done, (*waiting, image.name))
    done[image.name] = image
