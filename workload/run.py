#!/usr/bin/env python3
"""Runs the workload of this folder: parameters from the environment, a log directory out, native or in a container.

MODE=latency PRECISION=avx_fp32 BATCH_SIZE=16 ./run.py [--logs-root DIR] [options of `pinbench run`]
"""

import os
import sys
from pathlib import Path

folder = Path(sys.argv[0]).absolute().parent  # not where a link to this file leads to
door = folder.resolve().parents[1] / "script" / "pinbench"
os.execv(door, [str(door), "run", "--workload", str(folder), *sys.argv[1:]])
