// ---- The gradients of the recorded pass from another class, computed in the page ----

/** {label, planes: number of a node -> the gradient of its output [c, h, w]}, all of the recorded image and weights. */
function gradientsFrom(label) {
  const found = { label, planes: new Map([[nodes.length - 1, Float32Array.of(1)]]) };
  const before = runs.gradient;
  runs.gradient = found; // so that the rules read what has been computed so far
  try {
    inPass("backward", () => {
      for (const node of [...nodes].reverse()) if (found.planes.has(node.number)) node.inputs.forEach((source, k) => sendBack(node, k, source));
    });
  } finally {
    runs.gradient = before;
  }
  return found;
}

/** Adds what a node sends back to its input `k` to the gradient of that. */
function sendBack(node, k, source) {
  const { planes } = runs.gradient;
  const sent = backOf(node, k, nodes[source]);
  const there = planes.get(source);
  if (there) for (let i = 0; i < sent.length; i++) there[i] += sent[i];
  else planes.set(source, sent);
}

/** What a node sends back to its input `k`, planes: by the fast way of its rule, or number by number. */
function backOf(node, k, source) {
  const rule = RULES[node.rule];
  if (rule.back) return rule.back(node, k, source);
  if (rule.derived) {
    const [x, dy] = [planesOf(source, "y"), planesOf(node, "dy")];
    return dy.map((value, i) => value * rule.derived.slope(x[i], node.settings));
  }
  const [h, w, c] = source.shape;
  const sent = new Float32Array(h * w * c);
  for (let o = 0; o < c; o++)
    for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) sent[(o * h + i) * w + j] = rule.gradient(node, k, i, j, o).value;
  return sent;
}

/** The gradient before the ReLU of an operation, as planes. */
function planesBeforeRelu(node) {
  const dy = planesOf(node, "dy");
  if (!node.settings.relu) return dy;
  const y = planesOf(node, "y");
  return dy.map((value, i) => (y[i] <= 0 ? 0 : value));
}
