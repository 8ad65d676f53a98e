// ---- Softmax with cross-entropy ----

RULES.cross_entropy = {
  output(node) {
    const [x, { label, smoothing }] = [inputMap(node), node.settings];
    const values = range(x.c).map((c) => x.at(0, 0, c));
    const largest = Math.max(...values);
    const logSum = largest + Math.log(values.reduce((total, v) => total + Math.exp(v - largest), 0));
    const targets = values.map((_, c) => (c === label ? 1 - smoothing : 0) + smoothing / x.c);
    const factors = [factor("-target", [x.c], targets.map((target) => -target)), factor("log(softmax(x))", [x.c], values.map((v) => v - logSum))];
    return addUp("sum(-target * log(softmax(x)))", factors);
  },

  gradient(user, k, i, j, c) {
    const x = inputMap(user);
    const { smoothing } = user.settings;
    const label = runs.gradient?.label ?? user.settings.label;
    const values = range(x.c).map((o) => x.at(0, 0, o));
    const largest = Math.max(...values);
    const sum = values.reduce((total, v) => total + Math.exp(v - largest), 0);
    const chance = Math.exp(values[c] - largest) / sum;
    const target = (c === label ? 1 - smoothing : 0) + smoothing / x.c;
    const factors = [one("softmax(x) - target", chance - target), one("dy / images", mapOf(user, "dy").at(0, 0, 0))];
    return { ...addUp("(softmax(x) - target) * dy / images", factors), parts: { "softmax(x)": chance, target } };
  },
};
