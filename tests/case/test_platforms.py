import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.case.platforms import load_platforms

# The file workload/platforms of the Workload Services Framework: what its users type.
WSF_NAMES = [
    "EMR", "GNR", "SRF", "SPR", "ICX", "BERGAMO", "GENOA", "ARMv8", "MILAN", "ARMv9", "ARMv10", "ARMv11", "ROME", "SKL",
    "BDW", "CLX", "TURIN", "ARL",
]  # fmt: skip
SERVER_FLAGS = "avx2 fma avx512f avx512bw avx512dq avx512vl"


@pytest.mark.parametrize("name", WSF_NAMES)
def test_every_platform_name_of_wsf_is_legal(platforms, name):
    assert platforms.resolve(name).display == name


@pytest.mark.parametrize(
    ("alias", "display"),
    [
        ("GRAVITON2", "ARMv8 (GRAVITON2)"),
        ("GRAVITON3", "ARMv9 (GRAVITON3)"),
        ("GRAVITON4", "ARMv9 (GRAVITON4)"),
        ("COBALT", "ARMv9 (COBALT)"),
        ("SIENA", "BERGAMO (SIENA)"),
    ],
)
def test_an_alias_means_its_platform_and_shows_both_names(platforms, alias, display):
    platform = platforms.resolve(alias)
    assert platform.display == display
    assert platforms.resolve(platform.spelling) == platform


def test_an_unknown_platform_is_refused_with_the_legal_names(platforms):
    with pytest.raises(UsageError, match=r"no platform named 'NOPE' \(legal: BDW, .*ICX, SPR.*GRAVITON4.*\)$"):
        platforms.resolve("NOPE")


def test_a_misspelt_platform_is_answered_with_the_nearest_name(platforms):
    with pytest.raises(UsageError, match=r"did you mean GENOA\?$"):
        platforms.resolve("genoah")


@pytest.mark.parametrize(
    ("vendor", "family", "model", "flags", "name"),
    [
        ("GenuineIntel", 6, 79, "avx2 fma", "BDW"),
        ("GenuineIntel", 6, 85, SERVER_FLAGS, "SKL"),
        ("GenuineIntel", 6, 85, f"{SERVER_FLAGS} avx512_vnni", "CLX"),
        ("GenuineIntel", 6, 85, f"{SERVER_FLAGS} avx512_vnni avx512_bf16", "CPX"),
        ("GenuineIntel", 6, 106, SERVER_FLAGS, "ICX"),
        ("GenuineIntel", 6, 143, SERVER_FLAGS, "SPR"),
        ("GenuineIntel", 6, 207, SERVER_FLAGS, "EMR"),
        ("GenuineIntel", 6, 173, SERVER_FLAGS, "GNR"),
        ("GenuineIntel", 6, 175, "avx2", "SRF"),
        ("GenuineIntel", 6, 198, "avx2", "ARL"),
        ("AuthenticAMD", 23, 49, "avx2", "ROME"),
        ("AuthenticAMD", 25, 1, "avx2", "MILAN"),
        ("AuthenticAMD", 25, 17, SERVER_FLAGS, "GENOA"),
        ("AuthenticAMD", 25, 160, SERVER_FLAGS, "BERGAMO"),
        ("AuthenticAMD", 26, 2, SERVER_FLAGS, "TURIN"),
        ("AuthenticAMD", 26, 17, SERVER_FLAGS, "TURIN"),  # dense
    ],
)
def test_an_x86_host_is_identified_by_vendor_family_model_and_flags(
    platforms, host_of, vendor, family, model, flags, name
):
    assert platforms.identify(host_of(vendor, model, family, flags)).name == name


@pytest.mark.parametrize(
    ("implementer", "part", "name"),
    [
        ("0x41", 0xD0C, "ARMv8"),  # Neoverse N1: Graviton2, Altra
        ("0xc0", 0xAC3, "ARMv8"),  # AmpereOne
        ("0x41", 0xD40, "ARMv9"),  # Neoverse V1: Graviton3
        ("0x41", 0xD4F, "ARMv9"),  # Neoverse V2: Graviton4, Grace, Axion
        ("0x41", 0xD49, "ARMv9"),  # Neoverse N2
        ("0x6d", 0xD49, "ARMv9"),  # Cobalt 100
    ],
)
def test_an_arm_host_is_identified_by_implementer_and_part(platforms, host_of, implementer, part, name):
    assert platforms.identify(host_of(implementer, part, architecture="aarch64")).name == name


def test_an_unknown_x86_cpu_is_a_generic_platform_with_the_flags_of_the_host(platforms, host_of):
    platform = platforms.identify(host_of("HygonGenuine", 1, 24, "avx2 fma sse2"))
    assert platform.name == "X86_64"
    assert platform.lacks("avx_fp32") == ()
    assert platform.lacks("avx_bfloat16") == ("avx512_bf16",)


def test_a_generic_platform_by_name_takes_the_flags_of_a_host_of_its_architecture_only(platforms, host_of):
    x86 = host_of("HygonGenuine", 1, 24, "avx2")
    assert platforms.choose("X86_64", x86).lacks("avx_fp32") == ()
    assert platforms.choose("AARCH64", x86).isa == frozenset()


def test_no_name_asks_for_the_platform_of_the_host(platforms, host_of):
    assert platforms.choose("", host_of("GenuineIntel", 0x8F, 6)).name == "SPR"
    assert platforms.choose("ICX", host_of("GenuineIntel", 0x8F, 6)).name == "ICX"


def test_a_host_of_another_architecture_is_told_to_name_a_platform(platforms, host_of):
    with pytest.raises(UsageError, match="architecture 'riscv64'; name one with PLATFORM="):
        platforms.identify(host_of("sifive", 1, architecture="riscv64"))


def test_no_two_platforms_claim_the_same_cpu(platforms, host_of):
    for name, platform in platforms.by_name.items():
        for cpu in platform.identified_by:
            host = host_of(cpu.vendor, cpu.models[0].start, cpu.family, " ".join(cpu.flags), platform.architecture)
            fitting = [
                other.name for other in platforms.by_name.values() if any(s.fits(host) for s in other.identified_by)
            ]
            assert fitting == [name]


def test_amx_is_promised_by_sapphire_rapids_and_later_but_by_no_other_platform(platforms):
    with_amx = [name for name, platform in platforms.by_name.items() if not platform.lacks("amx_bfloat16")]
    assert with_amx == ["SPR", "EMR", "GNR"]


def test_int8_without_amx_needs_either_form_of_vnni(platforms):
    assert platforms.resolve("SRF").lacks("avx_int8") == ()
    assert platforms.resolve("ICX").lacks("avx_int8") == ()
    assert platforms.resolve("ROME").lacks("avx_int8") == ("avx512_vnni or avx_vnni",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  X: {title: x, architecture: x86_64, isas: []}", "X: unknown key 'isas'; did you mean isa?"),
        ("  X: {architecture: x86_64}", "X: key 'title' is missing"),
        ("  X: {title: x, architecture: x86_64, isa: avx2}", "X: isa: expected a list, got 'avx2'"),
        (
            "  X: {title: x, architecture: x86_64, identified_by: [{vendor: v, models: [0x1-9]}]}",
            "models: expected a whole number, got '0x1-9'",
        ),
    ],
)
def test_a_slip_in_the_platform_file_is_named_with_its_place(tmp_path, line, message):
    path = tmp_path / "platforms.yaml"
    path.write_text(f"platforms:\n{line}\naliases: {{}}\nprecisions: {{}}\n")
    with pytest.raises(UsageError) as error:
        load_platforms(path)
    assert str(path) in str(error.value)
    assert message in str(error.value)


def test_an_alias_of_nothing_is_refused(tmp_path):
    path = tmp_path / "platforms.yaml"
    path.write_text("platforms: {A: {title: a, architecture: x86_64}}\naliases: {B: C}\nprecisions: {}\n")
    with pytest.raises(UsageError, match="aliases: B: 'C' must be a platform"):
        load_platforms(path)
