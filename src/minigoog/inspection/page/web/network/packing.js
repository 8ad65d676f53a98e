// ---- Weights, packed by the C kernels as those read them ----

/** Packs the weights of one or more calls; `pack`: see running.py. */
class Packer {
  constructor(kernels, places, constants, machine) {
    Object.assign(this, { kernels, places, constants, machine });
    const most = Math.max(0, ...facts.network.packs.map((pack) => sizeOf(pack)));
    this.plain = places.take(4 * most);
    this.bias = places.take(4 * most);
  }

  pack(pack) {
    const { weights, bias } = inPass("forward", () => weightsFor(pack));
    this.places.floats(this.plain, weights.data.length).set(weights.data);
    if (bias) this.places.floats(this.bias, bias.length).set(bias);
    const at = this.constants + 4 * pack.at;
    this[pack.kernel](pack, weights, bias ? this.bias : 0, at);
    if (pack.bias !== null) this.places.floats(this.constants + 4 * pack.bias, bias.length).set(bias);
  }

  /** The panels of each group, one after the other, with the bias in them. */
  direct({ groups }, { shape, data }, bias, at) {
    const [k, cout] = [data.length / shape.at(-1), shape.at(-1) / groups];
    const { mg_pack_weights, mg_panels_size } = this.kernels;
    for (let g = 0; g < groups; g++, at += 4 * mg_panels_size(k, cout, this.machine)) {
      if (groups > 1) this.places.floats(this.plain, k * cout).set(columnsOf({ shape, data }, g, groups));
      mg_pack_weights(k, cout, this.plain, bias && bias + 4 * g * cout, at, this.machine);
    }
  }

  winograd({ side }, { shape: [taps, , cin, cout] }, bias, at) {
    this.kernels.mg_winograd_pack(side, taps, cin, cout, this.plain, at, this.machine);
  }

  depthwise(pack, { data }, bias, at) {
    this.places.floats(at, data.length).set(data);
  }
}

const sizeOf = ({ nodes: numbers }) =>
  numbers.reduce((sum, number) => sum + facts.arrays[nodes[number].weights.weight].shape.reduce((a, b) => a * b, 1), 0);

/** The weights [.., output channels] and the bias (null if none of its nodes has one) that the calls of a pack read. */
function weightsFor({ nodes: numbers, part, parts, bias: apart }) {
  const all = numbers.map((number) => weightsOf(nodes[number], "weight"));
  const biases = numbers.map((number) => weightsOf(nodes[number], "bias")?.data ?? null);
  const weights = sideBySide(all);
  const cout = weights.shape.at(-1);
  const some = biases.some(Boolean) || apart !== null;
  const bias = some ? joined(biases.map((b, i) => b ?? new Float32Array(all[i].shape.at(-1)))) : null;
  const width = cout / parts;
  const own = parts > 1 ? { shape: [...weights.shape.slice(0, -1), width], data: columnsOf(weights, part, parts) } : weights;
  return { weights: own, bias: bias && bias.subarray(part * width, (part + 1) * width) };
}

/** Weights with their output channels side by side. */
function sideBySide(all) {
  if (all.length === 1) return all[0];
  const width = all.reduce((sum, { shape }) => sum + shape.at(-1), 0);
  const rows = all[0].data.length / all[0].shape.at(-1);
  const data = new Float32Array(rows * width);
  let first = 0;
  for (const { shape, data: own } of all) {
    const n = shape.at(-1);
    for (let r = 0; r < rows; r++) data.set(own.subarray(r * n, (r + 1) * n), r * width + first);
    first += n;
  }
  return { shape: [...all[0].shape.slice(0, -1), width], data };
}

/** Part number `part` of `parts` of the output channels. */
function columnsOf({ shape, data }, part, parts) {
  const [cout, width] = [shape.at(-1), shape.at(-1) / parts];
  const rows = data.length / cout;
  const own = new Float32Array(rows * width);
  for (let r = 0; r < rows; r++) own.set(data.subarray(r * cout + part * width, r * cout + (part + 1) * width), r * width);
  return own;
}
