import pytest

from pinbench.base.errors import ModelError
from pinbench.base.units import GIB
from pinbench.worker.models.dlrm.capping import (
    batch_remainder_bytes,
    cap_rows,
    check_fits,
    choose_max_ind_range,
    score_remainder_bytes,
)

ROWS = (40_000_000, 3_000_000, 10)


def test_the_largest_usual_cap_that_fits_is_chosen():
    assert choose_max_ind_range(ROWS, 512, 100 * GIB) == 40_000_000
    # 2M + 2M + 10 rows of 512 bytes are 1.91 GiB, 5M + 3M + 10 are 3.8 GiB
    assert choose_max_ind_range(ROWS, 512, 2 * GIB) == 2_000_000
    assert choose_max_ind_range(ROWS, 512, 4 * GIB) == 5_000_000


def test_ids_modulo_the_cap_never_need_more_rows_than_it():
    assert cap_rows(ROWS, 100) == (100, 100, 10)


def test_tables_that_do_not_fit_are_refused_with_both_figures_and_a_cap_that_does():
    with pytest.raises(ModelError, match=r"MAX_IND_RANGE=40000000 take 20\.5 GiB.* 2\.0 GiB.*to 2097147 or less"):
        check_fits(ROWS, 512, 2 * GIB, 40_000_000)
    check_fits(ROWS, 512, 2 * GIB, 2_000_000)


def test_a_host_too_small_for_the_smallest_cap_is_told_so():
    with pytest.raises(ModelError, match=r"capped at 1000 rows take 1005\.0 KiB, this instance may take 100\.0 KiB"):
        choose_max_ind_range(ROWS, 512, 100 * 1024)


def test_the_batches_of_all_who_share_the_tables_are_taken_off():
    assert batch_remainder_bytes(128, GIB, 3, 8 * GIB) == 5 * GIB
    with pytest.raises(ModelError, match=r"BATCH_SIZE=128 take 2\.0 GiB, this instance may take 1\.6 GiB;"):
        batch_remainder_bytes(128, 2 * GIB, 5, 8 * GIB)


def test_scores_are_taken_off_and_refused_with_both_figures_when_they_do_not_fit():
    assert score_remainder_bytes(100, GIB, 3 * GIB) == 2 * GIB
    with pytest.raises(
        ModelError, match=r"the scores of 100 rows take 3\.0 GiB, this instance may take 2\.0 GiB; set STEPS"
    ):
        score_remainder_bytes(100, 3 * GIB, 2 * GIB)
