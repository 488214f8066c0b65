"""``python -m pinbench``."""

import sys

from pinbench.harness.cli import main

sys.exit(main())
