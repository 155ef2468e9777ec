"use strict";
/* Pictures of zero-shot hits and misses of the best trial. */
const Pictures = (() => {
  const { data } = State;

  const example = ({ hit, image, subject, predicate, object, rank, predicted, picture }) => {
    const words = `${subject} ${predicate} ${object}`;
    const place = rank === null ? "not in the model's list" : `rank ${rank}`;
    const best = predicted && predicted.join(" ");
    return Dom.html("figure", { class: `example ${hit ? "hit" : "miss"}` },
      Dom.html("img", { src: `data:image/jpeg;base64,${picture}`, alt: `Image ${image}: ${words}, ${hit ? "hit" : "miss"}` }),
      Dom.html("figcaption", { title: words }, Dom.html("span", { class: "mark" }, hit ? "✓ " : "✕ "), Dom.short(words, 60)),
      Dom.html("p", { class: "note" }, `${hit ? "hit" : "miss"}, ${place}`, best && best !== words ? Dom.html("span", { title: best }, `; on this pair: ${Dom.short(best, 60)}`) : null));
  };

  const draw = () => {
    const found = data.pictures;
    if (!found) return;
    const { trial, mode, split, k, relations, hits, examples } = found;
    Dom.replace("picture-list",
      Dom.html("p", { class: "note" }, "Trial ", Dom.link((data.trials.find(({ name }) => name === trial) || {}).address, trial), `, the best by ${data.objective}. ${data.modes[mode] || mode} on ${split}: ${hits.toLocaleString("en")} of ${relations.toLocaleString("en")} zero-shot relations are among the first ${k} triplets without graph constraint. `
        + "A sample that is the same for every trial, at most one of an image and of a triplet. "
        + "Each picture shows the surroundings of both boxes. S, blue and solid: the subject. O, orange and dashed: the object. “On this pair” is the model's best triplet for the two boxes, where that is another one."),
      ...[[true, "Hits"], [false, "Misses"]].map(([hit, title]) => [title, examples.filter((one) => one.hit === hit)])
        .map(([title, list]) => [Dom.html("h3", {}, title), list.length ? Dom.html("div", { class: "examples" }, list.map(example)) : Dom.html("p", { class: "empty" }, "There is none in the sample.")]));
  };

  return { draw };
})();
