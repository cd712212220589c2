"""How wide the networks' numbers are, and what a melody's bits depend on besides the seed.

A draw spends its time in the prior's flow and in the decoder's recurrent products. These two are bfloat16 where the processor multiplies
bfloat16 faster than float32 ("auto"), else float32, as everything else is everywhere; an option forces either. The choice belongs to a
loaded model (`MelodyVAE.precision`), so that two models of one process may differ. `Model.numerics` names it for manifests.

Where the promise "same seed, same bytes" ends. One version of musiclc and of torch is meant throughout; the number of threads and the
other melodies of a run change nothing (CHUNK in decode.py).

- bfloat16: one kind of processor. Each kind has products of its own (AVX512_BF16, AMX, or none), and they add up in other orders: of 128 melodies
  drawn with and without AVX512_BF16, two differed; 7 differed between bfloat16 and float32.
- float32: every processor of one instruction set as torch tells them apart (AVX512, AVX2, DEFAULT: vectorised exp, tanh, sums, normal numbers;
  gelu by oneDNN). Matrix products are MKL's on x86, which picks kernels by the processor's maker, too, unless the environment
  says MKL_CBWR=COMPATIBLE before the first product; then it adds up alike on all of them, and drawing takes about twice as long.
  Another kernel changes last bits only: none of 128 melodies differed between AVX512, AVX2, no vector unit and MKL's other kernels.

Inside: `NUMERICS`, `check_numerics`, `precision_of`, `described`, `fast_bfloat16`.
"""

import os
from typing import TYPE_CHECKING

from musiclc.errors import UsageError

if TYPE_CHECKING:
    import torch

NUMERICS = ("auto", "bfloat16", "float32")


def check_numerics(numerics: str) -> None:
    """Raises UsageError when it is none of NUMERICS; loads no torch."""
    if numerics not in NUMERICS:
        raise UsageError(f"numerics {numerics!r}: wanted one of {', '.join(NUMERICS)}")


def precision_of(numerics: str) -> "torch.dtype":
    """The width of the products that draws spend their time in. bfloat16 may be asked for where it is slow. Raises UsageError."""
    check_numerics(numerics)
    import torch

    narrow = fast_bfloat16() if numerics == "auto" else numerics == "bfloat16"
    return torch.bfloat16 if narrow else torch.float32


def described(precision: "torch.dtype") -> str:
    """Word width and instruction set, as manifests have it: "float32 AVX2", "bfloat16 AVX512+BF16"."""
    import torch

    instructions = torch.backends.cpu.get_cpu_capability()
    if precision == torch.bfloat16:
        instructions += "+AMX" if _supported("amx_tile") else "+BF16" if fast_bfloat16() else ""
    kernels = os.environ.get("MKL_CBWR") if torch.backends.mkl.is_available() else None
    return " ".join([str(precision).removeprefix("torch."), instructions, *([f"MKL {kernels}"] if kernels else [])])


def fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 faster than float32; where it does not, it would be many times slower."""
    return _supported("avx512_bf16")


def _supported(name: str) -> bool:
    """Whether torch finds this instruction set; its own questions are private and not in every version."""
    import torch

    question = getattr(torch.cpu, f"_is_{name}_supported", None)
    return bool(question and question())
