"use strict";
/* The marks of charts: each has a tip with its numbers and the trials that it stands for. */
const Marks = (() => {
  const MOST = 20; // trials that a tip names
  const tip = Dom.byId("tip");
  let kept = null; // the mark whose tip stays open, so that its links can be used

  const show = (mark, lines, trials = []) => {
    const more = trials.length - MOST;
    tip.replaceChildren(...lines.map((line, place) => Dom.html(place ? "div" : "strong", {}, line)), trials.length ? Dom.html("ul", {},
      trials.slice(0, MOST).map((trial) => Dom.html("li", {}, Dom.link(trial.address, State.trialName(trial)))), more > 0 ? Dom.html("li", {}, `and ${more} more in the table of trials`) : null) : "");
    tip.classList.toggle("kept", trials.length > 0);
    tip.hidden = false;
    const box = mark.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(box.left + box.width / 2 + 12, window.innerWidth - own.width - 8))}px`;
    tip.style.top = `${Math.max(8, box.top > own.height + 16 ? box.top - own.height - 8 : Math.min(box.bottom + 8, window.innerHeight - own.height - 8))}px`;
  };
  const release = () => {
    tip.hidden = true;
    kept = null;
  };
  const keep = (mark, lines, trials) => {
    kept = mark;
    show(mark, lines, trials);
    const [first] = tip.getElementsByTagName("a");
    if (first) first.focus();
  };

  /* The element as a mark whose tip has these lines.

     place: where arrow keys find it among the marks of its chart, smallest first; equal ones as they are drawn.
     trials: those that it stands for. A click or Enter keeps the tip open, with a link to the folder of each. */
  const mark = (element, lines, { place = 0, trials = [] } = {}) => {
    element.setAttribute("aria-label", lines.join(", "));
    element.setAttribute("role", trials.length ? "button" : "img");
    element.setAttribute("tabindex", "-1");
    element.dataset.place = place;
    const look = () => { if (!kept) show(element, lines); };
    const leave = () => { if (!kept) release(); };
    Object.entries({ mouseenter: look, mouseleave: leave, focus: look, blur: leave }).forEach(([event, act]) => element.addEventListener(event, act));
    if (!trials.length) return element;
    element.addEventListener("click", () => keep(element, lines, trials));
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault(); // the space bar would scroll
      keep(element, lines, trials);
    });
    return element;
  };

  const releaseElsewhere = ({ target }) => { if (kept && !kept.contains(target) && !tip.contains(target)) release(); };
  ["pointerdown", "focusin"].forEach((event) => document.addEventListener(event, releaseElsewhere));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const before = kept;
    release();
    if (before) before.focus();
  });

  /* A chart of hundreds of marks is one stop of the Tab key, so that what stands below it is near. Arrow keys, Home and
     End go from mark to mark. */
  const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };
  const oneStop = (drawing) => {
    const marks = [...drawing.querySelectorAll("[data-place]")].sort((a, b) => a.dataset.place - b.dataset.place);
    if (!marks.length) return;
    let stop = marks[0];
    stop.setAttribute("tabindex", "0");
    const opens = marks.some((one) => one.getAttribute("role") === "button") ? "; Enter lists the trials of one" : "";
    drawing.setAttribute("aria-description", `${marks.length} marks; arrow keys go from one to the next${opens}`);
    const reach = ({ currentTarget }) => {
      stop.setAttribute("tabindex", "-1");
      stop = currentTarget;
      stop.setAttribute("tabindex", "0");
    };
    marks.forEach((one) => one.addEventListener("focus", reach)); // a listener of the drawing would make it a stop, too
    drawing.addEventListener("keydown", (event) => {
      if (!(event.key in STEPS) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault(); // the page would scroll
      marks[Math.max(0, Math.min(marks.length - 1, marks.indexOf(stop) + STEPS[event.key]))].focus();
    });
  };

  return { mark, oneStop };
})();
