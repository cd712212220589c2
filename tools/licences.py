"""The licences of everything that musiclc needs, from the metadata of what is installed: python -m tools.licences [--extra NAME…]

Exit 1 for what is copyleft or of unknown licence and does not stand in ALLOWED with a reason, and for an entry of ALLOWED that is no longer needed.

Inside: `Package`, `needed`, `verdict`, `ALLOWED`.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("train", "render", "ray", "examples", "dev", "docs")
PERMISSIVE = re.compile(
    r"\b(?:MIT(?:-0|-CMU)?|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|Zlib|HPND|Historical Permission|"
    r"Unlicense|public domain|BSL-1\.0|Boost|CC0|WTFPL|3-Clause|2-Clause)\b",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"\b(?:[AL]?GPL|GNU|MPL|Mozilla|EPL|EUPL|CDDL|CC-BY-SA|SSPL)", re.IGNORECASE)

# name → why it may be there all the same. Nothing of these is in our wheel: pip installs them, and they are imported as they come.
ALLOWED = {
    "certifi": "MPL-2.0: certificates, a file of data; comes with requests",
    "hypothesis": "MPL-2.0: tests only",
    "pathspec": "MPL-2.0: mypy and mkdocs need it; development only",
    "soxr": "LGPL-2.1: a library of its own, loaded and replaceable; resampling for --wav, extra `render`, and by way of librosa",
    "tqdm": "MPL-2.0 and MIT: a library of its own, unchanged; comes with other packages",
}


@dataclass(frozen=True)
class Package:
    """One installed package: name, version, what it says of its licence, and who needs it."""

    name: str
    version: str
    licence: str
    needed_by: str


def said(found: Distribution) -> str:
    """A package's licence: its expression, else its classifiers, else the first line of what it says."""
    expression = found.metadata["License-Expression"] or ""
    classifiers = [
        c.rsplit("::", 1)[-1].strip()
        for c in found.metadata.get_all("Classifier") or ()
        if c.startswith("License ::") and c != "License :: OSI Approved"
    ]
    written = (found.metadata["License"] or "").strip()
    return expression or ", ".join(classifiers) or (written.splitlines()[0][:80] if written and written != "UNKNOWN" else "") or _from_file(found)


def _from_file(found: Distribution) -> str:
    """What the head of its licence file looks like; empty when there is none."""
    for file in found.files or ():
        if re.search(r"(?i)^(licen[cs]e|copying)", file.name):
            text = file.read_binary()[:600].decode(errors="replace")
            if "Permission is hereby granted, free of charge" in text:
                return "MIT (its file)"
            if "Redistribution and use in source and binary forms" in text:
                return "BSD (its file)"
            if "Apache License" in text:
                return "Apache (its file)"
    return ""


def verdict(licence: str) -> str:
    """permissive, copyleft or unknown. A choice ("MIT OR GPL-2.0") is as its freest part, what is joined (AND, commas) as its strictest."""
    if not licence:
        return "unknown"
    if re.search(r"\bOR\b", licence):
        return "permissive" if any(verdict(part) == "permissive" for part in re.split(r"\bOR\b", licence)) else "copyleft"
    if COPYLEFT.search(licence):
        return "copyleft"
    return "permissive" if PERMISSIVE.search(licence) else "unknown"


def needed(extras: Sequence[str], root: str = "musiclc") -> Iterator[Package]:
    """What a package needs, with extras, and what that needs, each once; what is not installed here (other platforms, other Pythons) is left out."""
    todo, seen = [(Requirement(f"{root}[{','.join(extras)}]"), "")], set[str]()
    while todo:
        requirement, by = todo.pop(0)
        name = canonicalize_name(requirement.name)
        try:
            found = distribution(requirement.name)
        except PackageNotFoundError:
            continue
        if name not in seen and name != root:
            yield Package(name, found.version, said(found), by)
        if name in seen and not requirement.extras:
            continue
        seen.add(name)
        todo += [(inner, name) for inner in map(Requirement, found.requires or ()) if _holds(inner, requirement.extras)]


def _holds(requirement: Requirement, extras: set[str]) -> bool:
    """Whether it is needed here, with any of the extras or none."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the list; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.licences", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extra", action="append", choices=EXTRAS, help="of these extras; all when none is named")
    asked = parser.parse_args(arguments)
    packages = sorted(set(needed(asked.extra or EXTRAS)), key=lambda p: p.name)
    bad = []
    for package in packages:
        kind = verdict(package.licence)
        wrong = kind != "permissive" and package.name not in ALLOWED
        bad += [package] if wrong else []
        note = "  NOT ALLOWED" if wrong else f"  allowed: {ALLOWED[package.name]}" if kind != "permissive" else ""
        print(f"{package.name} {package.version}: {package.licence or 'says nothing'} ({kind}; for {package.needed_by}){note}")
    print(f"{len(packages)} packages, {len(bad)} not allowed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
