#!/usr/bin/env bash
# The same for 1000 steps: its rate.
# test/train_performance_1p.sh --data_path=DIR [options; --help lists them]
set -euo pipefail

here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
exec "$here/../../../script/pinbench" train-1p --kind=performance "$@"
