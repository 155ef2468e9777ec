"use strict";
/* The head, the controls, and what is drawn anew after a choice. */
(() => {
  const { data, choice } = State;

  /* Commands stand between grave accents. */
  const withCommands = (line) => line.split(/`([^`]+)`/).map((part, at) => (at % 2 ? Dom.html("code", {}, part) : part));

  const header = () => {
    document.title = `${data.title}: scene graph search`;
    const facts = new Map(data.facts);
    Dom.replace("title", data.title);
    Dom.replace("question", facts.get("Question")[0]);
    const best = State.shown().map((row) => [row, State.cell(row, State.metric())]).filter(([, found]) => found && !found.early).sort((a, b) => b[1].mean - a[1].mean)[0];
    const tiles = [best && [`best ${State.metricLabel()}`, `${Dom.percent(best[1].mean)}${best[1].sd === null ? "" : ` ± ${Dom.percent(best[1].sd)}`} %`, State.label(best[0], 80)],
      ["trials", String(data.trials.length), facts.get("Trials")[0].split(": ")[1]],
      ["configurations", String(State.plainByConfiguration.size), `seeds ${facts.get("Seeds")[0]}`],
      ["wall time", data.wall || "–", `GPU time: ${facts.get("GPU time")[0]}`]];
    Dom.replace("tiles", tiles.filter(Boolean).map(([name, value, below]) => Dom.html("div", { class: "tile" }, Dom.html("span", { class: "name" }, name), Dom.html("span", { class: "value" }, value), Dom.html("span", { class: "below" }, below))));
    Dom.replace("facts", data.facts.flatMap(([name, lines]) => [Dom.html("dt", {}, name), Dom.html("dd", {}, (lines.length ? lines : ["not recorded"]).map((line) => Dom.html("div", {}, withCommands(line))))]));
    document.querySelector("details.facts").open = window.innerWidth > 800;
    Dom.replace("footer", `Written ${data.written}. One file, no network. results.csv, results.json and results.tex beside it hold the same numbers. A click on a mark of a chart lists its trials, with links to their folders. With a keyboard: Tab goes to a chart, arrow keys go from one of its marks to the next, Enter lists its trials, Escape goes back.`);
  };

  /* changes: what a chosen value changes. */
  const select = (name, words, options, parse = String, changes = (value) => ({ [name]: value })) => Dom.html("label", {}, Dom.html("span", {}, words), Dom.html("select", { id: `choose-${name}`, onchange: (event) => State.change(changes(parse(event.target.value))) },
    options.map(([value, text]) => Dom.html("option", { value, selected: String(value) === String(choice[name]) }, text))));
  const same = (list) => list.map((entry) => [entry, entry]);

  /* Rows of other data are not compared, so those of a baseline's data are shown. */
  const chooseBaseline = (baseline) => State.change({ baseline, basis: data.rows[baseline].basis });
  const synchronise = () => {
    ["basis", "baseline"].map((name) => [Dom.byId(`choose-${name}`), choice[name]]).forEach(([control, value]) => { if (control) control.value = String(value); });
    Dom.byId("choose-k").title = `${State.HEADLINE}: ${Object.keys(data.modes).map((mode) => `${data.modes[mode]} @${State.headline(mode)}`).join(", ")}, where rows can be told apart`;
  };

  const controls = () => {
    const baselines = data.rows.map((row, number) => [number, State.label(row, 70)]);
    let waiting = null;
    const later = (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => State.change({ filter: event.target.value }), 120);
    };
    const form = Dom.byId("controls");
    form.addEventListener("submit", (event) => event.preventDefault());
    const bases = data.bases.map((_, number) => [number, `${number + 1}: ${data.rows.filter((row) => row.basis === number).length} rows`]);
    form.append(...[bases.length > 1 ? select("basis", "Data", bases, Number, (basis) => ({ basis, baseline: data.rows.findIndex((row) => row.basis === basis) })) : null, select("mode", "Mode", Object.entries(data.modes)), select("subset", "Subset", same(data.subsets)), select("recall", "Recall", same(data.recalls)), select("k", "K", [[State.HEADLINE, State.HEADLINE], ...same(data.ks)], (value) => (value === State.HEADLINE ? value : Number(value))),
      select("split", "Split", data.splits.map((split) => [split, split === "val" ? "validation" : split])),
      select("columns", "Columns", [["subsets", "subsets"], ["recalls", "kinds of recall"], ["ks", "K"], ["all", "all of this mode"]]),
      Dom.html("label", { class: "wide" }, Dom.html("span", {}, "Baseline"), Dom.html("select", { id: "choose-baseline", onchange: (event) => chooseBaseline(Number(event.target.value)) },
        baselines.map(([value, text]) => Dom.html("option", { value, selected: value === choice.baseline }, text)))),
      select("status", "Status", [["any", "any"], ...same([...new Set(data.trials.map((trial) => trial.status))])]),
      select("curves", "Lines", [[3, "best 3"], [5, "best 5"], [10, "best 10"], [1000, "all"]], Number),
      QualityCharts.kinds.length ? select("features", "Generated features", QualityCharts.kinds.map((kind) => [kind, QualityCharts.KINDS[kind]])) : null,
      Dom.html("label", { class: "wide" }, Dom.html("span", {}, "Filter"), Dom.html("input", { id: "choose-filter", type: "search", placeholder: "for example dnorm gan", oninput: later })),
      data.rows.some((row) => !row.plain) ? Dom.html("label", { class: "check" }, Dom.html("input", { id: "choose-adjusted", type: "checkbox", onchange: (event) => State.change({ adjusted: event.target.checked }) }), Dom.html("span", {}, "Rows of every adjustment")) : null].filter(Boolean));
  };

  /* Sections that are not in view are drawn when they come into view, so a large report opens at once. */
  const parts = [["results", MainTable.draw], ["tradeoffs", Charts.tradeoffs], ["settings", () => { SearchCharts.parallel(); SearchCharts.importance(); }], ["curves", Charts.curves],
    ["generated", QualityCharts.draw], ["adjustments", Charts.adjustments], ["predicates", PredicateCharts.draw], ["cost", Charts.cost], ["trials", TrialTable.draw]];
  const stale = new Set();
  const drawers = new Map(parts);
  const visible = new Set();
  const drawStale = (ids) => ids.filter((id) => stale.has(id)).forEach((id) => { stale.delete(id); drawers.get(id)(); });
  const drawAll = () => drawStale(parts.map(([id]) => id));
  const invalidate = () => {
    parts.forEach(([id]) => stale.add(id));
    drawStale([...visible]);
    (window.requestIdleCallback || ((work) => setTimeout(work, 60)))(drawAll);
  };

  const focused = () => {
    const button = document.activeElement && document.activeElement.closest && document.activeElement.closest("button[data-sort]");
    return button && [button.closest("table").id, button.dataset.sort];
  };

  header();
  controls();
  synchronise();
  TrialTable.unfinished();
  Pictures.draw();
  parts.forEach(([id]) => stale.add(id));
  const watch = new IntersectionObserver((entries) => {
    entries.forEach((entry) => (entry.isIntersecting ? visible.add(entry.target.id) : visible.delete(entry.target.id)));
    drawStale([...visible]);
  });
  drawStale(["results"]);
  parts.forEach(([id]) => watch.observe(Dom.byId(id)));
  State.onChange(() => {
    const kept = focused();
    synchronise();
    invalidate();
    if (kept) { // a table that is drawn anew loses the focus
      const again = [...document.querySelectorAll(`#${kept[0]} button[data-sort]`)].find((button) => button.dataset.sort === kept[1]);
      if (again) again.focus();
    }
  });
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) { width = window.innerWidth; invalidate(); }
  });
  window.addEventListener("beforeprint", () => {
    document.querySelector("details.facts").open = true; // paper cannot be opened later
    drawAll();
  });
  (window.requestIdleCallback || ((work) => setTimeout(work, 60)))(drawAll);
})();
