from dataclasses import replace

from records import died, make_case, make_host, make_record, ok

from pinbench.contract.result import EngineFacts, PackedWeights, Status
from pinbench.harness.kpi.configuration import application_configuration, workload_configuration


def test_what_ran_is_said_not_what_was_asked_for():
    case = make_case(cores_per_instance=16, instances=4, steps=10)
    fields = workload_configuration(make_record(ok(0, steps=120), ok(1, steps=110), case=case))
    assert fields["INSTANCE_NUMBER"] == 2
    assert fields["CORES_PER_INSTANCE"] == 1
    assert fields["STEPS"] == "110-120"


def test_a_field_that_is_not_known_is_absent():
    host = replace(make_host(), platform=None, microcode=None)
    fields = workload_configuration(make_record(ok(0, model=None, data=None, libraries=None, isa=None), host=host))
    absent = {"FRAMEWORK", "MODEL_NAME", "DATASET", "ALLOCATOR", "ONEDNN_ISA", "PLATFORM", "MICROCODE", "GOVERNOR"}
    assert not absent & set(fields)
    assert not {"-", -1, "", None} & set(fields.values())


def test_the_version_of_onednn_is_the_one_that_the_instances_heard():
    probe = replace(ok(0).isa, version="v3.12.0 (commit 80afa71)")
    assert workload_configuration(make_record(ok(0, isa=probe)))["ONEDNN_VERSION"] == "v3.12.0 (commit 80afa71)"
    assert "ONEDNN_VERSION" not in workload_configuration(make_record(ok(0)))


def test_of_a_failed_run_the_instances_that_lived_are_told():
    fields = workload_configuration(make_record(ok(0), died(1), status=Status.FAILED, failure="x"))
    assert "INSTANCE_0" in fields
    assert "INSTANCE_1" not in fields


def test_a_run_that_was_not_planned_still_tells_its_command():
    record = make_record(plan=None, results=())
    assert list(workload_configuration(record)) == ["COMMAND"]
    assert application_configuration(record) == {}


def test_the_scenario_goes_by_the_mode():
    assert application_configuration(make_record())["SCENARIO"] == "offline"


def test_packed_weights_that_instances_share_are_told_with_their_memory():
    def engine(*, made_here):
        mapping = "r--s /memfd:pinbench-weights-0"
        return EngineFacts(
            name="pinned", packed=PackedWeights(size_bytes=9 << 20, mapping=mapping, made_here=made_here)
        )

    shared = make_record(*(ok(index, engine=engine(made_here=index == 0)) for index in range(2)))
    assert workload_configuration(shared)["PACKED_WEIGHTS"] == (
        "9.0 MiB for all instances of a node, mapped r--s /memfd:pinbench-weights-0"
    )
    assert "PACKED_WEIGHTS" not in workload_configuration(make_record(ok(0, engine=EngineFacts(name="pinned"))))


def test_the_engine_is_the_one_that_ran_with_its_path_and_the_reason_of_a_fallback():
    def stack(*engines):
        results = [ok(index, engine=engine) for index, engine in enumerate(engines)]
        return application_configuration(make_record(*results, case=make_case(engine="pinned")))["SERVING_STACK"]

    chain = EngineFacts(name="pinned", path="chain", isa="avx2")
    assert stack(chain, chain) == "in process, engine pinned (chain, avx2)"
    without = EngineFacts(name="eager", fallback="not pinned: no compiler")
    assert stack(without, without) == "in process, engine eager (not pinned: no compiler)"
    assert stack(chain, replace(chain, path="layers")) == (
        "in process, engine pinned (chain, avx2) and pinned (layers, avx2)"
    )
    assert stack(None, None) == "in process, engine pinned"  # a record from before instances told


def test_an_emulated_run_is_marked_with_what_the_host_lacks():
    record = make_record(ok(0))
    assert "EMULATED" not in workload_configuration(record)
    assert record.plan is not None
    emulated = replace(record, plan=replace(record.plan, emulation="this host has no amx_tile"))
    assert workload_configuration(emulated)["EMULATED"] == "this host has no amx_tile"
