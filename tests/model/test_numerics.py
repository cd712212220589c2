"""How wide numbers are is a loaded model's own affair: asked for by name, told by name, and float32 asks nothing of the processor."""

import pytest
import torch

from musiclc.errors import UsageError
from musiclc.model import checkpoint, numerics
from musiclc.model.methods import SampleProblem, Start, points
from tests.helpers import tiny_model


@pytest.fixture
def file(tmp_path):
    checkpoint.save_model(tiny_model(), tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.fixture
def processor(monkeypatch):
    """Sets what torch finds on this processor."""

    def set_to(capability, **supported):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
        for name in ("avx512_bf16", "amx_tile"):
            monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda name=name: supported.get(name, False), raising=False)

    return set_to


def drawn(model):
    """What every draw goes through: points by the flow, and what they decode to, as logits."""
    problem, noise = SampleProblem(model, [], {}, "4/4"), torch.randn(8, model.vae.dimensions, generator=torch.Generator().manual_seed(0))
    x, t = points(problem, Start(noise, torch.ones(8), [0] * 8), "rejection")
    tokens = model.vae.decode(model.prior.restore(x), problem.condition(8))
    return torch.cat([x.flatten(), model.vae.logits_along(model.prior.restore(x), problem.condition(8), tokens, torch.full((8,), t)).flatten()])


def test_float32_draws_the_same_whatever_the_processor_is_fast_at(file, processor):
    found = []
    for fast in (False, True):
        processor("AVX512", avx512_bf16=fast)
        found.append(drawn(checkpoint.load(file, "float32")))
    assert torch.equal(*found)
    processor("AVX512", avx512_bf16=True)
    assert not torch.equal(drawn(checkpoint.load(file)), found[0])  # auto: bfloat16
    processor("AVX512", avx512_bf16=False)
    assert torch.equal(drawn(checkpoint.load(file)), found[0])  # auto: float32


def test_two_models_of_one_process_may_differ(file):
    wide, narrow = checkpoint.load(file, "float32"), checkpoint.load(file, "bfloat16")
    assert (wide.flow().out.weight.dtype, narrow.flow().out.weight.dtype) == (torch.float32, torch.bfloat16)
    assert narrow.prior.out.weight.dtype == torch.float32
    before = drawn(wide)
    assert not torch.equal(before, drawn(narrow))
    assert torch.equal(before, drawn(wide))


def test_a_model_is_read_once_for_each_width(file):
    first = checkpoint.loaded(str(file))
    assert checkpoint.loaded(path=str(file), numerics="auto") is first
    assert checkpoint.loaded(str(file), "float32") is not first


@pytest.mark.parametrize(
    ("asked", "supported", "named"),
    [
        ("auto", {}, "float32 AVX2"),
        ("auto", {"avx512_bf16": True}, "bfloat16 AVX2+BF16"),
        ("auto", {"avx512_bf16": True, "amx_tile": True}, "bfloat16 AVX2+AMX"),
        ("bfloat16", {}, "bfloat16 AVX2"),
        ("float32", {"avx512_bf16": True}, "float32 AVX2"),
    ],
)
def test_the_name_says_word_width_and_instruction_set(file, processor, monkeypatch, asked, supported, named):
    monkeypatch.delenv("MKL_CBWR", raising=False)
    processor("AVX2", **supported)
    assert checkpoint.load(file, asked).numerics == named


def test_the_name_says_so_where_mkl_is_told_to_add_up_alike_everywhere(monkeypatch, processor):
    processor("AVX512")
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    assert numerics.described(torch.float32) == "float32 AVX512 MKL COMPATIBLE"


def test_other_numerics_are_refused(file):
    with pytest.raises(UsageError, match="numerics 'fp16': wanted one of auto, bfloat16, float32"):
        checkpoint.load(file, "fp16")
