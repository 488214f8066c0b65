import pytest
import torch
from torch import nn

from pinbench.worker.onednn.packed_linear import PackedLinear, pack_linears


class TwoStacks(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU())
        self.second = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1), nn.Sigmoid())

    def forward(self, x):
        return self.second(self.first(x))


@pytest.mark.parametrize("batch_size", [1, 64])
def test_packing_keeps_the_function_and_fuses_the_activations_that_onednn_has(batch_size):
    torch.manual_seed(0)
    model = TwoStacks()
    x = torch.randn(batch_size, 7)
    with torch.no_grad():
        expected = model(x)
        packed = pack_linears(model, batch_size)
        assert torch.allclose(packed(x), expected, atol=1e-6)
    assert [type(layer).__name__ for layer in packed.first] == ["PackedLinear", "PackedLinear"]
    assert [type(layer).__name__ for layer in packed.second] == ["PackedLinear", "Tanh", "PackedLinear"]


def test_a_batch_of_another_size_than_packed_for_is_still_right():
    torch.manual_seed(0)
    linear = nn.Linear(33, 9)
    with torch.no_grad():
        packed = PackedLinear(linear, "relu", batch_size=128)
        x = torch.randn(3, 33)
        assert torch.allclose(packed(x), linear(x).relu(), atol=1e-6)


@pytest.mark.parametrize(("min_dim", "packed"), [(None, 4), (0, 4), (1, 3), (3, 2), (4, 1), (5, 0)])
def test_a_layer_that_is_not_larger_than_the_threshold_stays_as_it_is(min_dim, packed):
    torch.manual_seed(0)
    model, x = TwoStacks(), torch.randn(64, 7)
    with torch.no_grad():
        expected = model(x)
        pack_linears(model, 64, min_dim)
        assert torch.allclose(model(x), expected, atol=1e-6)
    assert sum(isinstance(module, PackedLinear) for module in model.modules()) == packed


def test_the_threshold_holds_for_the_batch_too():
    model = pack_linears(TwoStacks(), 2, 2)
    assert not any(isinstance(module, PackedLinear) for module in model.modules())
