// ---- Sums, products and powers, element by element ----

RULES.add = {
  output(node, ...at) {
    const summands = operandsOf(node, ...at);
    return summands && addUp("a + b", [factor("a and b", [summands.length], summands)]);
  },

  gradient(user, k, ...at) {
    const dy = repeatsOf(user, k, ...at).map((place) => mapOf(user, "dy").at(...place));
    return dy.length === 1 ? addUp("dy", [one("dy", dy[0])]) : addUp("sum(dy)", [factor("dy", [dy.length], dy)]);
  },
};

RULES.multiply = {
  output(node, ...at) {
    const operands = operandsOf(node, ...at);
    return operands && addUp("a * b", [one("a", operands[0]), one("b", operands[1])]);
  },

  gradient(user, k, ...at) {
    if (user.inputs.length < 2) return null;
    const places = repeatsOf(user, k, ...at);
    const shape = places.length === 1 ? [] : [places.length];
    const dy = places.map((place) => mapOf(user, "dy").at(...place));
    const others = places.map((place) => operandsOf(user, ...place)[1 - k]);
    return addUp("sum(dy * the other)", [factor("dy", shape, dy), factor("the other", shape, others)]);
  },
};

/** The numbers of both maps at (i, j, c), where a map of length 1 along an axis is repeated; null if one of them is no map. */
function operandsOf(node, ...at) {
  if (node.inputs.length < 2) return null;
  return node.inputs.map((source) => mapOf(nodes[source], "y").at(...at.map((i, axis) => (nodes[source].shape[axis] === 1 ? 0 : i))));
}

/** The places of the output at which number (i, j, c) of input `k` is: several where it is repeated. */
function repeatsOf(user, k, ...at) {
  const shape = nodes[user.inputs[k]].shape;
  const [rows, columns, channels] = at.map((i, axis) => (shape[axis] === 1 ? range(user.shape[axis]) : [i]));
  return rows.flatMap((i) => columns.flatMap((j) => channels.map((c) => [i, j, c])));
}

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
