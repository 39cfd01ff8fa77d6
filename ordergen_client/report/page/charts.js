// Charts as SVG: each has a title, units, and in words what it shows.

const SVG = "http://www.w3.org/2000/svg";

function drawn(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function made(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function inPercent(weight, places = 2) {
  return `${(weight * 100).toFixed(places).replace("-", "\u2212")}\u00a0%`;
}

// 1, 2 or 5 times a power of ten: so that about `wanted` steps cover the span.
function niceStep(span, wanted) {
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
}

function ticksOf(low, high, wanted) {
  const step = niceStep(high - low || 1, wanted);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, place) => (first + place) * step);
}

function placesOf(ticks) {
  const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) * 100 : 1;
  return Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
}

// An empty chart with axes; x and y are functions from values to places.
function frame(figure, { label, xLabel, yLabel, xRange, yRange, yPercent }) {
  const width = Math.max(260, figure.clientWidth - 34);
  const height = 230;
  const edge = { left: 52, right: 22, top: 22, bottom: 42 };
  const [xLow, xHigh] = xRange;
  const [yLow, yHigh] = yRange;
  const x = (one) => edge.left + ((one - xLow) / (xHigh - xLow || 1)) * (width - edge.left - edge.right);
  const y = (one) => height - edge.bottom - ((one - yLow) / (yHigh - yLow || 1)) * (height - edge.top - edge.bottom);
  const chart = drawn("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  const xTicks = ticksOf(xLow, xHigh, Math.max(4, width / 90));
  for (const tick of xTicks) {
    chart.append(drawn("text", { x: x(tick), y: height - edge.bottom + 17, "text-anchor": "middle" }, inPercent(tick, placesOf(xTicks))));
  }
  const yTicks = ticksOf(yLow, yHigh, 4).filter((tick) => yPercent || Number.isInteger(tick));
  for (const tick of yTicks) {
    chart.append(drawn("line", { class: "axis", x1: edge.left, x2: width - edge.right, y1: y(tick), y2: y(tick) }));
    const text = yPercent ? inPercent(tick, placesOf(yTicks)) : tick.toLocaleString("en");
    chart.append(drawn("text", { x: edge.left - 6, y: y(tick) + 4, "text-anchor": "end" }, text));
  }
  chart.append(
    drawn("text", { x: width - edge.right, y: height - 6, "text-anchor": "end" }, xLabel),
    drawn("text", { x: 0, y: 12 }, yLabel),
  );
  return { chart, x, y, width, height, edge };
}

// Ends of the axis and the width of a bin; a few far values do not squash the others: the end bins take them.
function binsOf(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  let [low, high] = [sorted[0], sorted[sorted.length - 1]];
  const [lower, upper] = [at(0.02), at(0.98)];
  if (high - low > 4 * (upper - lower) && upper > lower) [low, high] = [lower, upper];
  const step = niceStep(high - low || 0.01, 16);
  const first = Math.floor(low / step + 1e-9);
  const count = Math.max(1, Math.floor(high / step + 1e-9) - first + 1);
  const counts = new Array(count).fill(0);
  for (const one of values) counts[Math.min(count - 1, Math.max(0, Math.floor(one / step + 1e-9) - first))] += 1;
  return { counts, step, start: first * step, median: at(0.5), least: sorted[0], most: sorted[sorted.length - 1] };
}

function histogram(figure, values, { name, base }) {
  const known = values.filter(Number.isFinite);
  if (!known.length) return replaced(figure, made("p", {}, "No portfolio has it."));
  const { counts, step, start, median, least, most } = binsOf(known);
  const said = `Median ${inPercent(median)}, from ${inPercent(least)} to ${inPercent(most)}.`;
  const label = `${name} of ${known.length.toLocaleString("en")} portfolios, in percent of ${base}. ${said}`;
  const end = start + counts.length * step;
  const { chart, x, y } = frame(figure, {
    label, xLabel: `Of ${base}`, yLabel: "Portfolios", xRange: [start, end], yRange: [0, Math.max(...counts) * 1.05],
  });
  counts.forEach((count, place) => {
    const from = start + place * step;
    const beyond = (place === 0 && least < start) || (place === counts.length - 1 && most > end);
    const what = `${count.toLocaleString("en")}: ${inPercent(from)} to ${inPercent(from + step)}${beyond ? " or beyond" : ""}`;
    chart.append(
      drawn(
        "rect",
        { class: "bar", x: x(from) + 0.5, width: Math.max(1, x(from + step) - x(from) - 1), y: y(count), height: y(0) - y(count), "data-count": count, "data-from": from },
        drawn("title", {}, what),
      ),
    );
  });
  replaced(figure, made("p", {}, said), chart);
}

function replaced(figure, ...children) {
  figure.replaceChildren(figure.querySelector("figcaption"), ...children);
}

// Each portfolio is a mark: a disc, or a diamond where it needs a look.
function driftChart(figure, data) {
  const { drift_before: before, drift_after: after } = data.numbers;
  const shown = before.map((_, row) => row).filter((row) => Number.isFinite(before[row]) && Number.isFinite(after[row]));
  if (!shown.length) return replaced(figure, made("p", {}, "No portfolio has an answer."));
  const most = (column) => shown.reduce((found, row) => Math.max(found, column[row]), 0) * 1.05 || 0.01;
  const nearer = shown.filter((row) => after[row] < before[row]).length;
  const without = data.count - shown.length;
  const said = `${nearer.toLocaleString("en")} of ${shown.length.toLocaleString("en")} come nearer to the model.`;
  const rest = without ? ` ${without.toLocaleString("en")} without an answer or holdings ${without === 1 ? "is" : "are"} not drawn.` : "";
  const { chart, x, y } = frame(figure, {
    label: `Drift after against drift before. ${said}${rest}`,
    xLabel: "Drift before", yLabel: "Drift after", yPercent: true, xRange: [0, most(before)], yRange: [0, most(after)],
  });
  const end = Math.min(most(before), most(after));
  chart.append(drawn("line", { class: "diagonal", x1: x(0), y1: y(0), x2: x(end), y2: y(end) }, drawn("title", {}, "No change")));
  const marked = (row) => data.columns.look[row].length > 0; // they are drawn last, above the others
  for (const row of [...shown].sort((one, other) => marked(one) - marked(other))) {
    chart.append(point(data, row, x(before[row]), y(after[row])));
  }
  chart.addEventListener("pointerover", ({ target }) => titled(data, target));
  chart.addEventListener("click", ({ target }) => {
    if (target.dataset.row) location.hash = `portfolio-${data.columns.id[target.dataset.row]}`;
  });
  const key = shown.some((row) => data.columns.look[row].length) ? " \u25c6 needs a look. The dashed line is no change." : " The dashed line is no change.";
  replaced(figure, made("p", {}, said + rest + key), chart);
}

function point(data, row, x, y) {
  const [left, top] = [x.toFixed(2), y.toFixed(2)];
  if (!data.columns.look[row].length) return drawn("circle", { class: "point", cx: left, cy: top, r: 4, "data-row": row });
  return drawn("path", { class: "point look", d: `M${left} ${top}m0-6l6 6l-6 6l-6-6z`, "data-row": row });
}

function titled(data, target) {
  const { row } = target.dataset;
  if (!row || target.firstChild) return;
  const { name, id, drift_before: before, drift_after: after } = data.columns;
  target.append(drawn("title", {}, `${name[row] || id[row]}: ${percent(before[row])}, then ${percent(after[row])}`));
}

function drawCharts(data) {
  const found = (id) => document.getElementById(id);
  driftChart(found("drift-chart"), data);
  histogram(found("turnover-chart"), data.numbers.turnover_weight, { name: "Turnover", base: baseName(data) });
  histogram(found("cash-chart"), data.numbers.cash_weight, { name: "Cash after the trades", base: baseName(data) });
}
