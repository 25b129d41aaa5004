"""Write docs/configuration.md from conf/: every program, group, option, key, default, and its comment in the YAML.

``python docs/configuration.py`` writes the page; ``--check`` only says whether it is up to date (status 1: it is not).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
CONF = HERE.parent / "conf"
PAGE = HERE / "configuration.md"
FIRST = ("train", "evaluate", "predict", "export")
UNLISTED = ("_target_", "defaults", "hydra.callbacks", "hydra.help", "hydra.mode", "hydra.sweeper")
"""Keys that are no user's: classes, composition, and what Hydra itself is told."""
INTRO = """# Configuration

Every key of every program, with its default and what the YAML says of it. Written by `make docs` from `conf/`; a
test keeps it complete and up to date. [protocol.md](protocol.md) says what the figures mean.

A group (`method`, `data`, ...) takes one of its options: `method=padim`. A key takes a value: `image_size=320`,
`domain.severity=0.5`. `${seed}` stands for another key's value, `???` for one that must be given. With `-m`, commas make a
sweep: `python train.py -m coreset_ratio=0.01,0.05`. A key that is not here is refused. Every program has `--help` (its
keys and defaults) and `--cfg job` (its configuration with your changes, without a run).
"""


@dataclass(frozen=True)
class Key:
    """A key as a file of conf/ writes it: its full name, its default as written, and its comment (may be empty)."""

    name: str
    default: str
    comment: str


@dataclass(frozen=True)
class File:
    """A file of conf/.

    Attributes:
        name: of the option or the program.
        about: its first comment.
        keys: its own and those of the files it starts from.
        groups: of a program: each group with its default option, empty where it has none.
        sweep: of a sweep: what it varies.
    """

    name: str
    about: str
    keys: tuple[Key, ...]
    groups: dict[str, str]
    sweep: dict[str, str]


def read(path: Path, group: str = "") -> File:
    """Read a file of conf/; ``group`` is the folder's name, or empty for a program."""
    text = path.read_text(encoding="utf-8")
    head = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            head.append(line.lstrip("# "))
    prefix = "" if not group or "@package _global_" in text else f"{group}."
    root = yaml.compose(text)
    content = yaml.safe_load(text) or {}
    keys = {key.name: key for key in _keys(root, prefix, text)} if isinstance(root, yaml.MappingNode) else {}
    groups: dict[str, str] = {}
    for entry in content.get("defaults", ()):
        if isinstance(entry, dict):
            entry = {k: v for k, v in entry.items() if not k.startswith("override ")}
            groups |= {k.removeprefix("optional "): v or "" for k, v in entry.items()}
        elif entry != "_self_":
            base = {key.name: key for key in read(path.parent / f"{entry}.yaml", group).keys}
            keys = base | {name: _said(key, base.get(name)) for name, key in keys.items()}
    sweep = {k: str(v) for k, v in content.get("hydra", {}).get("sweeper", {}).get("params", {}).items()}
    return File(path.stem, " ".join(head), tuple(keys.values()), groups, sweep)


def _said(key: Key, base: Key | None) -> Key:
    """A key that sets another default keeps the comment of the file it starts from."""
    return Key(key.name, key.default, key.comment or base.comment) if base else key


def _keys(node: yaml.MappingNode, prefix: str, text: str) -> Iterator[Key]:
    for name, value in node.value:
        full = prefix + name.value
        if full in UNLISTED or name.value in UNLISTED:
            continue
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from _keys(value, f"{full}.", text)
            continue
        start, end = value.start_mark.index, value.end_mark.index
        comment = text[end:].partition("\n")[0].partition("#")[2].strip()
        yield Key(full, " ".join(text[start:end].split()), comment)


def groups() -> dict[str, list[File]]:
    """The options of each group, by name; files whose name begins with _ are parts of others."""
    return {
        folder.name: [read(path, folder.name) for path in sorted(folder.glob("[!_]*.yaml"))]
        for folder in sorted(CONF.iterdir())
        if folder.is_dir()
    }


def programs() -> list[File]:
    """The files right in conf/, in the order that they are used in; others by name."""
    names = {path.stem for path in CONF.glob("*.yaml")}
    return [read(CONF / f"{name}.yaml") for name in (*FIRST, *sorted(names - set(FIRST)))]


def undocumented() -> list[str]:
    """Keys that no file of their group comments, and options without a first comment."""
    found = []
    for group, options in [*groups().items(), *((program.name, [program]) for program in programs())]:
        named = {key.name for option in options for key in option.keys}
        said = {key.name for option in options for key in option.keys if key.comment}
        found += [f"{group}: {name}" for name in sorted(named - said)]
        found += [f"{group}: {option.name}" for option in options if not option.about]
    return found


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, ["---"] * len(header), *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n"


def code(text: str) -> str:
    """As code."""
    return f"`{text}`" if text else ""


def program_page(file: File) -> str:
    """The section of a program."""
    script = f"{file.name}.py"
    title = script if (HERE.parent / script).is_file() else f"python -m adshift.{file.name}"
    parts = [f"## {title}\n", f"{file.about}\n"]
    if file.groups:
        without = "as the run had it" if file.name == "evaluate" else "not set"
        rows = [[f"[`{g}`](#{g})", code(o) or without] for g, o in file.groups.items()]
        parts.append(table(("group", "default option"), rows))
    parts.append(table(("key", "default", "meaning"), [[code(k.name), code(k.default), k.comment] for k in file.keys]))
    return "\n".join(parts)


def said(texts: dict[str, str], limit: int) -> str:
    """What options say of a key: what most of them say, then the others' with their names; over ``limit``, no others."""
    options: dict[str, list[str]] = {}
    for option, text in texts.items():
        options.setdefault(text, []).append(option)
    ranked = sorted(options, key=lambda text: -len(options[text]))
    parts = [ranked.pop(0)] if len(options[ranked[0]]) > len(texts) / 2 else []
    if len(ranked) > limit:
        return "; ".join([*parts, "else the option's own"] if parts else ["the option's own"])
    return "; ".join([*parts, *(f"{text} ({', '.join(options[text])})" for text in ranked)])


def whose(own: Sequence[str], options: Sequence[str]) -> str:
    """Which options have a key."""
    lacking = [option for option in options if option not in own]
    return "all" if not lacking else f"all but {lacking[0]}" if len(lacking) == 1 and own[1:] else ", ".join(own)


def group_page(group: str, options: Sequence[File]) -> str:
    """The section of a group."""
    alike: dict[str, list[str]] = {}
    for option in options:
        alike.setdefault(option.about, []).append(code(option.name))
    rows = [[", ".join(names), about] for about, names in alike.items()]
    parts = [f"## {group}\n", table(("option", "what it is"), rows)]
    if any(option.sweep for option in options):
        rows = [[code(o.name), " ".join(code(f"{k}={v}") for k, v in o.sweep.items())] for o in options]
        parts.append(table(("sweep", "what it varies"), rows))
    names = list(dict.fromkeys(key.name for option in options for key in option.keys))
    rows.clear()
    for name in names:
        own = {option.name: key for option in options for key in option.keys if key.name == name}
        defaults = said({option: code(key.default) for option, key in own.items()}, limit=4)
        meaning = said({option: key.comment for option, key in own.items() if key.comment}, limit=99)
        rows.append([code(name), defaults, whose(list(own), [option.name for option in options]), meaning])
    if rows:
        parts.append(table(("key", "default", "options", "meaning"), rows))
    return "\n".join(parts)


def page() -> str:
    """The whole page."""
    return "\n".join(
        [INTRO, *map(program_page, programs()), *(group_page(group, options) for group, options in groups().items())]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 where the page is out of date")
    check = parser.parse_args(arguments).check
    missing = undocumented()
    if missing:
        print(f"without a comment in conf/: {', '.join(missing)}", file=sys.stderr)
        return 1
    text = page()
    if check and (not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text):
        print(f"{PAGE} is not what conf/ says; write it anew with make docs", file=sys.stderr)
        return 1
    if not check:
        PAGE.write_text(text, encoding="utf-8")
        print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
