# `make demo` and `make test` need Python 3.11 or newer and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := demo
.PHONY: demo test lint types unit sanitize clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[figures]'
	touch $@

$(VENV)/.installed-dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/.installed

demo: $(VENV)/.installed
	$(BIN)/chipletsim run configs/experiments/mnist.yaml

test: lint types unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

# The native kernels under AddressSanitizer and UndefinedBehaviorSanitizer (needs GCC on Linux).
SANITIZED := build/sanitize
SANITIZER := -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
LEVELS := _generic $(if $(filter x86_64,$(shell uname -m)),_v3)

sanitize: $(LEVELS:%=$(SANITIZED)/%.so)
	LD_PRELOAD="$$(for name in asan ubsan stdc++; do \
		$(CXX) -print-file-name=lib$$name.so; done | tr '\n' ' ')" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONPATH=tests/kernels \
	$(BIN)/python -m pytest -p sanitized tests/engine/test_native_kernels.py \
		tests/engine/test_engine_equals_reference.py tests/cost/test_traffic_oracle.py \
		tests/kernels

$(SANITIZED)/%.so: kernels/src/module.cpp $(wildcard kernels/src/*.h) $(VENV)/.installed-dev
	mkdir -p $(@D)
	$(CXX) -std=c++17 $(SANITIZER) -ffp-contract=off -fvisibility=hidden -pthread -Wno-psabi \
		$(if $(filter _v3,$*),-march=x86-64-v3) -DCHIPLETSIM_MODULE=$* -shared -fPIC -o $@ $< \
		-I "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')" \
		-isystem "$$($(BIN)/python -c 'import jaxlib; print(jaxlib.__path__[0])')/include"

clean:
	rm -rf $(VENV) build runs sweeps *.egg-info
