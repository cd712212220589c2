.PHONY: ci lint types test format docs docs-test evidence evidence-check release-check licences
WORK = work
WINDOWS = $(WORK)/windows.safetensors
TUNES = $(WORK)/tunes.safetensors

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

# The documents as a site in build/site, and everything that they show, run as it is typed but for fewer files: some minutes.
docs:
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict
docs-test:
	python -m tools.examples

# Every figure and plot of the documents again: ninety minutes on two cores, the datasets' quarter of an hour aside.
evidence: $(WINDOWS) $(TUNES)
	python -m tools.evidence run --windows $(WINDOWS) --tunes $(TUNES)
	python -m tools.evidence write
	python -m tools.evidence check
evidence-check:
	python -m tools.evidence check
$(WINDOWS):
	mkdir -p $(@D) && musiclc prepare --essen -o $@
$(TUNES):
	mkdir -p $(@D) && musiclc prepare --tunes -o $@

# What is delivered: wheel and sdist, their size, each Python that is here, licences; and no figure without evidence.
release-check:
	python -m tools.release
	python -m tools.licences
	python -m tools.evidence check --complete
licences:
	python -m tools.licences
