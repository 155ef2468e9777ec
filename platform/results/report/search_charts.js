"use strict";
/* Searched settings: parallel coordinates, importance and marginal effects. */
const SearchCharts = (() => {
  const { data, choice } = State;

  /* Blue to yellow, in even steps of lightness; readable with every kind of colour blindness. */
  const STOPS = [[38, 52, 112], [47, 108, 142], [54, 154, 138], [122, 190, 96], [226, 196, 40]];
  const shade = (part) => {
    const at = Math.max(0, Math.min(0.9999, part)) * (STOPS.length - 1);
    const [low, high, rest] = [STOPS[Math.floor(at)], STOPS[Math.floor(at) + 1], at % 1];
    return `rgb(${low.map((value, place) => Math.round(value + (high[place] - value) * rest)).join(" ")})`;
  };

  /* Small numbers with a power of ten, which is shorter. */
  const compact = (text) => (text.length > 6 && Math.abs(Number(text)) < 0.001 ? Number(text).toExponential() : text);
  const brief = (value) => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(2))));

  /* Where a value lies on the axis of a setting, from 0 to 1, and the labels of the axis. */
  const axisOf = (values) => {
    const known = values.filter((value) => value !== null);
    const distinct = [...new Set(known)];
    const numeric = known.every((value) => typeof value === "number");
    if (!numeric || distinct.length <= 5) {
      const order = numeric ? distinct.sort((a, b) => a - b) : distinct.sort((a, b) => String(a).localeCompare(String(b)));
      const at = (value) => (order.length < 2 ? 0.5 : order.indexOf(value) / (order.length - 1));
      return { at, labels: order.map((value) => [at(value), Dom.setting(value)]) };
    }
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const log = low > 0 && high / low > 30;
    const place = log ? Math.log : (value) => value;
    return { at: (value) => (place(value) - place(low)) / (place(high) - place(low)), labels: [[0, brief(low)], [1, brief(high)]] };
  };

  const parallel = () => {
    const caption = `Each line is a configuration; its colour and last axis are ${State.metricLabel()}, %${data.rows.some((row) => !row.plain) ? ", without adjustments" : ""}`;
    const searched = data.settings.map((setting, number) => ({ ...setting, number })).filter((setting) => !setting.swept);
    const rows = State.shown(true).map((row) => ({ row, found: State.cell(row, State.metric()) })).filter(({ found }) => found);
    if (!searched.length || rows.length < 2) return Axes.empty("parallel", "Parallel coordinates", "They need a searched setting and two measured configurations.");
    const values = rows.map(({ found }) => found.mean);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const room = Math.max(0, 0.01 - (most - least)) / 2; // noise does not fill the axis
    const [low, high] = [least - room, most + room];
    const part = (value) => (value - low) / (high - low);
    const axes = [...searched.map((setting) => ({ name: setting.name, of: ({ row }) => row.settings[setting.number], ...axisOf(rows.map(({ row }) => row.settings[setting.number])) })),
      { name: State.metricLabel(), of: ({ found }) => found.mean, at: part, labels: Axes.ticks(low, high, 4).map((at) => [part(at), Axes.asPercent(at)]) }];
    const width = Axes.widthOf("parallel");
    /* Labels lie left of their axis: those of the first one in the margin, the others on the strands. */
    const longest = Math.max(...axes[0].labels.map(([, words]) => Array.from(String(words)).length));
    const letters = [Math.min(longest, width < 600 ? 14 : 30), ...axes.slice(1).map(() => Math.max(10, Math.floor(width / axes.length / 14)))];
    const [height, margin] = [330, { left: Math.max(70, 14 + 7 * letters[0]), right: width < 600 ? 34 : 74, top: 44, bottom: 14 }];
    const sx = (number) => margin.left + (number / (axes.length - 1)) * (width - margin.left - margin.right);
    const sy = (at) => height - margin.bottom - at * (height - margin.top - margin.bottom);
    const drawing = Dom.svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": caption });
    for (const entry of [...rows].sort((a, b) => a.found.mean - b.found.mean)) {
      const points = axes.map((axis, number) => [axis.of(entry), number]).filter(([value]) => value !== null).map(([value, number]) => [sx(number), sy(axes[number].at(value))]);
      drawing.append(Marks.mark(Dom.svg("path", { class: `strand${entry.found.early ? " open" : ""}`, d: Axes.path(points), stroke: shade(part(entry.found.mean)) }),
        [State.label(entry.row), `${Dom.percent(entry.found.mean)} %${entry.found.early ? " in validation" : ""}`], { place: -entry.found.mean, trials: State.trialsOf(entry.row) }));
    }
    axes.forEach((axis, number) => {
      const x = sx(number);
      const last = number === axes.length - 1;
      drawing.append(Dom.svg("line", { class: "axis-line", x1: x, x2: x, y1: margin.top, y2: height - margin.bottom }),
        Dom.svg("text", { class: "axis", x: last ? width - 4 : number ? x : 4, y: width < 600 && number % 2 ? 30 : 15, "text-anchor": last ? "end" : number ? "middle" : "start" }, Dom.short(axis.name, Math.max(8, Math.floor(width / axes.length / (width < 600 ? 4 : 7.5))))));
      for (const [at, words] of axis.labels) drawing.append(Dom.svg("text", { class: "tick halo", x: last ? x + 7 : x - 7, y: sy(at) + 4, "text-anchor": last ? "start" : "end" }, Dom.short(words, letters[number])));
    });
    return Axes.figure("parallel", caption, [drawing, Dom.html("p", { class: "note" }, "Dashed: last validation of trials without test. Yellow is high, blue is low.")]);
  };

  const importance = () => {
    const caption = `Importance for ${State.metricLabel()} (${choice.split})`;
    const keys = Object.keys(data.importance.groups);
    const found = (data.importance.of[choice.split] || {})[State.metric()];
    const others = data.rows.length && choice.basis !== data.rows[data.baseline].basis;
    if (others) {
      Dom.replace("effects");
      return Axes.empty("importance", caption, "It was computed for the rows of the data that are shown first.");
    }
    if (!keys.length || !found) {
      Dom.replace("effects");
      return Axes.empty("importance", caption, "No setting has two values with a measured configuration.");
    }
    const order = keys.map((key, number) => ({ key, share: found[number][0], effects: found[number][1], labels: data.importance.groups[key], members: data.importance.members[key], ordered: data.importance.ordered.includes(key) })).sort((a, b) => (b.share ?? -1) - (a.share ?? -1));
    const bars = order.map(({ key, share }) => Dom.html("div", { class: "importance-row" }, Dom.html("span", { class: "name", title: key }, Dom.short(key, 34)),
      Dom.html("span", { class: "track" }, Dom.html("span", { class: "fill", style: `width:${100 * (share || 0)}%` })), Dom.html("span", { class: "number" }, share === null ? "–" : `${(100 * share).toFixed(0)} %`)));
    Axes.figure("importance", caption, [Dom.html("div", { class: "importance" }, bars), Dom.html("p", { class: "note" },
      "Share of the variance between configurations that a setting explains alone: one-way analysis of variance, adjusted for the number of groups (epsilon squared). Interactions are not in it, so shares need not add up. Numbers with over four values are cut into four groups of equal size.")]);
    Dom.replace("effects", order.map((entry, number) => Dom.html("figure", { id: `effect-${number}` })));
    const range = Axes.extent(order.flatMap(({ effects }) => effects.filter(Boolean).flatMap(([mean, error]) => [(mean - (error || 0)) / data.scale, (mean + (error || 0)) / data.scale])), 0.1, 0.02);
    return order.forEach((entry, number) => effect(`effect-${number}`, entry, range));
  };

  /* The trials of a configuration, if it counts in the effects that are shown. */
  const measuredTrials = (configuration) => {
    const row = State.plainByConfiguration.get(configuration);
    return State.samples(row, State.metric(), choice.split).length ? State.trialsOf(row) : [];
  };

  /* The mean of each group of a setting, with its standard error. A line joins groups of numbers; categories have no
     order, so nothing lies between them. */
  const effect = (id, { key, effects, labels, members, ordered }, range) => {
    const { drawing, layer, sx, sy, height, box } = Axes.frame(id, { label: `Marginal effect of ${key}`, height: 210, x: { range: [-0.5, labels.length - 0.5], ticks: [], label: "" }, y: { range, label: "%", format: Axes.asPercent } });
    const points = [];
    /* Names that are too long to stand side by side stand on two lines by turns. */
    const most = Math.max(4, Math.min(24, Math.floor((2 * (sx(1) - sx(0)) - 8) / 7)));
    const crowded = !ordered && labels.some((words) => 7 * Math.min(most, Array.from(words).length) > sx(1) - sx(0));
    labels.forEach((words, number) => {
      const [first, second] = ordered ? words.split(" to ").map(compact) : [words];
      [first, second && `– ${second}`].filter(Boolean).forEach((text, at) => layer.append(Dom.svg("text", { class: "tick", x: sx(number), y: height - box.bottom + 17 + 13 * (crowded ? number % 2 : at), "text-anchor": "middle" }, Dom.short(text, ordered ? 12 : most))));
      if (!effects[number]) return;
      const [mean, error, n] = effects[number].map((value, at) => (at < 2 && value !== null ? value / data.scale : value));
      points.push([sx(number), sy(mean)]);
      if (error) layer.append(Dom.svg("line", { class: "whisker strong", x1: sx(number), x2: sx(number), y1: sy(mean - error), y2: sy(mean + error) }));
      layer.append(Marks.mark(Dom.svg("circle", { class: "dot plain", cx: sx(number), cy: sy(mean), r: 5 }),
        [`${key.split(".").pop()} ${words}`, `${Dom.percent(mean)}${error === null ? "" : ` ± ${Dom.percent(error)}`} %`, `${n} configuration${n === 1 ? "" : "s"}`], { place: number, trials: members[number].flatMap(measuredTrials) }));
    });
    if (ordered) layer.prepend(Dom.svg("path", { class: "effect-line", d: Axes.path(points) }));
    Axes.figure(id, [Dom.html("span", { title: key }, Dom.short(key, 40))], drawing);
  };

  return { parallel, importance };
})();
