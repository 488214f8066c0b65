"""A file cut into parts as ``split -l`` does it: how many rows each has."""


def part_rows(rows: int, parts: int) -> tuple[int, ...]:
    """Return the rows of each of `parts` parts of `rows` consecutive rows; the last ones may be shorter, or empty.

    Source: intel/workload-services-framework at cb24ab3, Dockerfile.3.dataset_ext:61-75 (lines / parts + 1 each).
    """
    size = rows // parts + 1
    return tuple(min(size, max(0, rows - part * size)) for part in range(parts))
