// ---- Radial basis functions ----

RULES.squared_distance = {
  output(node, i, j, c) {
    const x = inputMap(node);
    const differences = node.settings.codes[c].map((code, k) => x.at(0, 0, k) - code);
    const shape = [differences.length];
    return addUp("sum((x - code) * (x - code))", [factor("x - code", shape, differences), factor("x - code again", shape, differences)]);
  },

  gradient(user, k, i, j, c) {
    const [x, dy] = [inputMap(user).at(0, 0, c), mapOf(user, "dy")];
    const differences = user.settings.codes.map((code) => 2 * (x - code[c]));
    const shape = [differences.length];
    return addUp("sum(2 * (x - code) * dy)", [factor("2 (x - code)", shape, differences), factor("dy", shape, range(dy.c).map((o) => dy.at(0, 0, o)))]);
  },
};
