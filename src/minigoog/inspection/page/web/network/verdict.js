// ---- What a pass predicts: the most probable classes, each with the evidence for it ----

const BEST = 5;

/** [{class, name, chance, logit, map, bias, share}] of the most probable classes and of the label; without a run as Python found them. */
function verdictOf(run) {
  if (!run) return facts.verdict.classes;
  const values = run.planesOf(facts.verdict.logits);
  const order = range(values.length).sort((a, b) => values[b] - values[a] || a - b);
  const best = order.slice(0, BEST);
  const label = runs.gradient?.label ?? facts.verdict.label;
  return (best.includes(label) ? best : [...best, label]).map((c) => entryOf(run, c));
}

/** The probability of a class, and the evidence for it. */
function entryOf(run, c) {
  const values = run.planesOf(facts.verdict.logits);
  const sum = values.reduce((total, value) => total + Math.exp(value - values[c]), 0);
  return { class: c, name: facts.verdict.names[c], chance: 1 / sum, logit: values[c], ...evidenceOf(run, c) };
}

/** {map: rows, bias, share} of a class: see evidence.py. `share`: the mean of the map. */
function evidenceOf(run, c) {
  const { evidence } = facts.verdict;
  if (evidence === undefined) return {};
  const [x, linear] = [run.map(evidence), linearBeforeLogits()];
  const weight = linear && weightsOf(linear, "weight");
  const at = (i, j) => (weight ? range(x.c).reduce((sum, k) => sum + x.at(i, j, k) * weight.data[k * weight.shape[1] + c], 0) : x.at(i, j, c));
  const map = range(x.h).map((i) => range(x.w).map((j) => at(i, j)));
  const bias = (linear && weightsOf(linear, "bias")?.data[c]) || 0;
  return { map, bias, share: map.flat().reduce((a, b) => a + b, 0) / (x.h * x.w) };
}

/** The linear layer whose output the logits are; null if the channels of a mean are the classes. */
function linearBeforeLogits() {
  let last = nodes[facts.verdict.logits];
  while (last.rule === "reshape") last = nodes[last.inputs[0]];
  return last.rule === "linear" ? last : null;
}
