"""Files that ship with musiclc: the model. README.md says where each comes from and how to rebuild it."""

from pathlib import Path


def shipped_model() -> Path:
    """The model file that comes with the package."""
    return Path(__file__).with_name("folk-pieces-v4.safetensors")
