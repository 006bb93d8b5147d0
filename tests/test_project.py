"""The project around the code: who may import whom, what `import mmgym` costs, what the wheel holds."""

import ast
import functools
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PLUGIN_PACKAGES = {folder.name for root in ("envs", "agents") for folder in (ROOT / root).iterdir() if folder.is_dir()}
PLUGIN_PACKAGES -= {"__pycache__"}
CODE = [path for root in ("mmgym", "envs", "agents", "examples", "benchmarks") for path in (ROOT / root).rglob("*.py")]

DECLARED_EXCEPTIONS = {"mmgym_video": {"mmgym_puzzles"}, "mmgym_arena": {"mmgym_puzzles"}}


@functools.cache
def imported_packages(path: Path) -> set[str]:
    """Top-level packages that a file imports, anywhere in it; relative imports stay inside and do not count."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def files_of(package: str) -> list[Path]:
    folder = next(ROOT / root / package for root in ("envs", "agents", ".") if (ROOT / root / package).is_dir())
    return sorted(folder.rglob("*.py"))


def test_arrows_library_knows_no_plugin():
    for path in files_of("mmgym"):
        known = imported_packages(path) & (PLUGIN_PACKAGES | {"envs", "agents", "examples", "benchmarks", "tests"})
        assert not known, f"{path.relative_to(ROOT)} imports {known}: the library knows no environment and no model"


@pytest.mark.parametrize("package", sorted(PLUGIN_PACKAGES))
def test_arrows_plugins_know_the_library_only(package):
    others = PLUGIN_PACKAGES - {package} - DECLARED_EXCEPTIONS.get(package, set())
    for path in files_of(package):
        known = imported_packages(path) & (others | {"envs", "agents", "examples", "benchmarks", "tests"})
        assert not known, f"{path.relative_to(ROOT)} imports {known}; a plug-in imports mmgym and itself"


def test_nobody_imports_through_an_import_root():
    for path in [*CODE, *(ROOT / "tests").rglob("*.py")]:
        assert not imported_packages(path) & {"envs", "agents"}, f"{path}: `envs.x` would load the module twice"


def test_import_is_light():
    code = "import sys, mmgym; print(*sys.modules)"
    loaded = set(run_python(code).split())
    heavy = {
        "torch",
        "transformers",
        "cv2",
        "playwright",
        "pandas",
        "pyarrow",
        "matplotlib",
        "av",
        "PIL",
        "tyro",
        "rich",
        "starlette",
        "sqlite3",
        "asyncio",
    }
    gymnasium_alone = set(run_python("import sys, gymnasium; print(*sys.modules)").split())
    assert "mmgym" in loaded
    assert not loaded & heavy - gymnasium_alone
    environments = {name for name in loaded if name.split(".")[0] in PLUGIN_PACKAGES and "." in name}
    tables = {"mmgym_web.miniwob", "mmgym_web.miniwob.entries", "mmgym_web.miniwob.tasks"}  # 130 ids: a table apart
    environments -= {name for name in environments if name.startswith("mmgym_puzzles.tables")}
    assert environments <= tables, "only the plug-ins' tables are read on import, not their environments"


def test_every_import_is_declared():
    names = {"cv2": "opencv-python-headless", "yaml": "pyyaml", "PIL": "pillow", "annotated_types": "annotated-types"}
    names |= {"sklearn": "scikit-learn", "rouge_score": "rouge-score", "espeakng_loader": "espeakng-loader"}
    names |= {"google": "google-genai"}
    # What An Otter Wiki is made of comes with it.
    names |= dict.fromkeys(("flask", "git", "itsdangerous", "sqlalchemy"), "otterwiki")
    ours = {"mmgym", "benchmarks", "examples"}
    project = PROJECT["project"]
    requirements = [*project["dependencies"], *(r for rs in project["optional-dependencies"].values() for r in rs)]
    declared = {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}
    for path in CODE:
        if path.parent.name.endswith("_peers"):  # run in environments of their own, whose packages are pinned there
            continue
        foreign = imported_packages(path) - set(sys.stdlib_module_names) - PLUGIN_PACKAGES - ours
        undeclared = {names.get(name, name) for name in foreign} - declared
        assert not undeclared, f"{path.relative_to(ROOT)} imports {undeclared}, which pyproject.toml does not declare"


def run_python(code: str) -> str:
    paths = [str(ROOT), str(ROOT / "envs"), str(ROOT / "agents")]
    preamble = f"import sys; sys.path[:0] = {paths!r}; "
    return subprocess.run([sys.executable, "-c", preamble + code], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = out.glob("mmgym-*.whl")
    return path


def test_wheel_holds_every_package(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    top = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert top == {"mmgym", *PLUGIN_PACKAGES}
    for package in top:
        for path in files_of(package):
            assert f"{package}/{path.relative_to(next(p for p in path.parents if p.name == package))}" in names
        assert f"{package}/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_wheel_announces_its_plugins(wheel):
    announced = zipfile.ZipFile(wheel).read(f"{wheel.name.rsplit('-', 3)[0]}.dist-info/entry_points.txt").decode()
    for name, module in PROJECT["project"]["entry-points"]["mmgym.plugins"].items():
        assert f"{name} = {module}" in announced
    families = {folder.name for folder in (ROOT / "envs").iterdir() if (folder / "__init__.py").is_file()}
    assert families == set(PROJECT["project"]["entry-points"]["mmgym.plugins"].values())


def test_wheel_runs_without_the_checkout(wheel, tmp_path):
    code = (
        f"import sys; sys.path = [{str(wheel)!r}] + [p for p in sys.path if not p.startswith({str(ROOT)!r}) "
        f"or 'site-packages' in p]; import gymnasium, mmgym; assert '.whl' in mmgym.__file__, mmgym.__file__; "
        "env = gymnasium.make('mmgym/FrozenLake-v0'); assert env.reset(seed=0)[0]['image'].any()"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_files_hold_one_idea():
    for path in [*CODE, *(ROOT / "tests").rglob("*.py")]:
        text = path.read_text()
        assert text.count("\n") <= 500, f"{path.relative_to(ROOT)} has more than 500 lines: split it"
        assert not text.strip() or ast.get_docstring(ast.parse(text)), (
            f"{path.relative_to(ROOT)} does not say what it is"
        )


def test_constraints_pin_exactly_and_everywhere():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), f"{line!r}: exact, without a local version"
    pinned = {re.sub(r"[._-]+", "-", line.split("==")[0]).lower() for line in lines}
    project = PROJECT["project"]
    wanted = (
        project["dependencies"] + project["optional-dependencies"]["train"] + project["optional-dependencies"]["dev"]
    )
    assert {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in wanted} <= pinned


def test_doctor_knows_the_extras():
    from mmgym.doctor import EXTRAS

    extras = PROJECT["project"]["optional-dependencies"]
    for name, packages in EXTRAS.items():
        assert [re.match(r"[\w.-]+", requirement)[0] for requirement in extras[name]] == list(packages)
    assert set(extras) == {*EXTRAS, "all", "dev"}
