// ---- Activations of the networks after 2015 ----

/** The rule of y = f(x): `value(x, settings)` gives f(x), `slope(x, settings)` its derivative. */
const ofCurve = (formula, value, slope) => ({
  output: ofOne((x, { settings }) => ({ formula, factors: [one("x", x)], parts: {}, value: value(x, settings) })),
  gradient: byNumber((user, ...at) => [one("slope at x", slope(inputMap(user).at(...at), user.settings))]),
  derived: { value, slope },
});

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const between = (x, low, high) => Math.min(Math.max(x, low ?? -Infinity), high ?? Infinity); // null: no limit

RULES.clip = ofCurve(
  "min(max(x, low), high)",
  (x, { low, high }) => between(x, low, high),
  (x, { low, high }) => (between(x, low, high) === x ? 1 : 0),
);

RULES.hard_sigmoid = ofCurve(
  "min(max(alpha * x + beta, 0), 1)",
  (x, { alpha, beta }) => between(alpha * x + beta, 0, 1),
  (x, { alpha, beta }) => (alpha * x + beta > 0 && alpha * x + beta < 1 ? alpha : 0),
);

RULES.hard_swish = ofCurve(
  "x * min(max(x + 3, 0), 6) / 6",
  (x) => (x * between(x + 3, 0, 6)) / 6,
  (x) => (x <= -3 ? 0 : x < 3 ? x / 3 + 0.5 : 1),
);

RULES.sigmoid = ofCurve("1 / (1 + exp(-x))", sigmoid, (x) => sigmoid(x) * sigmoid(-x));

RULES.silu = ofCurve(
  "x * sigmoid(x)",
  (x) => x * sigmoid(x),
  (x) => sigmoid(x) * (1 + x * sigmoid(-x)),
);

RULES.elu = ofCurve(
  "x if x > 0, else alpha * (exp(x) - 1)",
  (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
  (x, { alpha }) => (x <= 0 ? alpha * Math.exp(x) : 1),
);
