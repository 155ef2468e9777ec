"use strict";
/* The frame of a chart: its size, axes, grid and caption. */
const Axes = (() => {
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a4fbf", "#8c6d31", "#222222", "#999999"];
  const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 4"];

  const ticks = (low, high, wanted = 5) => {
    const step0 = (high - low) / wanted || 1;
    const power = 10 ** Math.floor(Math.log10(step0));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= step0 * 0.999);
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-6; at += step) found.push(Number(at.toPrecision(10)));
    return found;
  };
  /* The range of an axis; `least` is its smallest width, so that noise does not fill it. */
  const extent = (values, margin = 0.06, least = 0) => {
    const known = values.filter((value) => Number.isFinite(value));
    if (!known.length) return [0, 1];
    const low = Math.min(...known);
    const high = Math.max(...known);
    const room = Math.max((high - low) * margin || Math.abs(high) * 0.05 || 0.02, (least - (high - low)) / 2);
    return [low - room, high + room];
  };

  const figure = (id, caption, body) => {
    Dom.replace(id, Dom.html("figcaption", {}, caption), body);
    Dom.byId(id).querySelectorAll("svg").forEach(Marks.oneStop);
  };
  const empty = (id, caption, why) => figure(id, caption, Dom.html("p", { class: "empty" }, why));
  const widthOf = (id) => Math.max(260, Math.min(1240, Dom.byId(id).clientWidth - 2));

  /* A chart with numeric axes. x, y: {range, label, format, ticks}. Returns the drawing, a layer to draw on, and scales. */
  const frame = (id, { x, y, height = 320, label }) => {
    const width = widthOf(id);
    const box = { left: 52, right: 16, top: 12, bottom: 44 };
    const scale = (range, from, to) => (value) => from + ((value - range[0]) / (range[1] - range[0] || 1)) * (to - from);
    const sx = scale(x.range, box.left, width - box.right);
    const sy = scale(y.range, height - box.bottom, box.top);
    const drawing = Dom.svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": label });
    const write = (axis, at) => (axis.format ? axis.format(at) : String(at));
    for (const at of y.ticks || ticks(...y.range)) {
      drawing.append(Dom.svg("line", { class: "grid", x1: box.left, x2: width - box.right, y1: sy(at), y2: sy(at) }),
        Dom.svg("text", { class: "tick", x: box.left - 7, y: sy(at) + 4, "text-anchor": "end" }, write(y, at)));
    }
    for (const at of x.ticks || ticks(...x.range, width < 420 ? 4 : 6)) {
      drawing.append(Dom.svg("line", { class: "grid", x1: sx(at), x2: sx(at), y1: box.top, y2: height - box.bottom }),
        Dom.svg("text", { class: "tick", x: sx(at), y: height - box.bottom + 17, "text-anchor": "middle" }, write(x, at)));
    }
    drawing.append(Dom.svg("text", { class: "axis", x: (box.left + width - box.right) / 2, y: height - 6, "text-anchor": "middle" }, x.label),
      Dom.svg("text", { class: "axis", transform: `translate(13 ${(box.top + height - box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.label));
    const layer = Dom.svg("g");
    drawing.append(layer);
    return { drawing, layer, sx, sy, width, height, box };
  };

  const path = (points) => points.map(([x, y], number) => `${number ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const line = (number, points, attributes = {}) => Dom.svg("path", { d: path(points), fill: "none", stroke: COLOURS[number % COLOURS.length],
    "stroke-width": 2, "stroke-dasharray": DASHES[Math.floor(number / COLOURS.length) % DASHES.length] || DASHES[number % DASHES.length], ...attributes });

  /* The names of lines, with the colour and dashes of each. */
  const legend = (names) => Dom.html("ul", { class: "legend" }, names.map((name, number) => Dom.html("li", { title: name },
    Dom.svg("svg", { width: 30, height: 10, "aria-hidden": "true" }, line(number, [[0, 5], [30, 5]])), Dom.short(name, 64))));

  /* A tick in percent, with as many digits as its step has, so that no two ticks of an axis read alike. */
  const asPercent = (value) => String(Number((100 * value).toPrecision(6)));
  return { COLOURS, ticks, extent, figure, empty, frame, path, line, legend, widthOf, asPercent };
})();
