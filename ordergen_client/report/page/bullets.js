// A line as a bullet: the band as a box, the target as a tick, the weight before as a ring, and after as a disc.
// All lines of a portfolio have their targets in one place and one scale, in weight to each side of them.

const WIDE = 260;
const HIGH = 24;

function deviations(line) {
  const target = Number(line.target);
  return { before: Number(line.weightBefore) - target, after: Number(line.weightAfter) - target };
}

// How much weight is shown to each side: all bands, and nearly all lines; what lies further is an arrow at the edge.
function scaleOf(lines) {
  const far = lines.map((line) => Math.max(...Object.values(deviations(line)).map(Math.abs))).sort((a, b) => a - b);
  const bands = lines.map((line) => Math.max(Number(line.low), Number(line.high)));
  return Math.max(far[Math.floor((far.length - 1) * 0.9)], Math.min(Math.max(...bands), far[far.length - 1] * 2)) * 1.08 || 0.01;
}

function bullet(line, scale) {
  const { before, after } = deviations(line);
  const middle = WIDE / 2;
  const x = (weight) => middle + Math.max(-1, Math.min(1, weight / scale)) * (middle - 8);
  const said = `${line.ticker}: ${percent(line.shownBefore)}, then ${percent(line.shownAfter)}; target ${percent(line.target)}, band ${bandOf(line)}`;
  const chart = drawn("svg", {
    class: "bullet", viewBox: `0 0 ${WIDE} ${HIGH}`, width: "100%", height: HIGH, preserveAspectRatio: "none", role: "img", "aria-label": said,
  });
  const [low, high] = [x(-Number(line.low)), x(Number(line.high))];
  chart.append(
    drawn("title", {}, said),
    drawn("line", { class: "base", x1: 2, x2: WIDE - 2, y1: HIGH / 2, y2: HIGH / 2 }),
    drawn("rect", { class: "band", x: low, width: Math.max(1, high - low), y: 4, height: HIGH - 8, rx: 2 }),
    drawn("line", { class: "target", x1: middle, x2: middle, y1: 2, y2: HIGH - 2 }),
    drawn("line", { class: "way", x1: x(before), x2: x(after), y1: HIGH / 2, y2: HIGH / 2 }),
    dot("before", before, scale, x),
    dot("after", after, scale, x),
  );
  return chart;
}

function dot(name, weight, scale, x) {
  const radius = name === "before" ? 5 : 4;
  const attributes = { class: name, "data-weight": weight };
  if (Math.abs(weight) <= scale) return drawn("circle", { ...attributes, cx: x(weight), cy: HIGH / 2, r: radius });
  const side = Math.sign(weight);
  return drawn("path", { ...attributes, d: `M${x(weight) + side * 7} ${HIGH / 2}l${-side * 10} -6v12z` });
}

function bandOf(line) {
  if (Number(line.target) === 0) return "none: not in the model";
  return `${percent(sum(line.target, `-${line.low}`))} to ${percent(sum(line.target, line.high))}`;
}

function legend(scale) {
  const mark = (name, ...shapes) => made("span", {}, drawn("svg", { class: "bullet", width: 26, height: 16, viewBox: "0 0 26 16", "aria-hidden": "true" }, ...shapes), name);
  return made(
    "p",
    { class: "legend" },
    mark("Weight before", drawn("circle", { class: "before", cx: 13, cy: 8, r: 5 })),
    mark("Weight after", drawn("circle", { class: "after", cx: 13, cy: 8, r: 4 })),
    mark("Target", drawn("line", { class: "target", x1: 13, x2: 13, y1: 1, y2: 15 })),
    mark("Band", drawn("rect", { class: "band", x: 2, width: 22, y: 1, height: 14, rx: 2 })),
    `One scale for all lines: ${inPercent(scale)} of the portfolio to each side of the target; an arrow lies further out.`,
  );
}
