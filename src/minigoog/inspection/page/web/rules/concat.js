// ---- Channels side by side ----

RULES.concat = {
  output(node, i, j, c) {
    const { source, channel } = sliceOf(node, c);
    return copied(`${source.name} [${i}, ${j}, ${channel}]`, mapOf(source, "y").at(i, j, channel));
  },

  gradient(user, k, i, j, c) {
    const before = user.inputs.slice(0, k).reduce((sum, source) => sum + nodes[source].shape[2], 0);
    return copied(`dy [${i}, ${j}, ${before + c}]`, mapOf(user, "dy").at(i, j, before + c));
  },
};

/** All gradients of one input: its channels of dy. */
RULES.concat.back = (user, k, source) => {
  const [h, w, c] = source.shape;
  const before = user.inputs.slice(0, k).reduce((sum, other) => sum + nodes[other].shape[2], 0);
  return planesOf(user, "dy").slice(before * h * w, (before + c) * h * w);
};

/** The input of a concatenation that a channel comes from, and its number there. */
function sliceOf(node, c) {
  let k = 0;
  while (c >= nodes[node.inputs[k]].shape[2]) c -= nodes[node.inputs[k++]].shape[2];
  return { source: nodes[node.inputs[k]], channel: c };
}
