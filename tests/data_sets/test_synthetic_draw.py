import hashlib

import numpy as np
import pytest

from pinbench.worker.data.criteo.planted import plant
from pinbench.worker.data.criteo.splitmix64 import random_word
from pinbench.worker.data.criteo.synthetic_rows.draw import category_hash, draw_rows, mixed
from pinbench.worker.data.criteo.synthetic_rows.text import ROW_TEXT_BYTES, write_text


@pytest.fixture(scope="module")
def recipe():
    return plant(None, 0)[0]


def columns(rows):
    return [rows.label_B, rows.missing_B, rows.click_B, *rows.dense_IB, *rows.hash_FB]


def test_a_row_is_the_same_in_whatever_block_it_is_drawn(recipe):
    whole = columns(draw_rows(recipe, 2, 0, 1_000))
    parts = [columns(draw_rows(recipe, 2, begin, end - begin)) for begin, end in ((0, 1), (1, 333), (333, 1_000))]
    for column, pieces in zip(whole, zip(*parts, strict=True), strict=True):
        assert (column == np.concatenate(pieces)).all()


def test_days_and_seeds_have_rows_of_their_own(recipe):
    first = draw_rows(recipe, 0, 0, 2_000)
    for other in (draw_rows(recipe, 1, 0, 2_000), draw_rows(recipe, 0, 2_000, 2_000)):
        assert (first.hash_FB[10] != other.hash_FB[10]).mean() > 0.7
        assert abs(np.corrcoef(first.label_B, other.label_B)[0, 1]) < 0.1


def test_columns_are_drawn_apart(recipe):
    rows = draw_rows(recipe, 0, 0, 50_000)
    correlation = np.corrcoef(np.log1p(np.maximum(rows.dense_IB, 0)))
    assert np.abs(correlation - np.eye(13)).max() < 5 / np.sqrt(50_000)


def test_words_are_those_of_splitmix64():
    # The first outputs for the seed 1234567, as implementations in many languages print them.
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [int(random_word(np.uint64(1234567), np.uint64(row))) for row in range(4)] == known
    assert mixed(1234567) == known[0]


def murmur_finaliser(word):
    word = (word ^ word >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    word = (word ^ word >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return word ^ word >> 16


def test_a_category_is_a_bijection_of_its_rank():
    for rank, column in ((0, 0), (1, 0), (292_775_613, 19), (2**32 - 1, 25)):
        expected = murmur_finaliser((rank + (column + 1) * 0x9E3779B9) & 0xFFFFFFFF)
        assert int(category_hash(np.uint32(rank), np.uint32(column))) == expected
    hashes = np.array([murmur_finaliser(rank) for rank in range(1 << 17)])
    assert len(np.unique(hashes)) == 1 << 17


def test_the_rows_of_a_seed_stay_what_they_are(recipe):
    text = np.empty(1_000 * ROW_TEXT_BYTES, np.uint8)
    size = write_text(draw_rows(recipe, 0, 0, 1_000), text)
    digest = "e1f8fd42edb044e8801ccbfbbf7da82fcbd62099ab81faf36ef26e2f2c30d5cd"  # of the first run
    assert hashlib.sha256(text[:size].tobytes()).hexdigest() == digest
