"""The documents of the repository and the code blocks in them, for the tests that compare them with the code."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(?P<words>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `words` stand behind its opening fence, `line` is that fence's."""

    document: Path
    line: int
    words: tuple[str, ...]
    text: str

    @property
    def name(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def tracked_files() -> list[Path]:
    """Return the files that git knows or would add: not what is built, nor what is ignored."""
    said = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return sorted(path for name in said.stdout.split("\0") if name and (path := ROOT / name).exists())


def documents() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".md"]


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(document, text.count("\n", 0, match.start()) + 1, tuple(match["words"].split()), match["text"])
        for match in _BLOCK.finditer(text)
    ]


def prose(document: Path) -> str:
    """Return the text of `document` without its blocks."""
    return _BLOCK.sub("", document.read_text(encoding="utf-8"))
