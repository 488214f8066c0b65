"""Blocks of a text that a thread of their own reads, and unpacks, while the one before is worked on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

from pinbench.worker.data.criteo.crew import StoppedError
from pinbench.worker.data.criteo.raw_tsv import Block, Text, whole_lines

_BUFFERS = 3  # one is filled, one waits, one is worked on


@contextmanager
def blocks_ahead(text: Text, name: str, buffer_bytes: int) -> Iterator[Iterator[Block]]:
    """Yield the blocks of `text`; a block is gone when the next is asked for.

    Raises:
        DataError: as `whole_lines` does, at the block that it concerns.
    """
    free: SimpleQueue[bytearray | None] = SimpleQueue()
    full: SimpleQueue[Block | None] = SimpleQueue()
    for _ in range(_BUFFERS):
        free.put(bytearray(buffer_bytes))

    def next_buffer() -> bytearray:
        buffer = free.get()
        if buffer is None:
            raise StoppedError
        return buffer

    def fill() -> None:
        try:
            for block in whole_lines(text, name, next_buffer):
                full.put(block)
        finally:
            full.put(None)

    with ThreadPoolExecutor(1) as pool:
        filling = pool.submit(fill)

        def blocks() -> Iterator[Block]:
            while block := full.get():
                yield block
                free.put(block.buffer)
            filling.result()

        try:
            yield blocks()
        finally:
            free.put(None)
