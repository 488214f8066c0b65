import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.workload import load_workload
from pinbench.harness.cli._ctest_selection import require_selection, without_site

NAME = "test_dlrm_pytorch_xeon_public_inference"


def require(pattern: str, platform: str = "ICX") -> None:
    dlrm = load_workload(WORKLOAD_ROOT / "DLRM-PyTorch-Xeon-Public")
    require_selection(pattern, [dlrm], load_platforms().resolve(platform))


@pytest.mark.parametrize("pattern", ["dlrm", "gated$", f"^{NAME}_throughput_avx_fp32$", "."])
def test_a_pattern_that_finds_a_case_is_fine(pattern: str) -> None:
    require(pattern)


def test_a_pattern_that_only_ctest_understands_is_left_to_it() -> None:
    require("*gated")


def test_a_case_that_the_platform_excludes_is_named_with_the_reason() -> None:
    with pytest.raises(UsageError) as caught:
        require(f"^{NAME}_throughput_amx_bfloat16$")
    assert f"{NAME}_throughput_amx_bfloat16 excluded: amx_bfloat16 needs" in str(caught.value)
    require(f"^{NAME}_throughput_amx_bfloat16$", platform="SPR")


def test_many_excluded_cases_share_their_reason() -> None:
    with pytest.raises(UsageError) as caught:
        require("amx_bfloat16")
    assert str(caught.value).count("amx_bfloat16 needs") == 1
    assert "more excluded:" in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "plain"),
    [
        ("^test_aws_bertlarge_pytorch_arm_throughput_pkm$", "^test_bertlarge_pytorch_arm_throughput_pkm$"),
        ("^test_azure_bertlarge_pytorch_arm", "^test_bertlarge_pytorch_arm"),
        ("^test_bertlarge_pytorch_arm_latency$", "^test_bertlarge_pytorch_arm_latency$"),
        ("test_aws_dlrm", "test_aws_dlrm"),  # the whole name of the workload, or it could be a word of its own
        ("aws_other", "aws_other"),
    ],
)
def test_a_site_in_front_of_a_workload_is_left_out(pattern: str, plain: str) -> None:
    folders = ("BERTLarge-PyTorch-ARM", "DLRM-PyTorch-Xeon-Public")
    loaded = [load_workload(WORKLOAD_ROOT / folder) for folder in folders]
    assert without_site(pattern, loaded) == plain
    assert without_site(pattern, []) == pattern


def test_a_misspelt_name_brings_the_nearest() -> None:
    with pytest.raises(UsageError, match=f"did you mean (test_)?{NAME.removeprefix('test_')}_latency_avx_fp32"):
        require(f"^{NAME}_latncy_avx_fp32$")


def test_a_pattern_like_nothing_here_says_how_to_list() -> None:
    with pytest.raises(UsageError, match="cases are here, -N lists them"):
        require("zzz")
