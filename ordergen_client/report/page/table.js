// The table of portfolios: sorts by any column, filters, and has a page at a time in the document.

const COLUMNS = [
  { name: "Portfolio", key: "name" },
  { name: "State", key: "state" },
  { name: "Market value", key: "market_value", shown: money },
  { name: "Drift before", key: "drift_before", shown: percent },
  { name: "Drift after", key: "drift_after", shown: percent },
  { name: "Turnover", key: "turnover_weight" },
  { name: "Trades", key: "trades" },
  { name: "Cash after", key: "cash_after", shown: money },
];
// Rows that are printed, at most.
const PRINTED = 500;

class PortfolioTable {
  constructor(data) {
    this.data = data;
    this.sort = { key: "market_value", down: true };
    this.page = 0;
    this.table = document.getElementById("portfolio-table");
    this.search = data.columns.id.map((id, row) => `${data.columns.name[row]}\n${id}`.toLowerCase());
    this.head();
    this.listen();
    this.filter();
  }

  head() {
    const cells = COLUMNS.map((column, place) => {
      const button = made("button", { type: "button" }, column.name);
      button.addEventListener("click", () => this.sortBy(column.key, place > 1));
      return made("th", { scope: "col", "data-key": column.key, class: place > 1 ? "right" : "" }, button);
    });
    this.table.tHead.rows[0].replaceChildren(...cells);
  }

  listen() {
    const at = (id) => document.getElementById(id);
    for (const [state, name] of Object.entries(this.data.known.states)) {
      if (this.data.columns.state?.includes(state)) at("filter-state").append(made("option", { value: state }, name));
    }
    this.controls = { text: at("filter-text"), state: at("filter-state"), look: at("filter-look"), size: at("page-size") };
    for (const control of Object.values(this.controls)) control.addEventListener("input", () => this.filter());
    document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
    const steps = { first: () => 0, before: () => this.page - 1, next: () => this.page + 1, last: () => this.pages - 1 };
    for (const [name, step] of Object.entries(steps)) at(`page-${name}`).addEventListener("click", () => this.turn(step()));
    this.table.tBodies[0].addEventListener("click", ({ target }) => {
      const row = target.closest("tr")?.dataset.row;
      if (row && !target.closest("a")) location.hash = `portfolio-${this.data.columns.id[row]}`;
    });
    addEventListener("beforeprint", () => {
      this.show(0, PRINTED);
      for (const details of document.querySelectorAll("details")) details.open = true;
    });
    addEventListener("afterprint", () => this.turn(this.page));
  }

  filter() {
    const { text, state, look } = this.controls;
    const wanted = text.value.trim().toLowerCase();
    const { columns } = this.data;
    this.found = columns.id.map((_, row) => row).filter(
      (row) =>
        (!wanted || this.search[row].includes(wanted)) &&
        (!state.value || columns.state[row] === state.value) &&
        (!look.checked || columns.look[row].length > 0),
    );
    this.order();
  }

  sortBy(key, down) {
    this.sort = { key, down: this.sort.key === key ? !this.sort.down : down };
    this.order();
  }

  // What is no number comes last, either way; what is equal stays in the order of ids.
  order() {
    const { key, down } = this.sort;
    const { columns, numbers } = this.data;
    const sign = down ? -1 : 1;
    const collator = new Intl.Collator("en", { numeric: true });
    const compared = numbers[key]
      ? (one, other) => sign * (numbers[key][one] - numbers[key][other]) || isNaN(numbers[key][one]) - isNaN(numbers[key][other])
      : (one, other) => sign * collator.compare(columns[key][one], columns[key][other]);
    this.found.sort((one, other) => compared(one, other) || (columns.id[one] < columns.id[other] ? -1 : 1));
    for (const cell of this.table.tHead.rows[0].cells) {
      cell.removeAttribute("aria-sort");
      if (cell.dataset.key === key) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
    }
    this.turn(0);
  }

  get size() {
    return Number(this.controls.size.value);
  }

  get pages() {
    return Math.max(1, Math.ceil(this.found.length / this.size));
  }

  turn(page) {
    this.page = Math.max(0, Math.min(page, this.pages - 1));
    this.show(this.page * this.size, this.size);
    const at = (id) => document.getElementById(id);
    at("page-first").disabled = at("page-before").disabled = this.page === 0;
    at("page-next").disabled = at("page-last").disabled = this.page === this.pages - 1;
    at("page-place").textContent = `Page ${this.page + 1} of ${this.pages.toLocaleString("en")}`;
  }

  show(from, count) {
    const rows = this.found.slice(from, from + count);
    this.table.tBodies[0].replaceChildren(...rows.map((row) => portfolioRow(this.data, row)));
    const [found, all] = [this.found.length, this.data.count].map((one) => one.toLocaleString("en"));
    const few = found === all ? `${all} portfolios` : `${found} of ${all} portfolios`;
    const place = rows.length < this.found.length ? `, ${from + 1} to ${from + rows.length} shown` : "";
    const sorted = COLUMNS.find((column) => column.key === this.sort.key).name.toLowerCase();
    document.getElementById("shown").textContent = `${few}${place}; sorted by ${sorted}, ${this.sort.down ? "downwards" : "upwards"}.`;
  }
}

function portfolioRow(data, row) {
  const { columns, known } = data;
  const id = columns.id[row];
  const link = made("a", { href: `#portfolio-${id}` }, columns.name[row] || id);
  const cells = [made("th", { scope: "row", class: "whole" }, link, made("span", { class: "sub" }, columns.name[row] ? id : "no name is known"))];
  for (const { name, key, shown } of COLUMNS.slice(1)) {
    const cell = made("td", { "data-name": name, class: key === "state" ? "" : "right" });
    if (shown) cell.append(exactly(columns[key][row], shown));
    else cell.append(...special(data, key, row));
    cells.push(cell);
  }
  return made("tr", { class: "opens", "data-row": row }, ...cells);
}

function special(data, key, row) {
  const { columns, known } = data;
  if (key === "turnover_weight") {
    const weight = ratio(columns.turnover[row], columns.base_value[row], 4);
    return [made("span", { title: `${columns.turnover[row]} in money` }, percent(weight))];
  }
  if (key === "trades") return [made("span", { title: `${columns.buys[row]} buys, ${columns.sells[row]} sells` }, data.numbers.trades[row].toLocaleString("en"))];
  const state = columns.state[row];
  const look = columns.look[row].filter((kind) => kind !== state).map((kind) => known.kinds[kind].toLowerCase());
  const proven = columns.status[row] === "PROVEN_OPTIMAL" ? ["proven optimal"] : [];
  const below = look.length ? [made("span", { class: "sub mark" }, look.join(", "))] : proven.map((text) => made("span", { class: "sub" }, text));
  return [made("span", { class: `state ${state.toLowerCase()}` }, known.states[state] ?? state), ...below];
}
