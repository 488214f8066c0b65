"""One file a workload: wires model, data and quality."""
