"""A workload as its workload.yaml declares it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pinbench.base.errors import UsageError
from pinbench.contract.case import Function, Isa, Mode, Precision, Variant
from pinbench.harness.case.declaration import declare, merge, read_when
from pinbench.harness.case.knobs import REQUIRED
from pinbench.harness.case.parameter import Parameter
from pinbench.harness.case.platforms import Platform
from pinbench.harness.case.rule import Rule, When
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.strict_yaml import entries, fields, read_yaml, text, texts, truth

DIMENSIONS = ("FUNCTION", "MODE", "PRECISION", "CASE_TYPE")  # their order in the matrix and in ctest's labels

_REQUIRED_KEYS = ("title", "category", "keywords", "recipe", "platforms", "name", "parameters", "matrix")
_ENUMS: Mapping[str, type[StrEnum]] = {"FUNCTION": Function, "MODE": Mode, "CASE_TYPE": Variant}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The image that runs the cases of `when`, by its name without registry and tag."""

    name: str
    when: When


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What can be asked of a workload: `matrix` holds what is built, `parameters` everything that is legal."""

    folder: Path
    title: str
    category: str
    keywords: tuple[str, ...]
    recipe: str  # the module under worker/recipes/
    platforms: tuple[str, ...]  # names of platforms, or architectures for all of theirs
    prefix: str  # what its case names begin with
    dimensions: tuple[str, ...]  # those that its case names spell out, in this order
    by_parameter: tuple[str, ...]  # those that a user sets as any parameter; a name means the matrix' first value
    parameters: Mapping[str, Parameter]
    matrix: Mapping[str, tuple[str, ...]]
    exclusions: tuple[Rule, ...]
    images: tuple[Image, ...] = ()  # the first that fits a case runs it

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def spellings(self) -> dict[str, str]:
        """The parameter that each name means which a user may write: its own, or another suite's."""
        others = {parameter.also: name for name, parameter in self.parameters.items() if parameter.also}
        return {**others, **{name: name for name in self.parameters}}

    def is_for(self, platform: Platform) -> bool:
        """Whether it has cases for `platform` at all."""
        return platform.name in self.platforms or platform.architecture in self.platforms


def split_label(label: str) -> tuple[Isa, Precision]:
    """Return the two halves of a PRECISION such as ``avx_fp32``; a bare ``fp32`` asks for no instruction set.

    Raises:
        ValueError: there is no such instruction set or number format.
    """
    isa, _, precision = label.rpartition("_")
    return Isa(isa or Isa.ANY), Precision(precision)


def load_workload(folder: Path, shared: Path = WORKLOAD_ROOT / "parameters.yaml") -> Workload:
    """Return the workload that ``workload.yaml`` in `folder` declares, with the common parameters of `shared`.

    Raises:
        UsageError: a file cannot be read, or something in it is unknown, missing, or contradicts itself.
    """
    path = folder / "workload.yaml"
    data = fields(read_yaml(path), str(path), _REQUIRED_KEYS, ("exclude", "images"))
    parameters = _parameters(data["parameters"], path, shared)
    naming = fields(data["name"], f"{path}: name", ("dimensions",), ("prefix", "by_parameter"))
    workload = Workload(
        folder=folder.resolve(),
        title=text(data["title"], f"{path}: title"),
        category=text(data["category"], f"{path}: category"),
        keywords=texts(data["keywords"], f"{path}: keywords"),
        recipe=text(data["recipe"], f"{path}: recipe"),
        platforms=texts(data["platforms"], f"{path}: platforms"),
        prefix=text(naming.get("prefix", folder.resolve().name.lower().replace("-", "_")), f"{path}: name: prefix"),
        dimensions=texts(naming["dimensions"], f"{path}: name: dimensions"),
        by_parameter=texts(naming.get("by_parameter", []), f"{path}: name: by_parameter"),
        parameters=parameters,
        matrix=_matrix(data["matrix"], parameters, f"{path}: matrix"),
        images=_images(data.get("images", []), parameters, f"{path}: images"),
        exclusions=_exclusions(data.get("exclude", []), parameters, f"{path}: exclude"),
    )
    _check_naming(workload, f"{path}: name")
    return workload


def _parameters(declared: Any, path: Path, shared: Path) -> dict[str, Parameter]:
    common = fields(read_yaml(shared), str(shared), optional=None)
    own = fields(declared, f"{path}: parameters", (*DIMENSIONS, *REQUIRED), optional=None)
    merged = {name: merge(common.get(name), item, f"{path}: {name}") for name, item in own.items()}
    dimensions = {}
    for name in DIMENSIONS:
        choices = texts(merged[name].get("choices"), f"{path}: {name}: choices")
        for choice in choices:
            _check_choice(name, choice, f"{path}: {name}")
        # A common default may speak of a value that this workload leaves out.
        dimensions[name] = (*choices, *common.get(name, {}).get("choices", ()))
    return {name: declare(name, item, f"{path}: {name}", dimensions) for name, item in merged.items()}


def _check_choice(dimension: str, choice: str, where: str) -> None:
    try:
        if dimension == "PRECISION":
            split_label(choice)
        else:
            _ENUMS[dimension](choice)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error


def _matrix(data: Any, parameters: Mapping[str, Parameter], where: str) -> dict[str, tuple[str, ...]]:
    rows = fields(data, where, DIMENSIONS)
    matrix = {name: texts(rows[name], f"{where}: {name}") for name in DIMENSIONS}
    for name, values in matrix.items():
        for value in values:
            if value not in parameters[name].choices:
                raise UsageError(f"{where}: {name}: {value!r} is not one of {', '.join(parameters[name].choices)}")
        if len(set(values)) != len(values):
            raise UsageError(f"{where}: {name}: a value stands here twice")
    return matrix


def _exclusions(data: Any, parameters: Mapping[str, Parameter], where: str) -> tuple[Rule, ...]:
    choices = {name: parameter.choices for name, parameter in parameters.items()}
    rules = []
    for item in entries(data, where):
        rule = fields(item, where, ("when", "reason"), ("changed", "skips"))
        rules.append(
            Rule(
                when=read_when(rule["when"], where, choices),
                reason=text(rule["reason"], f"{where}: reason"),
                changed=_known(texts(rule.get("changed", []), f"{where}: changed"), parameters, f"{where}: changed"),
                skips=truth(rule.get("skips", False), f"{where}: skips"),
            )
        )
    return tuple(rules)


def _images(data: Any, parameters: Mapping[str, Parameter], where: str) -> tuple[Image, ...]:
    choices = {name: parameters[name].choices for name in DIMENSIONS}
    rows = [fields(item, where, ("image",), ("when",)) for item in entries(data, where)]
    return tuple(
        Image(name=text(row["image"], f"{where}: image"), when=read_when(row.get("when", {}), where, choices))
        for row in rows
    )


def _known(names: tuple[str, ...], parameters: Mapping[str, Parameter], where: str) -> tuple[str, ...]:
    for name in names:
        if name not in parameters:
            raise UsageError(f"{where}: {name!r} is no parameter of this workload")
    return names


def _check_naming(workload: Workload, where: str) -> None:
    """Make sure that each dimension comes from the name, or from a parameter that is declared for it."""
    for key, names in (("dimensions", workload.dimensions), ("by_parameter", workload.by_parameter)):
        for name in names:
            if name not in DIMENSIONS:
                raise UsageError(f"{where}: {key}: {name!r} is not one of {', '.join(DIMENSIONS)}")
    for name in DIMENSIONS:
        if name in workload.dimensions and name in workload.by_parameter:
            raise UsageError(f"{where}: {name} is spelled out by the name, so no parameter may choose another one")
        if name not in (*workload.dimensions, *workload.by_parameter) and len(workload.matrix[name]) != 1:
            raise UsageError(
                f"{where}: {name} has several values in the matrix, so the name must spell it out (dimensions), or a "
                "parameter choose it (by_parameter)"
            )
