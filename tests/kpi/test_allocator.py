import pytest
from records import make_case, make_record, ok

from pinbench.base.errors import KpiError
from pinbench.contract.result import Libraries
from pinbench.harness.kpi.allocator import require
from pinbench.harness.kpi.measurement import measurement


def run(asked, *allocators):
    results = [
        ok(index, libraries=None if name is None else Libraries(allocator=name, openmp="libgomp"))
        for index, name in enumerate(allocators)
    ]
    require(measurement(make_record(*results, case=make_case(allocator=asked))))


def test_the_allocator_that_was_asked_for_is_accepted_and_any_where_none_was():
    run("jemalloc", "jemalloc", "jemalloc")
    run("", "libc", "tcmalloc")
    run("", None)


@pytest.mark.parametrize(("found", "words"), [("libc", "ran with libc"), (None, "did not read back its own")])
def test_another_allocator_than_the_one_asked_for_is_refused_by_the_instance(found, words):
    with pytest.raises(KpiError, match=f"ALLOCATOR=jemalloc was asked for, but instance 1 {words}"):
        run("jemalloc", "jemalloc", found)
