"""Every command in README and docs/ is run by a test, or the reason why none runs it stands here; all of them compose."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.cases import loco
from helpers.images import draw_category, tiny_overrides
from helpers.inprocess import invoke, run_cell
from helpers.layouts import (
    make_aebad,
    make_btad,
    make_elpv,
    make_lamps,
    make_mpdd,
    make_mvtec_ad_2,
    make_robustad,
    make_visa,
)
from helpers.repo import REPO
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

from adshift.launch.real_domain import named

PAGES = {
    path.relative_to(REPO).as_posix(): path
    for path in sorted([*REPO.glob("*.md"), *(REPO / "docs").glob("*.md"), REPO / "tests" / "README.md"])
}
PROGRAMS = ("train.py", "evaluate.py", "predict.py", "export.py")
HERE = "tests/pages/test_documented_commands.py::test_readme_commands_run"
FORTY = (
    "tests/pages/test_own_images.py::test_forty_drawn_images_lead_to_a_gallery_a_file_for_the_line_and_a_stress_test"
)
HOURS = "not run: the measurement on real images, hours long; its keys are composed here"

HOW = [
    ("README.md", "make demo", "not run: minutes long, and the first thing that a clone is tried with"),
    ("README.md", "make test", "not run: it is the suite itself"),
    ("README.md", "make study", "not run: hours, or MVTec AD from the network; tests/launch/test_sweeps.py has its sweeps"),
    *((page, "source .venv/bin/activate", "not run: it changes the shell that calls it")
      for page in ("README.md", "CONTRIBUTING.md")),
    ("CONTRIBUTING.md", "make ", "not run: it is what calls the suite itself"),
    ("README.md", "python -m adshift.data.synthetic", "tests/data/test_synthetic.py::test_command_line"),
    ("README.md", "python -m adshift.data.shifted",
     "tests/shift/test_shift.py::test_written_data_set_is_the_domain_on_the_fly"),
    ("README.md", "python -m adshift.report.gallery",
     "tests/report/test_report_commands.py::test_gallery_is_a_picture_of_two_rows_a_category"),
    ("README.md", "python train.py sweep=regimes hydra/launcher=",
     "tests/launch/test_launchers.py::test_the_keys_in_the_readme_are_the_plugins"),
    ("README.md", "python train.py -m coreset_ratio=0.01,0.05,0.1 hydra/launcher=joblib",
     "tests/launch/test_launchers.py::test_a_launcher_gives_the_figures_of_a_plain_sweep_and_tells_its_failures"),
    ("README.md", "python train.py -m hydra/sweeper=optuna",
     "tests/launch/test_optuna.py::test_the_sweeper_is_told_the_figure_of_every_cell"),
    *(("README.md", start, FORTY)
      for start in ("python train.py data=folder data.root=PHOTOS", "python predict.py run=RUN", "python export.py run=RUN",
                    "python -m adshift.stress run=RUN", "python -m adshift.watch run=RUN")),
    ("docs/watch.md", "python -m adshift.watch.label",
     "tests/watch/test_label_command.py::test_a_folder_of_copies_is_labelled_by_what_they_hold"),
    ("docs/watch.md", "python -m adshift.watch", "tests/watch/test_watch.py::test_the_command"),
    ("README.md", "python ", HERE),
    ("docs/own-images.md", "python ", "tests/pages/test_own_images.py::test_every_command_of_the_page_runs"),
    ("docs/backbones.md", "OMP_NUM_THREADS=1 python -m adshift.pretraining",
     "tests/pretraining/test_pretraining.py::test_the_command_writes_the_same_file_twice"),
    ("docs/backbones.md", "", HOURS),
    ("docs/regimes.md", "", HOURS),
    ("docs/daily.md", "tensorboard", "tests/tracking/test_tracking_servers.py::test_tensorboard_shows_runs_over_http"),
    ("docs/daily.md", "MLFLOW_ALLOW_FILE_STORE=true mlflow ui",
     "tests/tracking/test_tracking_servers.py::test_mlflow_shows_the_folder_of_plain_files"),
    *(("docs/daily.md", start, "tests/tracking/test_tracking_servers.py::test_a_run_is_told_to_an_mlflow_server")
      for start in ("mlflow server", "python train.py logger=mlflow logger.store=http")),
    ("docs/daily.md", "python ", "tests/pages/test_daily_page.py::test_commands_run_in_their_order"),
    ("docs/extending.md", "python train.py", "tests/pages/test_extending_page.py::test_what_scores"),
    ("docs/results.md", "", HOURS),
    ("docs/series.md", "", HOURS),
]  # fmt: skip
"""Page, how a command begins, and the test that runs it or why none does; the first that fits counts."""


def commands(page: str) -> list[str]:
    """The commands of a page's shell blocks, without their comments; a line that ends in a backslash goes on."""
    found = []
    for block in re.findall(r"^```bash\n(.*?)^```$", PAGES[page].read_text(encoding="utf-8"), re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.sub(r"\s+#.*", "", line).strip()
            if command:
                found.append(command)
    return found


def how(page: str, command: str) -> str:
    return next((by for where, start, by in HOW if where == page and command.startswith(start)), "")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_run_or_the_reason_is_given(page: str) -> None:
    for command in commands(page):
        by = how(page, command)
        assert by, f"{page}: {command}: run it in a test and name that in HOW, or say there why not"
        if not by.startswith("not run: "):
            file, _, test = by.partition("::")
            tree = ast.parse((REPO / file).read_text(encoding="utf-8"))
            assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, by


def test_every_entry_is_of_a_command() -> None:
    used = {how(page, command) for page in PAGES for command in commands(page)}
    assert {by for _, _, by in HOW} == used


def program_calls() -> list[tuple[str, list[str]]]:
    """Every call of a program on any page: its name and words; variables of the page's shell are filled in."""
    found = []
    for page in PAGES:
        variables: dict[str, str] = {}
        for command in commands(page):
            if match := re.fullmatch(r'([A-Z])="?([^"]*)"?', command):
                variables[match[1]] = match[2]
                continue
            filled = re.sub(r"\$([A-Z])\b", lambda m, known=variables: known[m[1]], command)
            words = shlex.split(filled)
            if words[0] == "python" and words[1] in PROGRAMS:
                found.append((words[1], words[2:]))
    return found


def first_of_sweep(word: str) -> str:
    """The override, with the first of its values where it sweeps over several."""
    override = OverridesParser.create().parse_override(word)
    if not override.is_sweep_override():
        return word
    if override.is_interval_sweep():
        return f"{override.get_key_element()}={override.value().start}"
    return f"{override.get_key_element()}={next(override.sweep_string_iterator())}"


def test_every_call_of_a_program_composes() -> None:
    calls = program_calls()
    assert len(calls) > 40
    known = {
        "threshold=margin",
        "adaptation=model",
        "domain=dusk",
        "backbone=edges",
        "method=mean_patch",
    }  # docs/extending.md makes them
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        for program, words in calls:
            overrides = [w for w in words if w != "-m" and not w.lstrip("+").startswith("hydra")]
            if not known & set(overrides):
                written = named([first_of_sweep(word) for word in overrides], REPO / "conf")
                compose(program.removesuffix(".py"), written)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with miniatures of every data set that README names, and three finished runs."""
    root = tmp_path_factory.mktemp("readme")
    make_visa(root / "data" / "visa", ("candle", "pcb1"))
    make_btad(root / "data" / "btad")
    make_mpdd(root / "data" / "mpdd")
    make_mvtec_ad_2(root / "data" / "mvtec_ad_2")
    loco(root / "data" / "mvtec_loco", "pushpins")
    make_aebad(root / "data" / "aebad")
    make_robustad(root / "data" / "robustad")
    make_elpv(root / "data" / "elpv")
    make_lamps(root / "LAMPS")
    (root / "LAMPS" / "lamp_a" / "plate").rename(root / "LAMPS" / "lamp_a" / "part")
    (root / "LAMPS" / "lamp_b" / "plate").rename(root / "LAMPS" / "lamp_b" / "part")
    draw_category(root / "data" / "mvtec", "carpet", seed=5)
    draw_category(root / "own", "part", seed=6)
    draw_category(root / "SCREW", "screw", seed=7)
    for name, more in (("clean", ()), ("none", ("domain=shift",)), ("full", ("domain=shift", "adaptation=full"))):
        run_cell(root / name, *tiny_overrides(root / "own", "part"), *more)
    return root


PLACES = {
    "ROOT": "own", "NAME": "part", "DIR DIR ...": "clean none", "DIR_A DIR_B": "none clean", "DIR": "none",
    "REGIME NONE CLEAN": "full none clean", "FOLDER": "own/part/test", "SCREW": "SCREW", "LAMPS": "LAMPS",
    "WEIGHTS": "random",
}  # fmt: skip
SMALL = [
    "image_size=64", "data.num_workers=0", "metrics.bootstrap=20", "metrics.latency=false", "backbone=resnet18",
    "backbone.weights=random", "trainer.accelerator=cpu",
]  # fmt: skip


def filled(command: str, place: Path) -> list[str]:
    """A command's words, on the miniatures."""
    names = "|".join(sorted(map(re.escape, PLACES), key=len, reverse=True))
    words = shlex.split(re.sub(rf"(?<![\w/])({names})(?!\w)", lambda m: PLACES[m.group()], command))
    if words[1] == "train.py":
        given = {word.partition("=")[0] for word in words}
        words += [word for word in SMALL if word.partition("=")[0] not in given]
        if not any(word.startswith("data=") for word in words):
            words += ["data=folder", f"data.root={place / 'own'}", "data.category=part"]
        if "data=elpv" in words:  # the miniature in place of the installed package
            words.append(f"data.root={place / 'data' / 'elpv'}")
    if "console" in words[2] and "*" in words[3]:
        words[3:] = sorted(str(p) for p in place.glob(words[3]))
    return words


@pytest.mark.slow
def test_readme_commands_run(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime", reason="needs the export extra")
    monkeypatch.chdir(place)
    done = 0
    for command in commands("README.md"):
        if how("README.md", command) != HERE:
            continue
        words = filled(command, place)
        if words[1] in PROGRAMS:
            finished = invoke(*words[1:])
            assert finished.code == 0, (command, finished.err)
        else:
            assert words[1] == "-m", command
            module = words[2] if words[2] != "adshift.report" else "adshift.report.__main__"
            module = "adshift.data.check.__main__" if module == "adshift.data.check" else module
            assert importlib.import_module(module).main(words[3:]) == 0, (command, capsys.readouterr())
        done += 1
    assert done >= 18


@pytest.mark.parametrize("program", PROGRAMS)
def test_shell_completion(program: str) -> None:
    """Hydra prints a script that bash understands, and it completes what conf/ holds."""
    done = invoke(program, "-sc", "install=bash")
    assert done.code == 0
    assert "hydra_bash_completion" in done.out
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    checked = subprocess.run([bash, "-n"], input=done.out, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    wanted = {"train.py": ("method=p", "method=patchcore"), "evaluate.py": ("domain=cl", "domain=clean")}
    typed, expected = wanted.get(program, ("ru", "run="))
    answer = invoke(program, "-sc", "query=bash", COMP_LINE=f"python {program} {typed}", COMP_POINT="99")
    assert expected in answer.out.split()


def test_the_page_names_the_shells() -> None:
    text = PAGES["README.md"].read_text(encoding="utf-8")
    assert 'eval "$(python train.py -sc install=bash)"' in text
    assert "python train.py -sc install=fish | source" in text
    assert "hydra" in invoke("train.py", "-sc", "install=fish").out


def links(page: Path) -> Iterator[Path]:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            yield (page.parent / target).resolve()


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in links(PAGES[page]):
        assert target.exists(), f"{page} links to {target}, which is not there"


def test_readme_links_every_page() -> None:
    pages = {*(REPO / "docs").glob("*.md"), *REPO.glob("*.md")} - {PAGES["README.md"]}
    assert pages <= set(links(PAGES["README.md"]))
