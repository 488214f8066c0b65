import torch

from pinbench.contract.result import Kernel
from pinbench.worker.engine._profile import count_products, products


def test_the_products_of_a_namespace_are_counted_with_the_types_of_their_operands():
    events = [
        ("zentorch::zentorch_linear_unary", ["c10::BFloat16", "c10::BFloat16", "c10::BFloat16", "Scalar"]),
        ("zentorch::zentorch_linear_unary", ["c10::BFloat16", "c10::BFloat16", "", "Scalar"]),
        ("zentorch::zentorch_bmm", ["float", "float"]),
        ("zentorch::zentorch_embedding", ["float", "long int"]),
        ("aten::linear", ["float", "float", "float"]),
    ]
    assert count_products(events, "zentorch") == (
        Kernel(
            primitive="matmul", implementation="zentorch::zentorch_linear_unary", types="src:bf16 wei:bf16", calls=2
        ),
        Kernel(primitive="matmul", implementation="zentorch::zentorch_bmm", types="src:f32 wei:f32", calls=1),
    )  # fmt: skip


def test_the_profiler_of_this_torch_tells_names_and_types():
    left, right = torch.rand(3, 4), torch.rand(4, 5)
    (kernel,) = products(lambda: left.mm(right), "aten")
    assert (kernel.implementation, kernel.types, kernel.calls) == ("aten::mm", "src:f32 wei:f32", 1)
