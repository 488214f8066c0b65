"""WHAT: case names, the catalog of workloads, overrides, ctest entries."""
