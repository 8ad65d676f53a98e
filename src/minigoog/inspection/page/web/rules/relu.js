// ---- Activations ----

RULES.relu = {
  output: ofOne((x) => addUp("max(x, 0)", [one("x", x)], { relu: true })),
  gradient: byNumber((user, ...at) => [one("y > 0", mapOf(user, "y").at(...at) > 0 ? 1 : 0)]),
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
