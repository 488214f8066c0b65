"""Whole lines of a raw Criteo file into columns: eight bytes at a time, every field checked.

A row of the usual form (hashes of 8 digits, integers of up to 7) is cut into words of eight bytes; the hashes of a
batch of rows are then checked and turned into numbers column by column, which the compiler does with vectors. Whatever
does not fit goes through a plain loop over its bytes, which also decides what is wrong: a batch with a bad hash is read
again that way. `tsv_fault` says what it is.

The eight-byte operations treat a word as eight numbers of one byte, the first character in the lowest. They read up to
`PAD_BYTES` after the text, which must be there and zero.

R rows of the output, I integers, F categories.
"""

# `compiled` inlines what a function calls, but the compiled code kept on the disk is renewed only when the function's
# own file changes. So everything that is compiled together stands in this file.

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from pinbench.worker.data.compiled import compiled
from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, SPARSE_FEATURES

PAD_BYTES = 16

Text = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint32]
Masks = npt.NDArray[np.uint32]
Words = npt.NDArray[np.uint64]

_TAB, _NEWLINE, _RETURN, _MINUS, _ZERO, _NINE, _A, _F = b"\t\n\r-09af"
_LOWER_CASE = 0x20
_INTEGERS = DENSE_FEATURES
_LAST_HASH = SPARSE_FEATURES - 1
_BATCH_ROWS = 64  # their hashes, 13 KiB, stay in the nearest cache until they are decoded
_LARGEST_INT = 2**31 - 1
_INT_DIGITS = 10
_HEX_DIGITS = 8

_EACH = np.uint64(0x0101010101010101)
_TOP_BITS = np.uint64(0x8080808080808080)
_TABS = np.uint64(0x0909090909090909)
_ZEROS = np.uint64(0x3030303030303030)
_LOW_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
_BIT_4 = np.uint64(0x1010101010101010)
_BIT_5 = np.uint64(0x2020202020202020)
_SIX_EACH = np.uint64(0x0606060606060606)
_ABOVE_NINE = np.uint64(0x7676767676767676)  # 0x76 + 10 is the first that sets the top bit
_PAIRS = np.uint64(0x00FF00FF00FF00FF)
_FOURS = np.uint64(0x0000FFFF0000FFFF)
_LOW_BYTE = np.uint64(0xFF)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_U0, _U1, _U2, _U3, _U4, _U6, _U7, _U8, _U16, _U32, _U56 = (np.uint64(n) for n in (0, 1, 2, 3, 4, 6, 7, 8, 16, 32, 56))
_TENS = np.uint64(10 * (1 << 8) + 1)  # digit * 10 + next digit, in the upper byte of each pair
_HUNDREDS = np.uint64(100 * (1 << 16) + 1)
_TEN_THOUSANDS = np.uint64(10_000 * (1 << 32) + 1)


def _load_eight(_context: Any, text: Any, position: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        word = context.get_value_type(types.uint64)
        return builder.load(builder.bitcast(address, word.as_pointer()), align=1)

    return types.uint64(text, position), generate


def _count_trailing(_context: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.uint64(word), generate


# The eight bytes of a text from a position on, whatever its alignment, without a check of the bounds.
_eight_bytes = cast(Callable[[Text, int], np.uint64], intrinsic(_load_eight))
# How many bits are 0 below the lowest 1 of a word, which is not 0.
_trailing_zeros = cast(Callable[[np.uint64], np.uint64], intrinsic(_count_trailing))


@compiled
def _hexadecimal(word: np.uint64) -> np.uint64:
    """The number that eight hexadecimal digits write."""
    letter = (word >> _U6) & _EACH
    word = (word & _LOW_NIBBLES) + letter + (letter << _U3)  # "a" is 0x61
    word = ((word << _U4) | (word >> _U8)) & _PAIRS
    word = ((word << _U8) | (word >> _U16)) & _FOURS
    return ((word << _U16) | (word >> _U32)) & _LOW_HALF


@compiled
def _not_hexadecimal(word: np.uint64) -> np.uint64:
    """Not 0 when one of eight characters is no hexadecimal digit."""
    letter = (word >> _U6) & _EACH
    value = (word & _LOW_NIBBLES) + letter + (letter << _U3)
    # Bits 7 to 4 of a digit are 0011, of a letter 0100 or 0110: bit 4 is the opposite of bit 6, one of bits 5 and 6 is
    # set. A letter's value must be 10 or more, a digit's not: adding 6 carries into bit 4. No value may be above 15.
    bit_6_at_4 = word >> _U2
    at_4 = ((value + _SIX_EACH) ^ bit_6_at_4) | value | ~(bit_6_at_4 ^ word)
    at_5 = ~((word >> _U1) | word)
    return (at_4 & _BIT_4) | (at_5 & _BIT_5) | (word & _TOP_BITS)


@compiled
def _decimal(digits: np.uint64) -> np.uint64:
    """The number of eight digits, the first the most significant; bytes of 0 to 9, not characters."""
    digits = ((digits * _TENS) >> _U8) & _PAIRS
    digits = ((digits * _HUNDREDS) >> _U16) & _FOURS
    return (digits * _TEN_THOUSANDS) >> _U32


@compiled
def _cut_integers(text: Text, position: int, dense_IR: Integers, row: int) -> int:
    """Read the integers of a row; return where the hashes begin, or -1 when one is not of up to 7 digits."""
    wrong = _U0
    for integer in range(_INTEGERS):
        word = _eight_bytes(text, position)
        no_tab = word ^ _TABS
        tab = (no_tab - _EACH) & ~no_tab & _TOP_BITS  # the lowest bit is exact, and there is no other that counts
        if tab == _U0:
            return -1
        bits = _trailing_zeros(tab) - _U7
        position += np.int64(bits >> _U3) + 1  # type: ignore[assignment]
        minus_bits = np.uint64((word & _LOW_BYTE) == np.uint64(_MINUS)) << _U3
        bits -= minus_bits
        # In the top bytes, as if zeros stood before. No shift by 64, which the processor takes for one by 0.
        digits = (((word ^ _ZEROS) >> minus_bits) << (_U56 - bits)) << _U8
        wrong |= (digits + _ABOVE_NINE) | digits | (bits - minus_bits)  # the last: below 0 for a minus alone
        value = np.int64(_decimal(digits))
        value = -value if minus_bits != _U0 else value
        dense_IR[integer, row] = MISSING if bits == _U0 else value
    return position if wrong & _TOP_BITS == _U0 else -1


@compiled
def _cut_hashes(text: Text, position: int, word_FB: Words, missing_R: Masks, batch_row: int, row: int) -> int:
    """Copy the hashes of a row, unchecked; return where the next row begins, or -1 when one has no 8 characters."""
    missing = 0
    for feature in range(_LAST_HASH):
        word = _eight_bytes(text, position)
        if word & _LOW_BYTE == np.uint64(_TAB):
            missing |= 1 << feature
            word_FB[feature, batch_row] = _ZEROS
            position += 1
        elif _eight_bytes(text, position + _HEX_DIGITS) & _LOW_BYTE == np.uint64(_TAB):
            word_FB[feature, batch_row] = word
            position += _HEX_DIGITS + 1
        else:
            return -1
    if text[position] == _NEWLINE or text[position] == _RETURN:
        missing |= 1 << _LAST_HASH
        word_FB[_LAST_HASH, batch_row] = _ZEROS
    else:
        word_FB[_LAST_HASH, batch_row] = _eight_bytes(text, position)
        position += _HEX_DIGITS
    missing_R[row] = missing
    position += text[position] == _RETURN
    return position + 1 if text[position] == _NEWLINE else -1


@compiled
def _cut_rows(
    text: Text,
    position: int,
    stop: int,
    word_FB: Words,
    label_R: Labels,
    dense_IR: Integers,
    missing_R: Masks,
    row: int,
) -> tuple[int, int, int]:
    """Cut rows of the usual form; return how many, where the next begins, and how many ended in CR LF."""
    rows, returns = 0, 0
    limit = min(_BATCH_ROWS, len(label_R) - row)
    while rows < limit and position < stop:
        label = text[position] - _ZERO
        if not 0 <= label <= 1 or text[position + 1] != _TAB:
            break
        after = _cut_integers(text, position + 2, dense_IR, row + rows)
        if after >= 0:
            after = _cut_hashes(text, after, word_FB, missing_R, rows, row + rows)
        if after < 0:
            break
        label_R[row + rows] = label
        returns += text[after - 2] == _RETURN
        position = after
        rows += 1
    return rows, position, returns


@compiled
def _decode(word_FB: Words, rows: int, hash_FR: Hashes, row: int) -> bool:
    """Turn the hashes of a batch into numbers; return whether all were hexadecimal."""
    wrong = _U0
    for feature in range(SPARSE_FEATURES):
        for batch_row in range(rows):
            word = word_FB[feature, batch_row]
            wrong |= _not_hexadecimal(word)
            hash_FR[feature, row + batch_row] = _hexadecimal(word)
    return bool(wrong == _U0)


@compiled
def _plain_integer(text: Text, position: int, dense_IR: Integers, integer: int, row: int) -> int:
    """Read one integer; return where the next field begins, or -1 when it is none."""
    negative = text[position] == _MINUS
    position += negative
    begin, value = position, 0
    while position - begin <= _INT_DIGITS and _ZERO <= text[position] <= _NINE:
        value = value * 10 + text[position] - _ZERO
        position += 1
    digits = position - begin
    if text[position] != _TAB or digits > _INT_DIGITS or value > _LARGEST_INT or digits < negative:
        return -1
    value = -value if negative else value
    dense_IR[integer, row] = value if digits else MISSING
    return position + 1


@compiled
def _plain_hash(text: Text, position: int) -> tuple[int, int]:
    """Read up to 8 hexadecimal digits; return the number and where they end."""
    end, value = position + _HEX_DIGITS, 0
    while position < end:
        character = text[position] | _LOWER_CASE
        if _ZERO <= text[position] <= _NINE:
            value = value * 16 + character - _ZERO
        elif _A <= character <= _F:
            value = value * 16 + character - _A + 10
        else:
            break
        position += 1
    return value, position


@compiled
def _plain_row(
    text: Text, position: int, label_R: Labels, dense_IR: Integers, hash_FR: Hashes, missing_R: Masks, row: int
) -> int:
    """Read a row byte by byte; return where the next begins, or -1 when it is none."""
    label_R[row] = text[position] - _ZERO
    if label_R[row] > 1 or text[position + 1] != _TAB:
        return -1
    position += 2
    for integer in range(_INTEGERS):
        position = _plain_integer(text, position, dense_IR, integer, row)
        if position < 0:
            return -1
    missing = 0
    for feature in range(SPARSE_FEATURES):
        hash_FR[feature, row], end = _plain_hash(text, position)
        missing |= int(end == position) << feature
        end += feature == _LAST_HASH and text[end] == _RETURN
        if text[end] != (_NEWLINE if feature == _LAST_HASH else _TAB):
            return -1
        position = end + 1
    missing_R[row] = missing
    return position


@compiled
def parse_rows(
    text: Text,
    position: int,
    stop: int,
    label_R: Labels,
    dense_IR: Integers,
    hash_FR: Hashes,
    missing_R: Masks,
    row: int,
) -> tuple[int, int, int, bool]:
    """Read the rows that begin in `text` from `position` to before `stop`, from column `row` on, until these are full.

    The row that begins last before `stop` must have its newline; `PAD_BYTES` zeros must follow the text. A missing
    integer is `MISSING`; a missing hash is 0, and bit f of missing_R is set.

    Returns:
        The next `row`, the `position` of the next line, how many lines ended in CR LF, whether that line is wrong.
    """
    word_FB = np.empty((SPARSE_FEATURES, _BATCH_ROWS), np.uint64)
    returns = 0
    while position < stop and row < len(label_R):
        rows, after, batch_returns = _cut_rows(text, position, stop, word_FB, label_R, dense_IR, missing_R, row)
        plain_rows = 1 if rows < _BATCH_ROWS else 0
        if _decode(word_FB, rows, hash_FR, row):
            row, position, returns = row + rows, after, returns + batch_returns
        else:
            plain_rows = rows + 1
        while plain_rows > 0 and position < stop and row < len(label_R):
            after = _plain_row(text, position, label_R, dense_IR, hash_FR, missing_R, row)
            if after < 0:
                return row, position, returns, True
            returns += text[after - 2] == _RETURN
            row, position, plain_rows = row + 1, after, plain_rows - 1
    return row, position, returns, False
