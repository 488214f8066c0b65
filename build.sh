#!/usr/bin/env bash
# Builds the images of all workloads, or in build/workload/<W> of that one; --help says more.
set -euo pipefail

root=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
folder=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
configured=()
if [[ $folder != "$root" ]]; then
    configured=(--build "$folder")
fi
if [[ $folder == */workload/* && -x $root/workload/${folder##*/}/build.sh ]]; then
    exec "$root/workload/${folder##*/}/build.sh" "${configured[@]}" "$@"
fi
exec "$root/script/pinbench" image "${configured[@]}" "$@"
