"use strict";
(() => {
  const field = document.getElementById("filter");
  const boxes = [...document.querySelectorAll("[data-mark]")];
  const count = document.getElementById("count");
  const entries = [...document.querySelectorAll("article")].map((element) => ({
    element, words: ` ${element.dataset.words.toLowerCase()}`, marks: element.dataset.marks.split(" ") }));

  const show = () => {
    const terms = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = boxes.filter((box) => box.checked).map((box) => box.dataset.mark);
    let shown = 0;
    for (const { element, words, marks } of entries) {
      // A term finds words that begin with it: "man" does not find "woman".
      const hit = terms.every((term) => words.includes(` ${term}`)) && wanted.every((mark) => marks.includes(mark));
      element.hidden = !hit;
      shown += hit;
    }
    count.textContent = shown === entries.length ? `${shown} shown` : `${shown} of ${entries.length} shown`;
  };

  field.addEventListener("input", show);
  boxes.forEach((box) => box.addEventListener("change", show));
  field.form.addEventListener("submit", (event) => event.preventDefault());
  show();
})();
