"""Tries the image of a case as its users do, with the engine of this host, and compares its KPI with a native run's."""

import argparse
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from pinbench.harness.case.catalog import find_case
from pinbench.harness.case.image import image_name
from pinbench.harness.case.source import SOURCE_ROOT, workload_folders
from pinbench.harness.case.workload import Workload, load_workload
from pinbench.harness.launch.container_engine import find_engine
from pinbench.harness.report.entries import read_entries

TOLERANCE = 0.05  # of the median ratio: a container is the same kernel
CONFIDENCE = 0.95
RESAMPLES = 2_000
HARDENED = ("--read-only", "--tmpfs=/tmp:exec", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none")
LIMIT_S = 900.0


class Image:
    """A runner image, and the program that runs it."""

    def __init__(self, engine: str, name: str, quick: Sequence[str]) -> None:
        self.engine = engine
        self.name = name
        self.quick = quick  # parameters that make a case short

    def ask(self, *words: str, code: int = 0) -> str:
        """Return what the engine says to `words`; the test ends where its exit code is not `code`."""
        argv = [self.engine, *words]
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert ran.returncode == code, f"{argv} ended with {ran.returncode}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    def start(self, *options: str) -> str:
        """Start a container as a user does, and return its id."""
        return self.ask("run", "--detach", *options, self.name).split()[-1]

    def logs(self, container: str) -> dict[str, str]:
        """Return the exported files."""
        argv = [self.engine, "exec", container, "cat", "/export-logs"]
        data = subprocess.run(argv, capture_output=True, timeout=LIMIT_S, check=True).stdout
        with tarfile.open(fileobj=BytesIO(data)) as archive:
            files = [(member.name, archive.extractfile(member)) for member in archive if member.isfile()]
            return {name: file.read().decode(errors="replace") for name, file in files if file is not None}

    def remove(self, container: str) -> None:
        """End and remove a container."""
        self.ask("rm", "--force", container)


def runs_by_the_documented_commands(image: Image) -> str:
    """Check that the logs come out by the commands of the how-to, to one reader after the other; return the KPI."""
    container = image.start(*(f"--env={setting}" for setting in image.quick))
    files, again = image.logs(container), image.logs(container)
    image.remove(container)
    assert files == again
    assert files["status"] == "0\n", files["benchmark.log"]
    return next(line for line in files["benchmark.log"].splitlines() if line.startswith("*"))


def needs_no_rights(image: Image) -> str:
    """Check that nobody is root, and that neither capabilities nor a writable root file system are needed."""
    container = image.start(*HARDENED, *(f"--env={setting}" for setting in image.quick))
    status = image.ask("exec", container, "cat", "/proc/1/status")
    image.ask("exec", container, "touch", "/opt/x", code=1)
    facts = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    user, capabilities = facts["Uid"].split()[0], int(facts["CapEff"], 16) | int(facts["CapBnd"], 16)
    files = image.logs(container)
    image.remove(container)
    assert user != "0"
    assert capabilities == 0
    assert files["status"] == "0\n", files["benchmark.log"]
    return f"user {user}, no capability, read-only root file system"


def refuses_what_is_wrong(image: Image) -> str:
    """Check that an unknown variable is refused; return the first line of the log."""
    container = image.start("--env=BATCHSIZE=4")
    files = image.logs(container)
    image.remove(container)
    assert files["status"] == "2\n"
    return files["benchmark.log"].splitlines()[0]


def exports_what_there_is_after_sigterm(image: Image) -> str:
    """Check that SIGTERM ends a run within seconds, and that its logs still come out."""
    container = image.start(*(f"--env={setting}" for setting in (*image.quick, "MIN_DURATION=40")))
    give_up_s = time.monotonic() + LIMIT_S
    while "measurement" not in (log := image.ask("logs", container)):
        assert "stays until" not in log, log
        assert time.monotonic() < give_up_s, log
        time.sleep(1)
    begin_s = time.monotonic()
    image.ask("kill", "--signal=TERM", container)
    files = image.logs(container)
    code = image.ask("wait", container).strip()
    image.remove(container)
    assert files["status"] == "143\n"
    assert '"failure": "interrupted SIGTERM"' in files["itr-1/record.json"]
    return f"code {code}, {time.monotonic() - begin_s:.1f} s"


def runs_the_gated_case_on_a_terminal(image: Image) -> str:
    """Check that the gated case runs where nothing is said; return its KPI."""
    said = image.ask("run", "--rm", "--tty", image.name)
    assert "_gated\n" in said, said
    return next(line for line in said.splitlines() if line.startswith("*"))


def lists_its_parameters(image: Image) -> str:
    """Check that --help names the parameters."""
    said = image.ask("run", "--rm", image.name, "--help")
    assert "\nBATCH_SIZE  [" in said
    return f"{said.count(chr(10))} lines"


CHECKS: tuple[Callable[[Image], str], ...] = (
    lists_its_parameters, refuses_what_is_wrong, runs_by_the_documented_commands, needs_no_rights,
    exports_what_there_is_after_sigterm, runs_the_gated_case_on_a_terminal,
)  # fmt: skip


def compare(case: str, pairs: int, words: Sequence[str], folder: Path) -> int:
    """Run `case` natively and in a container in turn; print the median ratio; 1 where it is beyond the tolerance."""
    cmake = subprocess.run(["script/env/cmake", "cmake"], capture_output=True, text=True, check=True).stdout.strip()
    for backend in ("native", "docker"):
        argv = [cmake, "-S", str(SOURCE_ROOT), "-B", str(folder / backend), f"-DBACKEND={backend}"]
        subprocess.run(
            [*argv, "-G", "Unix Makefiles", "-DCMAKE_MAKE_PROGRAM=/bin/true"], check=True, capture_output=True
        )
    ratios = []
    for number in range(pairs):
        order = ("native", "docker") if number % 2 == 0 else ("docker", "native")
        found = {backend: _measure(folder / backend, case, words) for backend in order}
        ratios.append(found["docker"] / found["native"])
        print(f"pair {number + 1}: native {found['native']:.6g}, container {found['docker']:.6g}, {ratios[-1]:.4f}")
    source = random.Random(0)
    medians = sorted(statistics.median(source.choices(ratios, k=pairs)) for _ in range(RESAMPLES))
    low, high = (medians[round(share * (RESAMPLES - 1))] for share in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    median = statistics.median(ratios)
    print(f"container to native: median {median:.4f}, 95 % interval {low:.4f} to {high:.4f}, n={pairs} pairs")
    return int(abs(median - 1) > TOLERANCE)


def _measure(build: Path, case: str, words: Sequence[str]) -> float:
    ran = subprocess.run(
        [build / "ctest.sh", "--testcase", case, *words, "-V"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    logs = next(build.glob(f"workload/*/logs-{case.removeprefix('test_')}"))
    (entry,) = read_entries([logs])
    assert entry.primary is not None
    return float(entry.primary.value)


def _workload(case: str) -> Workload:
    workloads = [load_workload(folder) for folder in workload_folders()]
    return next(one for one in workloads if case.removeprefix("test_").startswith(one.prefix))


def main() -> int:
    """Return 0 when all checks pass and the container is as fast."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", help="name of a test, e.g. test_dummy_throughput_gated")
    parser.add_argument("--pairs", type=int, default=0, help="of a native run and one in a container; default: none")
    parser.add_argument("--engine", default="", help="docker or podman; default: the one that works")
    parser.add_argument("--set", action="append", default=[], metavar="K=V", help="of all runs, to make them short")
    arguments = parser.parse_args()
    workload = _workload(arguments.case)
    engine = find_engine(arguments.engine)
    image = Image(engine.program, image_name(workload, find_case(workload, arguments.case)), arguments.set)
    facts = engine.find_image(image.name)
    if facts is None:
        print(f"{image.name} is not here; build it: ./build.sh workload/{workload.name}", file=sys.stderr)
        return 1
    print(f"{facts.engine}, {facts.image} ({facts.image_id})")
    for check in CHECKS:
        begin_s = time.monotonic()
        result = check(image)
        print(f"{check.__name__.replace('_', ' ')}: {result}  ({time.monotonic() - begin_s:.1f} s)", flush=True)
    if not arguments.pairs:
        return 0
    words = [word for setting in arguments.set for word in ("--set", setting)]
    with tempfile.TemporaryDirectory(prefix="pinbench-images-") as folder:
        return compare(arguments.case, arguments.pairs, words, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
