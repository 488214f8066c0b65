#!/bin/sh
# Prints the KPI block of the log directory that this file was copied into, or of the one given as argument.
# Needs nothing but python3 >= 3.11; without it, prints the block that the run itself stored.
# The exit code is not 0 when there is no number.
set -eu

here=$(dirname -- "$0")
directory=${1:-$here}
case $directory in
-*) directory=./$directory ;;
esac

bundle=
for candidate in "$directory/kpi.pyz" "$directory/../kpi.pyz" "$here/kpi.pyz" "$here/../kpi.pyz"; do
    if [ -f "$candidate" ]; then
        bundle=$candidate
        break
    fi
done

if [ -z "$bundle" ]; then
    why="kpi.pyz is missing"
elif ! command -v python3 >/dev/null; then
    why="python3 is missing"
elif ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    why="python3 is older than 3.11"
else
    # Isolated (-I): neither PYTHONPATH nor packages of this machine can change what the numbers mean.
    exec python3 -I "$bundle" "$directory"
fi

echo "# $why: this is the text that the run stored, not judged anew"
found=0
failed=0
for iteration in "$directory" "$directory"/itr-*; do
    if [ -f "$iteration/kpi.txt" ]; then
        found=1
        cat "$iteration/kpi.txt"
        grep -q '^[*]' "$iteration/kpi.txt" || failed=1
    elif [ -d "$iteration" ] && [ "$iteration" != "$directory" ]; then
        found=1
        failed=1
        echo "# ${iteration##*/}
# status: incomplete"
    fi
done
if [ "$found" -eq 0 ]; then
    echo "kpi.sh: no kpi.txt in $directory nor in its itr-N: its run did not come that far" >&2
    exit 1
fi
exit "$failed"
