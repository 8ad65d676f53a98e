// ---- Local response normalisation ----

RULES.lrn = {
  output(node, i, j, c) {
    const x = inputMap(node);
    const around = channelsAround(node, x, c).map((o) => x.at(i, j, o));
    const d = denominatorAt(node, i, j, c);
    const power = d ** node.settings.beta;
    const parts = { x: x.at(i, j, c), "d = k + alpha / size * sum of squares": d, "d ** beta": power };
    return { formula: "x / d ** beta", factors: [factor("x around", [around.length], around)], parts, value: x.at(i, j, c) / power };
  },

  gradient(user, k, i, j, c) {
    const [x, dy] = [inputMap(user), mapOf(user, "dy")];
    const { size, alpha, beta } = user.settings;
    const sent = (o, power) => dy.at(i, j, o) / denominatorAt(user, i, j, o) ** power;
    const terms = channelsAround(user, x, c).map((o) => x.at(i, j, o) * sent(o, beta + 1));
    const sum = terms.reduce((total, term) => total + term, 0);
    const own = sent(c, beta);
    const parts = { "dy / d ** beta": own, "sum around it of dy * x / d ** (beta + 1)": sum };
    const formula = "dy / d ** beta - 2 * alpha * beta / size * x * sum(dy * x / d ** (beta + 1))";
    const factors = [factor("dy * x / d ** (beta + 1) around", [terms.length], terms)];
    return { formula, factors, parts, value: own - ((2 * alpha * beta) / size) * x.at(i, j, c) * sum };
  },
};

/** The channels around channel `c`, of those that exist. */
function channelsAround(node, x, c) {
  const half = Math.floor(node.settings.size / 2);
  return range(node.settings.size)
    .map((k) => c - half + k)
    .filter((o) => o >= 0 && o < x.c);
}

/** d of the number at (i, j, c): k + alpha / size * the sum of the squares around it. */
function denominatorAt(node, i, j, c) {
  const x = inputMap(node);
  const squares = channelsAround(node, x, c).reduce((sum, o) => sum + x.at(i, j, o) ** 2, 0);
  return node.settings.k + (node.settings.alpha / node.settings.size) * squares;
}
