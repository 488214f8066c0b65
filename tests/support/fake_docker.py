"""A stand-in for docker and podman: it keeps what it was told, and a "container" is the real entry as a process.

FAKE_DOCKER is its folder: `argv` gets a line of JSON a call, `images` holds the images that are here, `mode` what is
to go wrong: `refuse` (run fails), `dead` (the container ends at once), `stuck` (it exports nothing and obeys nobody),
`torn` (half of the archive comes out), `no-server`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from fake_entry import start_entry

FOLDER = Path(os.environ["FAKE_DOCKER"])


def fail(words, code=1):
    sys.stderr.write(f"{words}\n")
    return code


def say(words):
    sys.stdout.write(f"{words}\n")


def mode():
    path = FOLDER / "mode"
    return path.read_text().strip() if path.exists() else ""


def images():
    path = FOLDER / "images"
    return path.read_text().split() if path.exists() else []


def place(name):
    return FOLDER / "containers" / name


def pid(name):
    return int((place(name) / "pid").read_text())


def is_running(name):
    return not (place(name) / "code").exists() and Path(f"/proc/{pid(name)}").exists()


def version(words):
    if mode() == "no-server":
        return fail("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
    say(json.dumps({"Client": {"Version": "1.0"}, "Server": {"Version": "99.1"}}))
    return 0


def image(words):
    assert words[0] == "inspect"
    if words[1] not in images():
        return fail(f"Error: {words[1]}: image not known")
    say(json.dumps([{"Id": "a" * 64, "RepoDigests": [f"registry.example.org/{words[1]}@sha256:{'b' * 64}"]}]))
    return 0


def pull(words):
    if mode() == "no-pull":
        return fail("Error: initializing source: manifest unknown")
    (FOLDER / "images").write_text(" ".join([*images(), words[0]]))
    return 0


def run(words):
    if mode() == "refuse":
        return fail("Error: OCI runtime error: the requested cgroup controller `cpuset` is not available", 125)
    number = next(index for index, word in enumerate(words) if not word.startswith("-"))
    options, rest = words[:number], words[number + 1 :]
    values = dict(word.removeprefix("--").partition("=")[::2] for word in options)
    folder = place(values["name"])
    (folder / "tmp").mkdir(parents=True)
    (folder / "image").write_text(words[number])
    variables = dict(word.removeprefix("--env=").partition("=")[::2] for word in options if word.startswith("--env="))
    keeper = ["sh", "-c", '"$@"; echo $? >"$0/code.new"; mv "$0/code.new" "$0/code"', str(folder)]
    process = start_entry(
        mode(), rest, state=folder / "tmp", variables=variables, python=os.environ["PINBENCH_PYTHON"],
        out=folder / "out", keeper=keeper,
    )  # fmt: skip
    (folder / "pid").write_text(str(process.pid))
    say("c" * 64)
    return 0


def exec_(words):
    state = place(words[0]) / "tmp"
    if words[1] == "tar":
        command = [str(state) if word == "/tmp/pinbench" else word for word in words[1:]]
        os.execvp("tar", command)
    if mode() == "torn":
        whole = subprocess.run(["cat", state / "export-logs"], capture_output=True, check=True).stdout
        sys.stdout.buffer.write(whole[: len(whole) // 2])
        return 0
    return os.execvp("cat", ["cat", str(state / "export-logs")])


def logs(words):
    name = words[-1]
    with (place(name) / "out").open("rb") as out:
        while True:
            running = is_running(name)
            sys.stdout.buffer.write(out.read())
            sys.stdout.flush()
            if not running or "--follow" not in words:
                return 0
            time.sleep(0.05)


def kill(words):
    name = words[-1]
    if not is_running(name):
        return fail("Error: can only kill running containers")
    entry = (Path(f"/proc/{pid(name)}/task/{pid(name)}/children")).read_text().split()
    for child in entry:
        os.kill(int(child), signal.SIGTERM)
    return 0


def rm(words):
    name = words[-1]
    if not place(name).exists():
        return fail(f"Error: No such container: {name}")
    if is_running(name):
        os.killpg(pid(name), signal.SIGKILL)
    place(name).rename(FOLDER / f"removed-{name}")
    return 0


def container(words):
    assert words[0] == "inspect"
    if not place(words[1]).exists():
        return fail("Error: no such container")
    code = place(words[1]) / "code"
    state = {"Running": is_running(words[1]), "ExitCode": int(code.read_text()) if code.exists() else 0}
    say(json.dumps([{"State": state}]))
    return 0


def ps(words):
    for folder in sorted((FOLDER / "containers").glob("*")):
        say(f"{folder.name}\t{'Up' if is_running(folder.name) else 'Exited'}\t{(folder / 'image').read_text()}")
    return 0


def main(argv):
    with (FOLDER / "argv").open("a") as log:
        log.write(json.dumps(argv) + "\n")
    commands = {
        "version": version, "image": image, "pull": pull, "run": run, "exec": exec_, "logs": logs, "kill": kill,
        "rm": rm, "container": container, "ps": ps,
    }  # fmt: skip
    if argv[0] in ("tag", "push"):
        return 0
    if argv[0] == "manifest":
        return 0 if mode() == "registry" else 1
    return commands[argv[0]](argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
