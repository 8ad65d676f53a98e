// ---- The fully connected layer ----

RULES.linear = {
  output(node, i, j, c) {
    const w = weightsOf(node, "weight");
    if (!w) return null;
    const x = inputMap(node);
    const [cin, cout] = w.shape;
    const row = Float32Array.from({ length: cin }, (_, k) => x.at(0, 0, k));
    const column = Float32Array.from({ length: cin }, (_, k) => w.data[k * cout + c]);
    return weightedSum(node, [factor("x", [cin], row), factor("column of w", [cin], column)], c);
  },

  gradient(user, k, i, j, c) {
    const w = weightsOf(user, "weight");
    if (!w) return null;
    const [cin, cout] = w.shape;
    const at = reshaped([1, 1, cin], nodes[user.inputs[0]].shape, i, j, c)[2];
    const dzAt = gradientBeforeRelu(user);
    const dz = Float32Array.from({ length: cout }, (_, o) => dzAt(0, 0, o));
    const row = w.data.subarray(at * cout, (at + 1) * cout);
    return addUp("sum(dz * row of w)", [factor("dz", [cout], dz), factor("row of w", [cout], row)]);
  },
};
