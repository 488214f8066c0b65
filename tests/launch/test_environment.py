import os
from pathlib import Path

import pinbench
from pinbench.harness.launch.environment import child_environment

SOURCE = str(Path(pinbench.__file__).parents[1])


def test_stray_settings_are_dropped_and_the_plans_own_win() -> None:
    base = {"HOME": "/h", "OMP_NUM_THREADS": "64", "MALLOC_ARENA_MAX": "1", "LANG": "C"}
    made = child_environment(base, ("OMP_", "MALLOC_"), {"OMP_NUM_THREADS": "4", "LANG": "en"})
    assert made == {"HOME": "/h", "OMP_NUM_THREADS": "4", "LANG": "en", "PYTHONPATH": SOURCE}


def test_without_prefixes_all_of_the_base_is_kept() -> None:
    assert child_environment({"OMP_NUM_THREADS": "64"}, (), {})["OMP_NUM_THREADS"] == "64"


def test_our_source_goes_before_the_users_python_path() -> None:
    assert child_environment({"PYTHONPATH": "/theirs"}, (), {})["PYTHONPATH"] == f"{SOURCE}{os.pathsep}/theirs"
