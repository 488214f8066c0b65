#!/usr/bin/env bash
# chain.sh FOLDER [--bom]: the images of the workload in FOLDER, in the order in which they are built.
# Dockerfile.<N>.<name>: the higher N first. An image is named on one of the file's first two lines: '# name' is the
# one that runs (REGISTRY and RELEASE belong to it), '## name' stays on the building machine.
set -euo pipefail

folder=$1
shift
root=$(dirname -- "$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")")
bom=
for word in "$@"; do
    case $word in
        --bom) bom=yes ;;
        *)
            echo "build.sh: unknown option $word; there is: --bom" >&2
            exit 2
            ;;
    esac
done

echo "# workload/${folder##*/}"
shopt -s nullglob
files=("$folder"/Dockerfile.[0-9].*)
# Reversed: a glob sorts the lower number first.
for ((i = ${#files[@]} - 1; i >= 0; i--)); do
    name=$(sed -nE '1,2s/^##? ([^ ]+).*/\1/p' "${files[i]}" | tail -n 1)
    echo "# image: ${REGISTRY:-}${name:?"no '# name' on the first two lines of ${files[i]}"}${RELEASE:-:latest}  (${files[i]##*/})"
    if [[ $bom ]]; then
        sed -nE 's/^ARG ([A-Z0-9_]+_(VER|VERSION|REPO|REPOSITORY|IMAGE|IMG|PACKAGE|PKG)=.*)/ARG \1/p' "${files[i]}"
    fi
done
if [[ $bom ]]; then
    echo "# python packages (script/env/constraints.txt, without those of development)"
    sed -E '/^# dev/,$d; /^(#|$)/d' "$root/script/env/constraints.txt"
else
    echo "images are not built yet: cases run natively (BACKEND=native), so nothing needs to be built"
fi
