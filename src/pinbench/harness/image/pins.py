"""What an image takes from outside without saying exactly which: another day's build would be another image.

An instruction is read word by word, with ARGs filled in; what a shell would make of it is not asked, so a form that
is not known here counts as not pinned.
"""

import json
import re
import shlex
from collections.abc import Collection, Iterator, Sequence

from pinbench.harness.image.chain import is_pinned, taken_from, untagged
from pinbench.harness.image.dockerfile import ImageFile, fill, used_names

_SEPARATORS = frozenset({";", "&&", "||", "|", "&", "then", "do", "else", "(", ")", "{", "}", "!", "if"})
_NEVER = frozenset({"conda", "mamba", "npm", "gem", "cargo", "go", "easy_install", "snap", "yum", "dnf", "apk"})
_HASH = re.compile(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b")
_URL = re.compile(r"(?:https?|ftp|git|ssh)://|^git@")
# Options of pip and apt-get whose value is the next word (pip install --help; apt-get(8)).
_VALUED = frozenset({
    "-c", "--constraint", "-r", "--requirement", "-f", "--find-links", "-i", "--index-url", "--extra-index-url", "-o",
    "-t", "--target", "--target-release", "--platform", "--python", "--report",
})  # fmt: skip


def unpinned(image: ImageFile, ours: Collection[str]) -> Iterator[str]:
    """Yield a line for each thing that `image` takes unpinned; `ours` are the names of images that are built here."""
    for reference, instruction in taken_from(image):
        if used_names(reference):
            continue  # an ARG without a default: whoever builds it says which
        if untagged(reference) not in ours and not is_pinned(reference):
            yield f"{image.path}:{instruction.line}: image {reference} has no digest (@sha256:...)"
    values = image.arguments
    for instruction in image.instructions:
        where = f"{image.path}:{instruction.line}"
        text = fill(instruction.text, values)
        if instruction.word == "ADD":
            yield from (f"{where}: {why}" for why in _unpinned_add(text))
        elif instruction.word in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"):
            yield from (f"{where}: {why}" for why in unpinned_words(text))


def unpinned_words(text: str) -> Iterator[str]:
    """Yield why a command line takes something unpinned; `text` may be several commands."""
    whole = _words(text)
    is_checked = any(tool in whole for tool in ("sha256sum", "sha512sum")) and _HASH.search(text) is not None
    for command in _commands(whole):
        program = command[0].rpartition("/")[2]
        if program in ("curl", "wget") and not is_checked:
            yield f"{program} without sha256sum --check of a digest that stands here"
        elif program == "git" and "clone" in command and not _HASH.search(text):
            yield "git clone without a commit that stands here"
        elif program in _NEVER:
            yield f"{program}: nothing here can see what it pins; take the package from Debian or PyPI"
        elif program in ("apt-get", "apt", "aptitude", "apt-install"):
            yield from _unpinned_debian(program, command)
        else:
            yield from _unpinned_python(command)


def _unpinned_add(text: str) -> Iterator[str]:
    words = shlex.split(text)
    sources = [word for word in words if _URL.search(word)]
    if sources and not any(word.startswith("--checksum=sha256:") for word in words) and not _HASH.search(text):
        yield f"ADD {sources[0]} has no --checksum=sha256:..."


def _unpinned_debian(program: str, command: Sequence[str]) -> Iterator[str]:
    names = list(_packages(command[1:]))
    if program != "apt-install":
        if "upgrade" in names or "dist-upgrade" in names or "full-upgrade" in names:
            yield f"{program} upgrade takes whatever is newest"
        if "install" not in names:
            return
        names.remove("install")
    for name in names:
        if not re.fullmatch(r"[^=]+=[^=]+", name):
            yield f"{program} install {name} has no version ({name}=...)"


def _unpinned_python(command: Sequence[str]) -> Iterator[str]:
    """Yield what pip would choose by itself; pip may be a program or a module of python."""
    tools = [index for index, word in enumerate(command) if re.fullmatch(r"(.*/)?pip[0-9.]*|uv", word)]
    if not tools or "install" not in command[tools[0] :]:
        return
    words = command[command.index("install") + 1 :]
    if {"-c", "--constraint"} & set(words) or "--require-hashes" in words:
        return
    if {"-r", "--requirement"} & set(words):
        yield "pip install --requirement without --require-hashes or --constraint"
    for name in _packages(words):
        if "==" not in name and not name.startswith((".", "/")):
            yield f"pip install {name} has no version ({name}==...)"


def _packages(words: Sequence[str]) -> Iterator[str]:
    """Yield the words that are neither options nor their values."""
    is_value = False
    for word in words:
        if not is_value and not word.startswith("-"):
            yield word
        is_value = not is_value and word in _VALUED


def _words(text: str) -> list[str]:
    """Return the words of `text`, a line of a shell or the JSON form; what separates commands are words, too."""
    if text.startswith("["):
        return [str(word) for word in json.loads(text)]
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split, lexer.commenters = True, ""
    return list(lexer)


def _commands(words: Sequence[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for word in words:
        if word in _SEPARATORS:
            if command:
                yield command
            command = []
        elif command or not (
            word.startswith("--") or re.fullmatch(r"[A-Za-z_]\w*=.*", word) or word in ("exec", "env")
        ):
            command.append(word)
    if command:
        yield command
