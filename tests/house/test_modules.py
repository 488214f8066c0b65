"""Each module says what it is for, and each that holds logic has a test of its own or names the one that covers it."""

import ast

import pytest
from documents import ROOT

_SOURCE = ROOT / "src" / "pinbench"
_SCRIPTS = ROOT / "script" / "env"
_MODULES = sorted([*_SOURCE.rglob("*.py"), *_SCRIPTS.glob("*.py")])

# Modules that are tested through another one, because that is how they are used.
_COVERED = {
    "contract/case.py": "case/test_catalog.py",  # names that follow from values
    "contract/result.py": "kpi/test_answers.py",  # the samples of accuracy mode
    "harness/backend/native.py": "house/test_examples.py",  # whole runs
    "harness/case/declaration.py": "case/test_workload.py",  # what a workload.yaml may say
    "harness/case/knobs.py": "case/test_catalog.py",
    "harness/case/rule.py": "case/test_catalog.py",
    "harness/case/source.py": "case/test_cases_command.py",
    "harness/cli/_build_folder.py": "shell/test_ctest_sh.py",
    "harness/cli/_ctest_describe.py": "shell/test_ctest_sh.py",
    "harness/cli/_ctest_drive.py": "cli/test_ctest_finish.py",
    "harness/cli/_ctest_results.py": "cli/test_ctest_finish.py",
    "harness/cli/_ctest_usage.py": "shell/test_ctest_sh.py",
    "harness/cli/ctest.py": "shell/test_ctest_sh.py",
    "harness/cli/cases.py": "case/test_cases_command.py",
    "harness/cli/kpi.py": "report/test_commands.py",
    "harness/cli/list_kpi.py": "report/test_commands.py",
    "harness/cli/run.py": "house/test_examples.py",
    "harness/launch/collect.py": "flow/test_launch.py",  # real processes
    "harness/launch/crew.py": "flow/test_launch.py",
    "harness/launch/leader.py": "flow/test_launch.py",
    "harness/launch/stop_flag.py": "flow/test_launch.py",
    "harness/cli/_comparison.py": "report/test_compare.py",
    "harness/report/comparable.py": "report/test_compare.py",
    "harness/report/compare_text.py": "report/test_compare.py",
    "harness/report/listing.py": "report/test_formats.py",
    "harness/report/pairing.py": "report/test_compare.py",
    "harness/report/system.py": "report/test_commands.py",
    "harness/report/tables.py": "report/test_formats.py",
    "harness/report/plan.py": "house/test_examples.py",
    "worker/data/bags/batch.py": "data_sets/test_bags.py",
    "worker/data/bags/reference_law.py": "data_sets/test_bags.py",
    "worker/data/criteo/batch.py": "data_sets/test_batches.py",
    "worker/data/criteo/block.py": "data_sets/test_stream.py",
    "worker/data/criteo/check_files.py": "data_sets/test_describe.py",
    "worker/data/criteo/counts.py": "data_sets/test_prepare.py",
    "worker/data/criteo/describe_text.py": "data_sets/test_describe.py",
    "worker/data/criteo/describe_raw_files.py": "data_sets/test_describe.py",
    "worker/data/criteo/description.py": "data_sets/test_describe.py",
    "worker/data/criteo/planted_file.py": "data_sets/test_synthetic_files.py",
    "worker/data/criteo/progress.py": "data_sets/test_prepare.py",
    "worker/data/criteo/space.py": "data_sets/test_prepare.py",
    "worker/ops/cast.py": "numeric/test_dlrm_by_hand.py",
    "worker/engine/eager.py": "engine/test_engines.py",
    "worker/precision/bfloat16.py": "numeric/test_dlrm_by_hand.py",
    "worker/precision/bfloat32.py": "onednn/test_fpmath.py",
    "worker/precision/fp32.py": "numeric/test_dlrm_by_hand.py",
    "worker/precision/int8.py": "numeric/test_dlrm_int8.py",
    "worker/prepared.py": "worker/test_dlrm_recipe.py",
    "worker/recipes/_dlrm.py": "worker/test_dlrm_recipe.py",
    "worker/recipes/dlrm.py": "worker/test_dlrm_recipe.py",
    "worker/recipes/dlrm_v2.py": "worker/test_dlrm_v2_recipe.py",
    "worker/recipes/_dlrm_v2_check.py": "worker/test_dlrm_v2_recipe.py",
    "worker/recipes/dummy.py": "flow/test_launch.py",
    "script/env/venv_state.py": "shell/test_environment.py",
}
# The commands of one command, and what they share.
_COVERED |= {
    f"harness/cli/_data_{name}.py": "cli/test_data.py"
    for name in ("criteo", "describe", "download", "licenses", "planted", "show", "synthetic", "web", "words")
}
_COVERED |= {f"worker/data/{name}.py": "data_sets/test_download.py" for name in ("partial", "transfer")}
_COVERED |= {
    f"worker/models/bert/{name}.py": f"models/bert/test_{test}.py"
    for name, test in (
        ("attention", "model"), ("config", "origin"), ("layer", "model"), ("packed", "model"), ("quantized", "model"),
        ("reference", "model"), ("tensors", "origin"),
    )
}  # fmt: skip
_COVERED |= {
    f"worker/data/squad/{name}.py": f"data_sets/test_squad_{test}.py"
    for name, test in (
        ("answers", "answers"), ("batch", "features"), ("features", "features"), ("final_text", "final_text"),
        ("questions", "questions"),
        ("tokenizer", "questions"),
    )
}  # fmt: skip
_COVERED |= {
    f"worker/recipes/{name}.py": "worker/test_bert_recipe.py" for name in ("_bert_accuracy", "_bert_text", "bert_large")
}
_COVERED |= {"worker/ops/paths.py": "worker/test_bert_recipe.py"}
# The boxes of the model are compared with a computation by hand, and as a whole with recorded logits.
_COVERED |= {
    f"worker/models/dlrm/{box}.py": "numeric/test_dlrm_by_hand.py"
    for box in ("config", "dense", "interaction", "lookup_dots", "model", "over", "reference", "sparse", "stack")
}
_COVERED |= {
    f"worker/data/criteo/{name}.py": "data_sets/test_spark.py"
    for name in ("engines", "stages", "local_stages", *(f"spark/{part}" for part in (
        "arrange", "faults", "identify", "package", "parse", "session", "stages",
    )))
}  # fmt: skip
# A form of prepared data, with what only it needs.
_COVERED |= {
    f"worker/data/criteo/format/{name}.py": f"data_sets/test_format_{test}.py"
    for name, test in {
        "day_files": "torchrec",
        "day_reader": "torchrec",
        "day_shift": "torchrec",
        "feature_spec": "nvidia",
        "half_log": "nvidia",
        "held_out": "torchrec",
        "hot_archive": "multihot",
        "log_kernel": "torchrec",
        "mapped_file": "torchrec",
        "multi_hot_tables": "multihot",
        "multihot": "multihot",
        "npy_file": "torchrec",
        "nvidia": "nvidia",
        "nvidia_kernel": "nvidia",
        "random_ids": "multihot",
        "sized_file": "torchrec",
        "stored_zip": "multihot",
        "torchrec": "torchrec",
    }.items()
}
# Formats of the listing.
_COVERED |= {
    f"harness/report/format/{name}.py": "report/test_formats.py"
    for name in (
        "csv", "google_benchmark", "html", "json", "junit", "list", "md", "mlperf", "openmetrics", "sweep", "xlsx",
    )
}  # fmt: skip
# The sections of the page, and what they are made of.
_COVERED |= {
    f"harness/report/page/{name}.py": "report/test_page.py"
    for name in (
        "chart", "comparison", "detail", "distribution", "facts", "grid", "markup", "points", "roofline",
        "scale", "scaling", "timeline", "tradeoff",
    )
}  # fmt: skip
# One file of tests for all KPIs that are one formula.
_COVERED |= {
    f"harness/kpi/{name}.py": "kpi/test_metrics.py"
    for name in ("cost", "flops", "noise", "overlap", "quality", "samples", "variation")
}
# Made-up rows: what makes them is tested by what they are like.
_COVERED |= {
    f"worker/data/criteo/synthetic_rows/{module}.py": f"data_sets/test_synthetic_{test}.py"
    for module, test in (
        ("alias", "laws"), ("blocks", "files"), ("draw", "draw"), ("drawn_shards", "shards"), ("laws", "laws"),
        ("raw_files", "files"), ("raw_place", "files"), ("text", "text"),
    )
}  # fmt: skip
_COVERED |= {
    f"worker/training/{name}.py": f"training/{test}.py"
    for name, test in {
        "evaluator": "test_fit", "feed": "test_fit", "observer": "dlrm/test_eager", "trainer": "dlrm/test_eager",
    }.items()
}  # fmt: skip
_COVERED |= {"worker/onednn/trained_linear.py": "training/dlrm/test_eager.py"}
# DLRM-DCNv2: its boxes and its learning are compared with torchrec's numbers.
_COVERED |= {
    f"worker/{name}.py": "numeric/test_dcn_golden.py"
    for name in (
        "models/dlrm/cross", "models/dlrm/torchrec_names", "training/dlrm_dcn/_cross_stacks", "training/dlrm_dcn/eager",
    )
}  # fmt: skip
_COVERED |= {
    "worker/ops/bags.py": "ops/test_bag_features.py",
    "worker/recipes/_dlrm_adagrad.py": "worker/test_dlrm_dcn_recipe.py",
}
_COVERED |= {
    f"worker/training/dlrm/_{name}.py": "training/distributed/test_sharded.py"
    for name in ("gathered", "parts", "row_exchange", "sharded_pinned", "shards", "stacks", "summed")
}
_COVERED |= {
    f"worker/training/distributed/{name}.py": "training/distributed/test_endings.py"
    for name in ("backend", "group", "life", "meeting")
}
_COVERED |= dict.fromkeys(
    ("worker/training/distributed/checkpoints.py", "worker/recipes/_dlrm_ranks.py"), "flow/test_distributed.py"
)
_COVERED |= {"worker/training/progress.py": "worker/test_dlrm_training.py"}
_COVERED |= {
    f"worker/recipes/_dlrm_{name}.py": "worker/test_dlrm_training.py"
    for name in ("parts", "training_check", "training_memory", "training_orders")
}
# MLPerf: what is written is judged by MLCommons' own checkers.
_COVERED |= {
    "harness/cli/_mlperf_check.py": "cli/test_mlperf.py",
    "harness/cli/_mlperf_package.py": "cli/test_mlperf.py",
    "harness/mlperf/checkers.py": "cli/test_mlperf.py",
    "worker/training/mlperf_optimizers.py": "training/test_mlperf_log.py",
    "worker/loadgen/library.py": "worker/test_dlrm_scenario.py",
    "worker/loadgen/test.py": "worker/test_dlrm_scenario.py",
}
_COVERED |= {
    "worker/engine/_shared_panels.py": "worker/test_dlrm_recipe.py",
    "worker/ops/uniform.py": "models/dlrm/test_quick_rows.py",
}
# What the trainer of our own is made of is tested by what it learns.
_COVERED |= {f"worker/training/dlrm/{name}.py": "training/dlrm/test_pinned.py" for name in ("_learned", "_split_rows")}
# Containers: whole runs with a stand-in for the engine, and the entry as a plain process.
_COVERED |= dict.fromkeys(
    ("harness/backend/docker.py", "harness/backend/_outcome.py", "harness/launch/container_session.py"),
    "flow/test_container.py",
)
_COVERED |= dict.fromkeys(
    ("harness/cli/entry.py", "harness/launch/export_pipe.py", "harness/launch/supervised.py"), "flow/test_entry.py"
)
_COVERED |= dict.fromkeys(
    ("harness/cli/_run_backend.py", "harness/cli/_ctest_containers.py"), "shell/test_containers.py"
)
# Pods: whole runs with a stand-in for the API server.
_COVERED |= dict.fromkeys(
    (
        "harness/backend/kubernetes.py", "harness/backend/_inside.py", "harness/launch/cluster.py",
        "harness/launch/pod_session.py",
    ),
    "flow/test_pod.py",
)  # fmt: skip
_COVERED |= {"harness/launch/kubernetes_client.py": "launch/test_pod_manifest.py"}
# Accelerators.
_COVERED |= {
    "harness/cli/_train_1p_data.py": "cli/test_train_1p.py",
    "harness/cli/_train_1p_result.py": "cli/test_train_1p.py",
    "worker/precision/fp16.py": "worker/test_dlrm_accelerated.py",
    "worker/training/dlrm/_products.py": "training/dlrm/test_graphs.py",
    "worker/recipes/_dlrm_predicting.py": "worker/test_dlrm_accelerated.py",
}
_COVERED |= {
    "worker/recipes/_setting.py": "worker/test_dlrm_recipe.py",
    "worker/training/dlrm/_tables.py": "training/dlrm/test_eager.py",
}
_COVERED |= dict.fromkeys(("harness/cli/image.py", "harness/cli/_image_settings.py"), "image/test_image_command.py")
_COVERED |= {"worker/data/sync.py": "data_sets/test_resume.py"}
_COVERED |= {"worker/data/compiled.py": "data_sets/test_vocabulary.py"}
_COVERED |= {"worker/data/criteo/source.py": "data_sets/test_synthesize.py"}
# The stages of a preparation: parts of them are tested by what the stage makes.
_COVERED |= {
    f"worker/data/criteo/{module}.py": f"data_sets/test_{test}.py"
    for module, test in (
        ("asked", "prepare"), ("form", "arrange"), ("parse_piece", "parse"), ("shard_builder", "parse"),
        ("day_minima", "format_torchrec"), ("input_order", "prepare"), ("records", "arrange"),
        ("segments", "arrange"), ("shard_words", "arrange"), ("workspace", "resume"),
        ("format/binary_writer", "prepare"), ("format/first_seen", "prepare"), ("format/kaggle", "format_kaggle"),
        ("splitmix64", "synthetic_draw"),
        ("format/mlperf", "prepare"), ("format/npz_file", "format_kaggle"), ("format/wsf", "format_wsf"),
    )
}  # fmt: skip


def _name(path):
    return str(path.relative_to(_SOURCE if path.is_relative_to(_SOURCE) else ROOT))


def _has_logic(path):
    return path.name != "__init__.py" and any(
        isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


@pytest.mark.parametrize("module", _MODULES, ids=_name)
def test_a_module_says_what_it_is_for(module):
    about = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    assert about.splitlines(), "no docstring"
    assert len(about.split("\n\n")[0].splitlines()) <= 3, "the first paragraph is one thought"


def test_a_module_with_logic_has_a_test():
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests").rglob("test_*.py")}
    untested = {
        _name(module)
        for module in _MODULES
        if _has_logic(module) and module.stem.lstrip("_") not in tested and _name(module) not in _COVERED
    }
    assert untested == set()


def test_the_exceptions_are_still_exceptions():
    for name, test in _COVERED.items():
        assert (_SOURCE / name).is_file() or (ROOT / name).is_file(), f"{name} is gone"
        assert (ROOT / "tests" / test).is_file(), f"{name} is covered by {test}, which is gone"
