"""Metadata, dependencies and extras of musiclc; tools are set up in pyproject.toml."""

from pathlib import Path

from setuptools import setup

ROOMS = sorted(path.parent.name for path in Path(__file__).parent.glob("musiclc/*/__init__.py"))

setup(
    name="musiclc",
    version="0.2.0",
    description="Write melodies, and steer them by rules: latent constraints for composers who script",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The musiclc developers",
    keywords=["music generation", "MIDI", "latent constraints", "variational autoencoder", "flow matching", "algorithmic composition"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: End Users/Desktop",
        "Intended Audience :: Science/Research",
        "Natural Language :: English",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
        "Topic :: Artistic Software",
        "Topic :: Multimedia :: Sound/Audio :: MIDI",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10,<3.14",
    packages=["musiclc", *(f"musiclc.{room}" for room in ROOMS), "musiclc.cli", "musiclc.data"],
    package_dir={"musiclc.cli": "cli", "musiclc.data": "data"},
    package_data={
        "musiclc": ["py.typed"],
        "musiclc.output": ["page.*"],
        "musiclc.studio": ["page/*"],
        "musiclc.data": ["*.safetensors", "README.md"],
    },
    install_requires=[
        # Below 2.14: from 2.14 on a plain install takes a CUDA build of several GB even where a CPU build of 2.13 is offered.
        "torch>=2.6,<2.14",
        "numpy>=1.26",
        "click>=8.1",
        "mido>=1.3",
        "pretty_midi>=0.2.11",
        "note-seq>=0.0.5",
        "audioop-lts; python_version >= '3.13'",
        "safetensors>=0.5",
        "pillow>=10.1",  # note-seq brings it anyway, by way of bokeh
        "filelock>=3.30",  # torch brings it anyway; from 3.30 on a waiter takes no lock whose file is gone, and Unix's files are left to us
        "platformdirs>=4",
        "fsspec>=2024.2",  # torch brings it anyway
        "jinja2>=3.1",
        "rich>=13",
        "pyyaml>=6",
    ],
    extras_require={
        "train": ["music21>=9.3", "lightning-fabric>=2.4", "matplotlib>=3.8"],
        # midirenderer (MIT) is RustySynth; the SoundFont comes with pretty_midi, resampling (LGPL) with note-seq's librosa.
        "render": ["midirenderer>=0.1.3", "soxr>=0.5"],
        "ray": ["ray>=2.9"],
        # mkdocs below 2, which has no plugins and themes of before; equations become MathML, so pages load no script from elsewhere
        "docs": ["mkdocs>=1.6,<2", "mkdocs-material>=9.5", "latex2mathml>=3.77"],
        "studio": ["starlette>=0.40", "uvicorn>=0.30"],
        "examples": ["scikit-learn>=1.3", "matplotlib>=3.8"],
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3.6",
            "hypothesis>=6.100",
            "ruff==0.17.*",
            "mypy>=1.11",
            "music21>=9.3",
            "lightning-fabric>=2.4",
            "matplotlib>=3.8",
            "scikit-learn>=1.3",
            "midirenderer>=0.1.3",
            "soxr>=0.5",
            "ray>=2.9",
            "starlette>=0.40",
            "uvicorn>=0.30",
            "playwright>=1.45",  # drives a Chromium that is there already; tests that need one are skipped without
            "build",
        ],
    },
    entry_points={"console_scripts": ["musiclc=musiclc.cli:main"]},
)
