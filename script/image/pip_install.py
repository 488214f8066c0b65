"""``pip_install.py LEVEL...``: Python packages of these levels into /opt/venv of an image that is being built.

The versions are those of constraints.txt. Secrets of the build, each optional: ``pip.conf`` (indexes, proxies) and
``ca.crt``. Packages in /run/wheels are found before an index is asked. ``--bootstrap`` makes pip itself, in /opt/pip.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "script" / "env"))  # its modules are scripts, not a package
import needs  # noqa: E402
import torch_build  # noqa: E402

_PIP = Path("/opt/pip/bin/python")
_VENV = Path("/opt/venv/bin/python")
_SECRETS = Path("/run/secrets")
_WHEELS = Path("/run/wheels")


def packages(levels: list[str], root: Path = ROOT) -> tuple[str, ...]:
    """Return the packages of all `levels`, each once."""
    return tuple(dict.fromkeys(name for level in levels for name in needs.packages(level, root)))


def environment(secrets: Path = _SECRETS) -> dict[str, str]:
    """Return pip's environment: where packages come from is in files that are there during the build only."""
    ours = {
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_PROGRESS_BAR": "off",
        "PIP_NO_INPUT": "1",
    }
    for variable, name in (("PIP_CONFIG_FILE", "pip.conf"), ("PIP_CERT", "ca.crt")):
        path = secrets / name
        if path.is_file() and path.stat().st_size:
            ours[variable] = str(path)
    return {**os.environ, "PIP_ROOT_USER_ACTION": "ignore", **ours}


def install_words(names: tuple[str, ...], constraints: Path, wheels: Path = _WHEELS) -> list[str]:
    """Return the words of ``pip install``: pinned, and never built from sources, which no pin reaches into."""
    found = ["--find-links", str(wheels)] if wheels.is_dir() else []
    return ["install", "--quiet", "--only-binary=:all:", "--constraint", str(constraints), *found, *names]


def pins(levels: list[str], root: Path = ROOT) -> str:
    """Return the text of a constraints file for `levels`, of which one may want another torch than the others."""
    text = (root / needs.CONSTRAINTS).read_text(encoding="utf-8")
    apart = next((level for level in levels if level in needs.APART), "")
    return "\n".join(needs.pins(text, apart)) + "\n"


def main(argv: list[str]) -> int:
    """Install, and return the exit code: pip's own, or 1 after one line when a CUDA build would come."""
    parser = argparse.ArgumentParser(allow_abbrev=False, description="packages into an image that is being built")
    parser.add_argument("levels", nargs="*", metavar="LEVEL", choices=[*needs.LEVELS, []])
    parser.add_argument("--bootstrap", action="store_true", help="make pip itself")
    parser.add_argument("--refuse-cuda", action="store_true", help="end before a CUDA build of torch is downloaded")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(pins(arguments.levels), encoding="utf-8")
        if arguments.bootstrap:
            return _bootstrap(constraints)
        words = install_words(packages(arguments.levels), constraints)
        if arguments.refuse_cuda and (complaint := _cuda_complaint(words)):
            print(f"pip_install: {complaint}", file=sys.stderr)
            return 1
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(_VENV.parents[1])], check=True)
        return _pip(["--python", str(_VENV), *words])


def _bootstrap(constraints: Path) -> int:
    subprocess.run([sys.executable, "-m", "venv", str(_PIP.parents[1])], check=True)
    return _pip(install_words(("pip",), constraints))


def _cuda_complaint(words: list[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # fast-deps reads a package's needs through range requests where an index has no separate metadata file.
        code = _pip([*words, "--dry-run", "--ignore-installed", "--use-feature=fast-deps", "--report", str(report)])
        if code != 0:
            return "pip could not find all packages, as it says above; where they come from is --secret pip.conf=FILE"
        urls = torch_build.read_report(report)
    if not urls:
        return ""
    return (
        f"pip is about to bring a CUDA build of torch ({len(urls)} packages, several GB) into an image for CPUs: put a "
        "CPU build into docker/wheels, name a folder that has one with --context pinbench-wheels=DIR, or an index with "
        "--secret pip.conf=FILE"
    )


def _pip(words: list[str]) -> int:
    return subprocess.run([str(_PIP), "-m", "pip", *words], env=environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
