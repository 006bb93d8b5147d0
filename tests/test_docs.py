"""The documents: code runs, configurations are read, what is named exists, generated pages are up to date."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.S | re.M)


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if blocks(path, "python")], ids=lambda path: path.name)
def test_python_blocks_run_one_after_the_other(path, tmp_path):
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks(path, "python")))
    paths = [str(ROOT), str(ROOT / "envs"), str(ROOT / "agents")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script)]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, f"{path.name}: {result.stderr}"


@each_document
def test_toml_blocks_are_configurations(path):
    from mmgym.learn.config import TrainConfig, from_mapping

    for block in blocks(path, "toml"):
        from_mapping(TrainConfig, tomllib.loads(block))


@each_document
def test_documented_commands_exist(path):
    from mmgym.cli import SUBCOMMANDS

    code = "\n".join([*blocks(path, "bash"), *re.findall(r"`([^`\n]+)`", path.read_text())])
    makefile = (ROOT / "Makefile").read_text()
    for command in re.findall(r"(?:^|\s)mmgym ([a-z-]+)", code, re.M):
        assert command in SUBCOMMANDS, f"{path.name} names `mmgym {command}`"
    for target in re.findall(r"(?:^|\s)make ([a-z-]+)", code, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), f"{path.name} names `make {target}`"


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "Makefile"], ids=lambda path: path.name)
def test_named_files_exist(path):
    for name in re.findall(r"\b(?:examples|benchmarks|docs)/[\w/]+\.\w+", path.read_text()):
        assert (ROOT / name).is_file(), f"{path.name} names {name}"


@each_document
def test_links_lead_somewhere(path):
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", path.read_text()):
        page = path.parent / target if target else path
        assert page.exists(), f"{path.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)", page.read_text(), re.M)
            anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{path.name} links to {target}#{anchor}"


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generator():
    return load("make_environments")


@pytest.fixture(scope="module")
def gallery():
    return load("make_gallery")


def test_gallery_is_up_to_date(gallery):
    assert (ROOT / "docs" / "gallery.md").read_text() == gallery.page(), "run: make gallery"
    for entry in gallery.entries():
        shown = cv2.imread(str(ROOT / "docs" / gallery.name(entry)))
        assert shown is not None, f"{entry.id} has no picture; run: make gallery"
        if entry.entry_point.startswith("mmgym_web"):  # another build of a browser draws a little differently
            continue
        drawn = gallery.picture(entry)
        assert drawn.shape == shown.shape, f"{entry.id} is old; run: make gallery"
        # Floats decide at the edges of what is drawn in 3-D: another kind of processor may differ there.
        differing = (np.abs(drawn.astype(int) - shown[..., ::-1]) > 2).any(axis=2).mean()
        allowed = 0.001 if entry.family in ("first_person", "table_top") else 0
        assert differing <= allowed, f"{entry.id} is old; run: make gallery"


def test_environment_page_is_up_to_date(generator):
    assert (ROOT / "docs" / "environments.md").read_text() == generator.page(), "run: python docs/make_environments.py"


def test_the_learning_table_holds_what_was_measured():
    page = (ROOT / "docs" / "algorithms.md").read_text()
    results = json.loads((ROOT / "benchmarks" / "results" / "learn.json").read_text())["results"]
    for rows in results.values():
        for algorithm, seeds in rows.items():
            cells = [f"{100 * x['success']:.1f} ({100 * x['low']:.1f}-{100 * x['high']:.1f})" for x in seeds.values()]
            name = algorithm if algorithm == "cloning only" else f"`{algorithm}`"
            assert f"| {name} | {' | '.join(cells)} |" in page, algorithm
