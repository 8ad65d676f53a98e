// ---- The explanation of one number: of an output, or of a gradient ----

/** {at, stored, breakdowns: [{user, ...breakdown}], exact} of a number of a node's output ("forward") or of its gradient ("backward").
 *
 * `breakdowns` is null where the page lacks what it would need. `exact`: nothing in it was rounded to 8 bits. */
function explain(node, direction, i, j, c) {
  const chosen = direction === "forward" ? node.exact : node.exactBack;
  const users = direction === "forward" ? [null] : usersOf(nodes.indexOf(node));
  if (chosen && String(chosen.at) === String([i, j, c])) {
    return {
      at: [i, j, c],
      stored: chosen.stored,
      exact: true,
      breakdowns: chosen.breakdowns.map((breakdown, n) => unpackBreakdown(breakdown, users[n])),
    };
  }
  const stored = mapOf(node, direction === "forward" ? "y" : "dy").at(i, j, c);
  const breakdowns = direction === "forward" ? [RULES[node.operation]?.(node, i, j, c)] : users.map((use) => sentBack(use, i, j, c));
  return { at: [i, j, c], stored, exact: facts.levels === null, breakdowns: breakdowns.every(Boolean) ? breakdowns : null };
}

function sentBack({ user, k }, i, j, c) {
  const breakdown = user.dy && GRADIENTS[user.operation]?.(user, k, i, j, c);
  return breakdown && { ...breakdown, user };
}

/** A breakdown that Python has made, whose factors are in the pack. */
function unpackBreakdown(breakdown, use) {
  const factors = Object.entries(breakdown.factors).map(([name, number]) => factor(name, array(number).shape, array(number).data));
  return { ...breakdown, factors, user: use?.user };
}

/** The number that an explanation adds up to. */
const total = (explanation) => explanation.breakdowns.reduce((sum, breakdown) => sum + breakdown.value, 0);

/** The gradient of the filter of output channel `c`, in the filter's layout: the sum over all pixels of what went in times dz. */
function filterGradient(node, c) {
  const w = weightsOf(node, "weight");
  if (!w || !node.dy || node.operation !== "Conv2d") return null;
  const [kh, kw, cin, cout] = w.shape;
  const x = mapOf(nodes[node.inputs[0]], "y");
  const first = Math.floor(c / (cout / node.settings.groups)) * cin;
  const dzAt = gradientBehindRelu(node);
  const sums = new Float64Array(kh * kw * cin);
  for (let i = 0; i < node.shape[0]; i++)
    for (let j = 0; j < node.shape[1]; j++) {
      const dz = dzAt(i, j, c);
      if (dz === 0) continue;
      const { rows, columns } = windowOf(node.settings, x, i, j);
      for (const row of rows)
        for (const column of columns)
          for (let k = 0; k < cin; k++) {
            sums[(row.k * kw + column.k) * cin + k] += x.at(row.at, column.at, first + k) * dz;
          }
    }
  return factor("gradient", [kh, kw, cin], sums);
}
