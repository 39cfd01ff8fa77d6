// Reads the data, draws, and follows the address: #portfolio-ID shows a portfolio.

function follow(data) {
  const id = decodeURIComponent(location.hash).replace(/^#portfolio-/, "");
  const row = data.rows.get(id);
  if (row !== undefined) showPortfolio(data, row).catch(told);
}

function told(error) {
  const trouble = document.getElementById("trouble");
  trouble.hidden = false;
  trouble.textContent =
    "DecompressionStream" in window
      ? `The tables and charts cannot be shown: ${error.message}. All else on this page holds.`
      : "The tables and charts need a newer browser (one of 2023 or later). All else on this page holds.";
}

async function main() {
  const data = await readData();
  if (data.count) show(data);
  document.documentElement.dataset.ready = "true";
}

function show(data) {
  for (const id of ["charts", "portfolios"]) document.getElementById(id).hidden = false;
  drawCharts(data);
  new PortfolioTable(data);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) drawCharts(data);
    width = innerWidth;
  });
  addEventListener("hashchange", () => follow(data));
  follow(data);
}

main().catch(told);
