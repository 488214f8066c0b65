"""A Dockerfile as data: its image's name and its instructions. Nothing in it is run or evaluated as a shell would.

Format: Dockerfile reference, "Format", "Environment replacement", "ARG". Our own: the first line names the image,
``# name`` or, for one that stays on the building machine, ``## name``. A second line ``# context: FOLDER`` says that
its files come from there and not from the checkout, and that a user may name another folder.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pinbench.base.errors import UsageError

_NAME = re.compile(r"(##?) ([a-z0-9]+(?:[._-]+[a-z0-9]+)*)")  # OCI distribution specification: a repository's name
_CONTEXT = re.compile(r"# context: (\S+)")
_FILE = re.compile(r"Dockerfile\.(\d)\.([A-Za-z0-9._-]+)")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """An instruction, its lines joined: ``FROM``, what follows it, and the line that it begins on."""

    word: str
    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """A Dockerfile of a chain. `number` says when it is built, the higher the earlier."""

    path: Path
    name: str
    is_local: bool
    number: int
    context: str | None  # a folder of the checkout; None: the checkout itself
    instructions: tuple[Instruction, ...]
    given: Mapping[str, str] = field(default_factory=dict)  # what stands in for values of ARG instructions

    @property
    def declared(self) -> tuple[str, ...]:
        """The names of all ARG instructions."""
        words = [word for one in self.instructions if one.word == "ARG" for word in shlex.split(one.text)]
        return tuple(dict.fromkeys(word.partition("=")[0] for word in words))

    @property
    def arguments(self) -> dict[str, str]:
        """The values of all ARG instructions that have one or are given one; those of earlier ones filled in."""
        values: dict[str, str] = {}
        for instruction in self.instructions:
            if instruction.word == "ARG":
                values |= {name: fill(value, values) for name, value in declared(instruction)}
        return values | {name: value for name, value in self.given.items() if name in self.declared}


def read_images(folder: Path) -> tuple[ImageFile, ...]:
    """Return the Dockerfiles of `folder` in the order in which they are built: by number, then by name.

    Raises:
        UsageError: one does not name its image, or two name the same.
    """
    found = []
    for path in folder.glob("Dockerfile.*"):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise UsageError(f"{path}: its name is not Dockerfile.<digit>.<word>, so it has no place in the chain")
        found.append((-int(match[1]), match[2], path))
    images = tuple(parse_image(path.read_text(encoding="utf-8"), path, -number) for number, _, path in sorted(found))
    for image in images:
        twins = [other.path.name for other in images if other.name == image.name]
        if len(twins) > 1:
            raise UsageError(f"{folder}: {' and '.join(twins)} both name the image {image.name}")
    return images


def parse_image(text: str, path: Path, number: int) -> ImageFile:
    """Return the Dockerfile `text`.

    Raises:
        UsageError: its first line does not name the image.
    """
    first, _, rest = text.partition("\n")
    match = _NAME.fullmatch(first)
    if match is None:
        raise UsageError(f"{path}:1: the first line names the image, '# name' or '## name' for one that stays local")
    context = _CONTEXT.fullmatch(rest.partition("\n")[0])
    return ImageFile(
        path=path,
        name=match[2],
        is_local=match[1] == "##",
        number=number,
        context=context[1] if context else None,
        instructions=tuple(_instructions(text)),
    )


def declared(instruction: Instruction) -> Iterator[tuple[str, str]]:
    """Yield name and value of what an ARG instruction declares with a value, quotes removed."""
    for word in shlex.split(instruction.text):
        name, is_valued, value = word.partition("=")
        if is_valued:
            yield name, value


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with ``$NAME`` and ``${NAME}`` replaced where `values` has them."""
    return _VARIABLE.sub(lambda match: values.get(match[1] or match[2], match[0]), text)


def used_names(text: str) -> frozenset[str]:
    """Return the names of the variables in `text`."""
    return frozenset(match[1] or match[2] for match in _VARIABLE.finditer(text))


def _instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions; comments are left out, also between the lines of one."""
    begun, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#") or not stripped:
            continue
        begun, first = (f"{begun} {stripped}", first) if begun else (stripped, number)
        if begun.endswith("\\"):
            begun = begun[:-1].rstrip()
            continue
        word, _, rest = begun.partition(" ")
        yield Instruction(word=word.upper(), text=rest.strip(), line=first)
        begun = ""
