from pinbench.harness.case.nearest import hint, nearest


def test_a_typo_and_another_case_find_the_word_that_was_meant():
    assert nearest("BATCHSIZE", ["BATCH_SIZE", "STEPS"]) == "BATCH_SIZE"
    assert nearest("steps", ["BATCH_SIZE", "STEPS"]) == "STEPS"


def test_another_word_finds_nothing_and_gives_no_hint():
    assert nearest("TEMPERATURE", ["BATCH_SIZE", "STEPS"]) is None
    assert hint("TEMPERATURE", ["BATCH_SIZE", "STEPS"]) == ""
    assert hint("STEP", ["BATCH_SIZE", "STEPS"]) == "; did you mean STEPS?"
