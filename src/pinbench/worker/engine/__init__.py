"""What executes a model, one file each.

An engine is a module of this package with

    NEEDS_GRAPH: bool  # it reads the model as a graph, so it gets the plain boxes, not those for PyTorch eager
    def require(precision: Precision) -> None
    def compile(model: nn.Module, inputs: tuple[Tensor, ...], setting: Setting) -> Executable

`require` raises HostError, with the way out, where this interpreter or CPU cannot run it; it is called before
anything that takes long. `inputs` have the shapes of every later call.
"""
