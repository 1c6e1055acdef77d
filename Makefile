# Everything happens in .venv, which is made on first use. PYTHON picks the interpreter: make demo PYTHON=python3.12
PYTHON ?= python3
BIN := .venv/bin
# What `make fuzz` fuzzes with coverage as its guide, and for how long: make fuzz SECONDS_EACH=1800
READERS ?= recipe litert package npy npz csv
SECONDS_EACH ?= 60
# pip does not compile an editable installation; under PYTHONDONTWRITEBYTECODE, each start would compile it anew
BYTECODE := $(BIN)/python -m compileall -q compressor plugins
# What an installation compiles
COMPILED := $(wildcard compressor/models/packing/native/*.c compressor/models/packing/device/*)

.PHONY: demo test test-long browser check docs fuzz benchmark clean

demo: .venv/installed
	$(BIN)/compressor apply recipes/prune_qat.yaml

test: .venv/installed-dev check
	$(BIN)/python -m pytest -m "not long" --numprocesses 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 1

# Some of them need compilers for Arm, and say so: apt-get install gcc-arm-none-eabi gcc-arm-linux-gnueabihf
# libc6-dev-armhf-cross qemu-user clang libclang-rt-dev
test-long: .venv/installed-dev browser fuzz
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[mlflow,wandb]'
	$(BIN)/python -m pytest -m long
	$(BIN)/python tests/run_hostile_files.py
	$(BIN)/python tests/kill_and_corrupt.py kills --count 100
	$(BIN)/python tests/kill_and_corrupt.py flips --count 1000
	$(BIN)/python tests/search_kills.py main --count 12
	$(BIN)/python tests/search_kills.py worker --count 4
	$(BIN)/python tests/search_kills.py node --count 4

browser:
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
		{ echo "the tests of the report's page need a Chromium: apt-get install chromium"; exit 1; }

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

benchmark: .venv/installed-dev
	for file in tests/benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

fuzz: .venv/installed-dev
	$(BIN)/python tests/fuzz_recipes.py --cases 100000
	$(BIN)/python tests/fuzz_models.py --cases 2000
	for reader in $(READERS); do $(BIN)/python tests/fuzz_readers.py $$reader --seconds $(SECONDS_EACH) || exit 1; done

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt $(COMPILED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	$(BYTECODE)
	touch $@

.venv/installed-dev: .venv/bin/python pyproject.toml constraints.txt $(COMPILED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs]'
	$(BYTECODE)
	touch $@ .venv/installed

clean:
	rm -rf .venv build dist *.egg-info
