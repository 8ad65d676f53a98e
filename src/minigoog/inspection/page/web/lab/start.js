// ---- The class that the gradient starts from ----

/** The class whose loss is differentiated: the recorded label, or one that was chosen here. */
const presentLabel = () => runs.gradient?.label ?? facts.verdict.label;

/** Whether gradients from another class can be computed here: the page has some, they start at the loss, and all operations have a rule here. */
const canStartElsewhere = () => runs.network && nodes[0].dy && nodes.at(-1).rule === "cross_entropy" && nodes.slice(1).every(({ rule }) => RULES[rule]);

/** A button that starts the gradient at a class. */
function startButton(entry) {
  const pressed = entry.class === presentLabel();
  const text = `Start the gradient at ${entry.name}`;
  return make("button", { class: "start", text: "\u25c2", title: text, "aria-label": text, "aria-pressed": String(pressed), onclick: () => startAt(entry.class) });
}

/** Computes the gradients of the recorded pass from a class, and shows them; those from the recorded label are stored. */
function startAt(c) {
  get("ran").textContent = "The gradients are being computed\u2026";
  setTimeout(() => {
    runs.gradient = c === facts.verdict.label ? null : gradientsFrom(c);
    showRun();
  }, 20);
}
