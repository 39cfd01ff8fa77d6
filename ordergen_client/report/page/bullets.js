// A line as a bullet: the band as a box, the target as a tick, the weight before as a ring, and after as a disc.
// All lines of a portfolio have their targets in one place and one scale, in weight to each side of them.

const HIGH = 24;
const MIDDLE = HIGH / 2;

function deviations(line) {
  const target = Number(line.target);
  return { before: Number(line.weightBefore) - target, after: Number(line.weightAfter) - target };
}

// How much weight is shown to each side: all bands, and nearly all lines; what lies further is an arrow at the edge.
function scaleOf(lines) {
  const far = lines.map((line) => Math.max(...Object.values(deviations(line)).map(Math.abs))).sort((a, b) => a - b);
  const most = far[far.length - 1];
  const band = Math.max(...lines.map((line) => Math.max(Number(line.low), Number(line.high))));
  return Math.max(far[Math.floor((far.length - 1) * 0.9)], Math.min(band, most * 2)) * 1.05 || 0.01;
}

// Places are in percent of the width, so that marks keep their form at any.
function placeOf(weight, scale) {
  return 50 + Math.max(-1, Math.min(1, weight / scale)) * 47;
}

function bullet(line, scale) {
  const { before, after } = deviations(line);
  const x = (weight) => `${placeOf(weight, scale)}%`;
  const said = `${line.ticker}: ${percent(line.shownBefore)}, then ${percent(line.shownAfter)}; target ${percent(line.target)}, band ${bandOf(line)}`;
  const [low, high] = [placeOf(-Number(line.low), scale), placeOf(Number(line.high), scale)];
  return drawn(
    "svg",
    { class: "bullet", width: "100%", height: HIGH, role: "img", "aria-label": said },
    drawn("title", {}, said),
    drawn("line", { class: "base", x1: "1%", x2: "99%", y1: MIDDLE, y2: MIDDLE }),
    drawn("rect", { class: "band", x: `${low}%`, width: `${Math.max(0.5, high - low)}%`, y: 4, height: HIGH - 8, rx: 2 }),
    drawn("line", { class: "target", x1: "50%", x2: "50%", y1: 2, y2: HIGH - 2 }),
    drawn("line", { class: "way", x1: x(before), x2: x(after), y1: MIDDLE, y2: MIDDLE }),
    mark("before", before, scale),
    mark("after", after, scale),
  );
}

function mark(name, weight, scale) {
  const attributes = { class: name, "data-weight": weight };
  const place = `${placeOf(weight, scale)}%`;
  if (Math.abs(weight) <= scale) return drawn("circle", { ...attributes, cx: place, cy: MIDDLE, r: name === "before" ? 5 : 4 });
  const side = Math.sign(weight);
  const arrow = drawn("path", { ...attributes, d: `M${side * 6} 0l${-side * 9} -5v10z` });
  return drawn("svg", { x: place, y: MIDDLE, overflow: "visible" }, arrow);
}

function bandOf(line) {
  if (Number(line.target) === 0) return "none: not in the model";
  return `${percent(sum(line.target, `-${line.low}`))} to ${percent(sum(line.target, line.high))}`;
}

function legend(scale) {
  const key = (name, shape) => made("span", {}, drawn("svg", { class: "bullet", width: 26, height: 16, "aria-hidden": "true" }, shape), name);
  return made(
    "p",
    { class: "legend" },
    key("Weight before", drawn("circle", { class: "before", cx: 13, cy: 8, r: 5 })),
    key("Weight after", drawn("circle", { class: "after", cx: 13, cy: 8, r: 4 })),
    key("Target", drawn("line", { class: "target", x1: 13, x2: 13, y1: 1, y2: 15 })),
    key("Band", drawn("rect", { class: "band", x: 2, width: 22, y: 1, height: 14, rx: 2 })),
    `One scale for all lines, ${inPercent(scale)} of the portfolio to each side of the target. An arrow lies further out.`,
  );
}
