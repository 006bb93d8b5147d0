# Every target sets up what it needs on a fresh machine: a virtual environment in .venv, with pinned packages.
#
#   PYTHON      the Python to build .venv with (3.11 to 3.13)
#   PIP_FLAGS   more options for pip, e.g. an index that has a CPU-only torch (200 MB in place of 3 GB)

PYTHON    ?= python3
PIP_FLAGS ?=
VENV      := .venv
BIN       := $(VENV)/bin
STAMP     := $(VENV)/.installed
PIP       := $(BIN)/python -m pip install --disable-pip-version-check --no-compile $(PIP_FLAGS) -c constraints.txt
# otterwiki pins all its requirements exactly, to versions older than ours: it gets the ones here, which it runs with.
WIKI_NEEDS := Flask Flask-Login Flask-Mail Flask-SQLAlchemy flask-wtf SQLAlchemy gitpython mistune unidiff beautifulsoup4 \
	feedgen lxml
APT       := DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null

# Two test workers share the machine: more threads in each only get in each other's way.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
# Where bytecode is not to be written, each of the many processes here would compile all it imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup browser demo demo-web demo-blind demo-no-holes demo-sokoban demo-mixture demo-video test lint format conformance
.PHONY: gallery check-puzzles check-video bench-puzzles bench-video bench-web bench-webnav learn learn-full clean

help:
	@echo "make demo           train a tiny VLM on FrozenLake from pixels, minutes on 2 cores; results in runs/demo/"
	@echo "make demo-blind     the same on blanked images: what is left without eyes"
	@echo "make demo-no-holes  the same with perception questions that never mention holes"
	@echo "make demo-sokoban   the same on Sokoban, up to 20 minutes"
	@echo "make demo-mixture   train one model on three puzzles at once, a quarter of an hour; results in runs/mixture/"
	@echo "make demo-video     train it to look where the answer is in a video, a quarter of an hour; results in runs/video/"
	@echo "make demo-web       train it to press buttons in a real browser, half an hour; results in runs/demo-web/"
	@echo "make test           lint, types and tests"
	@echo "make lint           ruff and mypy only"
	@echo "make format         let ruff rewrite the files"
	@echo "make conformance    the whole conformance suite on every environment"
	@echo "make gallery        the pictures of docs/gallery.md, one strip for each environment"
	@echo "make check-puzzles  every puzzle: the expert on 1,000 instances, splits over 10,000 seeds, levels"
	@echo "make check-video    every family of video questions: the expert, splits, and what is left without looking"
	@echo "make bench-video    decoding beside PyAV, OpenCV, decord and torchcodec (builds their environments)"
	@echo "make bench-puzzles  steps per second beside Minigrid, MiniWorld and gym-sokoban; MuJoCo's renderer"
	@echo "make bench-web      web environments beside BrowserGym, selenium and Playwright (builds their environments)"
	@echo "make learn          algorithms side by side on a puzzle, videos and the web, an hour or more; goes on where it was"
	@echo "make learn-full     every algorithm on all three, three seeds each, most of a day"
	@echo "make bench-webnav   the expert on 500 instances, random play, replays: 5 to 8 minutes"
	@echo "make clean          remove caches and builds (runs/ and .venv/ stay)"

# --no-compile: bytecode is written when a module is first imported, which most never are; a minute less to wait.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[train,web,robot,video,speech,dev]"
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

# The same three stages in a real browser: a panel of lamps, a screen of 96 pixels.
demo-web: setup
	$(BIN)/python examples/train_webnav.py

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
	$(BIN)/pytest -n 2 -m "not slow"

conformance: setup
	$(BIN)/pytest -n 2 tests/test_conformance.py

gallery: setup
	$(BIN)/python docs/make_gallery.py

check-puzzles: $(STAMP)
	$(BIN)/pytest -n 2 tests/puzzles/test_suite.py

check-video: $(STAMP)
	$(BIN)/pytest -n 2 tests/video/test_families.py
	$(BIN)/python benchmarks/video_probes.py

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
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
