from pathlib import Path

import cmake_tool
import pytest


def tool(folder: Path, says: str, code: int = 0) -> str:
    path = folder / "ctest"
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("cmake version 3.25.1\n\nCMake suite maintained by ...", (3, 25)),
        ("ctest version 4.4.4", (4, 4)),
        ("cmake3 version 3.20.2", (3, 20)),
        ("ModuleNotFoundError: No module named 'cmake'", None),
        ("", None),
    ],
)
def test_the_version_is_read_from_the_first_line(said: str, expected: tuple[int, int] | None) -> None:
    assert cmake_tool.version(said) == expected


def test_a_new_enough_tool_on_the_path_is_taken(tmp_path: Path) -> None:
    assert cmake_tool.on_path("ctest", tool(tmp_path, "ctest version 3.20.0")) == tmp_path / "ctest"


@pytest.mark.parametrize("says", ["ctest version 3.19.8", "broken"])
def test_an_old_or_broken_tool_is_passed_over(tmp_path: Path, says: str) -> None:
    assert cmake_tool.on_path("ctest", tool(tmp_path, says)) is None


def test_an_absent_tool_is_none(tmp_path: Path) -> None:
    assert cmake_tool.on_path("ctest", str(tmp_path)) is None
