// ---- Convolution ----

RULES.conv2d = {
  output(node, i, j, c) {
    const filter = this.filter(node, c);
    if (!filter) return null;
    const [kh, kw, cin] = filter.shape;
    const first = firstInput(node, c);
    const x = inputMap(node);
    const { rows, columns, corner } = windowOf(node.settings, x, i, j);
    const patch = new Float32Array(kh * kw * cin);
    for (const row of rows)
      for (const column of columns)
        for (let k = 0; k < cin; k++) {
          patch[(row.k * kw + column.k) * cin + k] = x.at(row.at, column.at, first + k);
        }
    return weightedSum(node, [factor("patch", filter.shape, patch), filter], c, corner);
  },

  gradient(user, k, i, j, c) {
    const w = weightsOf(user, "weight");
    if (!w) return null;
    const [kh, kw, cin, cout] = w.shape;
    const { stride, padding, dilation, groups } = user.settings;
    const width = cout / groups;
    const first = Math.floor(c / cin) * width;
    const dzAt = gradientBeforeRelu(user);
    const rows = outputsOf(i, kh, stride[0], padding[0], dilation[0], user.shape[0]);
    const columns = outputsOf(j, kw, stride[1], padding[1], dilation[1], user.shape[1]);
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
  },

  /** All gradients of the input: in groups each weight times a row of dz is added to a row of dx. */
  back(user, k, source) {
    if (user.settings.groups === 1) return convolvedBack(user, source);
    const [[h, w, channels], [outH, outW, cout]] = [source.shape, user.shape];
    const { shape: [kh, kw, cin], data } = weightsOf(user, "weight"); // prettier-ignore
    const { stride, padding, dilation, groups } = user.settings;
    const [dz, dx] = [planesBeforeRelu(user), new Float32Array(channels * h * w)];
    const add = (weight, o, c, ky, kx) => {
      const [down, right] = [ky * dilation[0] - padding[0], kx * dilation[1] - padding[1]];
      const [first, end] = [Math.max(0, Math.ceil(-right / stride[1])), Math.min(outW, Math.floor((w - 1 - right) / stride[1]) + 1)];
      for (let i = 0; i < outH; i++) {
        const row = i * stride[0] + down;
        if (row < 0 || row >= h) continue;
        const [from, to] = [(o * outH + i) * outW, (c * h + row) * w + right];
        for (let j = first; j < end; j++) dx[to + j * stride[1]] += weight * dz[from + j];
      }
    };
    for (let o = 0; o < cout; o++) {
      const start = Math.floor(o / (cout / groups)) * cin;
      for (let ky = 0; ky < kh; ky++)
        for (let kx = 0; kx < kw; kx++) for (let c = 0; c < cin; c++) add(data[((ky * kw + kx) * cin + c) * cout + o], o, start + c, ky, kx);
    }
    return dx;
  },

  /** The filter of output channel `c` as a factor [kh, kw, cin]; null if the page does not store it. */
  filter(node, c) {
    const w = weightsOf(node, "weight");
    if (!w) return null;
    const [kh, kw, cin, cout] = w.shape;
    const data = Float32Array.from({ length: kh * kw * cin }, (_, p) => w.data[p * cout + c]);
    return factor("filter", [kh, kw, cin], data);
  },

  /** The gradient of that filter: the sum over all pixels of the input times dz. */
  filterGradient(node, c) {
    const filter = this.filter(node, c);
    if (!filter || !node.dy) return null;
    const [kh, kw, cin] = filter.shape;
    const x = inputMap(node);
    const first = firstInput(node, c);
    const dzAt = gradientBeforeRelu(node);
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
    return factor("gradient", filter.shape, sums);
  },
};

/** The first input channel of the group that output channel `c` is in. */
function firstInput(node, c) {
  const [, , cin, cout] = weightsOf(node, "weight").shape;
  return Math.floor(c / (cout / node.settings.groups)) * cin;
}

/** For each row (or column) k of a filter the output position that input position `i` contributes to through it; -1 if there is none. */
function outputsOf(i, size, stride, padding, dilation, n) {
  return range(size).map((k) => {
    const position = (i + padding - k * dilation) / stride;
    return Number.isInteger(position) && position >= 0 && position < n ? position : -1;
  });
}
