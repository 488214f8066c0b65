import subprocess
import sys

from pinbench import __version__
from pinbench.contract.result import EngineFacts, InstanceResult, Software, Status
from pinbench.harness.record.software import read_software, with_engines


def test_versions_come_from_metadata_and_a_package_that_is_absent_has_none():
    software = read_software("0123abc+", packages=("PyYAML", "no-such-package"))
    assert set(software.packages) == {"PyYAML"}
    assert software.git_commit == "0123abc+"
    assert software.pinbench == __version__


def test_asking_for_versions_imports_nothing_of_the_packages():
    code = "import sys; from pinbench.harness.record.software import read_software as r; r(None, ['hypothesis'])"
    check = "; sys.exit('hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code + check], env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    assert done.returncode == 0


def test_what_an_engine_says_of_itself_wins_over_the_parents_environment():
    ours = Software(pinbench="0", python="3.11", git_commit=None, packages={"torch": "2.13.0", "numpy": "2.4.6"})
    engine = EngineFacts(name="ipex", versions={"torch": "2.8.0", "intel-extension-for-pytorch": "2.8.0"}, threads=2)
    results = [
        InstanceResult(index=0, status=Status.PASSED, engine=engine),
        InstanceResult(index=1, status=Status.FAILED),
    ]
    assert with_engines(ours, results).packages == {
        "torch": "2.8.0",
        "numpy": "2.4.6",
        "intel-extension-for-pytorch": "2.8.0",
    }
