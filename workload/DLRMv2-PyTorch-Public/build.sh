#!/usr/bin/env bash
# The image chain of this workload; --bom lists what goes into it.
set -euo pipefail

here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
exec "$here/../../script/image/chain.sh" "$here" "$@"
