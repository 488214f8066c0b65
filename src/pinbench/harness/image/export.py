"""The Dockerfiles of a chain as they are built, for whoever builds them without this suite's tools."""

import shlex
from collections.abc import Mapping, Sequence

from pinbench.harness.image.command import Settings, build_argv, chosen_arguments
from pinbench.harness.image.dockerfile import ImageFile


def exported_files(
    tool: str, order: Sequence[ImageFile], images: Mapping[str, ImageFile], settings: Settings
) -> dict[str, str]:
    """Return name -> text of each Dockerfile of `order`, numbered in building order.

    Values that are chosen from outside stand in them as defaults; the last line is the command that was to build it.
    """
    files = {}
    for number, image in enumerate(order, 1):
        text = _with_defaults(image, chosen_arguments(image, images, settings))
        command = shlex.join(build_argv(tool, image, images, settings))
        files[f"{number:02}-{image.name}.Dockerfile"] = f"{text.rstrip()}\n# {command}\n"
    return files


def _with_defaults(image: ImageFile, values: Mapping[str, str]) -> str:
    """Return the text of `image`, where each ARG of `values` has that value as its default."""
    lines = image.path.read_text(encoding="utf-8").splitlines()
    for instruction in image.instructions:
        name = instruction.text.partition("=")[0]
        if instruction.word == "ARG" and name in values:
            lines[instruction.line - 1] = f"ARG {name}={shlex.quote(values[name])}"
    return "\n".join(lines) + "\n"
