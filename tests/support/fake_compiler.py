"""A compiler that takes no time: it writes down how it was called and makes files that hold its own output's name."""

from pathlib import Path

_SCRIPT = """#!/bin/sh
if [ "$1" = --version ]; then echo "{version}"; exit 0; fi
echo "$@" >> "{log}"
{work}
for word in "$@"; do
    if [ "$before" = -o ]; then echo "made by $$" > "$word"; fi
    before=$word
done
"""


class FakeCompiler:
    """A folder for PATH with one ``g++`` in it, and the log of what it was asked."""

    def __init__(self, folder: Path, version: str = "g++ (fake) 1.0", work: str = "") -> None:
        self.folder = folder
        self.log = folder / "log"
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / "g++"
        program.write_text(_SCRIPT.format(version=version, log=self.log, work=work))
        program.chmod(0o755)

    @property
    def path(self) -> str:
        """The value for PATH; the shell's own commands are still found."""
        return f"{self.folder}:/bin"

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []
