// ---- Local response normalisation ----

RULES.lrn = {
  /** In float32, in the order of ops/lrn.py, so that the bits are the same (beta 0.75). */
  run({ settings: { size, alpha, beta, k } }, y, x) {
    const f = Math.fround;
    const [half, share, start] = [(size - 1) / 2, f(alpha / size), f(k)];
    const [squares, sums] = [0, 0].map(() => new Float32Array(x.c + size - 1));
    for (let p = 0; p < x.h * x.w; p++) {
      squares.fill(0); // those before the first channel and after the last
      for (let c = 0, at = p * x.ld; c < x.c; c++) squares[half + c] = x.data[at + c] ** 2;
      addNeighbours(squares, size, sums);
      for (let c = 0; c < x.c; c++) y.data[p * y.ld + c] = x.data[p * x.ld + c] / powerOf(f(f(sums[c] * share) + start), beta);
    }
  },

  /** All gradients of the input, as `gradient` gives them. */
  back(user, k, source) {
    const [x, dy] = [planesOf(source, "y"), planesOf(user, "dy")];
    const { size, alpha, beta, k: start } = user.settings;
    const [pixels, channels, half] = [source.shape[0] * source.shape[1], source.shape[2], (size - 1) / 2];
    const [dx, d, terms] = [new Float32Array(x.length), new Float64Array(channels), new Float64Array(channels)];
    const around = (c, value) => {
      let sum = 0;
      for (let o = Math.max(0, c - half); o <= Math.min(channels - 1, c + half); o++) sum += value(o);
      return sum;
    };
    for (let p = 0; p < pixels; p++) {
      const at = (c) => c * pixels + p;
      for (let c = 0; c < channels; c++) d[c] = start + (alpha / size) * around(c, (o) => x[at(o)] ** 2);
      for (let c = 0; c < channels; c++) terms[c] = (x[at(c)] * dy[at(c)]) / d[c] ** (beta + 1);
      for (let c = 0; c < channels; c++)
        dx[at(c)] = dy[at(c)] / d[c] ** beta - ((2 * alpha * beta) / size) * x[at(c)] * around(c, (o) => terms[o]);
    }
    return dx;
  },

  output(node, i, j, c) {
    const x = inputMap(node);
    const around = channelsAround(node, x, c).map((o) => x.at(i, j, o));
    const d = denominatorAt(node, i, j, c);
    const power = d ** node.settings.beta;
    const parts = { x: x.at(i, j, c), "d = k + alpha / size * sum of squares": d, "d ** beta": power };
    return { formula: "x / d ** beta", factors: [factor("x around", [around.length], around)], parts, value: x.at(i, j, c) / power };
  },

  gradient(user, k, i, j, c) {
    const [x, dy] = [inputMap(user), mapOf(user, "dy")];
    const { size, alpha, beta } = user.settings;
    const sent = (o, power) => dy.at(i, j, o) / denominatorAt(user, i, j, o) ** power;
    const terms = channelsAround(user, x, c).map((o) => x.at(i, j, o) * sent(o, beta + 1));
    const sum = terms.reduce((total, term) => total + term, 0);
    const own = sent(c, beta);
    const parts = { "dy / d ** beta": own, "sum around it of dy * x / d ** (beta + 1)": sum };
    const formula = "dy / d ** beta - 2 * alpha * beta / size * x * sum(dy * x / d ** (beta + 1))";
    const factors = [factor("dy * x / d ** (beta + 1) around", [terms.length], terms)];
    return { formula, factors, parts, value: own - ((2 * alpha * beta) / size) * x.at(i, j, c) * sum };
  },
};

/** sums = the sums of `size` successive numbers of `a`: sums of 1, 2, 4, ... of them are added, as in ops/lrn.py. `a` is overwritten. */
function addNeighbours(a, size, sums) {
  const n = a.length;
  sums.set(a);
  for (let width = 1, covered = 1; covered < size; ) {
    for (let i = 0; i < n - width; i++) a[i] += a[i + width];
    width *= 2;
    if (!(size & width)) continue;
    for (let i = 0; i < n - covered; i++) sums[i] += a[i + covered];
    covered += width;
  }
}

/** d ** beta as a float32. */
function powerOf(d, beta) {
  if (beta !== 0.75) return Math.fround(d ** beta);
  const root = Math.fround(Math.sqrt(d));
  return Math.fround(Math.fround(Math.sqrt(root)) * root);
}

/** The channels around channel `c`, of those that exist. */
function channelsAround(node, x, c) {
  const half = Math.floor(node.settings.size / 2);
  return range(node.settings.size)
    .map((k) => c - half + k)
    .filter((o) => o >= 0 && o < x.c);
}

/** d of the number at (i, j, c): k + alpha / size * the sum of the squares around it. */
function denominatorAt(node, i, j, c) {
  const x = inputMap(node);
  const squares = channelsAround(node, x, c).reduce((sum, o) => sum + x.at(i, j, o) ** 2, 0);
  return node.settings.k + (node.settings.alpha / node.settings.size) * squares;
}
