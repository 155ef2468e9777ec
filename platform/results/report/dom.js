"use strict";
/* Elements. Texts enter the page as text nodes only, so nothing in a run can become markup. */
const Dom = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  const fill = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined) element.append(child instanceof Node ? child : String(child));
    }
    return element;
  };
  const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  const byId = (id) => document.getElementById(id);
  /* Words, as a link where there is an address. */
  const link = (address, words) => (address ? html("a", { href: address }, words) : words);
  const replace = (id, ...children) => byId(id).replaceChildren(...children.flat(Infinity).filter((child) => child !== null));

  /* A long text, cut for a cell or label; the whole text is its title. */
  const short = (text, most = 40) => {
    const letters = Array.from(String(text));
    return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : String(text);
  };

  const percent = (value, digits = 1) => (value === null || value === undefined ? "–" : (100 * value).toFixed(digits));
  const signed = (value, digits = 1) => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(digits)}`;
  const time = (seconds) => {
    if (seconds === null || seconds === undefined) return "–";
    if (seconds < 60) return `${seconds.toFixed(0)} s`;
    if (seconds < 3600) return `${(seconds / 60).toFixed(0)} min`;
    return `${(seconds / 3600).toFixed(1)} h`;
  };
  const setting = (value) => {
    if (value === null || value === undefined) return "–";
    return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value);
  };

  return { html, svg, link, byId, replace, short, percent, signed, time, setting };
})();
