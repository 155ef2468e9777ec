"use strict";
/* The table of trials, and why trials did not finish. */
const TrialTable = (() => {
  const { data, choice } = State;

  const unfinished = () => {
    const reasonOf = ({ status, reason }) => reason || (status === "stopped" ? "stopped early by the scheduler" : status === "running" ? "still runs, or was cut off" : "no reason was recorded");
    const groups = Columns.groups(data.trials.filter(({ status }) => status !== "finished"), (trial) => `${trial.status}: ${reasonOf(trial)}`);
    if (!groups.size) return Dom.replace("unfinished", Dom.html("p", { class: "note" }, "Every trial finished."));
    return Dom.replace("unfinished", Dom.html("ul", { class: "reasons" }, [...groups.values()].map((trials) => Dom.html("li", {}, MainTable.status(trials[0].status), ` ${trials.length} × ${reasonOf(trials[0])} `,
      Dom.html("span", { class: "note" }, Dom.short(trials.map(({ name }) => name).join(", "), 120))))));
  };

  /* The name of a setting as in the other tables. */
  const nameOf = (key) => (data.settings.find((setting) => setting.key === key) || { name: key.replace(/\.kind$/, "").split(".").pop() }).name;

  const draw = () => {
    const keys = [...new Set(data.trials.flatMap((trial) => Object.keys(trial.values)))].filter((key) => key !== "experiment.seed");
    const columns = [["trial", (trial) => trial.name], ["status", (trial) => trial.status], ["seed", (trial) => trial.seed], ["epochs", (trial) => trial.epochs], ["training time", (trial) => trial.seconds],
      ...keys.map((key) => [key, (trial) => trial.values[key]]), ["reason", (trial) => trial.reason]];
    const { by, down } = choice.trialSort;
    const trials = State.trialsShown().sort((a, b) => MainTable.compare(columns[by][1](a), columns[by][1](b), down));
    const head = columns.map(([name], number) => MainTable.heading(Dom.short(nameOf(name), 24), number, choice.trialSort, (next) => State.change({ trialSort: next }), { title: name }));
    const rows = trials.map((trial) => Dom.html("tr", { "data-trial": trial.name }, Dom.html("th", { scope: "row" }, Dom.link(trial.address, State.trialName(trial))), Dom.html("td", {}, MainTable.status(trial.status)),
      Dom.html("td", { class: "number" }, trial.seed ?? "–"), Dom.html("td", { class: "number" }, `${trial.epochs}${trial.planned ? ` of ${trial.planned}` : ""}`), Dom.html("td", { class: "number" }, Dom.time(trial.seconds)),
      keys.map((key) => Dom.html("td", { title: Dom.setting(trial.values[key]) }, Dom.short(Dom.setting(trial.values[key]), 28))), Dom.html("td", { class: "reason", title: trial.reason }, Dom.short(trial.reason || "–", 90))));
    Dom.replace("trials-table", Dom.html("caption", {}, `${trials.length} of ${data.trials.length} trials`), Dom.html("thead", {}, Dom.html("tr", {}, head)), Dom.html("tbody", {}, rows));
  };

  return { draw, unfinished };
})();
