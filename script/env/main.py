"""``main.py [--check] LEVEL``: prints the path of an interpreter that has what LEVEL needs.

Run by `script/env/python`, never imported by pinbench; standard library only.
"""

import argparse
import os
import sys
from pathlib import Path

import interpreter
import needs
import venv_state
from setup_error import SetupError


def main(argv: list[str]) -> int:
    """Return 0 and print the path; 3 when ``--check`` finds `.venv` not ready; 1 after one line on stderr."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="only look whether .venv is ready; change nothing")
    parser.add_argument("level", choices=sorted(needs.LEVELS))
    arguments = parser.parse_args(argv)
    try:
        if arguments.check:
            return _check(arguments.level)
        print(find_or_make(arguments.level))
    except SetupError as problem:
        print(f"pinbench: {problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"pinbench: cannot make .venv: {error}; {_ELSEWHERE}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pinbench: interrupted; the next start goes on from here", file=sys.stderr)
        return 130
    return 0


_ELSEWHERE = "a checkout that cannot be written to needs PINBENCH_PYTHON=/path/to/python3 with the packages"


def find_or_make(level: str) -> Path:
    """Return an interpreter for `level`: PINBENCH_PYTHON, for listing any that has yaml, else that of `.venv`.

    Raises:
        SetupError: PINBENCH_PYTHON lacks a package, or `.venv` cannot be made.
    """
    if os.environ.get("PINBENCH_PYTHON"):
        return _users_own(level)
    if level == "list":
        found = interpreter.with_yaml(os.get_exec_path())
        if found is not None:
            return found
    import environment  # only now: it costs more than the whole look at a ready `.venv`

    here = venv_state.of_this_checkout(level)
    environment.make_ready(here, level)
    return here.python


def _check(level: str) -> int:
    here = venv_state.of_this_checkout(level)
    if not here.is_ready(level):
        return 3
    print(here.python)
    return 0


def _users_own(level: str) -> Path:
    lacking = interpreter.missing(needs.packages(level))
    if lacking:
        raise SetupError(
            f"PINBENCH_PYTHON={sys.executable} lacks {', '.join(lacking)}, which level {level!r} needs; it is never "
            "changed: install them there, or unset PINBENCH_PYTHON to let .venv be made"
        )
    return Path(sys.executable)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
