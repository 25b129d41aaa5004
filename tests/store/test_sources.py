"""The guard of the store's keys: whatever code a stage can reach is in its key, and an edit elsewhere keeps what was made.

The reachable code is found a second time by grimp, the library behind import-linter, which shares nothing with ours.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import grimp
import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import run_cell
from helpers.repo import REPO

from adshift.features.backbone import FrozenBackbone
from adshift.features.timm_models import TimmBackbone
from adshift.methods.padim import PaDiM
from adshift.methods.patchcore import PatchCore
from adshift.report import folders
from adshift.store import sources
from adshift.store.sources import WITHOUT_EFFECT, closure, code_version

LAYERS = ["layer2", "layer3"]


def module_of(file: Path) -> str:
    parts = file.relative_to(REPO).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def calls(file: Path, name: str) -> Iterator[ast.Call]:
    """Calls of a function or a method of that name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == name:
                yield node


def stages() -> dict[str, Path]:
    """Kind of an entry -> the module that makes it: whoever asks a store for a kind that is written out."""
    return {
        call.args[0].value: file
        for file in sorted((REPO / "adshift").rglob("*.py"))
        for call in calls(file, "fetch")
        if call.args and isinstance(call.args[0], ast.Constant)
    }


STAGES = stages()


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("adshift", exclude_type_checking_imports=True, cache_dir=None)


def forget() -> None:
    """Nothing is remembered of sources that a test changes."""
    for function in (closure, code_version, sources._file, sources._imports):
        function.cache_clear()


@pytest.fixture
def fresh() -> Iterator[None]:
    """Remembers nothing before and after."""
    forget()
    yield
    forget()


def upstream(graph: grimp.ImportGraph, roots: tuple[str, ...]) -> set[str]:
    """What grimp finds: the modules that roots reach, without passing through those that have no effect."""
    found, waiting = set(), list(roots)
    while waiting:
        module = waiting.pop()
        skipped = any(module == name or module.startswith(f"{name}.") for name in WITHOUT_EFFECT)
        if module in found or skipped or module == "adshift":
            continue
        found.add(module)
        waiting += graph.find_modules_directly_imported_by(module)
    return found


def test_every_stage_is_known() -> None:
    assert set(STAGES) == {
        "images",
        "corrections",
        "embeddings",
        "orders",
        "models",
        "neighbours",
        "scores",
        "latencies",
    }


@pytest.mark.parametrize("kind", STAGES)
def test_the_key_of_a_stage_names_its_own_code(kind: str) -> None:
    firsts = [call.args[0] for call in calls(STAGES[kind], "code") if call.args]
    assert any(isinstance(first, ast.Name) and first.id == "__name__" for first in firsts), f"{kind}: no code(__name__)"


@pytest.mark.parametrize(
    "root",
    [
        *(module_of(file) for file in STAGES.values()),
        *folders.ROOTS,
        "adshift.methods.patchcore",
        "adshift.methods.padim",
    ],
)
def test_everything_that_is_reached_is_in_the_key(graph: grimp.ImportGraph, root: str) -> None:
    held = set(closure((root,)))
    assert upstream(graph, (root,)) <= held
    assert all((file := sources._file(module)) is not None and file.is_file() for module in held)


def test_what_has_no_effect_is_a_short_list_with_reasons() -> None:
    assert len(WITHOUT_EFFECT) <= 3
    for module, reason in WITHOUT_EFFECT.items():
        assert sources._file(module) is not None
        assert len(reason.split()) >= 3


def embedding_roots(method: PatchCore | PaDiM) -> tuple[str, ...]:
    return (module_of(STAGES["embeddings"]), *method.embedding_sources())


def test_the_code_of_embeddings_is_that_of_images_features_and_the_pass_alone() -> None:
    backbone = FrozenBackbone("resnet18", LAYERS, "random", seed=0)
    held = closure(embedding_roots(PatchCore(backbone, 0.1)))
    foreign = ("adshift.methods.coreset", "adshift.methods.search", "adshift.methods.patchcore", "adshift.report",
               "adshift.calibration", "adshift.metrics", "adshift.run", "adshift.config")  # fmt: skip
    assert [module for module in held if module.startswith(foreign)] == []
    assert {"adshift.features.patches", "adshift.features.backbone", "adshift.shift.transforms"} <= set(held)
    assert "adshift.methods.padim" in closure(embedding_roots(PaDiM(backbone)))


def test_a_backbone_that_no_stage_imports_is_in_the_key() -> None:
    backbone = TimmBackbone("mobilenetv3_small_050", ["blocks.1"], "random", seed=0, image_size=64)
    assert "adshift.features.timm_models" in closure(embedding_roots(PatchCore(backbone, 0.1)))
    assert "adshift.features.timm_models" in closure(sources.sources(backbone))


def test_the_report_depends_on_all_that_it_shows() -> None:
    held = closure(folders.ROOTS)
    for room in ("results", "config", "calibration", "data", "metrics", "shift", "report.sections"):
        assert any(module.startswith(f"adshift.{room}.") for module in held), room


Edit = Callable[[str], None]


@pytest.fixture
def edit(fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    """A function that makes a module look as if a line had been added to it; the file stays as it is."""

    def edited(module: str) -> None:
        real = sources._file
        file = real(module)
        assert file is not None
        changed = tmp_path / f"{module}.py"
        changed.write_bytes(file.read_bytes() + b"# another version\n")
        monkeypatch.setattr(sources, "_file", lambda name: changed if name == module else real(name))
        for function in (closure, code_version, sources._imports):
            function.cache_clear()

    return edited


@pytest.mark.parametrize("module", ["adshift.methods.coreset.greedy", "adshift.methods.search.neighbours"])
def test_an_edit_of_coreset_or_search_keeps_every_embedding(
    tiny: Path, tmp_path: Path, edit: Edit, module: str
) -> None:
    cell = [*tiny_overrides(tiny), "image_size=48", f"store.root={tmp_path / 'store'}"]
    first = run_cell(tmp_path / "first", *cell)["store"]
    assert first["reused"] == {}
    edit(module)
    second = run_cell(tmp_path / "second", *cell)["store"]
    assert second["reused"].keys() >= {"images", "embeddings"}
    assert "embeddings" not in second["made"]
    assert second["made"].keys() >= {"models", "scores"}
    assert ("orders" in second["made"]) == ("coreset" in module)


def test_an_edit_of_a_section_keeps_all_that_was_made_and_makes_the_report_anew(edit: Edit) -> None:
    roots = [(module_of(file),) for file in STAGES.values()]
    before, page = [code_version(each) for each in roots], code_version(folders.ROOTS)
    edit("adshift.report.sections.regimes")
    assert [code_version(each) for each in roots] == before
    assert code_version(folders.ROOTS) != page


@pytest.fixture
def toy(fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package ``toy`` whose ``stage`` imports ``part`` and, in a function, ``late``."""
    package = tmp_path / "toy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("x = 1\n")
    (package / "late.py").write_text("")
    (package / "stage.py").write_text(
        "from typing import TYPE_CHECKING\nfrom toy.part import x\nif TYPE_CHECKING:\n    import toy.typed\n"
        "def f():\n    from toy import late\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sources, "PACKAGE", "toy")
    return package


def test_imports_in_functions_count_and_those_for_types_do_not(toy: Path) -> None:
    assert closure(("toy.stage",)) == ("toy.late", "toy.part", "toy.stage")


def test_any_edit_is_another_version(toy: Path) -> None:
    seen = {code_version(("toy.stage",))}
    for file, text in (("part.py", "x = 2\n"), ("part.py", "x = 1\n\n"), ("late.py", "y = 0\n")):
        (toy / file).write_text(text)
        forget()
        seen.add(code_version(("toy.stage",)))
    assert len(seen) == 4


@pytest.mark.parametrize("place", ["renamed.py", "below/part.py", None], ids=["renamed", "in a sub-folder", "left out"])
def test_a_module_that_is_not_where_it_was_is_no_silent_nothing(toy: Path, place: str | None) -> None:
    before = code_version(("toy.stage",))
    if place is None:
        (toy / "part.py").unlink()
    else:
        (toy / place).parent.mkdir(exist_ok=True)
        (toy / "part.py").rename(toy / place)
    forget()
    with pytest.raises(ModuleNotFoundError, match=r"toy\.part"):
        closure(("toy.part",))
    (toy / "below").mkdir(exist_ok=True)
    (toy / "below" / "__init__.py").write_text("")
    name = {"renamed.py": "toy.renamed", "below/part.py": "toy.below.part", None: "toy.late"}[place]
    (toy / "stage.py").write_text(f"import {name}\n")
    forget()
    assert code_version(("toy.stage",)) != before
    assert name in closure(("toy.stage",))
