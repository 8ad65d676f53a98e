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
    const places = repeatsOf(user, k, ...at);
    const shape = places.length === 1 ? [] : [places.length];
    const other = "a" in user.weights ? 0 : 1 - k;
    const dy = places.map((place) => mapOf(user, "dy").at(...place));
    const others = places.map((place) => operandsOf(user, ...place)[other]);
    return addUp("sum(dy * the other)", [factor("dy", shape, dy), factor("the other", shape, others)]);
  },
};

const OPERANDS = ["a", "b"];

/** The numbers of both operands, maps or weights, at (i, j, c), where one of length 1 along an axis is repeated; null if one is left out. */
function operandsOf(node, ...at) {
  const sources = [...node.inputs];
  const found = OPERANDS.map((name) => (name in node.weights ? weightAt(weightsOf(node, name), at) : mapAt(nodes[sources.shift()], at)));
  return found.includes(null) ? null : found;
}

const repeated = (at, shape) => at.map((i, axis) => (shape[axis] === 1 ? 0 : i));

const mapAt = (source, at) => mapOf(source, "y").at(...repeated(at, source.shape));

function weightAt(weights, at) {
  if (!weights) return null;
  const shape = [1, 1, 1, ...weights.shape].slice(-3);
  const [i, j, c] = repeated(at, shape);
  return weights.data[(i * shape[1] + j) * shape[2] + c];
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
