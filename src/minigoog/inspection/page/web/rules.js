// ---- How one number of each operation's output came about: factors, their products, and what they add up to ----
//
// A breakdown is {formula, factors: [{name, shape, data}], parts: {name: number}, value, corner}. The rules follow explain/output.py.

const factor = (name, shape, data) => ({ name, shape, data });
const range = (n) => Array.from({ length: n }, (_, i) => i);

/** The products of factors, number by number, in double precision. */
function productsOf(factors) {
  if (!factors.length) return [];
  return range(factors[0].data.length).map((i) => factors.reduce((product, f) => product * f.data[i], 1));
}

/** The breakdown of the sum of the factors' products, plus `bias`, and max(0, .) if `relu`. */
function addUp(formula, factors, { bias, relu, corner } = {}) {
  const products = productsOf(factors);
  let value = products.reduce((a, b) => a + b, 0);
  const parts = {};
  if (products.length > 1 || bias !== undefined) parts["sum of the products"] = value;
  if (bias !== undefined) {
    parts.bias = bias;
    value += bias;
  }
  if (relu) {
    parts["before ReLU"] = value;
    value = Math.max(value, 0);
  }
  return { formula, factors, parts, value, corner };
}

const copied = (source, value) => ({ formula: source, factors: [], parts: { [source]: value }, value });

/** The rows or columns of a map that window `i` looks at, and which of the window's they are: those in the padding are left out. */
function span(i, size, stride, padding, n) {
  const start = i * stride - padding;
  return range(size)
    .filter((k) => start + k >= 0 && start + k < n)
    .map((k) => ({ at: start + k, k }));
}

function windowOf(settings, map, i, j) {
  const { window, stride, padding } = settings;
  return {
    rows: span(i, window[0], stride[0], padding[0], map.h),
    columns: span(j, window[1], stride[1], padding[1], map.w),
    corner: [i * stride[0] - padding[0], j * stride[1] - padding[1]],
  };
}

function conv2d(node, i, j, c) {
  const w = weightsOf(node, "weight");
  if (!w) return null;
  const x = mapOf(nodes[node.inputs[0]], "y");
  const [kh, kw, cin, cout] = w.shape;
  const first = Math.floor(c / (cout / node.settings.groups)) * cin; // of the group's input channels
  const { rows, columns, corner } = windowOf(node.settings, x, i, j);
  const patch = new Float32Array(kh * kw * cin);
  for (const row of rows)
    for (const column of columns)
      for (let k = 0; k < cin; k++) {
        patch[(row.k * kw + column.k) * cin + k] = x.at(row.at, column.at, first + k);
      }
  const filter = Float32Array.from({ length: kh * kw * cin }, (_, p) => w.data[p * cout + c]);
  const shape = [kh, kw, cin];
  return weighted(node, [factor("patch", shape, patch), factor("filter", shape, filter)], c, corner);
}

function linear(node, i, j, c) {
  const w = weightsOf(node, "weight");
  if (!w) return null;
  const x = mapOf(nodes[node.inputs[0]], "y");
  const [cin, cout] = w.shape;
  const column = Float32Array.from({ length: cin }, (_, k) => w.data[k * cout + c]);
  return weighted(
    node,
    [
      factor(
        "x",
        [cin],
        Float32Array.from(range(cin), (k) => x.at(0, 0, k)),
      ),
      factor("column of w", [cin], column),
    ],
    c,
  );
}

function weighted(node, factors, c, corner) {
  const bias = weightsOf(node, "bias")?.data[c];
  const { relu } = node.settings;
  const formula = `sum(${factors.map((f) => f.name).join(" * ")})${bias === undefined ? "" : " + bias"}`;
  return addUp(relu ? `max(${formula}, 0)` : formula, factors, { bias, relu, corner });
}

/** The numbers of channel `c` under a window of pooling. */
function underWindow(node, i, j, c) {
  const x = mapOf(nodes[node.inputs[0]], "y");
  const { rows, columns } = windowOf(node.settings, x, i, j);
  const data = Float32Array.from(rows.flatMap((row) => columns.map((column) => x.at(row.at, column.at, c))));
  return { rows, columns, window: factor("window", [rows.length, columns.length], data), corner: [rows[0].at, columns[0].at] };
}

function maxPool2d(node, i, j, c) {
  const { window, corner } = underWindow(node, i, j, c);
  const [row, column] = winnerOf(node, i, j, c);
  const value = mapOf(nodes[node.inputs[0]], "y").at(row, column, c);
  return { formula: "max(window)", factors: [window], parts: { [`largest, at pixel (${row}, ${column})`]: value }, value, corner };
}

/** The pixel that a number of a max pooling came from. */
function winnerOf(node, i, j, c) {
  const { data } = array(node.winners);
  const [, w, channels] = node.shape;
  const place = data[(i * w + j) * channels + c];
  const { window, stride, padding } = node.settings;
  return [i * stride[0] - padding[0] + Math.floor(place / window[1]), j * stride[1] - padding[1] + (place % window[1])];
}

function mean(window, corner) {
  const n = window.data.length;
  return addUp("sum(window * 1 / pixels)", [window, factor("1 / pixels", window.shape, new Float64Array(n).fill(1 / n))], { corner });
}

function avgPool2d(node, i, j, c) {
  const { window, corner } = underWindow(node, i, j, c);
  return mean(window, corner);
}

function globalAvgPool2d(node, i, j, c) {
  const x = mapOf(nodes[node.inputs[0]], "y");
  return mean(factor("window", [x.h, x.w], x.plane(c)), [0, 0]);
}

/** Which input of a concatenation a channel comes from, and which channel of it it is. */
function sliceOf(node, c) {
  let k = 0;
  while (c >= nodes[node.inputs[k]].shape[2]) c -= nodes[node.inputs[k++]].shape[2];
  return { source: nodes[node.inputs[k]], channel: c };
}

function concat(node, i, j, c) {
  const { source, channel } = sliceOf(node, c);
  return copied(`${source.name} [${i}, ${j}, ${channel}]`, mapOf(source, "y").at(i, j, channel));
}

/** The place in a map of this shape of the number that stands at (i, j, c) in another: the same in reading order. */
function reshaped(shape, from, i, j, c) {
  const at = (i * from[1] + j) * from[2] + c;
  return [Math.floor(at / (shape[1] * shape[2])), Math.floor(at / shape[2]) % shape[1], at % shape[2]];
}

function reshape(node, ...at) {
  const source = nodes[node.inputs[0]];
  const place = reshaped(source.shape, node.shape, ...at);
  return copied(`${source.name} [${place.join(", ")}]`, mapOf(source, "y").at(...place));
}

/** An operation that looks at one number of its first input. */
const ofOne =
  (rule) =>
  (node, ...at) =>
    rule(mapOf(nodes[node.inputs[0]], "y").at(...at), node, ...at);
const one = (name, x) => factor(name, [], [x]);

function channelAffine(x, node, i, j, c) {
  const [a, b] = ["coefficient", "bias"].map((name) => weightsOf(node, name));
  return a && b && addUp("a * x + b", [one("a", a.data[c]), one("x", x)], { bias: b.data[c] });
}

function tanh(x, { settings: { gain, slope } }) {
  const inner = Math.tanh(slope * x);
  return {
    formula: "gain * tanh(slope * x)",
    factors: [one("x", x)],
    parts: { "slope * x": slope * x, "tanh of it": inner },
    value: gain * inner,
  };
}

function add(node, ...at) {
  return addUp("a + b", [
    factor(
      "a and b",
      [2],
      node.inputs.map((source) => mapOf(nodes[source], "y").at(...at)),
    ),
  ]);
}

const RULES = {
  Add: add,
  AvgPool2d: avgPool2d,
  ChannelAffine: ofOne(channelAffine),
  Concat: concat,
  Conv2d: conv2d,
  GlobalAvgPool2d: globalAvgPool2d,
  Linear: linear,
  MaxPool2d: maxPool2d,
  ReLU: ofOne((x) => addUp("max(x, 0)", [one("x", x)], { relu: true })),
  Reshape: reshape,
  Scale: ofOne((x, node) => addUp("factor * x", [one("factor", node.settings.factor), one("x", x)])),
  Tanh: ofOne(tanh),
};
