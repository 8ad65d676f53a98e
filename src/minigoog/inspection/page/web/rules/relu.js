// ---- Activations ----

RULES.relu = {
  output: ofOne((x) => addUp("max(x, 0)", [one("x", x)], { relu: true })),
  gradient: byNumber((user, ...at) => [one("y > 0", mapOf(user, "y").at(...at) > 0 ? 1 : 0)]),
  derived: { value: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
};

const slopeAt = (x, { settings: { negativeSlope } }) => one("slope", x > 0 ? 1 : negativeSlope);

RULES.leaky_relu = {
  output: ofOne((x, node) => addUp("x * (1 if x > 0, else negative_slope)", [one("x", x), slopeAt(x, node)])),
  gradient: byNumber((user, ...at) => [slopeAt(mapOf(nodes[user.inputs[0]], "y").at(...at), user)]),
};

RULES.tanh = {
  output: ofOne((x, { settings: { gain, slope } }) => {
    const inner = Math.tanh(slope * x);
    const parts = { "slope * x": slope * x, "tanh of it": inner };
    return { formula: "gain * tanh(slope * x)", factors: [one("x", x)], parts, value: gain * inner };
  }),

  gradient: byNumber((user, ...at) => {
    const [y, { gain, slope }] = [mapOf(user, "y").at(...at), user.settings];
    return [one("slope at y", slope * (gain - (y * y) / gain))];
  }),
};
