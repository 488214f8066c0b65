#!/usr/bin/env bash
# The image chains of all workloads, or in build/workload/<W> of that one; --bom lists what goes into them.
set -euo pipefail

root=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
folder=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
if [[ $folder == */workload/* && -x $root/workload/${folder##*/}/build.sh ]]; then
    exec "$root/workload/${folder##*/}/build.sh" "$@"
fi
for build in "$root"/workload/*/build.sh; do
    "$build" "$@"
done
