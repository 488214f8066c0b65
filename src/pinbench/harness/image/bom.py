"""The bill of materials: the ARG instructions of Dockerfiles whose names say that they choose something from outside.

Suffixes: those of WSF's Dockerfiles (``_VER``, ``_REPO``, ``_IMAGE``, ``_PKG`` and their longer spellings).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pinbench.harness.image.dockerfile import ImageFile, declared, used_names

SUFFIXES = ("_VER", "_VERSION", "_REPO", "_REPOSITORY", "_IMAGE", "_IMG", "_PACKAGE", "_PKG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """An ARG of the bill: as it is written, and whether the Dockerfile does anything with it."""

    name: str
    value: str
    is_used: bool
    line: int


def ingredients(image: ImageFile) -> Iterator[Ingredient]:
    """Yield the ingredients of `image` in the order of the file, each name once."""
    seen: set[str] = set()
    used = {name for instruction in image.instructions for name in used_names(instruction.text)}
    for instruction in image.instructions:
        if instruction.word != "ARG":
            continue
        for name, value in declared(instruction):
            if name.endswith(SUFFIXES) and name not in seen:
                seen.add(name)
                yield Ingredient(name=name, value=value, is_used=name in used, line=instruction.line)


def bom_lines(image: ImageFile, reference: str) -> Iterator[str]:
    """Yield the lines of `image`, which will be called `reference`, in the form that WSF's tools read."""
    yield f"# image: {reference}  ({image.path.name})"
    for one in ingredients(image):
        yield f"ARG {one.name}={one.value}{'' if one.is_used else '  # unused'}"


def unused(image: ImageFile) -> Iterator[str]:
    """Yield a line about each ingredient that nothing is done with: it says something that is not so."""
    for one in ingredients(image):
        if not one.is_used:
            why = "is not used: nothing is of that version; use it, or remove it"
            yield f"{image.path}:{one.line}: ARG {one.name} {why}"
