"use strict";
(function () {
  const contents = document.querySelector(".contents details");
  if (contents && !matchMedia("(min-width: 64rem)").matches) contents.open = false;
})();
(function () {
  const holder = document.getElementById("gallery-data");
  const list = document.getElementById("cards");
  if (!holder || !list) return;
  const data = JSON.parse(holder.textContent);
  const STEP = 48;
  const SIGNS = { TP: "found (TP)", FP: "false alarm (FP)", FN: "missed (FN)", TN: "passed (TN)" };
  const control = (name) => document.getElementById("g-" + name);
  const names = ["run", "category", "defect", "outcome", "sort"];
  const ticks = ["map", "outline"];
  const status = document.getElementById("g-status");
  const more = document.getElementById("g-more");
  const DEFAULTS = { run: "0", category: "", defect: "", outcome: "", sort: "high" };
  let shown = STEP;

  function option(select, value, text) {
    const made = document.createElement("option");
    made.value = value;
    made.textContent = text;
    select.append(made);
  }
  const unique = (key) => [...new Set(data.cards.map((card) => card[key]))].sort();
  data.settings.forEach((text, i) => option(control("run"), String(i), text));
  unique("category").forEach((text) => option(control("category"), text, text));
  unique("defect").forEach((text) => option(control("defect"), text, text));

  for (const name of names) control(name).value = DEFAULTS[name];

  function readHash() {
    const found = new URLSearchParams(location.hash.startsWith("#gallery?") ? location.hash.slice(9) : "");
    for (const name of names) {
      const value = found.get(name);
      if (value !== null && [...control(name).options].some((o) => o.value === value)) control(name).value = value;
    }
    for (const name of ticks) if (found.has(name)) control(name).checked = found.get(name) === "1";
    return location.hash.startsWith("#gallery?");
  }
  function writeHash() {
    const kept = new URLSearchParams();
    for (const name of names) if (control(name).value !== DEFAULTS[name]) kept.set(name, control(name).value);
    for (const name of ticks) if (!control(name).checked) kept.set(name, "0");
    try { history.replaceState(null, "", "#gallery?" + kept); } catch (error) { /* a file: page may refuse */ }
  }

  const margin = (card) => (card.threshold === null ? Infinity : Math.abs(card.score - card.threshold));
  const orders = {
    high: (a, b) => b.score - a.score,
    low: (a, b) => a.score - b.score,
    close: (a, b) => margin(a) - margin(b),
    name: (a, b) => a.path.localeCompare(b.path) || a.run - b.run,
  };
  function chosen() {
    const [run, category, defect, outcome] = names.slice(0, 4).map((name) => control(name).value);
    const wrong = (card) => card.outcome === "FP" || card.outcome === "FN";
    return data.cards
      .filter((card) => (run === "" || card.run === Number(run)) && (category === "" || card.category === category)
        && (defect === "" || card.defect === defect)
        && (outcome === "" || (outcome === "wrong" ? wrong(card) : card.outcome === outcome)))
      .sort(orders[control("sort").value]);
  }

  function picture(source, alt, kind) {
    const made = document.createElement("img");
    made.src = source;
    made.alt = alt;
    made.className = kind;
    made.width = made.height = data.side;
    return made;
  }
  function drawn(path) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", `0 0 ${data.side} ${data.side}`);
    svg.setAttribute("aria-hidden", "true");
    for (const kind of ["under", "over"]) {
      const line = document.createElementNS(space, "path");
      line.setAttribute("d", path);
      line.setAttribute("class", kind);
      svg.append(line);
    }
    return svg;
  }
  function text(kind, words, inside) {
    const made = document.createElement(inside || "p");
    made.className = kind;
    made.textContent = words;
    return made;
  }
  const number = (value) => Number(value.toPrecision(4)).toString();
  function made(card) {
    const item = document.createElement("li");
    item.className = "card";
    item.dataset.outcome = card.outcome;
    item.dataset.score = String(card.score);
    item.dataset.category = card.category;
    const verdict = SIGNS[card.outcome] || "not decided";
    const pile = document.createElement("div");
    pile.className = "pile";
    pile.append(picture(data.images[card.image], `${card.path}: ${card.defect}, ${verdict}`, "photo"));
    if (card.map >= 0) pile.append(picture(data.maps[card.map], "", "map"));
    if (card.outline >= 0) pile.append(drawn(data.outlines[card.outline]));
    const sign = card.threshold === null ? "" : card.score >= card.threshold ? " ≥ " : " < ";
    const rule = `${number(card.score)}${sign}${card.threshold === null ? "" : number(card.threshold)}`;
    const kind = card.outcome === "" ? "" : card.outcome[0] === "T" ? " right" : " wrong";
    item.append(pile, text("tag" + kind, verdict), text("", rule),
      text("", `${card.category}, ${card.defect}/${card.path.split("/").pop()}`), text("who", data.settings[card.run]));
    return item;
  }
  function render() {
    const found = chosen();
    list.replaceChildren(...found.slice(0, shown).map(made));
    for (const name of ticks) list.classList.toggle("no-" + name, !control(name).checked);
    const visible = Math.min(shown, found.length);
    status.textContent = found.length
      ? `${visible} of ${found.length} matching pictures shown; ${data.cards.length} in the gallery.`
      : "No picture matches; widen a filter.";
    more.hidden = visible >= found.length;
  }

  for (const name of [...names, ...ticks]) {
    control(name).addEventListener("change", () => { shown = STEP; writeHash(); render(); });
  }
  more.addEventListener("click", () => {
    const before = list.children.length;
    shown += STEP;
    render();
    const first = list.children[before];
    if (first) { first.tabIndex = -1; first.focus({ preventScroll: true }); }
  });
  addEventListener("hashchange", () => { if (readHash()) render(); });
  const asked = readHash();
  render();
  document.documentElement.dataset.gallery = "ready";
  if (asked) document.getElementById("gallery").scrollIntoView();
})();
