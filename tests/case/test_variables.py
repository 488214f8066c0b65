import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.variables import require_known
from pinbench.harness.case.workload import load_workload

DLRM = load_workload(WORKLOAD_ROOT / "DLRM-PyTorch-Xeon-Public")
SCRUBBED = ("OMP_",)


@pytest.mark.parametrize(
    "environment",
    [
        {"MODE": "latency", "TORCH_TYPE": "IPEX", "BATCH_SIZE": ""},
        {"PATH": "/bin", "HOME": "/", "HOSTNAME": "x", "container": "podman", "https_proxy": "p", "LC_ALL": "C"},
        {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "TORCHELASTIC_RUN_ID": "1", "MASTER_ADDR": "h"},
        {"TOPOLOGY": "dlrm"},
        {"KUBERNETES_SERVICE_HOST": "h", "WEB_SERVICE_HOST": "h", "WEB_PORT_80_TCP_ADDR": "h", "WEB_PORT": "tcp://h"},
        {"SITE": "x", "RACK": "y", "PINBENCH_PASS": "SITE, RACK"},
    ],
)
def test_parameters_and_what_systems_set_are_let_through(environment):
    require_known(DLRM, environment, SCRUBBED)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"BATCHSIZE": "8"}, "BATCHSIZE=8 is no parameter of DLRM-PyTorch-Xeon-Public; did you mean BATCH_SIZE?"),
        ({"WEB_SERVICE_HOST": "h"}, "WEB_SERVICE_HOST=h is no parameter"),  # of no cluster
        ({"TOPOLOGY": "bert"}, "TOPOLOGY=bert is not what this image runs, which is dlrm"),
    ],
)
def test_anything_else_is_refused_with_the_nearest_name(environment, words):
    with pytest.raises(UsageError) as caught:
        require_known(DLRM, {"PATH": "/bin", **environment}, SCRUBBED)
    assert str(caught.value).startswith(words)
