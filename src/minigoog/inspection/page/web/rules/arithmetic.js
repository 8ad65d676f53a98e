// ---- Sums, products and powers, element by element ----

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

RULES.add_scalar = {
  output: ofOne((x, node) => addUp("x + number", [one("x", x)], { bias: node.settings.number })),
  gradient: byNumber(() => []),
};

RULES.power = {
  output: ofOne((x, { settings: { exponent } }) => {
    return { formula: "x ** exponent", factors: [one("x", x)], parts: { exponent }, value: x ** exponent };
  }),

  gradient: byNumber((user, ...at) => {
    const [x, { exponent }] = [inputMap(user).at(...at), user.settings];
    return [one("slope at x", exponent ? exponent * x ** (exponent - 1) : 0)];
  }),
};
