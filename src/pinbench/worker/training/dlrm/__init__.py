"""What trains DLRM, one file for each engine.

An engine is a module of this package with

    def require(precision: Precision) -> None
    def make(config: DlrmConfig, tables_RD: Tensor, stacks: Mapping[str, Tensor], order: TrainerOrder) -> Trainer

`require` raises HostError, with the way out, where this interpreter or CPU cannot run it; it is called before
anything that takes long. `tables_RD` holds all tables behind each other in float32, and `make` may keep it and write to
it; `stacks` holds weights and biases by the reference's names.
"""
