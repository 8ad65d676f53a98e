// ---- The channels of groups in turn; axes in another order ----

RULES.channel_shuffle = {
  output(node, i, j, c) {
    const { groups } = node.settings;
    const channel = (c % groups) * (node.shape[2] / groups) + Math.floor(c / groups);
    return copied(`${nodes[node.inputs[0]].name} [${i}, ${j}, ${channel}]`, inputMap(node).at(i, j, channel));
  },

  gradient(user, k, i, j, c) {
    const { groups } = user.settings;
    const width = user.shape[2] / groups;
    const channel = (c % width) * groups + Math.floor(c / width);
    return copied(`dy [${i}, ${j}, ${channel}]`, mapOf(user, "dy").at(i, j, channel));
  },
};

RULES.transpose = RULES.index;
