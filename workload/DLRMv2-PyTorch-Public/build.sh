#!/usr/bin/env bash
# Builds the images of this workload; --help says more.
set -euo pipefail

here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
exec "$here/../../script/pinbench" image "$here" "$@"
