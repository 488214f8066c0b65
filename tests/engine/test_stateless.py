import torch
from engine_models import small_batch, small_config, small_model

from pinbench.worker.engine._stateless import Stateless


def test_the_tables_are_lent_and_the_linear_weights_are_kept():
    model, _ = small_model(small_config())
    stateless = Stateless(model)
    (table,) = stateless.lent
    assert table.data_ptr() == model.features.sparse_arch.tables_RD.data_ptr()
    kept = dict(stateless.kept())
    assert len([name for name in kept if name.endswith(".weight")]) == 5
    assert "features.sparse_arch.offset_F" in kept
    assert not any("tables" in name for name in kept)


def test_it_computes_with_the_tables_that_it_is_given():
    config = small_config()
    model, _ = small_model(config)
    batch = small_batch(config, 4)
    stateless = Stateless(model)
    with torch.no_grad():
        assert torch.equal(stateless(*stateless.lent, *batch), model(*batch))
        other = [2 * table for table in stateless.lent]
        assert not torch.equal(stateless(*other, *batch), model(*batch))
