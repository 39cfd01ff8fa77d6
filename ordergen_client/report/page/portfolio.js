// One portfolio: what became of it and how good that is, then its lines with their orders, the largest first.

function proofOf(data, row) {
  const { status, objective, gap, tie_broken: tied } = data.columns;
  if (status[row] === null) return null;
  const what = data.known.strategy === "TO_BAND" ? "turnover" : "drift";
  const reached = `${money(objective[row])} of ${what} in money`;
  if (status[row] !== "PROVEN_OPTIMAL") return `Not proven: ${reached}; a better answer has at most ${money(gap[row])} less.`;
  const only = tied[row] ? " Of all that are as good, these orders come first by the next aims, too." : "";
  return `Proven: no whole shares within the rules have less than ${reached}.${only}`;
}

function facts(data, row) {
  const column = data.columns;
  const value = column.base_value[row];
  const weighed = (text) => (ratio(text, value, 4) === null ? exactly(text) : [exactly(text), ` (${percent(ratio(text, value, 4))})`].flat());
  const pairs = [
    ["State", [data.known.states[column.state[row]] ?? column.state[row]]],
    ["Market value", exactly(column.market_value[row])],
    ...(column.cash_flow[row] === null ? [] : [["Cash flow", exactly(column.cash_flow[row])]]),
    ...(column.cost[row] === null ? [] : [["Costs", exactly(column.cost[row])]]),
    ["Drift", [exactly(column.drift_before[row], percent), " \u2192 ", exactly(column.drift_after[row], percent)]],
    ["Cash", [weighed(column.cash_before[row]), " \u2192 ", weighed(column.cash_after[row])].flat()],
    ["Turnover", weighed(column.turnover[row])],
    ["Buys", [exactly(column.bought[row]), ` in ${counted(column.buys[row], "trade")}`]],
    ["Sells", [exactly(column.sold[row]), ` in ${counted(column.sells[row], "trade")}`]],
  ];
  const outside = `${column.outside_before[row]} \u2192 ${column.outside_after[row]}`;
  if (column.lines[row] !== -1) pairs.push(["Lines outside their band", [outside]]);
  return made(
    "dl",
    { class: "facts-list" },
    ...pairs.map(([name, told]) => made("div", {}, made("dt", {}, name), made("dd", {}, ...[told].flat()))),
  );
}

// A number as it is shown, with all of its digits where one points at it.
function exactly(text, shown = money) {
  return text === null ? NONE : made("span", { title: text }, shown(text));
}

function linesTable(lines) {
  const traded = (line) => Number(line.traded);
  const sorted = [...lines].sort((one, other) => traded(other) - traded(one) || Number(other.target) - Number(one.target));
  const weighed = lines.filter((line) => line.weightBefore !== null);
  const drawable = weighed.length > 0;
  const scale = drawable ? scaleOf(weighed) : 0;
  const names = ["Security", "Order", "Value", ...(drawable ? ["Weight against target and band, and why"] : ["Why"]), "Weight", "Target"];
  const right = new Set(["Value", "Weight", "Target"]);
  const head = made("tr", {}, ...names.map((name) => made("th", { scope: "col", class: right.has(name) ? "right" : "" }, name)));
  const rows = sorted.map((line) => lineRow(line, scale));
  const table = made("table", { class: "cards lines" }, made("caption", { class: "unseen" }, "Lines of the portfolio, the largest orders first"), made("thead", {}, head), made("tbody", {}, ...rows));
  return drawable ? [legend(scale), table] : [table];
}

function lineRow(line, scale) {
  const cell = (name, content, more = {}) => made("td", { "data-name": name, ...more }, ...[content].flat());
  const below = (...content) => made("span", { class: "sub" }, ...content);
  const right = { class: "right" };
  const side = line.trade > 0 ? "Buy" : "Sell";
  const order = line.trade ? made("span", { class: `side ${side.toLowerCase()}` }, `${side} ${Math.abs(line.trade).toLocaleString("en")}`) : "No trade";
  const held = below(line.trade ? `${quantity(line.held)} \u2192 ${quantity(line.then)}` : quantity(line.held));
  return made(
    "tr",
    {},
    made("th", { scope: "row", title: line.id, class: "whole" }, line.ticker),
    cell("Order; shares", [order, held]),
    cell("Value; price", [line.trade ? exactly(line.traded) : NONE, below("at ", exactly(line.price, price))], right),
    made("td", { class: "drawn" }, ...(line.weightBefore === null ? [] : [bullet(line, scale)]), below(line.reason || NONE)),
    cell("Weight", [exactly(line.shownBefore ?? null, percent), " \u2192 ", exactly(line.shownAfter ?? null, percent)], right),
    cell("Target", exactly(line.target, percent), right),
  );
}

function linesOf(data, row, lines) {
  if (lines) return linesTable(lines);
  if (data.columns.lines[row] !== null) return [made("p", {}, "The service has no lines of it.")];
  const command = `ordergen runs show ${data.known.run} --portfolio ${data.columns.id[row]}`;
  return [made("p", { class: "warning" }, "Its lines are not in this file, which would be too large with them. This command shows them: ", made("code", {}, command))];
}

async function showPortfolio(data, row) {
  const { id, name, error, status } = data.columns;
  const place = document.getElementById("portfolio");
  const close = made("button", { type: "button" }, "Close");
  close.addEventListener("click", () => {
    place.hidden = true;
    location.hash = "portfolios";
  });
  const heading = made("h3", { id: "portfolio-name", tabindex: "-1" }, name[row] || id[row]);
  const proof = proofOf(data, row);
  const lines = await readLines(data, row);
  place.replaceChildren(
    made("header", {}, made("div", {}, heading, made("code", {}, id[row])), close),
    ...(error[row] ? [made("p", { class: "warning" }, error[row])] : []),
    facts(data, row),
    ...(proof ? [made("p", { class: status[row] === "PROVEN_OPTIMAL" ? "proof" : "warning" }, proof)] : []),
    ...linesOf(data, row, lines),
  );
  place.hidden = false;
  place.scrollIntoView({ block: "start" });
  heading.focus({ preventScroll: true });
}
