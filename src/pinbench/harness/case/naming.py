"""Case names, both ways: ``<workload>_<function>_<mode>_<precision>[_<case type>]``; ctest puts ``test_`` in front.

A workload says which dimensions its names spell out and in which order. A value that is the empty text (the full
case's CASE_TYPE) leaves no trace in the name.
"""

from collections.abc import Mapping, Sequence

TEST_PREFIX = "test_"

Allowed = Sequence[tuple[str, Sequence[str]]]  # (dimension, its legal values) in the order of the name


def case_name(prefix: str, dimensions: Sequence[str], choices: Mapping[str, str]) -> str:
    """Return the name of the case with these `choices` (dimension: value), without ``test_``."""
    return "_".join([prefix, *(choices[dimension] for dimension in dimensions if choices[dimension])])


def parse_case_name(name: str, prefix: str, allowed: Allowed) -> dict[str, str] | None:
    """Return the choices that `name` spells, or None if it is no name of this workload; undoes `case_name`.

    ``test_`` in front may be there, and after it one word for the site, as WSF has it (``test_aws_``).
    """
    bare = name.removeprefix(TEST_PREFIX)
    choices = _parse_choices(bare.removeprefix(prefix), allowed) if bare.startswith(prefix) else None
    if choices is not None or bare == name:
        return choices
    _, _, behind_site = bare.partition("_")
    return _parse_choices(behind_site.removeprefix(prefix), allowed) if behind_site.startswith(prefix) else None


def _parse_choices(rest: str, allowed: Allowed) -> dict[str, str] | None:
    if not allowed:
        return {} if rest == "" else None
    (dimension, values), *others = allowed
    for value in values:
        spelled = f"_{value}" if value else ""
        if not rest.startswith(spelled):
            continue
        # A value may be the beginning of another one: only a split that uses up the name counts.
        choices = _parse_choices(rest[len(spelled) :], others)
        if choices is not None:
            return {dimension: value, **choices}
    return None
