import subprocess
import sys

from pinbench import __version__
from pinbench.harness.record.software import read_software


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
