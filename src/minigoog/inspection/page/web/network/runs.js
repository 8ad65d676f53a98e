// ---- Runs: the maps of forward passes that the page has made ----

/** The maps of one forward pass, copied when it ended. */
class Run {
  constructor(network) {
    const { sizes } = facts.network;
    this.areas = { [ARENA]: network.floatsAt(ARENA, 0, sizes[1]).slice(), [INPUT]: network.floatsAt(INPUT, 0, sizeOfMap(nodes[0])).slice() };
    this.planes = new Map();
  }

  /** The map of a node: see mapOf. */
  map(number) {
    const [area, offset, ld] = facts.network.maps[number];
    const [h, w, c] = nodes[number].shape;
    return viewOf(this.areas[area].subarray(offset, offset + (h * w - 1) * ld + c), ld, h, w, c);
  }

  /** Its planes [c, h, w]. */
  planesOf(number) {
    if (!this.planes.has(number)) {
      const map = this.map(number);
      this.planes.set(number, joined(range(map.c).map((k) => map.plane(k))));
    }
    return this.planes.get(number);
  }
}

/** network: null if this browser cannot run it, for the reason `whyNot`. recorded: the pass on the image and with the weights that came with
 * the page, to which all gradients belong; now: that of what the learner has made of them; other: one kept to be compared with.
 * gradient: those of the recorded pass from another class (gradients.js), or null: those that the page stores. originals: weights as they
 * were recorded, of nodes that have others now, {shape, data} by number. */
const runs = { network: null, recorded: null, now: null, other: null, gradient: null, originals: new Map(), whyNot: null, ms: 0 };
/** The pass whose maps mapOf gives: backward, those that the gradients belong to. run: the network while it runs. */
const reading = { pass: "forward", run: null };

const runRead = () => reading.run ?? (reading.pass === "forward" ? runs.now : runs.recorded);

/** Calls a function that reads the maps of a pass, or of a run. */
const inPass = (pass, compute) => readingFrom({ pass }, compute);
const fromRun = (run, compute) => readingFrom({ run }, compute);

function readingFrom(what, compute) {
  const before = { ...reading };
  Object.assign(reading, what);
  try {
    return compute();
  } finally {
    Object.assign(reading, before);
  }
}

const sizeOfMap = ({ shape }) => shape.reduce((a, b) => a * b, 1);

/** Loads the kernels and runs the recorded image; where that is impossible, the page shows what it stores. */
async function startNetwork() {
  if (!facts.network) return (runs.whyNot = facts.whyNot);
  try {
    runs.network = new Network(await loadKernels());
    runs.recorded = pass(recordedImage());
    runs.now = runs.recorded;
  } catch (error) {
    Object.assign(runs, { network: null, recorded: null, now: null, whyNot: error.message });
  }
}

/** A forward pass: a Run. */
function pass(image, silenced) {
  const start = performance.now();
  runs.network.run(image, silenced);
  runs.ms = performance.now() - start;
  return new Run(runs.network);
}

/** The input of the recorded forward pass, [h, w, c]. */
function recordedImage() {
  const [h, w, c] = nodes[0].shape;
  const { data } = array(nodes[0].y.array);
  const image = new Float32Array(h * w * c);
  for (let k = 0; k < c; k++) for (let p = 0; p < h * w; p++) image[p * c + k] = data[k * h * w + p];
  return image;
}
