from pinbench.worker.data.memory import available_bytes


def lay(root, **texts):
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_what_the_host_has_is_available(tmp_path):
    lay(tmp_path, proc__meminfo="MemTotal: 9 kB\nMemAvailable:      5 kB\n")
    assert available_bytes(tmp_path) == 5 * 1024


def test_a_container_s_limit_counts_where_it_is_lower(tmp_path):
    lay(tmp_path, proc__meminfo="MemAvailable: 5000 kB\n")
    lay(tmp_path, sys__fs__cgroup__memory_dot_max="4096\n", sys__fs__cgroup__memory_dot_current="1000\n")
    assert available_bytes(tmp_path) == 3096
    lay(tmp_path, sys__fs__cgroup__memory_dot_max="max\n")
    assert available_bytes(tmp_path) == 5000 * 1024


def test_nothing_is_known_without_the_kernel_s_account(tmp_path):
    assert available_bytes(tmp_path) is None
