"use strict";
/* Generated features beside real ones, over epochs: one small chart for each measure of the chosen kind. */
const QualityCharts = (() => {
  const { data, choice } = State;
  const KINDS = { node: "objects", edge: "pairs", global: "whole images" };
  const WORDS = { frechet: "Fréchet distance", recognised: "recognised by the detector", accuracy: "accuracy of the model" };
  const BEYOND_ONE = ["frechet", "density"]; // no fractions
  const FIRST = ["precision", "recall", "density", "coverage", "frechet", "accuracy", "recognised"];
  const place = (sample, kind, measure = "") => `quality/${sample}/${kind}/${measure}`;

  const kinds = Object.keys(KINDS).filter((kind) => Object.keys(data.curves.of).some((name) => name.startsWith(place("generated", kind))));
  Dom.byId("generated").hidden = !kinds.length;

  const plain = (measure) => measure.split("@")[0];
  const measures = (kind) => Object.keys(data.curves.of).filter((name) => name.startsWith(place("generated", kind)))
    .map((name) => name.split("/")[3]).filter((measure) => measure !== "count").sort((a, b) => FIRST.indexOf(plain(a)) - FIRST.indexOf(plain(b)));

  /* The numbers of features behind a point, of the configurations that are drawn. */
  const counts = (kind) => {
    const found = State.leading().map((row) => State.curve(place("generated", kind, "count"), row.configuration)).filter(Boolean);
    return [...new Set(found.flatMap(({ mean }) => mean.map(Math.round)))].map((count) => count.toLocaleString("en"));
  };

  const draw = () => {
    if (!kinds.length) return;
    const kind = kinds.includes(choice.features) ? choice.features : kinds[0];
    const found = measures(kind).map((measure) => ({ measure, id: `quality-${plain(measure)}` }));
    Dom.replace("quality-charts", found.map(({ id }) => Dom.html("figure", { id })));
    for (const { measure, id } of found) {
      const [name, k] = measure.split("@");
      const fraction = !BEYOND_ONE.includes(name);
      Charts.curve(id, `${WORDS[name] || name}${k ? `, k = ${k}` : ""}`, place("generated", kind, measure), fraction ? "%" : name === "frechet" ? "distance" : name,
        fraction ? Axes.asPercent : undefined, { beside: place("real", kind, measure), height: 230 });
    }
    const rows = State.leading().filter((row) => State.curve(place("generated", kind, found[0].measure), row.configuration));
    Charts.legend("quality-legend", rows);
    Dom.replace("quality-note", `Features of ${KINDS[kind]} that the generator makes for the graphs of validation images, compared with real ones of training: lines, with the band over seeds. Dotted: real features of the same validation images. ${rows.length ? `${counts(kind).join(" or ")} features a point.` : ""}`);
  };

  return { KINDS, kinds, draw };
})();
