"""musiclc: write melodies, and steer them by rules.

    import musiclc

    model = musiclc.load()
    for sample in musiclc.sample(model, {"key": "A minor", "density": "8"}, n=4):
        print(sample.melody.notes, sample.satisfied)

    request = musiclc.SampleRequest.of({"key": "A minor", "n": 4, "seed": 7})  # what a command or a job is asked for, by its options' names
    for entry, data in musiclc.run(request):
        print(entry["file"], entry["satisfied"], len(data))

Names are loaded when first used, so that importing musiclc costs nothing.
"""

import importlib
from typing import Any

_PLACES = {
    "load": "model.checkpoint",
    "sample": "sampling.sample",
    "run": "batch.commands",
    "score": "custom.examples",
    "continued": "sampling.fill",
    "preceded": "sampling.fill",
    "infilled": "sampling.fill",
    "bridged": "sampling.fill",
    "FillOptions": "sampling.fill_request",
    "ContinueRequest": "sampling.fill_request",
    "InfillRequest": "sampling.fill_request",
    "BridgeRequest": "sampling.fill_request",
    "transform": "editing.transform",
    "EditOptions": "editing.request",
    "SampleOptions": "sampling.request",
    "SampleRequest": "sampling.request",
    "TransformRequest": "editing.request",
    "VaryRequest": "editing.request",
    "InterpolateRequest": "editing.request",
    "Sample": "sampling.sample",
    "Melody": "music.melody",
    "Note": "music.melody",
    "RULES": "rules",
    "Constraint": "rules.base",
    "rule_of_function": "custom.functions",
    "MusiclcError": "errors",
    "read_melody": "midi",
    "read_song": "midi",
    "to_bytes": "midi",
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'musiclc' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"musiclc.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
