"""One file a workload: wires model, data and quality.

A recipe is a module of this package with

    def prepare(instance: Instance, gate: GateClient, store_fd: int | None, folder: Path) -> Prepared

It loads or makes the model and the batches, all of them, and passes the barrier WEIGHTS on its way. What else than its
result the instance writes goes into `folder`.
"""
