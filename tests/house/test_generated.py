import importlib.util
import sys

import pytest
from documents import ROOT

_spec = importlib.util.spec_from_file_location("generate", ROOT / "script" / "dev" / "generate.py")
assert _spec is not None
assert _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
sys.modules["generate"] = generate
_spec.loader.exec_module(generate)

_WITH_PARTS = [path for path in generate.documents() if "<!-- generated:" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("document", _WITH_PARTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_generated_parts_are_what_the_code_generates(document):
    text = document.read_text(encoding="utf-8")
    assert text == generate.filled(text), "run script/dev/generate"


def test_each_workload_readme_of_a_model_shows_its_parameters_and_cases():
    text = (ROOT / "workload/DLRM-PyTorch-Xeon-Public/README.md").read_text(encoding="utf-8")
    command = "<!-- generated: pinbench cases --workload workload/DLRM-PyTorch-Xeon-Public"
    assert f"{command} --format markdown -->" in text
    assert f"{command} --platform SPR -->" in text


def test_a_part_that_is_out_of_date_is_written_anew():
    old = "before\n<!-- generated: precisions -->\nold\n<!-- end of generated -->\nafter\n"
    new = generate.filled(old)
    assert "old" not in new
    assert "| `avx_int8` | avx512_vnni or avx_vnni |\n" in new
    assert new.startswith("before\n")
    assert new.endswith("\nafter\n")


def test_a_part_that_nobody_generates_is_refused():
    with pytest.raises(ValueError, match="no generated part is named 'nonsense'"):
        generate.generated("nonsense")
