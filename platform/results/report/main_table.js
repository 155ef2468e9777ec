"use strict";
/* The table of configurations. */
const MainTable = (() => {
  const { data, choice } = State;

  /* On a phone all settings are one column and the chosen metric stands beside it, so both are in view. */
  const narrow = () => Dom.byId("results").clientWidth < 680;

  const FRONT = `On the Pareto front of ${data.objectives.join(" and ")} in validation: no other row is at least as good in both and better in one`;

  const BEST = `Of all adjustments of this configuration the best by ${data.objective} in validation`;

  /* The columns of numbers: {name, head} of each metric. */
  const columns = () => {
    const { mode, subset, recall } = choice;
    const modes = Object.keys(data.modes).sort((a, b) => (b === mode) - (a === mode)); // the chosen one first
    const lists = {
      subsets: () => modes.flatMap((m) => data.subsets.map((s) => ({ mode: m, subset: s, recall, k: State.kOf(m) }))),
      recalls: () => modes.flatMap((m) => data.recalls.map((r) => ({ mode: m, subset, recall: r, k: State.kOf(m) }))),
      ks: () => modes.flatMap((m) => data.ks.map((at) => ({ mode: m, subset, recall, k: at }))),
      all: () => data.recalls.flatMap((r) => data.subsets.flatMap((s) => data.ks.map((at) => ({ mode, subset: s, recall: r, k: at })))),
    };
    const found = lists[choice.columns]().map((parts) => ({ ...parts, name: State.metric(parts) })).filter((column) => State.has(column.name));
    return narrow() ? found.sort((a, b) => (b.name === State.metric()) - (a.name === State.metric())) : found;
  };

  /* The settings to show, each with its number; adjustments only where rows of several stand beside each other. */
  const settings = () => data.settings.map((setting, number) => [setting, number]).filter(([setting, number]) => !setting.swept || choice.adjusted || data.rows.some((row) => row.best && row.settings[number] !== setting.neutral));

  const published = (row, column) => {
    const found = data.published[row.published];
    return found && found.mode === column.mode && column.name.endsWith(`/${found.metric}`) ? found.recall[column.subset] : undefined;
  };

  const publishedTitle = (row) => `${data.published[row.published].name}${row.otherwise ? `; trained otherwise here: ${row.otherwise}` : ""}`;

  const differenceText = (found) => {
    if (!found) return "–";
    if (found.low === null) return `${Dom.signed(found.mean)} (1 seed${found.blocks > 1 ? " each" : ""})`;
    return `${Dom.signed(found.mean)} [${Dom.signed(found.low)}, ${Dom.signed(found.high)}]`;
  };
  const pText = (p) => {
    if (p === null || p === undefined) return "–";
    return p < 0.001 ? "< 0.001" : p.toFixed(3);
  };

  /* What a comparison shows, beside the difference: `across` where rows pool several data sets, `seconds` where known. */
  const comparison = () => {
    const found = [...State.differences(State.metric()).values()];
    return ["p", ...(found.some(({ across }) => across !== null) ? ["across"] : []), ...(found.some(({ seconds }) => seconds !== null) ? ["seconds"] : [])];
  };
  const unitOfCost = () => ((data.rows[choice.baseline] || {}).unit || "s").replace("processor", "proc.");

  const value = (row, by, cells) => {
    if (by === "value") return (State.cell(row, State.metric()) || {}).mean;
    if (by === "difference") return (State.difference(row, State.metric()) || {}).mean;
    if (["p", "across", "seconds"].includes(by)) return (State.difference(row, State.metric()) || {})[by];
    if (by === "n") return row.n;
    if (by === "status") return row.status;
    if (typeof by === "number") return row.settings[by];
    return (cells.get(by) || State.cell(row, by) || {}).mean;
  };
  /* Unknown values last, whichever the direction. */
  const compare = (a, b, down) => {
    const missing = (one) => one === null || one === undefined;
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en");
    return down ? -order : order;
  };

  /* A heading that sorts. key: what `sort` calls it. */
  const heading = (words, key, sort, change, attributes = {}) => {
    const active = sort.by === key;
    return Dom.html("th", { scope: "col", "aria-sort": active ? (sort.down ? "descending" : "ascending") : "none", ...attributes },
      Dom.html("button", { type: "button", "data-sort": key, onclick: () => change({ by: key, down: active ? !sort.down : typeof key !== "number" }) },
        words, Dom.html("span", { class: "arrow", "aria-hidden": "true" }, active ? (sort.down ? " ▼" : " ▲") : "")));
  };

  const head = (shown) => {
    const sort = (next) => State.change({ sort: next });
    const cells = narrow() ? heading("configuration", 0, choice.sort, sort) : settings().map(([setting, number]) => heading(Dom.short(setting.name, 24), number, choice.sort, sort, { title: setting.key, class: "setting" }));
    const chosen = State.metric();
    const numbers = shown.map((column) => heading([Dom.html("span", { class: "group" }, data.modes[column.mode]), ` ${column.subset} `, Dom.html("span", { class: "unit" }, `${column.recall}@${column.k} %`)],
      column.name, choice.sort.by === "value" && column.name === chosen ? { ...choice.sort, by: chosen } : choice.sort, sort, { class: column.name === chosen ? "number chosen" : "number" }));
    const against = [heading([`Δ ${State.metricLabel()} `, Dom.html("span", { class: "unit" }, "points [95 %]")], "difference", choice.sort, sort, { class: "number" }),
      ...comparison().map((part) => heading({ p: "p", across: ["p ", Dom.html("span", { class: "unit" }, "over data sets")], seconds: ["cost ", Dom.html("span", { class: "unit" }, `${unitOfCost()} a point`)] }[part], part, choice.sort, sort, { class: "number" }))];
    return Dom.html("thead", {}, Dom.html("tr", {}, cells, narrow() ? [numbers, against] : [against, numbers],
      heading("n", "n", choice.sort, sort, { class: "number" }), heading("status", "status", choice.sort, sort)));
  };

  /* The best and second best shown mean of each column, as texts, so that equal texts are marked alike. */
  const leaders = (rows, shown, table) => shown.map((column) => {
    const texts = rows.map((row) => table.get(row).get(column.name)).filter((found) => found && !found.early).map((found) => Dom.percent(found.mean));
    return [...new Set(texts)].sort((a, b) => b - a).slice(0, 2);
  });

  const numberCell = (row, column, found, best) => {
    const classes = ["number", column.name === State.metric() ? "chosen" : "", found && found.early ? "early" : ""].join(" ").trim();
    if (!found) return Dom.html("td", { class: classes }, "–");
    const text = Dom.percent(found.mean);
    const rank = found.early ? -1 : best.indexOf(text);
    const beside = found.early || choice.split !== "test" ? undefined : published(row, column); // published values are of test
    return Dom.html("td", { class: classes, title: found.early ? "last validation: it has no test" : null },
      rank === 0 ? Dom.html("strong", {}, text) : rank === 1 ? Dom.html("u", {}, text) : text,
      found.sd === null ? null : Dom.html("span", { class: "sd" }, ` ± ${Dom.percent(found.sd)}`),
      found.n === row.n && !found.early ? null : Dom.html("span", { class: "sd" }, found.early ? " val" : ` (${found.n})`),
      beside === undefined ? null : Dom.html("span", { class: "published", title: publishedTitle(row) }, ` published ${beside.toFixed(1)}${row.otherwise ? "*" : ""}`));
  };

  const settingCells = (row) => {
    if (narrow()) return Dom.html("td", { class: "configuration" }, State.label(row));
    return settings().map(([, number]) => Dom.setting(row.settings[number])).map((text) => Dom.html("td", { class: "setting", title: text }, Dom.short(text, 28)));
  };
  const differenceCells = (row) => {
    const found = State.difference(row, State.metric());
    const clear = found && found.low !== null && (found.low > 0 || found.high < 0);
    const words = row === data.rows[choice.baseline] ? "baseline" : differenceText(found);
    const texts = { p: pText, across: pText, seconds: (value) => (value === null || value === undefined ? "–" : value.toFixed(1)) };
    return [Dom.html("td", { class: `number ${clear ? "clear" : ""}` }, words), ...comparison().map((part) => Dom.html("td", { class: "number" }, texts[part]((found || {})[part])))];
  };

  const draw = () => {
    const rows = State.shown();
    const shown = columns();
    const table = new Map(rows.map((row) => [row, new Map(shown.map((column) => [column.name, State.cell(row, column.name)]))]));
    const { by, down } = choice.sort;
    rows.sort((a, b) => compare(value(a, by, table.get(a)), value(b, by, table.get(b)), down));
    const best = leaders(rows, shown, table);
    const base = data.rows[choice.baseline];
    const body = rows.map((row) => {
      const numbers = shown.map((column, number) => numberCell(row, column, table.get(row).get(column.name), best[number]));
      const against = differenceCells(row);
      return Dom.html("tr", { class: row === base ? "baseline" : null, "data-row": data.rows.indexOf(row) }, settingCells(row), narrow() ? [numbers, against] : [against, numbers],
        Dom.html("td", { class: "number" }, String(row.n)), Dom.html("td", {}, status(row.status), row.front ? Dom.html("span", { class: "on-front", title: FRONT }, " ◆ front") : null,
          row.best ? Dom.html("span", { class: "on-front", title: BEST }, " ★ best") : null));
    });
    Dom.replace("results-table", head(shown), Dom.html("tbody", {}, body));
    note(rows);
  };

  const SIGNS = { finished: "●", stopped: "◐", failed: "✕", running: "▷" };
  const status = (words) => Dom.html("span", { class: `status ${Object.keys(SIGNS).find((name) => words === name) || "mixed"}` },
    Dom.html("span", { "aria-hidden": "true" }, `${SIGNS[words] || "◌"} `), words);

  const note = (rows) => {
    const all = data.rows.filter((row) => State.isShown(row)).length;
    const compared = [...State.differences(State.metric()).values()];
    const most = Math.max(0, ...compared.map(({ blocks }) => blocks));
    const pooled = data.rows.some((row) => row.basis === choice.basis && new Set(row.blocks).size > 1);
    Dom.replace("results-note", `${rows.length} of ${all} rows. Mean ± sample deviation over seeds${pooled ? " and data sets" : ""}, in percent on ${choice.split === "test" ? "test" : "validation (last epoch)"}. `
      + `Δ is the paired difference to the baseline over common ${most > 1 ? "data sets and " : ""}seeds, with its 95 % interval${most > 1 ? ` and p of a t test within the ${most} data sets; p over data sets asks whether other data sets would show it, too` : " and p of a two-sided t test"}. `
      + `Each p is corrected by Holm over ${compared.length} row${compared.length === 1 ? "" : "s"} for this metric.`);
    const several = data.bases.length > 1 ? ` These rows are of data ${choice.basis + 1}. Rows of different data are not compared; “Data” shows the others: ${data.bases.map((text, number) => `(${number + 1}) ${text}`).join("; ")}.` : "";
    const beside = data.rows.filter((row) => row.published !== null);
    const otherwise = [...new Set(beside.map((row) => row.otherwise).filter(Boolean))];
    Dom.replace("results-key", Dom.html("strong", {}, "Bold"), " is the best of a column, ", Dom.html("u", {}, "underlined"), " the second. ",
      Dom.html("span", { class: "early" }, "Italic"), " with “val”: the trial has no test, so its last validation stands there; it is not ranked. n: trials with different seeds or data sets. Cost: what the training of a trial takes more than that of the baseline, for each point gained.", several,
      rows.some((row) => row.best) ? ` ★ best: of all adjustments of a configuration the best by ${data.objective} in validation.` : "",
      data.objectives.length > 1 ? ` ◆ front: on the Pareto front of ${data.objectives.join(" and ")} in validation, among rows of finished trials.` : "",
      ...(beside.length ? [` ${data.conventions}`, otherwise.length ? ` * Trained otherwise here: ${otherwise.join("; ")}.` : null] : [" No row is like a published one (Visual Genome, VGG16)."]));
  };

  return { draw, compare, heading, status };
})();
