// ---- How a number was computed: factors, their products, and their sum ----
//
// A breakdown is {formula, factors: [{name, shape, data}], parts: {name: number}, value, corner}, as in inspection/rules/breakdown.py.

/** The rules of operations, by the name that each node has as `rule`: {output, gradient}, filled by the files in rules/.
 *
 * `output(node, i, j, c)` is the breakdown of number (i, j, c) of the node's output. `gradient(user, k, i, j, c)` is that of what
 * operation `user` sends back to number (i, j, c) of its input `k`. Both are null if the page does not store what they need. */
const RULES = {};

const factor = (name, shape, data) => ({ name, shape, data });
const one = (name, x) => factor(name, [], [x]);
const range = (n) => Array.from({ length: n }, (_, i) => i);

/** The map of the first input of an operation. */
const inputMap = (node) => mapOf(nodes[node.inputs[0]], "y");

/** The products of factors, element by element, in double precision. */
function productsOf(factors) {
  if (!factors.length) return [];
  return range(factors[0].data.length).map((i) => factors.reduce((product, f) => product * f.data[i], 1));
}

/** The breakdown of the sum of the factors' products, plus `bias`, and max(0, .) if `relu`. */
function addUp(formula, factors, { bias, relu, corner } = {}) {
  const products = productsOf(factors);
  let value = products.reduce((a, b) => a + b, 0);
  const parts = {};
  if (products.length > 1 || bias !== undefined) parts["sum of the products"] = value;
  if (bias !== undefined) {
    parts.bias = bias;
    value += bias;
  }
  if (relu) {
    parts["before ReLU"] = value;
    value = Math.max(value, 0);
  }
  return { formula, factors, parts, value, corner };
}

const copied = (source, value) => ({ formula: source, factors: [], parts: { [source]: value }, value });

/** An output that depends on one number of the first input: `rule(x, node, i, j, c)`. */
const ofOne =
  (rule) =>
  (node, ...at) =>
    rule(inputMap(node).at(...at), node, ...at);

/** A gradient that depends on one number of dy: `rule(user, i, j, c)` gives the factors besides dy. */
const byNumber =
  (rule) =>
  (user, k, ...at) => {
    const others = rule(user, ...at);
    return others && addUp(["dy", ...others.map((f) => f.name)].join(" * "), [one("dy", mapOf(user, "dy").at(...at)), ...others]);
  };

/** The sum of products of a convolution or linear layer, plus its bias, and ReLU if it has it. */
function weightedSum(node, factors, c, corner) {
  const bias = weightsOf(node, "bias")?.data[c];
  const { relu } = node.settings;
  const formula = `sum(${factors.map((f) => f.name).join(" * ")})${bias === undefined ? "" : " + bias"}`;
  return addUp(relu ? `max(${formula}, 0)` : formula, factors, { bias, relu, corner });
}

/** The gradient before the ReLU of an operation: 0 where its output is not above 0. */
function gradientBeforeRelu(user) {
  const [y, dy] = [mapOf(user, "y"), mapOf(user, "dy")];
  return user.settings.relu ? (i, j, c) => (y.at(i, j, c) <= 0 ? 0 : dy.at(i, j, c)) : dy.at;
}

/** The position in a map of this shape of the number at (i, j, c) in another: the same flat index. */
function reshaped(shape, from, i, j, c) {
  const at = (i * from[1] + j) * from[2] + c;
  return [Math.floor(at / (shape[1] * shape[2])), Math.floor(at / shape[2]) % shape[1], at % shape[2]];
}

/** The indices of number `place` of an array of this shape. */
const unravelled = (place, shape) => {
  const at = [];
  for (const n of [...shape].reverse()) {
    at.unshift(place % n);
    place = Math.floor(place / n);
  }
  return at;
};
