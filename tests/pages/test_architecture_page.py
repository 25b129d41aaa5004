"""docs/architecture.md draws the rooms as they are, and what any page names in the code is there."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import grimp
import pytest
from helpers.repo import REPO

PAGE = (REPO / "docs" / "architecture.md").read_text(encoding="utf-8")
PAGES = {
    path.relative_to(REPO).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*REPO.glob("*.md"), *(REPO / "docs").glob("*.md"), REPO / "tests" / "README.md"])
}
DIAGRAM = PAGE.partition("```mermaid\n")[2].partition("```")[0]
Arrow = tuple[str, str]


def arrows() -> set[Arrow]:
    """The diagram's: ``a --> b & c`` is two."""
    lines = re.findall(r"^ *(\w+) --> (.+)$", DIAGRAM, re.M)
    return {(upper, lower) for upper, below in lines for lower in below.split(" & ")}


def rooms() -> set[str]:
    """The packages and the modules right below adshift/."""
    packages = {path.parent.name for path in (REPO / "adshift").glob("*/__init__.py")}
    return packages | {path.stem for path in (REPO / "adshift").glob("[!_]*.py")}


def test_the_diagram_the_table_and_the_layers_have_every_room() -> None:
    inside = re.findall(r"^ {8}(\w+)$", DIAGRAM, re.M)
    table = PAGE.partition("| room | what it is for |")[2].partition("\n\n")[0]
    settings = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = [contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers"]
    for named in (
        inside,
        re.findall(r"^\| `(\w+)` \|", table, re.M),
        [room for layer in layers for room in layer.split(" | ")],
    ):
        assert sorted(named) == sorted(rooms())
    assert {room for arrow in arrows() for room in arrow} == rooms()


def test_an_arrow_is_an_import_that_no_way_through_a_third_room_replaces() -> None:
    graph = grimp.build_graph("adshift", exclude_type_checking_imports=True, cache_dir=None)
    below: dict[str, set[str]] = {room: set() for room in rooms()}
    for module in graph.modules - {"adshift"}:
        own = module.split(".")[1]
        imported = graph.find_modules_directly_imported_by(module) - {"adshift"}
        below[own] |= {name.split(".")[1] for name in imported} - {own}

    def reached(room: str) -> set[str]:
        return below[room].union(*(reached(lower) for lower in below[room]))

    wanted = {
        (upper, lower)
        for upper, direct in below.items()
        for lower in direct
        if not any(lower in reached(between) for between in direct)
    }
    missing, wrong = sorted(wanted - arrows()), sorted(arrows() - wanted)
    assert (missing, wrong) == ([], []), "docs/architecture.md: draw the first, take the second away"


def own_files(page: str) -> set[str]:
    """What a page's blocks make: each begins with the name of its file."""
    return set(re.findall(r"^```\w+\n# (\S+\.(?:py|yaml))$", PAGES[page], re.M))


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"(?<![\w./:-])((?:[\w-]+/)+[\w-]+\.(?:py|yaml|toml|txt))\b", PAGES[page]))
    named |= set(re.findall(r"(?<![\w./:-])adshift(?:/\w+)+(?![\w/.])", PAGES[page]))
    for path in sorted(named - own_files(page)):
        places = (REPO / path, REPO / "adshift" / path)
        assert "NAME" in path or any(place.exists() for place in places), f"{page} names {path}, which is not there"


def found(name: str) -> bool:
    """Whether a dotted name is a module, or something that one defines."""
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        module = ".".join(parts[:depth])
        if not is_module(module):
            continue
        here: object = importlib.import_module(module)
        for part in parts[depth:]:
            if not hasattr(here, part):
                return False
            here = getattr(here, part)
        return True
    return False


def is_module(name: str) -> bool:
    path = REPO / Path(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pytest.mark.parametrize("page", PAGES)
def test_every_module_and_function_that_a_page_names_exists(page: str) -> None:
    made = {path.removesuffix(".py").replace("/", ".") for path in own_files(page)}
    for name in sorted(set(re.findall(r"(?<![\w./-])adshift(?:\.[A-Za-z_]\w*)+", PAGES[page]))):
        own = any(name == module or name.startswith(f"{module}.") for module in made)
        assert own or "NAME" in name or found(name), f"{page} names {name}, which is not there"


@pytest.mark.parametrize("page", PAGES)
def test_every_target_of_make_that_a_page_names_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPO / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", PAGES[page], re.M)) <= targets


def test_nothing_cites_a_text_that_is_not_in_the_repository() -> None:
    files = [REPO / "README.md", *(REPO / "docs").rglob("*.md")]
    files += [path for folder in ("adshift", "conf", "tests") for path in (REPO / folder).rglob("*.*")]
    cited = re.compile(r"\b(study|design)( \d|('s)? (eq\b|section|figure))", re.IGNORECASE)
    for path in files:
        if path.suffix in (".py", ".yaml", ".md"):
            match = cited.search(path.read_text(encoding="utf-8"))
            assert match is None, f"{path.relative_to(REPO)} cites {match and match[0]}"
