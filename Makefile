# `make demo` and `make test` need Python 3.11 or newer and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := demo
.PHONY: demo test lint types unit sanitize sanitize-threads peers fidelity clean

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
REQUIRES := import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

# What builds the kernels is needed to run them too, so it is installed once.
define INSTALLED
	$(PYTHON) -m venv $(VENV)
	$(PYTHON) -c '$(REQUIRES)' > $(VENV)/build.txt
	$(PIP) -r $(VENV)/build.txt
	$(PIP) --no-build-isolation -e '.[$(1)]'
endef

$(VENV)/.installed: pyproject.toml
	$(call INSTALLED,figures)
	touch $@

$(VENV)/.installed-dev: pyproject.toml
	$(call INSTALLED,dev)
	touch $@ $(VENV)/.installed

demo: $(VENV)/.installed
	$(BIN)/chipletsim run configs/experiments/mnist.yaml

test: lint types unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

# Tests are compiled once for all processes, whatever the environment says.
unit: export PYTHONDONTWRITEBYTECODE =
unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 \
		--dist loadfile --no-loadscope-reorder

# The native kernels under the sanitizers of GCC on Linux: memory and undefined behaviour, races.
LEVELS := _generic $(if $(filter x86_64,$(shell uname -m)),_v3)
PRELOADED = LD_PRELOAD="$$(for name in $(1) stdc++; do \
	$(CXX) -print-file-name=lib$$name.so; done | tr '\n' ' ')" PYTHONPATH=tests/kernels

sanitize: $(LEVELS:%=build/sanitize/%.so)
	$(call PRELOADED,asan ubsan) ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	$(BIN)/python -m pytest -p sanitized --kernels build/sanitize --capture=sys -k 'not xla' \
		tests/engine/test_native_kernels.py tests/engine/test_engine_equals_reference.py \
		tests/cost/test_traffic_oracle.py tests/training/test_gradients.py tests/kernels \
		tests/engine/test_wide_random.py tests/pipeline_cores/test_messages.py \
		tests/noc/test_burst_kernels.py tests/noc/test_burst_rules.py tests/noc/test_node_rules.py

sanitize-threads: $(LEVELS:%=build/sanitize-threads/%.so)
	$(call PRELOADED,tsan) TSAN_OPTIONS=ignore_noninstrumented_modules=1 setarch -R \
	$(BIN)/python -m pytest -p sanitized --kernels build/sanitize-threads --capture=sys \
		-k '(threads or repeats) and not xla' tests/engine/test_native_kernels.py \
		tests/training/test_gradients.py tests/kernels tests/engine/test_wide_random.py \
		tests/pipeline_cores/test_messages.py tests/noc/test_burst_kernels.py

build/sanitize/%.so: SANITIZER := -fsanitize=address,undefined -fno-sanitize-recover=all
build/sanitize-threads/%.so: SANITIZER := -fsanitize=thread

define COMPILED
	mkdir -p $(@D)
	$(CXX) -std=c++17 -g -O1 -fno-omit-frame-pointer $(SANITIZER) -ffp-contract=off \
		-fvisibility=hidden -pthread -Wno-psabi $(if $(filter _v3,$*),-march=x86-64-v3) \
		-DCHIPLETSIM_MODULE=$* -shared -fPIC -o $@ $< \
		-I "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')" \
		-isystem "$$($(BIN)/python -c 'import jaxlib; print(jaxlib.__path__[0])')/include"
endef

build/sanitize/%.so: kernels/src/module.cpp $(wildcard kernels/src/*.h) $(VENV)/.installed-dev
	$(COMPILED)

build/sanitize-threads/%.so: kernels/src/module.cpp $(wildcard kernels/src/*.h) \
		$(VENV)/.installed-dev
	$(COMPILED)

# Other simulators, for `python -m benchmarks speed`. Spyx brings a JAX of its own.
peers: .venv-peers/.installed .venv-spyx/.installed

.venv-peers/.installed: Makefile
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check \
		'numpy<2.3' 'brian2==2.9.*' 'sanafe==2.2.9' 'snntorch==1.0.*' 'torch==2.13.0'
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --no-deps \
		'spikingjelly==2.0.0' 'nir==1.0.8' 'nirtorch==2.6' h5py loguru tqdm
	touch $@

.venv-spyx/.installed: Makefile
	$(PYTHON) -m venv .venv-spyx
	.venv-spyx/bin/pip install --quiet --disable-pip-version-check 'spyx==1.0.*'
	touch $@

# Spikes, counters, energies and times beside those of the peers, and the tables of them.
fidelity: $(VENV)/.installed-dev peers
	$(BIN)/python -m benchmarks fidelity --json benchmarks/fidelity/figures.json
	$(BIN)/python -m benchmarks.fidelity.tables

clean:
	rm -rf $(VENV) .venv-peers .venv-spyx build runs sweeps *.egg-info
