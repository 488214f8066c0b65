#!/usr/bin/env bash
# Runs cases: ./ctest.sh -R <pattern> -V, here for all workloads or in build/workload/<W> for one.  (--help says more)
set -euo pipefail

root=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
folder=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
if [[ $folder == "$root" ]]; then
    folder=$root/build
fi

# What only lists needs no torch; what only explains needs no build folder either.
level=run
needs_build=yes
if (($# == 0)); then
    level=list needs_build=
fi
for word in "$@"; do
    case $word in
        -h | --help) level=list needs_build= ;;
        -N | --show-only* | --print-labels | --describe-params | --version) level=list ;;
        --status* | --stop | --stop=* | --check-docker-image | --push-docker-image* | --reset-recent) level=list ;;
    esac
done

python=$("$root/script/env/python" "$level")
ctest=
if [[ $needs_build ]]; then
    ctest=$("$python" -E -s "$root/script/env/build_folder.py" "$folder")
fi
export PYTHONPATH="$root/src${PYTHONPATH:+:$PYTHONPATH}"
exec "$python" -m pinbench ctest --door "$0" --build "$folder" --ctest "$ctest" -- "$@"
