import platform
import subprocess
import sys

import numpy as np
import pytest

from disruptor import atomics
from disruptor.compiled import JIT_ENABLED
from disruptor.memory import anonymous
from tests.reference import kernels_atomics as kernels
from tests.reference import kernels_compiled
from tests.reference.two_threads import side_by_side

ROUNDS = 100_000 if JIT_ENABLED else 300
needs_jit = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")


def cells(words: int = 512) -> np.ndarray:
    return anonymous(words * 8).array(np.int64, words)


def test_store_release_shows_everything_written_before_it():
    shared, data = cells(), cells()
    sent, broken = side_by_side((kernels.send, (shared, data, ROUNDS)), (kernels.receive, (shared, data, ROUNDS)))
    assert (sent, broken) == (ROUNDS, 0)


@pytest.mark.parametrize("kernel", [kernels.count_by_exchange, kernels.count_by_add])
def test_read_modify_write_loses_nothing_between_two_threads(kernel):
    shared = cells()
    side_by_side((kernel, (shared, ROUNDS)), (kernel, (shared, ROUNDS)))
    assert shared[0] == 2 * ROUNDS


def test_fence_lets_one_of_two_announcers_see_the_other():
    rounds = min(ROUNDS, 900)
    shared = cells(1 << 15)
    side_by_side((kernels.store_buffer, (shared, 0, 16, rounds)), (kernels.store_buffer, (shared, 16, 0, rounds)))
    blind = shared[1024 : 1024 + rounds + 1] + shared[1024 * 17 : 1024 * 17 + rounds + 1]
    assert blind.max() <= 1


def test_one_sided_fences_keep_plain_accesses_between_the_announcements():
    shared, data = cells(), cells()
    sent, broken = side_by_side((kernels.announce, (shared, data, ROUNDS)), (kernels.overhear, (shared, data, ROUNDS)))
    assert (sent, broken) == (ROUNDS, 0)


@needs_jit
def test_one_sided_fences_are_fences_in_llvm_and_cost_nothing_on_x86():
    shared, data = cells(), cells()
    kernels.announce(shared, data, 1)
    kernels.overhear(shared, data, 1)
    for kernel, order in ((kernels.announce, "release"), (kernels.overhear, "acquire")):
        assert f"fence {order}" in kernel.inspect_llvm(kernel.signatures[0])
        if platform.machine() == "x86_64":
            assert "mfence" not in kernel.inspect_asm(kernel.signatures[0])


def test_compare_exchange_stores_only_what_was_expected():
    shared = cells()
    assert kernels.count_by_exchange(shared, 3) == 0
    assert kernels.count_by_add(shared, 2) == 4


def test_crc32c_is_castagnoli():
    # RFC 3720 appendix B.4: 32 bytes of zeros, of ones, and ascending
    for data, expected in ((bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E)):
        words = np.frombuffer(data, np.int64)
        assert int(kernels.crc32c(words, 0xFFFFFFFF)) ^ 0xFFFFFFFF == expected


def test_crc32c_is_the_same_in_its_portable_form():
    code = (
        "import numpy as np\nfrom disruptor import atomics, cache\natomics._MACHINE = 'another'\n"
        "cache.folder_for = lambda *_: None\n"
        "from tests.reference.kernels_atomics import crc32c\n"
        "print(int(crc32c(np.frombuffer(bytes(range(32)), np.int64), 0xFFFFFFFF)) ^ 0xFFFFFFFF)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert ran.stdout.strip() == str(0x46DD794E), ran.stderr


def test_leading_zeros_counts_from_bit_63():
    values = np.array([0, 1, 2, 255, 1 << 62, -1, np.iinfo(np.int64).min], np.int64)
    out = np.zeros(7, np.int64)
    kernels.leading(values, out)
    assert out.tolist() == [64, 63, 62, 56, 1, 0, 0]
    assert [atomics.leading_zeros(v) for v in values] == out.tolist()


def test_timestamp_never_runs_backwards_on_one_core():
    out = np.zeros(10_000, np.int64)
    kernels.stamps(out)
    assert np.diff(out).min() >= 0
    assert out[-1] > out[0]


def test_words_at_is_the_memory_itself():
    shared = cells(8)
    shared[:] = np.arange(8)
    assert kernels.reads_at(shared.ctypes.data + 16, 4) == 2 + 3 + 4 + 2 * 5
    assert shared.tolist() == [0, 1, 2, 3, 4, 10, 6, 7]
    assert np.shares_memory(atomics.words_at(shared.ctypes.data, 8), shared)


def test_asking_ahead_changes_nothing_wherever_it_points():
    records = anonymous(64 * 16).array(np.dtype([("value", "i8"), ("rest", "i8", (7,))]), 16)
    assert kernels.asks_ahead(records, 16) == sum(range(16))
    assert records["value"].tolist() == list(range(16)) and not records["rest"].any()


@needs_jit
def test_asking_ahead_is_a_prefetch_to_write():
    records = anonymous(64 * 16).array(np.dtype([("value", "i8"), ("rest", "i8", (7,))]), 16)
    kernels.asks_ahead(records, 16)
    text = kernels.asks_ahead.inspect_llvm(kernels.asks_ahead.signatures[0])
    assert "@llvm.prefetch" in text and ", i32 1, i32 3, i32 1)" in text


@needs_jit
def test_cells_of_another_type_are_a_compile_error():
    with pytest.raises(Exception, match="cells must be a 1-D int64 array"):
        kernels.count_by_add(np.zeros(4, np.float64), 1)


@needs_jit
@pytest.mark.skipif(platform.machine() != "x86_64", reason="instructions of x86-64")
def test_acquire_and_release_are_plain_moves():
    shared = cells()
    shared[0] = 1
    assert kernels_compiled.hands_over(shared) == 1
    words = kernels_compiled.hands_over.inspect_asm(kernels_compiled.hands_over.signatures[0]).split()
    assert "movq" in words
    assert not {"mfence", "lock", "xchgq"} & set(words)
