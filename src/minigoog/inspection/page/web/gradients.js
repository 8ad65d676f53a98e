// ---- How one number of a gradient came about: everything that a number went into has a gradient; each times how much it moves ----
//
// A rule (user, k, i, j, c) gives the breakdown of what operation `user` sends back to number (i, j, c) of its input `k`. The rules
// follow explain/gradient.py.

/** The gradient behind the ReLU of an operation: 0 where its output is not above 0. */
function gradientBehindRelu(user) {
  const [y, dy] = [mapOf(user, "y"), mapOf(user, "dy")];
  return user.settings.relu ? (i, j, c) => (y.at(i, j, c) <= 0 ? 0 : dy.at(i, j, c)) : dy.at;
}

/** For each row (or column) k of a filter the output position that it put input position `i` into; -1 if there is none. */
function outputsOf(i, size, stride, padding, n) {
  return range(size).map((k) => {
    const position = (i + padding - k) / stride;
    return Number.isInteger(position) && position >= 0 && position < n ? position : -1;
  });
}

function conv2dInput(user, k, i, j, c) {
  const w = weightsOf(user, "weight");
  if (!w) return null;
  const [kh, kw, cin, cout] = w.shape;
  const { stride, padding, groups } = user.settings;
  const width = cout / groups;
  const first = Math.floor(c / cin) * width;
  const dzAt = gradientBehindRelu(user);
  const rows = outputsOf(i, kh, stride[0], padding[0], user.shape[0]);
  const columns = outputsOf(j, kw, stride[1], padding[1], user.shape[1]);
  const dz = new Float32Array(kh * kw * width);
  const filter = new Float32Array(kh * kw * width);
  rows.forEach((row, y) =>
    columns.forEach((column, x) => {
      for (let o = 0; o < width; o++) {
        const at = (y * kw + x) * width + o;
        if (row >= 0 && column >= 0) dz[at] = dzAt(row, column, first + o);
        filter[at] = w.data[((y * kw + x) * cin + (c % cin)) * cout + first + o];
      }
    }),
  );
  return addUp("sum(dz * filter)", [factor("dz", [kh, kw, width], dz), factor("filter", [kh, kw, width], filter)]);
}

function linearInput(user, k, i, j, c) {
  const w = weightsOf(user, "weight");
  if (!w) return null;
  const cout = w.shape[1];
  const at = reshaped([1, 1, w.shape[0]], nodes[user.inputs[0]].shape, i, j, c)[2];
  const dzAt = gradientBehindRelu(user);
  const dz = Float32Array.from(range(cout), (o) => dzAt(0, 0, o));
  return addUp("sum(dz * row of w)", [factor("dz", [cout], dz), factor("row of w", [cout], w.data.subarray(at * cout, (at + 1) * cout))]);
}

/** The first and the last window that a row (or column) `i` is under. */
function covering(i, size, stride, padding, n) {
  const first = Math.max(0, Math.ceil((i + padding - size + 1) / stride));
  const last = Math.min(n - 1, Math.floor((i + padding) / stride));
  return range(Math.max(0, last - first + 1)).map((k) => first + k);
}

/** The windows of a pooling that pixel (i, j) is under. */
function windowsOver(user, i, j) {
  const { window, stride, padding } = user.settings;
  return [covering(i, window[0], stride[0], padding[0], user.shape[0]), covering(j, window[1], stride[1], padding[1], user.shape[1])];
}

function maxPool2dInput(user, k, i, j, c) {
  const [rows, columns] = windowsOver(user, i, j);
  const dy = mapOf(user, "dy");
  const pairs = rows.flatMap((row) => columns.map((column) => [row, column]));
  const largest = pairs.map(([row, column]) => {
    const [y, x] = winnerOf(user, row, column, c);
    return y === i && x === j ? 1 : 0;
  });
  const shape = [rows.length, columns.length];
  const came = pairs.map(([row, column]) => dy.at(row, column, c));
  return addUp("sum(dy * whether it was the largest)", [factor("dy", shape, came), factor("largest", shape, largest)]);
}

function avgPool2dInput(user, k, i, j, c) {
  const [rows, columns] = windowsOver(user, i, j);
  const dy = mapOf(user, "dy");
  const source = { h: nodes[user.inputs[0]].shape[0], w: nodes[user.inputs[0]].shape[1] };
  const pairs = rows.flatMap((row) => columns.map((column) => [row, column]));
  const shares = pairs.map(([row, column]) => {
    const inside = windowOf(user.settings, source, row, column);
    return 1 / (inside.rows.length * inside.columns.length);
  });
  const shape = [rows.length, columns.length];
  return addUp("sum(dy * 1 / pixels)", [
    factor(
      "dy",
      shape,
      pairs.map(([row, column]) => dy.at(row, column, c)),
    ),
    factor("1 / pixels", shape, shares),
  ]);
}

function globalAvgPool2dInput(user, k, i, j, c) {
  const [h, w] = nodes[user.inputs[0]].shape;
  return addUp("dy * 1 / pixels", [one("dy", mapOf(user, "dy").at(0, 0, c)), one("1 / pixels", 1 / (h * w))]);
}

function concatInput(user, k, i, j, c) {
  const before = user.inputs.slice(0, k).reduce((sum, source) => sum + nodes[source].shape[2], 0);
  return copied(`dy [${i}, ${j}, ${before + c}]`, mapOf(user, "dy").at(i, j, before + c));
}

function reshapeInput(user, k, ...at) {
  const place = reshaped(user.shape, nodes[user.inputs[0]].shape, ...at);
  return copied(`dy [${place.join(", ")}]`, mapOf(user, "dy").at(...place));
}

/** An operation on single numbers: `rule` gives the factors besides dy. */
const byNumber =
  (rule) =>
  (user, k, ...at) => {
    const others = rule(user, ...at);
    return others && addUp(["dy", ...others.map((f) => f.name)].join(" * "), [one("dy", mapOf(user, "dy").at(...at)), ...others]);
  };

function crossEntropyInput(user, k, i, j, c) {
  const x = mapOf(nodes[user.inputs[0]], "y");
  const { label, smoothing } = user.settings;
  const values = range(x.c).map((o) => x.at(0, 0, o));
  const largest = Math.max(...values);
  const sum = values.reduce((total, v) => total + Math.exp(v - largest), 0);
  const chance = Math.exp(values[c] - largest) / sum;
  const target = (c === label ? 1 - smoothing : 0) + smoothing / x.c;
  const factors = [one("softmax(x) - target", chance - target), one("dy / images", mapOf(user, "dy").at(0, 0, 0))];
  return { ...addUp("(softmax(x) - target) * dy / images", factors), parts: { "softmax(x)": chance, target } };
}

const GRADIENTS = {
  Add: byNumber(() => []),
  AvgPool2d: avgPool2dInput,
  ChannelAffine: byNumber((user, i, j, c) => weightsOf(user, "coefficient") && [one("a", weightsOf(user, "coefficient").data[c])]),
  Concat: concatInput,
  Conv2d: conv2dInput,
  CrossEntropy: crossEntropyInput,
  GlobalAvgPool2d: globalAvgPool2dInput,
  Linear: linearInput,
  MaxPool2d: maxPool2dInput,
  ReLU: byNumber((user, ...at) => [one("y > 0", mapOf(user, "y").at(...at) > 0 ? 1 : 0)]),
  Reshape: reshapeInput,
  Scale: byNumber((user) => [one("factor", user.settings.factor)]),
  Tanh: byNumber((user, ...at) => {
    const [y, { gain, slope }] = [mapOf(user, "y").at(...at), user.settings];
    return [one("slope at y", slope * (gain - (y * y) / gain))];
  }),
};
