from pinbench.harness.case.describe import describe_markdown, describe_text, parameter_rows


def test_each_parameter_has_a_row_in_the_order_of_the_file(dlrm):
    assert [row[0] for row in parameter_rows(dlrm)] == list(dlrm.parameters)


def test_a_row_says_default_exceptions_and_legal_values(dlrm):
    rows = {row[0]: row[1:3] for row in parameter_rows(dlrm)}
    assert rows["BATCH_SIZE"] == (
        "1; 512 for FUNCTION=training, MODE=accuracy, CASE_TYPE=gated; 32768 for FUNCTION=training, MODE=accuracy; "
        "1024 for FUNCTION=training; 100 for FUNCTION=inference, MODE=accuracy",
        "a whole number from 1 to 1048576",
    )
    assert rows["CASE_TYPE"] == ("from the case name", "(empty), gated, pkm")
    assert rows["CORES_PER_INSTANCE"][0] == "4 for latency, else the cores of a NUMA node"
    assert rows["WEIGHT_SHARING"] == ("True; False for FUNCTION=training", "True or False")


def test_the_text_for_a_terminal_holds_name_default_and_help(dummy):
    text = describe_text(dummy)
    assert text.startswith("dummy: Self test of the suite\n")
    assert "\nSTEP_MS  [1]  a number from 0 to 60000\n    milliseconds that a step lasts\n" in text


def test_the_table_for_a_readme_is_markdown_with_four_columns(dlrm):
    lines = describe_markdown(dlrm).splitlines()
    assert lines[0] == "| Parameter | Default | Allowed | Meaning |"
    assert len(lines) == len(dlrm.parameters) + 2
    assert all(line.count(" | ") == 3 for line in lines)
    data_type = "| `DATA_TYPE` | synthetic; real for MODE=accuracy | synthetic, real | "
    assert f"{data_type}seeded made-up samples, or those in DATASET\\_DIR |" in lines
