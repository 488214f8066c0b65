"""Two hosts that a cable joins: network namespaces, each with a host name of its own, and a veth pair between them.

As a program it runs a command on both at once and ends with the worse exit code. To be started by `ENTER`, in whose
namespaces no right of root is needed; everything is gone when it ends. Of the words of the command, ``{host}`` becomes
0 or 1, ``{name}`` the name of the host and ``{address}`` the address of host 0.
"""

import subprocess
import sys
from pathlib import Path

ENTER = ("unshare", "--map-root-user", "--net", "--uts", "--")
ADDRESSES = ("10.77.0.1", "10.77.0.2")
NAMES = ("host-a", "host-b")


def why_not() -> str | None:
    """Return why there cannot be two hosts here; None where there can."""
    try:
        tried = subprocess.run(
            [*ENTER, sys.executable, __file__, "true"], capture_output=True, text=True, timeout=60, check=False
        )
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    return None if tried.returncode == 0 else " ".join(tried.stderr.split())[-300:] or "a namespace was refused"


def _main(words: list[str]) -> int:
    subprocess.run(["hostname", NAMES[0]], check=True)
    # The pipe ends with this program, and with it the process that holds the second host's namespaces.
    second = subprocess.Popen(["unshare", "--net", "--uts", "--", "cat"], stdin=subprocess.PIPE)
    own = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{second.pid}/ns/net").readlink() == own:
        pass  # it has not yet come to its own namespace
    inside = ["nsenter", f"--net=/proc/{second.pid}/ns/net", f"--uts=/proc/{second.pid}/ns/uts", "--"]
    subprocess.run(["ip", "link", "add", "cable0", "type", "veth", "peer", "name", "cable1", "netns", str(second.pid)],
                   check=True)  # fmt: skip
    for number, enter in enumerate(([], inside)):
        subprocess.run([*enter, "hostname", NAMES[number]], check=True)
        subprocess.run([*enter, "ip", "address", "add", f"{ADDRESSES[number]}/24", "dev", f"cable{number}"], check=True)
        for device in ("lo", f"cable{number}"):
            subprocess.run([*enter, "ip", "link", "set", device, "up"], check=True)
    running = []
    for number, enter in enumerate(([], inside)):
        values = {"host": number, "name": NAMES[number], "address": ADDRESSES[0]}
        running.append(subprocess.Popen([*enter, *(word.format(**values) for word in words)]))
    return max(abs(process.wait()) for process in running)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
