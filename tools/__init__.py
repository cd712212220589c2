"""What the repository needs and the package does not: evidence, reference pages, licences. Run from its root, as in `python -m tools.evidence`."""
