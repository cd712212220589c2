.PHONY: ci lint types test format
ci:
	bash .ci/run
lint:
	ruff format --check . && ruff check .
types:
	mypy
test:
	pytest
format:
	ruff format . && ruff check --fix .
