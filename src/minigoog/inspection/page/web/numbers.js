// ---- The numbers of the page: facts about each operation, and arrays ----

const facts = JSON.parse(document.getElementById("facts").textContent);
const nodes = facts.nodes;
nodes.forEach((node, number) => (node.number = number));
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%()*+,-.:;=?@[]^_{|}";
let buffer; // the bytes of all arrays
const unpacked = new Map(); // number of an array -> the result of `array`

/** Unpacks the bytes of all arrays: text in base 85, then zlib. */
async function loadNumbers() {
  const element = document.getElementById("numbers");
  const compressed = bytesOf(element.textContent.trim()).slice(0, facts.packed);
  element.remove();
  const reader = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const parts = [];
  for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
  buffer = await new Blob(parts).arrayBuffer();
}

/** Bytes from text: each 5 digits in base 85 are 4 bytes. */
function bytesOf(text) {
  const value = new Uint8Array(128);
  for (let i = 0; i < DIGITS.length; i++) value[DIGITS.charCodeAt(i)] = i;
  const digits = new TextEncoder().encode(text);
  const view = new DataView(new ArrayBuffer((digits.length / 5) * 4));
  for (let i = 0, at = 0; i < digits.length; i += 5, at += 4) {
    const digit = (k) => value[digits[i + k]];
    view.setUint32(at, (((digit(0) * 85 + digit(1)) * 85 + digit(2)) * 85 + digit(3)) * 85 + digit(4));
  }
  return view.buffer;
}

/** The array of this number: {shape, data}, data as float32; integers are multiplied by the scale of their channel. */
function array(number) {
  if (!unpacked.has(number)) unpacked.set(number, unpack(facts.arrays[number]));
  return unpacked.get(number);
}

function unpack({ shape, kind, at, scales, planes }) {
  const size = shape.reduce((a, b) => a * b, 1);
  if (kind === "f4") return { shape, data: new Float32Array(buffer, at, size) };
  if (kind === "u4") return { shape, data: new Uint32Array(buffer, at, size) };
  const whole = kind === "i1" ? new Int8Array(buffer, at, size) : new Uint8Array(buffer, at, size);
  if (scales === undefined) return { shape, data: whole };
  const channels = planes ? shape[0] : shape[shape.length - 1];
  const scale = new Float32Array(buffer, scales, channels);
  const [step, along] = planes ? [1, size / channels] : [channels, 1]; // between the numbers of a channel, and between channels
  const data = new Float32Array(size);
  for (let c = 0; c < channels; c++) for (let i = 0, at = c * along; i < size / channels; i++, at += step) data[at] = whole[at] * scale[c];
  return { shape, data };
}

/** The output ("y") or its gradient ("dy") of a node: {h, w, c, at(row, column, channel), plane(channel)}; null if there is none.
 *
 * Outputs are those of the pass that is read (network/runs.js), or where the page cannot run the network, those that it stores. */
function mapOf(node, which) {
  if (which === "y" && runRead()) return runRead().map(node.number);
  if (which === "dy" && runs.gradient) return mapOfPlanes(node, runs.gradient.planes.get(node.number));
  if (!node[which] || (node[which].user !== undefined && mapsAreMissing())) return null;
  return mapOfPlanes(node, planesOf(node, which));
}

/** A map from its planes [c, h, w]; null without them. */
function mapOfPlanes({ shape: [h, w, c] }, data) {
  if (!data) return null;
  return {
    h,
    w,
    c,
    at: (i, j, k) => data[(k * h + i) * w + j],
    plane: (k) => data.subarray(k * h * w, (k + 1) * h * w),
  };
}

/** Whether the page neither stores the outputs nor can compute them. */
const mapsAreMissing = () => !runRead() && nodes.some((node) => !node.y);

const computed = new Map(); // "number of a node, y or dy" -> its planes, where the page does not store them

/** The planes [c, h, w] of a node's output or gradient: stored, or computed from those of other nodes. */
function planesOf(node, which) {
  if (which === "y" && runRead()) return runRead().planesOf(node.number);
  if (which === "dy" && runs.gradient) return runs.gradient.planes.get(node.number);
  const { array: number, from } = node[which];
  const size = node.shape.reduce((a, b) => a * b, 1);
  if (number !== undefined) {
    const start = from * node.shape[0] * node.shape[1];
    return array(number).data.subarray(start, start + size);
  }
  const key = `${node.number} ${which}`;
  if (!computed.has(key)) computed.set(key, inPass("backward", () => computePlanes(node, node[which])));
  return computed.get(key);
}

function computePlanes(node, { parts, input, user }) {
  if (parts) return joined(parts.map((number) => planesOf(nodes[number], "y")));
  const [reader, x] = user === undefined ? [node, planesOf(nodes[input], "y")] : [nodes[user], planesOf(node, "y")];
  const { value, slope } = RULES[reader.rule].derived;
  if (user === undefined) return x.map((each) => value(each, reader.settings));
  return planesOf(reader, "dy").map((dy, p) => dy * slope(x[p], reader.settings));
}

/** Arrays one after another. */
function joined(arrays) {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const each of arrays) {
    all.set(each, at);
    at += each.length;
  }
  return all;
}

/** The weights of a node by name: {shape, data}; null if it has none or the page has left them out. */
function weightsOf(node, name) {
  if (reading.pass === "backward" && name === "weight" && runs.originals.has(node.number)) return runs.originals.get(node.number);
  const number = node.weights[name];
  return number === undefined || number === null ? null : array(number);
}

/** The nodes that read the output of a node. */
const usersOf = (number) =>
  nodes.flatMap((user, i) => user.inputs.flatMap((source, k) => (source === number ? [{ user, k, number: i }] : [])));

/** A number as text, with 4 digits. */
function digits(x) {
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e-3 && size < 1e5) return Number(x.toPrecision(4)).toString();
  return x.toExponential(2).replace("+", "");
}

const shapeText = (shape) => shape.join("\u00d7");
const thousands = (n) => n.toLocaleString("en");
