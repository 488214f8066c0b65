"""Raw Criteo rows for tests, and a plain parser of them that shares nothing with the real one."""

GOOD = ["1"] + ["5"] * 13 + ["0000000a"] * 26


def line(**fields):
    """Return a good row with fields changed: ``line(f0="0", f14="")``."""
    values = list(GOOD)
    for name, text in fields.items():
        values[int(name.removeprefix("f"))] = text
    return "\t".join(values).encode()


def lines(count, first=0):
    """Return `count` different rows, whose first integer counts."""
    made = []
    for number in range(first, first + count):
        integers = [str(number), "", "-1", str(number * 7919 % 100_003), *["0"] * 8, "2147483647"]
        hashes = [f"{(number * 2654435761 + column * 40503) % 2**32:08x}" for column in range(24)]
        made.append("\t".join([str(number % 2), *integers, *hashes, "", f"{number % 3:08x}"]) + "\n")
    return "".join(made).encode()


def plain_rows(text):
    """Return [label, 13 integers, 26 hashes] of each line; None where a field is missing."""
    rows = []
    for row in text.replace(b"\r\n", b"\n").splitlines():
        fields = row.decode().split("\t")
        assert len(fields) == 40
        numbers = [int(field, 10 if index < 14 else 16) if field else None for index, field in enumerate(fields)]
        rows.append(numbers)
    return rows
