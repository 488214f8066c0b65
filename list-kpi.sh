#!/usr/bin/env bash
# Lists the KPIs of log directories: ./list-kpi.sh [options] DIR...   (--help says more)
set -euo pipefail

root=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
exec "$root/script/pinbench" list-kpi "$@"
