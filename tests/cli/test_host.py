import json

import pytest

from pinbench.base.jsonio import from_jsonable
from pinbench.contract.host import HostFacts, Topology
from pinbench.harness.cli import main


def test_the_text_tells_the_processor_the_nodes_and_what_could_spoil_a_run(capsys):
    assert main(["host"]) == 0
    text = capsys.readouterr().out
    assert "kernel                Linux " in text
    assert "usable                sockets " in text
    assert "could spoil a run:" in text or "nothing seen that would spoil a run" in text


def test_json_holds_the_types_that_a_record_holds(capsys):
    assert main(["host", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert from_jsonable(Topology, values["topology"]).cpus
    assert from_jsonable(HostFacts, values["facts"]).flags


def test_an_unknown_option_is_bad_usage(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["host", "--jsn"])
    assert "unrecognized arguments: --jsn" in capsys.readouterr().err
