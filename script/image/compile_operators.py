"""``compile_operators.py DIR``: the library of our operators, for a package that comes without a compiler."""

import sys
from pathlib import Path

from pinbench.base.errors import PinbenchError
from pinbench.worker.ops.isa import variants
from pinbench.worker.ops.shipped import ship


def main(folder: Path) -> int:
    """Compile for all that CPUs of this architecture may have, and say where the library is."""
    try:
        print(ship(folder, variants()))
    except PinbenchError as error:
        print(f"pinbench: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
