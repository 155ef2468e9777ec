"use strict";
/* The content of the report, what the reader has chosen, and the values that follow from both. */
const State = (() => {
  const data = JSON.parse(document.getElementById("content").textContent);
  const { keys, ...trialColumns } = data.trials;
  data.trials = Columns.records(trialColumns).map((trial) => ({ ...trial, values: Object.fromEntries(keys.map((key, at) => [key, trial.values[at]])) }));
  data.rows = Columns.records(data.rows);
  Columns.starts(data.rows.map((row) => row.seeds.length)).forEach((first, at) => { data.rows[at].first = first; });
  const measured = new Set(data.metrics);
  const HEADLINE = "headline"; // instead of a K: for each data set and mode the one at which rows can be told apart
  const objective = data.objective.split("/");
  const pick = (wanted, from, other) => (from.includes(wanted) ? wanted : other);
  const modes = Object.keys(data.modes);
  const mode = pick(objective[1], modes, modes[0] || "sgcls"); // what a report without any metric is asked for
  const choice = {
    split: data.splits[0] || "test",
    mode,
    subset: pick(objective[2], data.subsets, data.subsets[0] || "zs"),
    recall: pick((objective[3] || "").split("@")[0], data.recalls, data.recalls.includes("ngR") ? "ngR" : data.recalls[0] || "ngR"),
    k: HEADLINE,
    baseline: data.baseline,
    basis: data.rows.length ? data.rows[data.baseline].basis : 0, // rows of other data are not comparable, so they are not beside these
    columns: "subsets",
    adjusted: false,
    filter: "",
    status: "any",
    curves: 5,
    features: "node",
    sort: { by: "value", down: true },
    trialSort: { by: 0, down: false },
  };
  const listeners = [];
  const onChange = (listener) => listeners.push(listener);
  const change = (changes) => {
    Object.assign(choice, changes);
    listeners.forEach((listener) => listener());
  };

  const headline = (m) => (data.headline[choice.basis] || {})[m] || data.ks[data.ks.length - 1] || 100;
  /* The chosen K in a mode. */
  const kOf = (m = choice.mode) => (choice.k === HEADLINE ? headline(m) : choice.k);
  const metric = (parts = {}) => {
    const { mode: m, subset, recall } = { ...choice, ...parts };
    return `${m}/${subset}/${recall}@${parts.k || kOf(m)}`;
  };
  const metricLabel = (parts = {}) => {
    const { mode: m, subset, recall } = { ...choice, ...parts };
    return `${data.modes[m] || m} ${subset} ${recall}@${parts.k || kOf(m)}`;
  };

  /* The fractions of all rows on a split, a value for each seed of each row. */
  const column = Columns.once((split, name) => {
    const packed = (data.values[split] || {})[name];
    return packed === undefined ? harmonic(split, name) : Columns.numbers(packed, data.scale);
  });
  /* The column of a recall that is the harmonic mean of two others; null if it is not, or if they were not measured. */
  const harmonic = (split, name) => {
    const [, place, kind, k] = name.match(/^(.*\/)(.*)(@.*)$/) || [];
    const [recall, mean] = (data.harmonic[kind] || []).map((part) => column(split, `${place}${part}${k}`));
    return recall && mean ? recall.map((value, at) => Statistics.harmonic(value, mean[at])) : null;
  };
  /* The samples of a row that were measured on a split: {block, seed, value}. The block is the data set. */
  const samples = (row, name, split) => {
    const values = column(split, name);
    return values ? row.seeds.map((seed, number) => ({ block: row.blocks[number], seed, value: values[row.first + number] })).filter(({ value }) => !Number.isNaN(value)) : [];
  };
  /* Mean, deviation and n of a row. A row without test values, such as one that was stopped, shows those of its last
     validation; `early` says so. */
  const cell = (row, name) => {
    for (const split of choice.split === "test" ? ["test", "val"] : ["val"]) {
      const values = samples(row, name, split).map(({ value }) => value);
      if (values.length) {
        return { mean: Statistics.mean(values), sd: Statistics.deviation(values), n: values.length, early: split !== choice.split };
      }
    }
    return null;
  };

  /* Data set -> seed -> fraction; where several configurations share a row, their mean. */
  const byPair = (row, name) => {
    const found = new Map();
    for (const { block, seed, value } of samples(row, name, choice.split)) {
      if (seed === null) continue;
      if (!found.has(block)) found.set(block, new Map());
      found.get(block).set(seed, [...(found.get(block).get(seed) || []), value]);
    }
    return found;
  };
  const differenceOf = (row, base, name) => {
    const [ours, theirs] = [byPair(row, name), byPair(base, name)];
    return Statistics.paired([...ours].filter(([block]) => theirs.has(block)).map(([block, seeds]) => [...seeds].filter(([seed]) => theirs.get(block).has(seed))
      .map(([seed, values]) => Statistics.mean(values) - Statistics.mean(theirs.get(block).get(seed)))));
  };
  /* Row -> its paired difference to the baseline over common data sets and seeds, on the same split and the same data,
     with the seconds of a point gained. p is corrected over all rows that the table can have, also those that the filter
     leaves out: it does not depend on what is looked at. */
  const computed = new Map();
  const differences = (name) => {
    const key = [choice.baseline, choice.split, choice.adjusted, name].join(" ");
    if (!computed.has(key)) {
      const base = data.rows[choice.baseline];
      const rows = base ? data.rows.filter((row) => row !== base && row.basis === base.basis && isShown(row)) : [];
      const found = rows.map((row) => [row, differenceOf(row, base, name)]).filter(([, difference]) => difference);
      const [p, across] = ["p", "across"].map((part) => Statistics.holm(found.map(([, difference]) => difference[part])));
      computed.set(key, new Map(found.map(([row, difference], at) => [row, { ...difference, p: p[at], across: across[at],
        seconds: difference.mean > 0 && row.cost !== null && base.cost !== null && row.unit === base.unit ? (row.cost - base.cost) / (100 * difference.mean) : null }])));
    }
    return computed.get(key);
  };
  const difference = (row, name) => differences(name).get(row) || null;

  const label = (row, most = 200) => Dom.short(data.settings.map((setting, number) => [setting, row.settings[number]])
    .filter(([setting, value]) => value !== null && (!setting.swept || value !== setting.neutral))
    .map(([setting, value]) => (setting.key === "row" ? Dom.setting(value) : `${setting.name} ${Dom.setting(value)}`)).join(", ") || "the configuration", most);

  const text = (row) => `${label(row, 1e6)} ${row.status}`.toLowerCase();
  const matches = (words) => choice.filter.toLowerCase().split(/\s+/).filter(Boolean).every((word) => words.includes(word));
  /* Of each configuration the row without adjustments and the best one in validation, or all. */
  const isShown = (row, plainOnly = false) => row.plain || (!plainOnly && (choice.adjusted || row.best));
  const shown = (plainOnly = false) => data.rows.filter((row) => row.basis === choice.basis && isShown(row, plainOnly)
    && (choice.status === "any" || row.status.includes(choice.status)) && matches(text(row)));
  const trialsShown = () => data.trials.filter((trial) => (choice.status === "any" || trial.status === choice.status)
    && matches(`${trial.name} ${trial.status} ${trial.reason} seed ${trial.seed} ${Object.entries(trial.values).map(([key, value]) => `${key.split(".").pop()} ${Dom.setting(value)}`).join(" ")} ${plainOf(trial) ? text(plainOf(trial)) : ""}`.toLowerCase()));
  const plainRows = data.rows.filter((row) => row.plain);
  const plainByConfiguration = new Map(plainRows.map((row) => [row.configuration, row]));
  const trialsByConfiguration = Columns.groups(data.trials, (trial) => trial.configuration);
  const trialsOf = (row) => trialsByConfiguration.get(row.configuration) || [];
  /* The name of a trial, with its run's where there are several. */
  const trialName = (trial) => (data.title.includes(",") ? `${trial.run}/${trial.name}` : trial.name);
  const plainOf = (trial) => plainByConfiguration.get(trial.configuration);

  /* The rows of configurations to draw as lines: the best of those shown, and the baseline's. */
  const leading = (most = choice.curves) => {
    const ranked = shown(true).map((row) => [row, cell(row, metric())]).filter(([, found]) => found)
      .sort((a, b) => a[1].early - b[1].early || b[1].mean - a[1].mean).map(([row]) => row);
    const rows = ranked.slice(0, most);
    const base = data.rows[choice.baseline] && plainByConfiguration.get(data.rows[choice.baseline].configuration);
    if (base && base.basis === choice.basis && !rows.includes(base)) rows.push(base);
    return rows;
  };

  /* The learning curve of a configuration, {epochs, mean, low, high}; null if it was not measured. low and high are
     null where no configuration has several trials. */
  const firstEpoch = Columns.starts(data.curves.epochs.map((epochs) => epochs.length));
  const curveColumns = Columns.once((name) => data.curves.of[name].map((part) => Columns.numbers(part, data.scale)));
  const curve = (name, configuration) => {
    if (!data.curves.of[name]) return null;
    const first = firstEpoch[configuration];
    const [mean, low, high] = curveColumns(name);
    const known = data.curves.epochs[configuration].map((_, at) => at).filter((at) => !Number.isNaN(mean[first + at]));
    const part = (values) => (values ? known.map((at) => values[first + at]) : null);
    return known.length ? { epochs: known.map((at) => data.curves.epochs[configuration][at]), mean: part(mean), low: part(low), high: part(high) } : null;
  };

  return { data, choice, onChange, change, HEADLINE, headline, kOf, metric, metricLabel, samples, cell, difference, differences, curve, label, shown, trialsShown, leading,
    trialsOf, trialName, plainByConfiguration, isShown, has: (name) => measured.has(name) };
})();
