// ---- Padding ----

RULES.pad = {
  output(node, i, j, c) {
    const { padding, value, taps } = node.settings;
    if (taps) return fromTaps(node, i, j, c);
    const [row, column, x] = [i - padding[0], j - padding[1], inputMap(node)];
    if (row < 0 || row >= x.h || column < 0 || column >= x.w) return copied("value: in the padding", value);
    return copied(`${nodes[node.inputs[0]].name} [${row}, ${column}, ${c}]`, x.at(row, column, c));
  },

  gradient(user, k, i, j, c) {
    const { padding, taps } = user.settings;
    if (taps) return toTaps(user, i, j, c);
    const [row, column] = [i + padding[0], j + padding[1]];
    return copied(`dy [${row}, ${column}, ${c}]`, mapOf(user, "dy").at(row, column, c));
  },
};
