// ---- A coefficient and a bias for each channel ----

RULES.channel_affine = {
  output: ofOne((x, node, i, j, c) => {
    const [a, b] = ["coefficient", "bias"].map((name) => weightsOf(node, name));
    return a && b && addUp("a * x + b", [one("a", a.data[c]), one("x", x)], { bias: b.data[c] });
  }),

  gradient: byNumber((user, i, j, c) => {
    const a = weightsOf(user, "coefficient");
    return a && [one("a", a.data[c])];
  }),
};
