"""A model that is given its tables at each call, so that a compiler neither copies nor freezes them."""

from collections.abc import Iterator

from torch import Tensor, nn
from torch.func import functional_call


class Stateless(nn.Module):
    """`model` with the signature ``(*lent, *inputs)``; lent is every parameter but those of linear layers.

    A table of some GB inside a compiled file would be a second copy of it, and another file for each seed.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._names = [
            f"{prefix}.{name}" if prefix else name
            for prefix, module in model.named_modules()
            if not isinstance(module, nn.Linear)
            for name, _ in module.named_parameters(recurse=False)
        ]
        self.eval()

    @property
    def lent(self) -> tuple[Tensor, ...]:
        """The lent parameters, in the order of the signature."""
        return tuple(self.model.get_parameter(name).detach() for name in self._names)

    def kept(self) -> Iterator[tuple[str, Tensor]]:
        """Yield name and value of all other parameters and of the buffers."""
        for name, tensor in (*self.model.named_parameters(), *self.model.named_buffers()):
            if name not in self._names:
                yield name, tensor

    def forward(self, *given: Tensor) -> Tensor:
        """Return what the model computes of the inputs behind the lent parameters."""
        lent, inputs = given[: len(self._names)], given[len(self._names) :]
        output: Tensor = functional_call(self.model, dict(zip(self._names, lent, strict=True)), inputs)
        return output
