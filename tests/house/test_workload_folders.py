import os
import re

import pytest
from documents import ROOT

from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.source import workload_folders
from pinbench.harness.case.workload import load_workload

_FOLDERS = workload_folders()


@pytest.fixture(params=_FOLDERS, ids=lambda folder: folder.name)
def folder(request):
    return request.param


def test_a_workload_folder_has_all_its_files(folder):
    for name in ("workload.yaml", "CMakeLists.txt", "build.sh", "run.py", "kpi.sh", "README.md"):
        assert (folder / name).is_file(), f"{folder.name} has no {name}"
    for door in ("build.sh", "run.py", "kpi.sh"):
        assert os.access(folder / door, os.X_OK), f"{folder.name}/{door} is not executable"


def test_every_folder_with_a_cmake_list_declares_a_workload():
    assert {path.parent for path in ROOT.glob("workload/*/CMakeLists.txt")} == set(_FOLDERS)


@pytest.mark.parametrize("name", ["kpi.sh", "run.py"])
def test_all_workloads_share_one(name, folder):
    assert (folder / name).read_text() == (ROOT / "workload" / name).read_text()


def test_the_index_of_workloads_names_this_one(folder):
    assert f"({folder.name}/README.md)" in (ROOT / "workload/README.md").read_text()


def test_its_recipe_is_there(folder):
    assert (ROOT / "src/pinbench/worker/recipes" / f"{load_workload(folder).recipe}.py").is_file()


def test_each_parameter_has_one_line_of_help(folder):
    for parameter in load_workload(folder).parameters.values():
        assert parameter.help, parameter.name
        assert "\n" not in parameter.help, parameter.name
        assert not parameter.help.endswith("."), f"{parameter.name}: a phrase, not a sentence"


def test_each_common_parameter_is_taken_by_a_workload():
    common = re.findall(r"^([A-Z_]+):$", (ROOT / "workload/parameters.yaml").read_text(), re.MULTILINE)
    taken = {name for folder in _FOLDERS for name in load_workload(folder).parameters}
    assert len(common) > 10
    assert set(common) <= taken


def test_parameters_that_only_the_dummy_has_stand_in_its_readme():
    text = (ROOT / "workload/dummy/README.md").read_text()
    dummy, dlrm = (load_workload(ROOT / "workload" / name) for name in ("dummy", "DLRM-PyTorch-Xeon-Public"))
    for name in set(dummy.parameters) - set(dlrm.parameters):
        assert f"`{name}`" in text
    for behaviour in dummy.parameters["BEHAVIOUR"].choices:
        assert f"| `{behaviour}` |" in text


def test_the_readme_of_dlrm_names_its_platforms():
    text = (ROOT / "workload/DLRM-PyTorch-Xeon-Public/README.md").read_text()
    names = re.search(r"^- Platform: `x86-64` \((.+)\)$", text, re.MULTILINE)
    assert names is not None
    known = [p.name for p in load_platforms().by_name.values() if p.architecture == "x86_64" and not p.generic]
    assert names[1].split(", ") == known
