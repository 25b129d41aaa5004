"""The table of docs/performance.md, from the records of results.json."""

from pathlib import Path
from typing import Any

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

ROWS: dict[str, tuple[str, str, str]] = {
    "coreset_1pct": (
        "greedy coreset, 1 % of the same projected points (from the embeddings on)",
        "anomalib KCenterGreedy",
        ">= 150",
    ),
    "coreset_10pct": (
        "greedy coreset, 10 % of the same projected points (from the embeddings on)",
        "not run",
        "<= 10 s",
    ),
    "coreset_memory": ("fit of 1,000,384 x 384 embeddings, 1 %", "not run", "< 4,000 MB"),
    "neighbours_384": ("9 neighbours, 384 dimensions", "FAISS IndexFlatL2", ">= 1.5"),
    "neighbours_1536": ("9 neighbours, 1,536 dimensions", "FAISS IndexFlatL2", ">= 3"),
    "metrics": ("pixel AUROC, AP and PRO", "anomalib AUPRO + scikit-learn", ">= 4"),
    "padim_memory": ("peak RSS of PaDiM's fit, 400 images over 100", "anomalib PadimModel", "<= 1.1"),
    "throughput": (
        "scoring a batch of 32, 1 % coreset, over the bare backbone",
        "torchvision ResNet-18 to layer3, in plain torch",
        "<= 1.3",
    ),
    "train_job": ("train.py on screw, 1 %, start to exit", "anomalib Engine and Patchcore", ">= 15"),
    "coreset_sweep": ("sweep of 1, 5 and 10 % over its 10 % member alone", "the member alone", "<= 1.3"),
    "predict_start": ("predict.py on one image, start to exit", "the build eb061b5", "<= 0.4"),
    "busy_scoring": ("an image beside two busy loops (two torch programs), over alone", "alone", "<= 3 (<= 4)"),
}
"""What a record is about, who the peer is, and the bar that was set for it."""


def seconds(value: float | None) -> str:
    """Three digits, or a dash."""
    return "-" if value is None else f"{value:.3g} s"


def row(name: str, record: dict[str, Any]) -> str:
    """One line of the table."""
    what, peer, bar = ROWS[name]
    ours, other = seconds(record["ours_s"]), seconds(record["peer_s"])
    if "ours_mb" in record:
        ours, other = (" to ".join(f"{mb:,.0f}" for mb in record[k]) + " MB" for k in ("ours_mb", "peer_mb"))
    elif "peak_mb" in record:
        ours += f", peak {record['peak_mb']:,.0f} MB"
    for part in ("whole_s", "torch_s"):
        if part in record:
            ours += f" ({seconds(record[part])})"
    ratio = "-" if record["ratio"] is None else f"{record['ratio']:.3g}"
    for part in ("whole_ratio", "torch_ratio"):
        if part in record:
            ratio += f" ({record[part]:.3g})"
    equal = {True: "yes", False: "NO", None: "-"}[record["equal"]]
    return f"| `{name}` | {what} | {record['source']} | {ours} | {peer}: {other} | {ratio} | {bar} | {equal} |"


def growth_row(name: str, record: dict[str, Any]) -> str:
    """How cost grows: sizes, seconds, and the exponents."""
    found = record["growth"]
    kind, sizes = next((key, value) for key, value in found.items() if key in ("n", "bank", "images"))
    laps = ", ".join(f"{lap:.3g}" for lap in found["ours_s"])
    peers = ", ".join(f"{lap:.3g}" for lap in found.get("peer_s", [])) or "-"
    exponents = f"{found['ours_slope']:.2f}", f"{found['peer_slope']:.2f}" if "peer_slope" in found else "-"
    shown = ", ".join(f"{size:,}" for size in sizes)
    return f"| `{name}` | {kind} = {shown} | {laps} | {exponents[0]} | {peers} | {exponents[1]} |"


def machine_line(machine: dict[str, Any], names: list[str]) -> str:
    """Where some of the records come from."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    flags = ", ".join(machine["instructions"]) or "no instruction sets known"
    return (
        f"{', '.join(f'`{name}`' for name in names)}: {machine['cores']} cores of {machine['processor']} ({flags}), "
        f"{machine['memory_gib']} GiB, {machine['system']}; {versions}; commit {str(machine['commit'])[:12]}"
        f"{'-dirty' if str(machine['commit']).endswith('-dirty') else ''}, {machine['date']}."
    )


def tables(records: dict[str, dict[str, Any]]) -> str:
    """Everything between the markers."""
    lines = ["| name | what | data | ours | peer | ratio | bar | equal |", "|---|---|---|---|---|---|---|---|"]
    lines += [row(name, record) for name, record in records.items()]
    grown = {name: record for name, record in records.items() if "growth" in record}
    if grown:
        lines += ["", "How cost grows with size (cost ~ size^exponent, fitted on the sizes given):", ""]
        lines += ["| name | sizes | ours, s | exponent | peer, s | exponent |", "|---|---|---|---|---|---|"]
        lines += [growth_row(name, record) for name, record in grown.items()]
    places: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for name, record in records.items():
        machine = {key: value for key, value in record["machine"].items() if key != "load_before"}
        places.setdefault(repr(machine), (machine, []))[1].append(name)
    return "\n".join([*lines, "", *(machine_line(machine, names) for machine, names in places.values())])


def write_table(page: Path, records: dict[str, dict[str, Any]]) -> None:
    """Put the tables between the page's markers; the rest of the page stays.

    Raises:
        ValueError: the page has no markers.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} holds no {BEGIN} and {END}; put them where the table belongs")
    page.write_text(f"{before}{BEGIN}\n{tables(records)}\n{END}{after}", encoding="utf-8")
