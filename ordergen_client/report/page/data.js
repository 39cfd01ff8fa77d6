// The data of the page: blocks of deflated JSON in base64, read once, or (lines) when they are wanted.

async function unpacked(element) {
  const bytes = Uint8Array.from(atob(element.textContent), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

async function allUnpacked(name) {
  return Promise.all([...document.querySelectorAll(`script.${name}`)].map(unpacked));
}

// Columns of all portfolios; a few as numbers, too, to sort by and to draw: ratios are of market value plus cash flow.
async function readData() {
  const [known] = await allUnpacked("known");
  const [securities] = await allUnpacked("securities");
  const columns = {};
  for (const block of await allUnpacked("portfolios")) {
    for (const [name, column] of Object.entries(block)) {
      columns[name] = (columns[name] ?? []).concat(column);
    }
  }
  columns.id ??= [];
  columns.base_value = (columns.market_value ?? []).map((value, row) => baseOf(value, columns.cash_flow[row]));
  const count = columns.id.length;
  const numbers = {};
  for (const name of ["market_value", "base_value", "drift_before", "drift_after", "cash_before", "cash_after", "turnover"]) {
    numbers[name] = (columns[name] ?? []).map((text) => (text === null ? NaN : Number(text)));
  }
  const weight = (name) => numbers[name].map((one, row) => weightOf(one, numbers.base_value[row]));
  numbers.turnover_weight = weight("turnover");
  numbers.cash_weight = weight("cash_after");
  numbers.trades = Array.from({ length: count }, (_, row) => columns.buys[row] + columns.sells[row]);
  const rows = new Map((columns.id ?? []).map((id, row) => [id, row]));
  return { known, securities, columns, numbers, rows, count };
}

function weightOf(value, base) {
  return base > 0 ? value / base : NaN;
}

// What weights of a portfolio are of: market value plus cash flow.
function baseOf(value, flow) {
  return value === null || flow === null ? value : sum(value, flow);
}

function baseName(data) {
  return data.columns.cash_flow?.some((flow) => flow !== null) ? "market value plus cash flow" : "market value";
}

// The lines of a portfolio, with what follows from them, exactly; null where the file has none.
async function readLines(data, row) {
  const number = data.columns.lines[row];
  if (number === null || number < 0) return null;
  const block = await unpacked(document.querySelectorAll("script.lines")[number]);
  const at = block.row.indexOf(row);
  const value = data.columns.base_value[row];
  return block.security[at].map((security, line) =>
    lineOf(data.securities, security, value, {
      held: block.held[at][line],
      trade: block.trade[at][line],
      reason: data.securities.reasons[block.reason[at][line]],
    }),
  );
}

function lineOf(securities, security, base, { held, trade, reason }) {
  const price = securities.price[security];
  const then = sum(held, String(trade));
  const worth = (quantity) => (price === null ? null : product(quantity, price)); // null of what is frozen
  const [before, after] = [worth(held), worth(then)];
  return {
    id: securities.id[security],
    ticker: securities.ticker[security],
    price,
    target: securities.target[security],
    low: securities.low_drift[security],
    high: securities.high_drift[security],
    held,
    then,
    trade,
    reason,
    before,
    after,
    traded: worth(String(Math.abs(trade))),
    weightBefore: ratio(before, base, 8),
    weightAfter: ratio(after, base, 8),
    shownBefore: ratio(before, base, 4),
    shownAfter: ratio(after, base, 4),
  };
}
