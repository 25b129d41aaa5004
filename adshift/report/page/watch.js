"use strict";
(function () {
  const asOf = document.getElementById("as-of");
  const made = Number(asOf.dataset.made) * 1000;
  const renewed = Number(asOf.dataset.renewed) * 1000;
  const stale = Number(asOf.dataset.stale || Infinity) * 1000;
  const opened = Date.now();
  const span = (ms) => {
    const seconds = Math.max(0, Math.round(ms / 1000));
    if (seconds < 120) return seconds + " s";
    return seconds < 7200 ? Math.round(seconds / 60) + " min" : Math.round(seconds / 3600) + " h";
  };
  function look() {
    const age = Date.now() - made;
    const selecting = String(getSelection()) !== "";
    document.getElementById("age").textContent = ", " + span(age) + " ago" + (selecting ? "; not renewed while text is selected" : "");
    document.getElementById("old").hidden = age < stale;
    document.getElementById("old-age").textContent = span(age);
    if (!selecting && Date.now() - opened >= renewed) location.reload();
  }
  look();
  setInterval(look, 1000);
})();
