"""Build wheel and sdist, and try them as a user would get them: python -m tools.release [--full]

1. Both are built; neither is larger than MOST, and the wheel holds what it must and nothing of tests, tools or documents.
2. In a fresh environment of this Python, the wheel beside the dependencies that are installed here writes a melody. With --full they are
   installed anew, as pip finds them.
3. In a fresh environment of each other Python from 3.10 to 3.13 that is here, every file of the wheel compiles, and `musiclc --help` and
   `--version` run with Click alone (--full: all as in 2).
"""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST = 25e6  # bytes
PYTHONS = tuple(f"3.{minor}" for minor in range(10, 14))
MUST = (
    "musiclc/py.typed",
    "musiclc/cli/sample.py",
    "musiclc/data/README.md",
    "musiclc/output/page.html",
    "dist-info/licenses/LICENSE",
    "dist-info/entry_points.txt",
)
MELODY = ["sample", "--key", "C", "--bars", "4", "--seed", "1", "--quiet"]


def ran(words: Sequence[str | Path], **more: object) -> str:
    """What a command printed. Raises SystemExit with the end of what it said when it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: exit {done.returncode}\n{(done.stdout + done.stderr)[-2000:]}")
    return str(done.stdout)


def built(folder: Path) -> tuple[Path, Path]:
    """The wheel and the sdist, made from a copy of what git knows, so that no earlier build gets in."""
    source = folder / "source"
    names = ran(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    ran([sys.executable, "-m", "build", "--outdir", folder / "dist", source])
    (wheel,), (sdist,) = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    return wheel, sdist


def checked(wheel: Path, sdist: Path) -> None:
    """Sizes, and what the wheel holds."""
    for path in (wheel, sdist):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
        if path.stat().st_size > MOST:
            raise SystemExit(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, wanted at most {MOST / 1e6:.0f}")
    names = zipfile.ZipFile(wheel).namelist()
    missing = [must for must in MUST if not any(name.endswith(must) for name in names)] + (
        [] if any(n.endswith(".safetensors") for n in names) else ["a model"]
    )
    strange = [name for name in names if name.split("/")[0] not in ("musiclc", wheel.name.rsplit("-", 3)[0] + ".dist-info")]
    if missing or strange:
        raise SystemExit(f"{wheel.name}: lacks {missing}, has {strange}")


def environment(python: str, folder: Path) -> Path:
    """A fresh virtual environment's Python."""
    ran([python, "-m", "venv", folder])
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def tried_here(wheel: Path, folder: Path, full: bool) -> None:
    """The wheel in this Python writes the same melody as the checkout does."""
    python = environment(sys.executable, folder / "here")
    ran([python, "-m", "pip", "install", "--quiet", *([] if full else ["--no-deps"]), wheel])
    if not full:  # what is installed here stands behind the environment's own
        _behind(python)
    musiclc = python.with_name("musiclc")
    ran([musiclc, *MELODY, "-o", folder / "wheel.mid"], cwd=folder)
    ran([sys.executable, "-m", "musiclc.cli", *MELODY, "-o", folder / "checkout.mid"], cwd=folder)
    where = ran([python, "-c", "import musiclc; print(musiclc.__file__)"], cwd=folder).strip()
    if not Path(where).is_relative_to(folder.resolve()):
        raise SystemExit(f"{where} was tried and not the wheel")
    if (folder / "wheel.mid").read_bytes() != (folder / "checkout.mid").read_bytes():
        raise SystemExit("the wheel writes another melody than the checkout")
    print(f"Python {sys.version_info.major}.{sys.version_info.minor}: installed, writes the melody that the checkout writes")


def _behind(python: Path) -> None:
    own = Path(ran([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
    others = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))] or [sysconfig.get_path("purelib")]
    (own / "zz_behind.pth").write_text("\n".join(others) + "\n")


def tried_in(version: str, wheel: Path, folder: Path, full: bool) -> None:
    """The wheel in another Python, where it is here."""
    python = _found(version)
    if python is None:
        print(f"Python {version}: not here")
        return
    inner = environment(python, folder / version)
    ran([inner, "-m", "pip", "install", "--quiet", *([wheel] if full else ["--no-deps", wheel])])
    if not full:
        ran([inner, "-m", "pip", "install", "--quiet", "click>=8.1"])
    package = ran([inner, "-c", "import musiclc, os; print(os.path.dirname(musiclc.__file__))"], cwd=folder).strip()
    ran([inner, "-m", "compileall", "-q", "-f", package])
    said = ran([inner.with_name("musiclc"), "--version"], cwd=folder).strip()
    ran([inner.with_name("musiclc"), "--help"], cwd=folder)
    if full:
        ran([inner.with_name("musiclc"), *MELODY, "-o", folder / f"{version}.mid"], cwd=folder)
    print(f"Python {version}: {said}, {'writes a melody' if full else 'compiles, --help and --version run'}")


def _found(version: str) -> str | None:
    """A Python of that version that starts: on the path (under its own name), or among pyenv's."""
    pyenv = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, pyenv)):
        if (
            candidate
            and subprocess.run([candidate, "-c", f"import sys; assert '%d.%d' % sys.version_info[:2] == '{version}'"], capture_output=True).returncode
            == 0
        ):
            return candidate
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """All of it, in a folder that goes away."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="install all dependencies anew, in each Python: minutes, and gigabytes")
    parser.add_argument("--here", action="store_true", help="leave the other Pythons out")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sdist = built(folder)
        checked(wheel, sdist)
        tried_here(wheel, folder, asked.full)
        own = f"{sys.version_info.major}.{sys.version_info.minor}"
        for version in PYTHONS if not asked.here else ():
            if version != own:
                tried_in(version, wheel, folder, asked.full)
    return 0


if __name__ == "__main__":
    sys.exit(main())
