import pytest
import torch
from engine_models import small_batch, small_config, small_model

from pinbench.worker.engine._exported import export


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # not FutureWarning: users would see it at each start
def test_the_program_computes_what_the_model_does_from_the_tables_that_are_lent():
    config = small_config()
    model, _ = small_model(config)
    batch = small_batch(config, 4)
    with torch.no_grad():
        program, lent = export(model, batch)
        assert torch.equal(program.module()(*lent, *batch), model(*batch))
    targets = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert "aten.linear.default" in targets
    assert "aten.flatten.using_ints" not in targets
