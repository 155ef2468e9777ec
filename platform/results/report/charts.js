"use strict";
/* Trade-offs, learning curves, adjustments and cost. */
const Charts = (() => {
  const { data, choice } = State;
  const TOO_FEW = "Nothing was measured for this choice.";

  const scatter = (id, caption, across, up, label) => {
    const found = State.shown().map((row) => ({ row, x: State.cell(row, across.name), y: State.cell(row, up.name) }))
      .filter((point) => point.x && point.y && point.x.early === point.y.early);
    if (!found.length) return Axes.empty(id, caption, TOO_FEW);
    const ranked = found.filter((point) => !point.x.early);
    const places = Statistics.pareto(ranked.map((point) => [point.x.mean, point.y.mean]));
    const front = new Set(places.map((place) => ranked[place]));
    const rank = (point) => (point.row === data.rows[choice.baseline] ? 2 : Number(front.has(point))); // what lies on top
    const reach = (axis) => Axes.extent(found.flatMap((point) => { // with the whiskers that are drawn
      const { mean, sd } = point[axis];
      return rank(point) && sd ? [mean - sd, mean + sd] : [mean];
    }));
    const { drawing, layer, sx, sy } = Axes.frame(id, { label,
      x: { range: reach("x"), label: across.label, format: Axes.asPercent },
      y: { range: reach("y"), label: up.label, format: Axes.asPercent } });
    const corners = [...front].sort((a, b) => a.x.mean - b.x.mean).flatMap((point, number, all) => {
      const here = [sx(point.x.mean), sy(point.y.mean)];
      return number ? [[sx(all[number - 1].x.mean), here[1]], here] : [here];
    });
    if (corners.length > 1) layer.append(Dom.svg("path", { class: "front", d: Axes.path(corners) }));
    for (const point of found.sort((a, b) => rank(a) - rank(b))) layer.append(dot(point, front.has(point), sx, sy, across, up));
    return Axes.figure(id, caption, [drawing, Dom.html("p", { class: "note" }, "◆ Pareto front   ● other   ■ baseline   ○ last validation of a trial without test")]);
  };

  const dot = ({ row, x, y }, onFront, sx, sy, across, up) => {
    const [left, top] = [sx(x.mean), sy(y.mean)];
    const base = row === data.rows[choice.baseline];
    const bars = (onFront || base) ? [x.sd && Dom.svg("line", { class: "whisker", x1: sx(x.mean - x.sd), x2: sx(x.mean + x.sd), y1: top, y2: top }),
      y.sd && Dom.svg("line", { class: "whisker", x1: left, x2: left, y1: sy(y.mean - y.sd), y2: sy(y.mean + y.sd) })] : [];
    const kind = base ? "base" : onFront ? "best" : x.early ? "open" : "plain";
    const shape = base ? Dom.svg("rect", { x: left - 5, y: top - 5, width: 10, height: 10 })
      : onFront ? Dom.svg("path", { d: `M${left} ${top - 7}L${left + 7} ${top}L${left} ${top + 7}L${left - 7} ${top}Z` })
        : Dom.svg("circle", { cx: left, cy: top, r: 4 });
    return Marks.mark(Dom.svg("g", { class: `dot ${kind}` }, bars, shape),
      [State.label(row), `${up.label}: ${Dom.percent(y.mean)}${y.sd === null ? "" : ` ± ${Dom.percent(y.sd)}`}`,
        `${across.label}: ${Dom.percent(x.mean)}${x.sd === null ? "" : ` ± ${Dom.percent(x.sd)}`}`, x.early ? "last validation" : `n ${row.n}`], { place: left, trials: State.trialsOf(row) });
  };

  const axis = (parts) => ({ name: State.metric(parts), label: `${State.metricLabel(parts)}, %` });
  const tradeoffs = () => {
    scatter("tradeoff-shots", "Zero-shot against all", axis({ subset: "all" }), axis({ subset: "zs" }), "Scatter of zero-shot against all");
    const free = choice.recall.startsWith("ng");
    scatter("tradeoff-recalls", "Mean recall against recall", axis({ subset: "all", recall: free ? "ngR" : "R" }),
      axis({ subset: "all", recall: free ? "ng-mR" : "mR" }), "Scatter of mean recall against recall");
  };

  /* beside: the name of another curve of each configuration, which is drawn dotted. */
  const curve = (id, caption, name, unit, format, { beside = null, height = 320 } = {}) => {
    const rows = State.leading().filter((row) => State.curve(name, row.configuration));
    if (!rows.length) return Axes.empty(id, caption, "No epoch of these configurations was measured.");
    const series = rows.map((row) => State.curve(name, row.configuration));
    const others = State.shown(true).filter((row) => !rows.includes(row)).map((row) => ({ row, ...State.curve(name, row.configuration) })).filter(({ mean }) => mean).slice(0, 300);
    const dotted = rows.map((row) => beside && State.curve(beside, row.configuration));
    const values = [...series.flatMap(({ mean, low, high }) => [...mean, ...(low || []), ...(high || [])]), ...[...others, ...dotted.filter(Boolean)].flatMap(({ mean }) => mean)];
    const last = Math.max(...[...series, ...others].map(({ epochs }) => epochs[epochs.length - 1]), 2);
    const { drawing, layer, sx, sy } = Axes.frame(id, { label: caption, height, x: { range: [1, last], label: "epoch", ticks: Axes.ticks(1, last, 8).filter(Number.isInteger) },
      y: { range: Axes.extent(values), label: unit, format } });
    const points = ({ epochs }, list) => epochs.map((epoch, at) => [sx(epoch), sy(list[at])]);
    for (const other of others) {
      layer.append(Dom.svg("path", { class: "other", d: Axes.path(points(other, other.mean)) }));
      crosses(layer, "#8b96a3", other.row, other, sx, sy);
    }
    series.forEach((band, number) => {
      const colour = Axes.COLOURS[number % Axes.COLOURS.length];
      if (band.low) layer.append(Dom.svg("path", { class: "band", d: `${Axes.path([...points(band, band.high), ...points(band, band.low).reverse()])}Z`, fill: colour }));
      if (dotted[number]) layer.append(Axes.line(number, points(dotted[number], dotted[number].mean), { "stroke-width": 1.2, "stroke-dasharray": "1.5 3" }));
      layer.append(Axes.line(number, points(band, band.mean)));
      layer.append(lineEnd(colour, rows[number], band, format, sx, sy));
      crosses(layer, colour, rows[number], band, sx, sy);
    });
    return Axes.figure(id, caption, drawing);
  };
  const lineEnd = (fill, row, { epochs, mean }, format, sx, sy) => {
    const [epoch, value] = [epochs, mean].map((list) => list[list.length - 1]);
    return Marks.mark(Dom.svg("circle", { cx: sx(epoch), cy: sy(value), r: 4, fill }),
      [State.label(row), `epoch ${epoch}: ${format === Axes.asPercent ? `${Dom.percent(value)} %` : Number(value.toPrecision(4))}`], { place: sx(epoch), trials: State.trialsOf(row) });
  };
  const legend = (id, rows) => Dom.replace(id, Axes.legend(rows.map((row) => `${row === data.rows[choice.baseline] ? "baseline: " : ""}${State.label(row)}`)));
  const near = ({ epochs, mean }, epoch) => mean[epochs.reduce((best, one, place) => (Math.abs(one - epoch) < Math.abs(epochs[best] - epoch) ? place : best), 0)];
  const crosses = (layer, stroke, row, band, sx, sy) => ends(row).forEach((end) => layer.append(cross(stroke, sx(end.epoch), sy(near(band, end.epoch)), end, State.label(row))));
  /* Where trials of a configuration ended early: one entry for each epoch and status. */
  const ends = (row) => {
    const early = State.trialsOf(row).filter((trial) => trial.epochs && ["stopped", "failed"].includes(trial.status));
    return [...Columns.groups(early, (trial) => `${trial.epochs} ${trial.status}`).values()].map((trials) => ({ epoch: trials[0].epochs, status: trials[0].status, trials }));
  };
  const cross = (stroke, x, y, { epoch, status, trials }, label) => Marks.mark(Dom.svg("path", { class: "cross", stroke,
    d: `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x - 5} ${y + 5}L${x + 5} ${y - 5}` }), [label, `${trials.length} ${status} after epoch ${epoch}`], { place: x, trials });

  const curves = () => {
    const names = Object.keys(data.curves.of);
    const wanted = State.metric();
    const name = names.includes(wanted) ? wanted : State.metric({ subset: choice.subset === "zs" ? "zs" : "all", recall: (data.harmonic[choice.recall] || [choice.recall])[0] });
    curve("curve-metric", `Validation: ${name.replaceAll("/", " ")}`, name, "%", Axes.asPercent);
    curve("curve-loss", "Training loss", "loss", "loss");
    legend("curve-legend", State.leading().filter((row) => State.curve(name, row.configuration) || State.curve("loss", row.configuration)));
  };

  const adjustments = () => {
    const swept = data.settings.map((setting, number) => ({ ...setting, number })).filter((setting) => setting.swept);
    const several = swept.filter((setting) => new Set(data.rows.map((row) => row.settings[setting.number])).size > 1);
    if (!several.length) return Dom.replace("adjustment-charts", Dom.html("p", { class: "empty" }, "No adjustment was measured under several values (evaluation.pred_weight, evaluation.logit_adjustment, evaluation.effect, ...)."));
    const measures = [axis({}), axis({ subset: "all", recall: choice.recall.startsWith("ng") ? "ng-mR" : "mR" })];
    const places = several.flatMap((setting) => measures.map((measure, part) => ({ setting, measure, id: `adjust-${setting.number}-${part}` })));
    Dom.replace("adjustment-charts", places.map(({ id }) => Dom.html("figure", { id })));
    return places.forEach((entry) => adjusted(entry, swept));
  };
  const adjusted = ({ setting, measure, id }, swept) => {
    const others = swept.filter((other) => other.number !== setting.number);
    /* Words stand side by side, the neutral one first, where numbers stand by their size. */
    const words = [...new Set(data.rows.map((row) => row.settings[setting.number]).filter((value) => typeof value === "string"))]
      .sort((a, b) => (b === setting.neutral) - (a === setting.neutral) || a.localeCompare(b, "en"));
    const place = (value) => (typeof value === "string" ? words.indexOf(value) : value);
    const name = (at) => (words.length ? words[at] : String(at));
    const caption = `${measure.label.replace(", %", "")} under ${setting.name}`;
    const lines = State.leading().map((plain) => ({ plain, points: data.rows.filter((row) => row.configuration === plain.configuration && others.every((other) => row.settings[other.number] === plain.settings[other.number]))
      .map((row) => ({ at: place(row.settings[setting.number]), found: State.cell(row, measure.name) })).filter((point) => point.found && typeof point.at === "number").sort((a, b) => a.at - b.at) }))
      .filter((entry) => entry.points.length);
    if (!lines.length) return Axes.empty(id, caption, TOO_FEW);
    const all = lines.flatMap((entry) => entry.points);
    const { drawing, layer, sx, sy } = Axes.frame(id, { label: caption, height: 280, x: { range: Axes.extent(all.map((point) => point.at)), label: setting.key, ticks: [...new Set(all.map((point) => point.at))], format: name },
      y: { range: Axes.extent(all.flatMap(({ found }) => [found.mean - (found.sd || 0), found.mean + (found.sd || 0)])), label: "%", format: Axes.asPercent } });
    lines.forEach(({ plain, points }, number) => {
      const colour = Axes.COLOURS[number % Axes.COLOURS.length];
      layer.append(Axes.line(number, points.map((point) => [sx(point.at), sy(point.found.mean)])));
      for (const { at, found } of points) {
        if (found.sd) layer.append(Dom.svg("line", { class: "whisker", stroke: colour, x1: sx(at), x2: sx(at), y1: sy(found.mean - found.sd), y2: sy(found.mean + found.sd) }));
        layer.append(Marks.mark(Dom.svg("circle", { cx: sx(at), cy: sy(found.mean), r: 4, fill: colour }),
          [State.label(plain), `${setting.name} ${name(at)}: ${Dom.percent(found.mean)}${found.sd === null ? "" : ` ± ${Dom.percent(found.sd)}`} %`], { place: sx(at), trials: State.trialsOf(plain) }));
      }
    });
    legend("adjustment-legend", lines.map(({ plain }) => plain));
    return Axes.figure(id, caption, drawing);
  };

  const valueOf = (row, trial) => (State.samples(row, State.metric(), trial.tested ? "test" : "val").find(({ block, seed }) => seed === trial.seed && block === trial.block) || {}).value;
  const cost = () => {
    const points = State.trialsShown().map((trial) => ({ trial, row: State.plainByConfiguration.get(trial.configuration) })).filter(({ trial, row }) => trial.seconds && row)
      .map((point) => ({ ...point, value: valueOf(point.row, point.trial) })).filter(({ value }) => value !== undefined);
    const caption = "Training time of each trial, without validation and test";
    if (!points.length) Axes.empty("cost-chart", caption, "No training time was recorded.");
    else {
      const top = Math.max(...points.map(({ trial }) => trial.seconds));
      const [unit, name] = top > 7200 ? [3600, "hours"] : top > 120 ? [60, "minutes"] : [1, "seconds"];
      const { drawing, layer, sx, sy } = Axes.frame("cost-chart", { label: caption, x: { range: [0, (top / unit) * 1.05], label: name }, y: { range: Axes.extent(points.map(({ value }) => value)), label: `${State.metricLabel()}, %`, format: Axes.asPercent } });
      for (const { trial, row, value } of points) {
        layer.append(Marks.mark(Dom.svg("circle", { class: `dot ${trial.tested ? "plain" : "open"}`, cx: sx(trial.seconds / unit), cy: sy(value), r: 4 }),
          [trial.name, State.label(row), `${Dom.time(trial.seconds)}, ${Dom.percent(value)} %${trial.tested ? "" : " in validation"}`], { place: trial.seconds, trials: [trial] }));
      }
      Axes.figure("cost-chart", caption, [drawing, Dom.html("p", { class: "note" }, "● tested   ○ last validation")]);
    }
    progress();
  };

  /* Each status has a hatch beside its colour. The lines lie across, so they are seen on bars of one pixel, too. */
  const HATCHES = { finished: "", stopped: "M0 2H8M0 6H8", failed: "M0 0L8 8M0 8L8 0", running: "M0 1H8" };
  const hatches = () => Dom.svg("defs", {}, Object.entries(HATCHES).map(([status, d]) => Dom.svg("pattern", { id: `hatch-${status}`, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, Dom.svg("path", { class: "hatch", d }))));
  const bar = (status, box) => Dom.svg("g", { class: `bar ${status}` }, Dom.svg("rect", box), Dom.svg("rect", { ...box, style: `fill: url(#hatch-${status})` }));

  /* How far each trial came. When a trial began is not recorded, so they stand in the order of their names. */
  const progress = () => {
    const trials = State.trialsShown();
    const caption = "Epochs of each trial, in the order of names";
    if (!trials.length) return Axes.empty("cost-timeline", caption, "No trial.");
    const most = Math.max(...trials.map((trial) => Math.max(trial.planned || 0, trial.epochs)), 1);
    const { drawing, layer, sx, sy, height, box } = Axes.frame("cost-timeline", { label: caption, x: { range: [0, trials.length], label: "trial", ticks: [] }, y: { range: [0, most * 1.05], label: "epochs" } });
    const width = Math.max(1, (sx(1) - sx(0)) * 0.8);
    drawing.prepend(hatches());
    trials.forEach((trial, number) => {
      const top = sy(Math.max(trial.epochs, most * 0.01));
      layer.append(Marks.mark(bar(trial.status, { x: sx(number + 0.1), y: top, width, height: height - box.bottom - top }),
        [trial.name, `${trial.status}, ${trial.epochs} of ${trial.planned || "?"} epochs`, Dom.time(trial.seconds)], { place: number, trials: [trial] }));
    });
    const keys = Object.keys(HATCHES).map((status) => Dom.html("span", { class: "hatched" }, Dom.svg("svg", { width: 16, height: 16, "aria-hidden": "true" }, bar(status, { width: 16, height: 16 })), status));
    return Axes.figure("cost-timeline", caption, [drawing, Dom.html("p", { class: "note keys" }, keys)]);
  };

  return { tradeoffs, curve, curves, legend, adjustments, cost };
})();
