// ---- Leaky ReLU with a learned slope for each channel ----

RULES.prelu = {
  output: ofOne((x, node, i, j, c) => {
    const slope = weightsOf(node, "slope");
    return slope && addUp("x * (1 if x > 0, else slope)", [one("x", x), one("slope", x > 0 ? 1 : slope.data[c])]);
  }),

  gradient: byNumber((user, i, j, c) => {
    const slope = weightsOf(user, "slope");
    return slope && [one("slope", inputMap(user).at(i, j, c) > 0 ? 1 : slope.data[c])];
  }),
};
