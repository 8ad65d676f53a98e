// ---- Softmax with cross-entropy ----

RULES.cross_entropy = {
  output: () => null, // there is only one loss, and the page stores it exactly

  gradient(user, k, i, j, c) {
    const x = inputMap(user);
    const { label, smoothing } = user.settings;
    const values = range(x.c).map((o) => x.at(0, 0, o));
    const largest = Math.max(...values);
    const sum = values.reduce((total, v) => total + Math.exp(v - largest), 0);
    const chance = Math.exp(values[c] - largest) / sum;
    const target = (c === label ? 1 - smoothing : 0) + smoothing / x.c;
    const factors = [one("softmax(x) - target", chance - target), one("dy / images", mapOf(user, "dy").at(0, 0, 0))];
    return { ...addUp("(softmax(x) - target) * dy / images", factors), parts: { "softmax(x)": chance, target } };
  },
};
