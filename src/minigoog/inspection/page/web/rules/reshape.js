// ---- The same numbers in another shape ----

RULES.reshape = {
  output(node, ...at) {
    const source = nodes[node.inputs[0]];
    const place = reshaped(source.shape, node.shape, ...at);
    return copied(`${source.name} [${place.join(", ")}]`, mapOf(source, "y").at(...place));
  },

  gradient(user, k, ...at) {
    const place = reshaped(user.shape, nodes[user.inputs[0]].shape, ...at);
    return copied(`dy [${place.join(", ")}]`, mapOf(user, "dy").at(...place));
  },
};
