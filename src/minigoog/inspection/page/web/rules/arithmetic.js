// ---- Sums and products of whole tensors ----

RULES.add = {
  output(node, ...at) {
    const summands = node.inputs.map((source) => mapOf(nodes[source], "y").at(...at));
    return addUp("a + b", [factor("a and b", [summands.length], summands)]);
  },
  gradient: byNumber(() => []),
};

RULES.scale = {
  output: ofOne((x, node) => addUp("factor * x", [one("factor", node.settings.factor), one("x", x)])),
  gradient: byNumber((user) => [one("factor", user.settings.factor)]),
};
