"use strict";
// <figure class="chart" data-chart='{"x": [seconds], "series": [{"label": "...", "values": [...], "unit": "s"}]}'>
(() => {
  const drawn = new Map();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const options = (figure, series) => {
    const lines = series.map(({ label, unit }, i) => ({
      label: unit ? `${label} (${unit})` : label,
      stroke: colour(`--series-${(i % 4) + 1}`),
      width: 2,
      points: { show: true, size: 4 },
      spanGaps: true,
    }));
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 } };
    return {
      width: Math.max(figure.clientWidth, 200),
      height: Number(figure.dataset.height || 160),
      cursor: { drag: { x: false, y: false } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.1 : 1] } },
      series: [{ label: "UTC" }, ...lines],
      axes: [axis, { ...axis, size: 60 }],
    };
  };

  const draw = (figure) => {
    const { x, series } = JSON.parse(figure.dataset.chart);
    drawn.get(figure)?.destroy();
    drawn.set(figure, new uPlot(options(figure, series), [x, ...series.map((one) => one.values)], figure));
  };

  const drawAll = () => {
    for (const figure of drawn.keys()) {
      if (!figure.isConnected) {
        drawn.get(figure).destroy();
        drawn.delete(figure);
      }
    }
    document.querySelectorAll("figure.chart[data-chart]").forEach(draw);
  };

  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  document.addEventListener("themed", () => document.readyState === "complete" && drawAll());
  let later;
  window.addEventListener("resize", () => {
    clearTimeout(later);
    later = setTimeout(drawAll, 150);
  });
})();
