"use strict";
// Buttons show and hide a condition everywhere; on a chart the pointer, or the arrow keys, read values off.

for (const button of document.querySelectorAll("button[data-series]")) {
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    for (const drawn of document.querySelectorAll(`.s${button.dataset.series}`)) drawn.classList.toggle("off", !shown);
  });
}

const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

function reading(series, x) {
  if (x < series.x[0] || x > series.x.at(-1)) return null;
  const gaps = series.x.map((known) => Math.abs(known - x));
  const nearest = gaps.indexOf(Math.min(...gaps));
  const interval = series.low
    ? ` (${number.format(series.low[nearest])} to ${number.format(series.high[nearest])})` : "";
  return `${series.name}: ${number.format(series.mean[nearest])}${interval}`;
}

for (const chart of document.querySelectorAll("svg.chart")) {
  const points = JSON.parse(chart.dataset.points);
  const [left, right, width] = points.from;
  const [low, high] = points.range;
  const cursor = chart.querySelector(".cursor");
  const output = chart.parentElement.querySelector("output");
  let share = 1;

  const read = (wanted) => {
    share = Math.min(1, Math.max(0, wanted));
    const x = low + share * (high - low);
    const at = left + share * (right - left);
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.style.visibility = "visible";
    const shown = points.series.filter((one) => !chart.querySelector(`.s${one.index}`).classList.contains("off"));
    const lines = shown.map((one) => reading(one, x)).filter(Boolean);
    output.textContent = [`${number.format(x)} ${points.x}`, ...lines].join("\n");
  };
  const leave = () => {
    cursor.style.visibility = "hidden";
    output.textContent = "";
  };

  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    read((((event.clientX - box.left) / box.width) * width - left) / (right - left));
  });
  chart.addEventListener("pointerleave", leave);
  chart.addEventListener("blur", leave);
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: share - 0.02, ArrowRight: share + 0.02, Home: 0, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    read(step);
  });
}
