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

  /* Shows lines of text near an element while it is hovered or has the focus. */
  const tip = byId("tip");
  const showTip = (lines, element) => {
    tip.replaceChildren(...lines.map((line, place) => html(place ? "div" : "strong", {}, line)));
    tip.hidden = false;
    const box = element.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(box.left + box.width / 2 + 12, window.innerWidth - own.width - 8))}px`;
    tip.style.top = `${box.top > own.height + 16 ? box.top - own.height - 8 : box.bottom + 8}px`;
  };
  const hideTip = () => { tip.hidden = true; };
  /* place: where arrow keys find the element among those of its chart, smallest first; equal ones as they are drawn. */
  const withTip = (element, lines, place = 0) => {
    element.setAttribute("aria-label", lines.join(", "));
    element.setAttribute("role", "img");
    element.setAttribute("tabindex", "-1");
    element.dataset.place = place;
    element.addEventListener("mouseenter", () => showTip(lines, element));
    element.addEventListener("mouseleave", hideTip);
    element.addEventListener("focus", () => showTip(lines, element));
    element.addEventListener("blur", hideTip);
    return element;
  };
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });

  /* A chart of hundreds of marks is one stop of the Tab key, so that what stands below it is near. Arrow keys, Home and
     End go from mark to mark. */
  const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };
  const oneStop = (drawing) => {
    const marks = [...drawing.querySelectorAll("[data-place]")].sort((a, b) => a.dataset.place - b.dataset.place);
    if (!marks.length) return;
    let stop = marks[0];
    stop.setAttribute("tabindex", "0");
    drawing.setAttribute("aria-description", `${marks.length} marks; arrow keys go from one to the next`);
    const reach = ({ currentTarget }) => {
      stop.setAttribute("tabindex", "-1");
      stop = currentTarget;
      stop.setAttribute("tabindex", "0");
    };
    marks.forEach((mark) => mark.addEventListener("focus", reach)); // a listener of the drawing would make it a stop, too
    drawing.addEventListener("keydown", (event) => {
      if (!(event.key in STEPS) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault(); // the page would scroll
      marks[Math.max(0, Math.min(marks.length - 1, marks.indexOf(stop) + STEPS[event.key]))].focus();
    });
  };

  return { html, svg, link, byId, replace, short, percent, signed, time, setting, withTip, oneStop };
})();
