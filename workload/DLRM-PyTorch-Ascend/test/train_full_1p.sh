#!/usr/bin/env bash
# A whole training on one card: its accuracy, its rate, and how long it took.
# test/train_full_1p.sh --data_path=DIR [options; --help lists them]
set -euo pipefail

here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
exec "$here/../../../script/pinbench" train-1p --kind=full "$@"
