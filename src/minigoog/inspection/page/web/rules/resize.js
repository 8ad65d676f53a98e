// ---- Resizing: weighted sums of a few numbers, the taps ----

RULES.resize = {
  output: (node, ...at) => fromTaps(node, ...at),
  gradient: (user, k, ...at) => toTaps(user, ...at),
};

/** A number of the output, from the numbers of the input that are its taps. */
function fromTaps(node, i, j, c) {
  const { rows, columns } = node.settings.taps;
  const x = inputMap(node);
  const shape = [rows.index[i].length, columns.index[j].length];
  const values = rows.index[i].flatMap((row) => columns.index[j].map((column) => x.at(row, column, c)));
  const shares = rows.weights[i].flatMap((a) => columns.weights[j].map((b) => a * b));
  return addUp("sum(x * share)", [factor("x", shape, values), factor("share", shape, shares)]);
}

/** A number of the input's gradient, from those of the outputs of which it is a tap. */
function toTaps(user, i, j, c) {
  const [rows, columns] = [outputsWith(user.settings.taps.rows, i), outputsWith(user.settings.taps.columns, j)];
  const shape = [rows.length, columns.length];
  const sent = rows.flatMap((row) => columns.map((column) => mapOf(user, "dy").at(row.at, column.at, c)));
  const shares = rows.flatMap((row) => columns.map((column) => row.share * column.share));
  return addUp("sum(dy * share)", [factor("dy", shape, sent), factor("share", shape, shares)]);
}

/** The outputs of which input `at` is a tap, and its share in each. */
function outputsWith({ index, weights }, at) {
  const share = (taps, o) => taps.reduce((sum, tap, t) => sum + (tap === at ? weights[o][t] : 0), 0);
  return index.map((taps, o) => ({ at: o, share: share(taps, o) })).filter((output) => output.share);
}
