// ---- The network, run in the page: the plan of running.py, made by the C kernels ----

const [ARENA, INPUT] = [2, 4]; // of enum mg_area

class Network {
  constructor(kernels) {
    const { calls, sizes } = facts.network;
    this.kernels = kernels;
    this.places = new Places(kernels);
    this.machine = this.places.put([PLAIN, 1]);
    this.calls = this.places.put(array(calls).data);
    const [constants, arena, image] = [...sizes, nodes[0].shape.reduce((a, b) => a * b, 1)].map((n) => this.places.take(4 * n));
    const scratch = this.places.take(4 * kernels.mg_plan_scratch(this.calls, facts.network.count, this.machine));
    this.areas = [0, constants, arena, 0, image]; // by enum mg_area
    this.memory = this.places.put([this.places.put(this.areas), 0, scratch]);
    this.packer = new Packer(kernels, this.places, constants, this.machine);
    for (const [at, number] of facts.network.constants) this.floatsAt(1, at, array(number).data.length).set(array(number).data);
    facts.network.packs.forEach((pack) => this.packer.pack(pack));
  }

  floatsAt(area, offset, n) {
    return this.places.floats(this.areas[area] + 4 * offset, n);
  }

  /** Packs the weights of a node again, after one of them has changed. */
  packAgain(number) {
    facts.network.packs.filter((pack) => pack.nodes.includes(number)).forEach((pack) => this.packer.pack(pack));
  }

  /** Runs the network on an image [h, w, c]. silenced: number of a node -> the channels of its map that become 0. */
  run(image, silenced = new Map()) {
    this.floatsAt(INPUT, 0, image.length).set(image);
    const stops = [...silenced].map(([number, channels]) => ({ number, channels, after: facts.network.maps[number][3] }));
    let [made, inC] = [0, 0];
    this.silence(stops, 0);
    for (const { calls, node } of facts.network.segments) {
      if (node !== undefined) {
        this.runRule(node);
        this.silence(stops, ++made);
        continue;
      }
      for (const end = made + calls; made < end; ) {
        const next = Math.min(end, ...stops.map(({ after }) => after).filter((after) => after > made));
        this.kernels.mg_run_plan(this.calls + this.callSize * inC, next - made, this.memory, 0, this.machine);
        inC += next - made;
        made = next;
        this.silence(stops, made);
      }
    }
  }

  get callSize() {
    return (4 * array(facts.network.calls).data.length) / facts.network.count;
  }

  /** An operation without a kernel in C: its rule gives every number. */
  runRule(number) {
    const [node, to] = [nodes[number], this.map(number)];
    const rule = RULES[node.rule];
    const xs = node.inputs.map((source) => this.map(source));
    if (rule.run) return rule.run(node, to, ...xs);
    fromRun(this, () => {
      for (let i = 0; i < to.h; i++)
        for (let j = 0; j < to.w; j++) for (let c = 0; c < to.c; c++) to.set(i, j, c, rule.output(node, i, j, c).value);
    });
  }

  silence(stops, made) {
    for (const { number, channels, after } of stops) {
      if (after !== made) continue;
      const map = this.map(number);
      for (const c of channels) for (let i = 0; i < map.h; i++) for (let j = 0; j < map.w; j++) map.set(i, j, c, 0);
    }
  }

  /** The map of a node as it is in memory now: as mapOf, and `set`. */
  map(number) {
    const [area, offset, ld] = facts.network.maps[number];
    const [h, w, c] = nodes[number].shape;
    const data = this.floatsAt(area, offset, (h * w - 1) * ld + c);
    return viewOf(data, ld, h, w, c);
  }
}

/** A map whose pixels lie `ld` floats apart in `data`. */
function viewOf(data, ld, h, w, c) {
  return {
    h,
    w,
    c,
    data,
    ld,
    at: (i, j, k) => data[(i * w + j) * ld + k],
    set: (i, j, k, x) => (data[(i * w + j) * ld + k] = x),
    plane(k) {
      const values = new Float32Array(h * w);
      for (let p = 0; p < h * w; p++) values[p] = data[p * ld + k];
      return values;
    },
  };
}
