"""Whole lines of a raw Criteo file into columns: eight bytes at a time, every field checked.

A row of the usual form (hashes of 8 digits, integers of up to 7 that fit 64 bytes together) is cut into words of eight
bytes; the words of a batch of rows are then checked and turned into numbers column by column, with vectors. Whatever
does not fit goes through a plain loop over its bytes, which also decides what is wrong: a batch with a bad word is read
again that way. `tsv_fault` says what it is.

The eight-byte operations treat a word as eight numbers of one byte, the first character in the lowest. They read up to
`PAD_BYTES` after the text, which must be there and zero.

R rows of the output, I integers, F categories, B rows of a batch.
"""

# `compiled` inlines what a function calls, but the compiled code kept on the disk is renewed only when the function's
# own file changes. So everything that is compiled together stands in this file.
#
# What cuts rows is given addresses, not arrays: an array that is handed on is counted, atomically, twice a call, which
# took a third of the time of a row.

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from pinbench.worker.data.compiled import compiled
from pinbench.worker.data.criteo.form import MISSING
from pinbench.worker.data.criteo.schema import DENSE_FEATURES, SPARSE_FEATURES

PAD_BYTES = 64

Text = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint32]
Masks = npt.NDArray[np.uint32]
Words = npt.NDArray[np.uint64]
Address = np.uint64

_TAB, _NEWLINE, _RETURN, _MINUS, _ZERO, _NINE, _A, _F = b"\t\n\r-09af"
_LOWER_CASE = 0x20
_INTEGERS = DENSE_FEATURES
_LAST_HASH = SPARSE_FEATURES - 1
_BATCH_ROWS = 64  # their words, 20 KiB, stay in the nearest cache until they are decoded
_STEP_ROWS = 8  # a vector of hashes
_LARGEST_INT = 2**31 - 1
_INT_DIGITS = 10
_HEX_DIGITS = 8

_TOP_BITS = np.uint64(0x8080808080808080)
_ZEROS = np.uint64(0x3030303030303030)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ABOVE_NINE = np.uint64(0x7676767676767676)  # 0x76 + 10 is the first that sets the top bit
_PAIRS = np.uint64(0x00FF00FF00FF00FF)
_FOURS = np.uint64(0x0000FFFF0000FFFF)
_LOW_BYTE = np.uint64(0xFF)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_U0, _U1, _U2, _U3, _U5, _U6, _U8, _U9, _U16, _U30, _U32, _U56, _U64 = (
    np.uint64(n) for n in (0, 1, 2, 3, 5, 6, 8, 9, 16, 30, 32, 56, 64)
)
_TAB_WORD, _NEWLINE_WORD, _RETURN_WORD, _MINUS_WORD, _ZERO_WORD = (np.uint64(c) for c in b"\t\n\r-0")
_TEN_THOUSAND = np.uint64(10_000)
_COLUMN_BYTES = np.uint64(8 * _BATCH_ROWS)
_STEP_BYTES, _STEP_HASH_BYTES = np.uint64(8 * _STEP_ROWS), np.uint64(4 * _STEP_ROWS)
# In the lowest byte of an integer's word, where no digit is.
_NEGATIVE, _NONE = _U1, _U2


_INT8, _INT16, _INT32, _INT64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def _at(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _all_of(kind: Any, length: int, value: int) -> Any:
    return ir.Constant(ir.VectorType(kind, length), [value] * length)


def _load_eight(_context: Any, address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load(_at(builder, arguments[0], _INT64), align=1)

    return types.uint64(types.uint64), generate


def _load_one(_context: Any, address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.load(_at(builder, arguments[0], _INT8), align=1), _INT64)

    return types.uint64(types.uint64), generate


def _store_eight(_context: Any, address: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], _at(builder, arguments[0], _INT64), align=1)
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64), generate


def _find_tabs(_context: Any, address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        characters = builder.load(_at(builder, arguments[0], ir.VectorType(_INT8, 64)), align=1)
        return builder.bitcast(builder.icmp_unsigned("==", characters, _all_of(_INT8, 64, _TAB)), _INT64)

    return types.uint64(types.uint64), generate


def _count_trailing(_context: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))

    return types.uint64(types.uint64), generate


def _read_hashes(_context: Any, words: Any, hashes: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        characters = builder.load(_at(builder, arguments[0], ir.VectorType(_INT8, 64)), align=1)
        digit = builder.sub(characters, _all_of(_INT8, 64, _ZERO))
        is_digit = builder.icmp_unsigned("<", digit, _all_of(_INT8, 64, 10))
        letter = builder.sub(builder.or_(characters, _all_of(_INT8, 64, _LOWER_CASE)), _all_of(_INT8, 64, _A))
        is_letter = builder.icmp_unsigned("<", letter, _all_of(_INT8, 64, 6))
        nibbles = builder.select(is_digit, digit, builder.add(letter, _all_of(_INT8, 64, 10)))
        pairs = builder.bitcast(nibbles, ir.VectorType(_INT16, 32))  # the upper nibble in the lower byte
        pairs = builder.or_(builder.shl(pairs, _all_of(_INT16, 32, 4)), builder.lshr(pairs, _all_of(_INT16, 32, 8)))
        values = builder.trunc(pairs, ir.VectorType(_INT8, 32))
        upwards = ir.Constant(ir.VectorType(_INT32, 32), [byte ^ 3 for byte in range(32)])  # each four turned round
        values = builder.bitcast(builder.shuffle_vector(values, values, upwards), ir.VectorType(_INT32, 8))
        builder.store(values, _at(builder, arguments[1], values.type), align=1)
        return builder.bitcast(builder.or_(is_digit, is_letter), _INT64)

    return types.uint64(types.uint64, types.uint64), generate


_eight_bytes = cast(Callable[[Address], np.uint64], intrinsic(_load_eight))
_one_byte = cast(Callable[[Address], np.uint64], intrinsic(_load_one))
_put_eight_bytes = cast(Callable[[Address, np.uint64], None], intrinsic(_store_eight))
# Bit n is set when the character n after the address is a tab, of 64.
_tab_bits = cast(Callable[[Address], np.uint64], intrinsic(_find_tabs))
# How many bits are 0 below the lowest 1 of a word; 64 when there is no 1.
_trailing_zeros = cast(Callable[[np.uint64], np.uint64], intrinsic(_count_trailing))
# Turn eight words of eight hexadecimal digits into numbers; bit n is set when the character n of all 64 is a digit.
_eight_hashes = cast(Callable[[Address, Address], np.uint64], intrinsic(_read_hashes))


@compiled
def _decimal(digits: np.uint64) -> np.uint64:
    """The number of eight digits, the first the most significant; bytes of 0 to 9, not characters."""
    tens = digits & _PAIRS
    digits = (tens << _U3) + (tens << _U1) + ((digits >> _U8) & _PAIRS)
    hundreds = digits & _FOURS
    digits = (hundreds << _U6) + (hundreds << _U5) + (hundreds << _U2) + ((digits >> _U16) & _FOURS)
    return (digits & _LOW_HALF) * _TEN_THOUSAND + (digits >> _U32)


@compiled
def _cut_integers(position: Address, word: Address) -> Address:
    """Copy the digits of a row's integers, unchecked, to `word` on; return where the hashes begin.

    A word has its digits in the top bytes, as if zeros stood before, and in the lowest one `_NEGATIVE` or `_NONE`.
    Returns 0 when one has more than 7 digits, or the last does not end within 64 bytes.
    """
    tabs, begin, end, wrong = _tab_bits(position), _U0, _U0, _U0
    for _ in range(_INTEGERS):
        end = _trailing_zeros(tabs)
        tabs &= tabs - _U1
        field = _eight_bytes(position + begin)
        digits = field ^ _ZEROS
        bits = (end - begin) << _U3
        if field & _LOW_BYTE == _MINUS_WORD:
            digits = (((digits >> _U8) << (_U64 - bits)) << _U8) | _NEGATIVE
            wrong |= bits - _U16  # below 0 for a minus alone
        else:
            # no shift by 64, which the processor takes for one by 0
            digits = (digits << (_U56 - bits)) << _U8
        wrong |= _U56 - bits
        none = _NONE if bits == _U0 else _U0
        _put_eight_bytes(word, digits | none)
        word += _COLUMN_BYTES
        begin = end + _U1
    return position + begin if wrong & _TOP_BITS == _U0 and end < _U64 else _U0


@compiled
def _cut_hashes(position: Address, word: Address) -> tuple[Address, np.uint64]:
    """Copy the hashes of a row, unchecked, to `word` on; return where the next row begins, and which are missing.

    Returns 0 for the former when one has no 8 characters.
    """
    missing = _U0
    for feature in range(_LAST_HASH):
        field = _eight_bytes(position)
        if field & _LOW_BYTE == _TAB_WORD:
            missing |= _U1 << np.uint64(feature)
            _put_eight_bytes(word, _ZEROS)
            position += _U1
        elif _one_byte(position + _U8) == _TAB_WORD:
            _put_eight_bytes(word, field)
            position += _U9
        else:
            return _U0, missing
        word += _COLUMN_BYTES
    field = _eight_bytes(position)
    first = field & _LOW_BYTE
    if first in (_NEWLINE_WORD, _RETURN_WORD):
        missing |= _U1 << np.uint64(_LAST_HASH)
        field = _ZEROS
    else:
        position += _U8
    _put_eight_bytes(word, field)
    if _one_byte(position) == _RETURN_WORD:
        position += _U1
    return position + _U1 if _one_byte(position) == _NEWLINE_WORD else _U0, missing


@compiled
def _cut_rows(
    text: Text, position: int, stop: int, word_IB: Words, word_FB: Words, label_R: Labels, missing_R: Masks, row: int
) -> tuple[int, int, int, int]:
    """Cut rows of the usual form, whole steps of them.

    Returns:
        How many rows, how many more came before one that is not of that form, if there is one before the batch is full,
        where the rows end, and how many of them ended in CR LF.
    """
    limit = min(_BATCH_ROWS, len(label_R) - row)
    begin = np.uint64(text.ctypes.data)
    here, stop_here = begin + np.uint64(position), begin + np.uint64(stop)
    integer, category = np.uint64(word_IB.ctypes.data), np.uint64(word_FB.ctypes.data)
    rows, returns, kept, kept_returns, kept_end = 0, 0, 0, 0, here
    while rows < limit and here < stop_here:
        label = _one_byte(here) ^ _ZERO_WORD
        if label > _U1 or _one_byte(here + _U1) != _TAB_WORD:
            break
        after, missing = _cut_integers(here + _U2, integer), _U0
        if after != _U0:
            after, missing = _cut_hashes(after, category)
        if after == _U0:
            break
        label_R[row + rows] = label
        missing_R[row + rows] = missing
        returns += _one_byte(after - _U2) == _RETURN_WORD
        here = after
        rows += 1
        integer += _U8
        category += _U8
        if rows % _STEP_ROWS == 0:
            kept, kept_returns, kept_end = rows, returns, here
    return kept, rows - kept, np.int64(kept_end - begin), kept_returns  # type: ignore[return-value]


@compiled
def _decode_integers(word_IB: Words, rows: int, dense_IR: Integers, row: int) -> bool:
    """Turn the integers of a batch into numbers; return whether all were of digits."""
    wrong = _U0
    for integer in range(_INTEGERS):
        for batch_row in range(rows):
            word = word_IB[integer, batch_row]
            digits = word & ~_LOW_BYTE
            wrong |= (digits + _ABOVE_NINE) | digits
            value = _decimal(digits)
            minus = _U0 - (word & _NEGATIVE)  # all ones, which turns the number's bits over, or 0
            value = (value ^ minus) - minus
            # `MISSING` is the bit 31 alone, and no digits are 0
            dense_IR[integer, row + batch_row] = np.int32(value | ((word & _NONE) << _U30))
    return bool(wrong & _TOP_BITS == _U0)


@compiled
def _decode_hashes(word_FB: Words, rows: int, hash_FR: Hashes, row: int) -> bool:
    """Turn the hashes of a batch into numbers; return whether all were hexadecimal."""
    right = _ALL
    for feature in range(SPARSE_FEATURES):
        words = np.uint64(word_FB.ctypes.data) + np.uint64(feature) * _COLUMN_BYTES
        hashes = np.uint64(hash_FR.ctypes.data) + np.uint64(feature * hash_FR.strides[0] + row * hash_FR.itemsize)
        for _ in range(rows // _STEP_ROWS):
            right &= _eight_hashes(words, hashes)
            words += _STEP_BYTES
            hashes += _STEP_HASH_BYTES
    return bool(right == _ALL)


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

    The row that begins last before `stop` must have its newline; `PAD_BYTES` zeros must follow the text; each column of
    hash_FR must be contiguous. A missing integer is `MISSING`; a missing hash is 0, and bit f of missing_R is set.

    Returns:
        The next `row`, the `position` of the next line, how many lines ended in CR LF, whether that line is wrong.
    """
    # Both are named to the end of the loop: what cuts rows knows their addresses alone.
    word_IB = np.empty((_INTEGERS, _BATCH_ROWS), np.uint64)
    word_FB = np.empty((SPARSE_FEATURES, _BATCH_ROWS), np.uint64)
    returns = 0
    while position < stop and row < len(label_R):
        rows, more, after, batch_returns = _cut_rows(text, position, stop, word_IB, word_FB, label_R, missing_R, row)
        plain_rows = more + 1 if rows < _BATCH_ROWS else 0
        if _decode_integers(word_IB, rows, dense_IR, row) and _decode_hashes(word_FB, rows, hash_FR, row):
            row, position, returns = row + rows, after, returns + batch_returns
        else:
            plain_rows += rows
        while plain_rows > 0 and position < stop and row < len(label_R):
            after = _plain_row(text, position, label_R, dense_IR, hash_FR, missing_R, row)
            if after < 0:
                return row, position, returns, True
            returns += text[after - 2] == _RETURN
            row, position, plain_rows = row + 1, after, plain_rows - 1
    return row, position, returns, False
