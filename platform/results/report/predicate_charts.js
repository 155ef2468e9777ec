"use strict";
/* Recall of each predicate, as bars in three panels: head, body and tail. */
const PredicateCharts = (() => {
  const { data, choice } = State;
  const { vocabularies, metrics } = data.predicates;
  const GROUPS = ["head", "body", "tail"];
  const [ROW, LABEL, ENDS] = [24, 118, 92];

  /* {vocabulary, n, values: predicate -> {mean, sd}, groups: likewise} of a row under a metric; null if not recorded. */
  const recallOf = (row, metric) => {
    const found = row && data.predicates.of[row.configuration];
    if (!found) return null;
    const vocabulary = vocabularies[found.vocabulary];
    const part = ([mean, sd], size) => {
      const first = metrics.indexOf(metric) * size;
      const [means, sds] = [mean, sd].map((column) => (column ? Columns.numbers(column, data.scale).slice(first, first + size) : null));
      return [...means].map((value, at) => (Number.isNaN(value) ? null : { mean: value, sd: sds && !Number.isNaN(sds[at]) ? sds[at] : null }));
    };
    return { vocabulary, n: found.n, values: part(found.predicates, vocabulary.predicates.length), groups: part(found.groups, GROUPS.length) };
  };

  const written = (found) => (found ? `${Dom.percent(found.mean)}${found.sd === null ? "" : ` ± ${Dom.percent(found.sd)}`}` : "–");

  const panel = (id, group, places, best, base, label, trials) => {
    const { vocabulary } = best;
    const width = Axes.widthOf(id);
    const height = places.length * ROW + 26;
    const scale = (value) => LABEL + value * (width - LABEL - ENDS);
    const drawing = Dom.svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": `${label} of ${group} predicates` });
    for (const at of [0, 0.5, 1]) {
      drawing.append(Dom.svg("line", { class: "grid", x1: scale(at), x2: scale(at), y1: 0, y2: height - 20 }),
        Dom.svg("text", { class: "tick", x: scale(at), y: height - 5, "text-anchor": "middle" }, `${100 * at}`));
    }
    places.forEach((place, number) => {
      const [one, other] = [best.values[place], base && base.values[place]];
      const top = number * ROW;
      const difference = one && other ? ` (${Dom.signed(one.mean - other.mean)})` : "";
      const bars = [one && Dom.svg("rect", { class: "predicate best", x: scale(0), y: top + 4, width: scale(one.mean) - scale(0), height: 9 }),
        other && Dom.svg("rect", { class: "predicate base", x: scale(0), y: top + 15, width: scale(other.mean) - scale(0), height: 5 }),
        one && one.sd ? Dom.svg("line", { class: "whisker", x1: scale(Math.max(0, one.mean - one.sd)), x2: scale(Math.min(1, one.mean + one.sd)), y1: top + 8.5, y2: top + 8.5 }) : null];
      drawing.append(Marks.mark(Dom.svg("g", {},
        Dom.svg("text", { class: "tick name", x: LABEL - 7, y: top + 15, "text-anchor": "end" }, Dom.short(vocabulary.predicates[place], 17)), bars,
        Dom.svg("text", { class: "tick", x: width - ENDS + 8, y: top + 15 }, one ? `${Dom.percent(one.mean)}${difference}` : "no relation")),
      [vocabulary.predicates[place], `${vocabulary.training[place].toLocaleString("en")} relations in training, ${vocabulary.relations[place].toLocaleString("en")} in ${vocabulary.split}`,
        `best: ${written(one)} %`, ...(base ? [`baseline: ${written(other)} %`] : [])], { place: number, trials }));
    });
    const at = GROUPS.indexOf(group);
    Axes.figure(id, [`${group}: ${places.length} predicates`, Dom.html("span", { class: "means" }, `mean ${written(best.groups[at])} %${base ? `, baseline ${written(base.groups[at])} %` : ""}`)], drawing);
  };

  const draw = () => {
    const kind = choice.recall.startsWith("ng") ? "ngR" : "R";
    const metric = `${choice.mode}/${kind}@${State.kOf()}`;
    const label = `${data.modes[choice.mode] || choice.mode} ${kind}@${State.kOf()}`;
    const [first] = State.leading(Infinity).filter((row) => data.predicates.of[row.configuration]);
    const best = metrics.includes(metric) ? recallOf(first, metric) : null;
    if (!best) {
      ["predicate-note", "predicate-legend"].forEach((id) => Dom.replace(id));
      return Dom.replace("predicate-charts", Dom.html("p", { class: "empty" }, `No trial recorded ${label} of each predicate. Runs record it after each validation and test.`));
    }
    const plain = State.plainByConfiguration.get(data.rows[choice.baseline].configuration);
    const found = plain === first ? null : recallOf(plain, metric);
    const base = found && found.vocabulary === best.vocabulary ? found : null;
    const order = best.vocabulary.predicates.map((_, place) => place).sort((a, b) => best.vocabulary.training[b] - best.vocabulary.training[a]);
    const groups = GROUPS.map((group) => [group, order.filter((place) => best.vocabulary.groups[place] === group)]).filter(([, places]) => places.length);
    Dom.replace("predicate-note", `${label} of each predicate in percent, on ${best.vocabulary.split}, all relations, without adjustments, ${best.n === 1 ? "of one trial" : `mean over ${best.n} trials`}. `
      + "Predicates stand in the order of their numbers of relations in training: the first third is the head, the rest is halved into body and tail. In brackets: the difference to the baseline.");
    Dom.replace("predicate-charts", groups.map(([group]) => Dom.html("figure", { id: `predicates-${group}` })));
    groups.forEach(([group, places]) => panel(`predicates-${group}`, group, places, best, base, label, State.trialsOf(first)));
    return Dom.replace("predicate-legend", Dom.html("span", { class: "key predicate-best" }, State.label(first)),
      base && Dom.html("span", { class: "key predicate-base" }, `baseline: ${State.label(plain)}`));
  };

  return { draw };
})();
