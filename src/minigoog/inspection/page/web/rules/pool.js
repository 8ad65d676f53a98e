// ---- Max, average and global average pooling ----

RULES.max_pool2d = {
  output(node, i, j, c) {
    const { window, corner } = underWindow(node, i, j, c);
    const [row, column] = winnerOf(node, i, j, c);
    const value = inputMap(node).at(row, column, c);
    return { formula: "max(window)", factors: [window], parts: { [`largest, at pixel (${row}, ${column})`]: value }, value, corner };
  },

  gradient(user, k, i, j, c) {
    const { shape, pairs, dy } = windowsOver(user, i, j, c);
    const largest = pairs.map(([row, column]) => (String(winnerOf(user, row, column, c)) === String([i, j]) ? 1 : 0));
    return addUp("sum(dy * whether it was the largest)", [dy, factor("largest", shape, largest)]);
  },
};

/** The pixel that an output number of max pooling came from; backward that of the recorded pass. */
function winnerOf(node, i, j, c) {
  if (reading.pass === "forward" && runs.now) return largestUnder(node, i, j, c);
  const { data } = array(node.indices.winners);
  const [, w, channels] = node.shape;
  const place = data[(i * w + j) * channels + c];
  const { window, stride, padding, dilation } = node.settings;
  const row = Math.floor(place / window[1]) * dilation[0];
  const column = (place % window[1]) * dilation[1];
  return [i * stride[0] - padding[0] + row, j * stride[1] - padding[1] + column];
}

/** The first pixel with the largest number under a window. */
function largestUnder(node, i, j, c) {
  const x = inputMap(node);
  const { rows, columns } = windowOf(node.settings, x, i, j);
  const pixels = rows.flatMap((row) => columns.map((column) => [row.at, column.at]));
  return pixels.reduce((best, pixel) => (x.at(...pixel, c) > x.at(...best, c) ? pixel : best));
}

/** All gradients of the input of max pooling. */
RULES.max_pool2d.back = (user, k, source) => {
  const [[h, w], [outH, outW, c]] = [source.shape, user.shape];
  const [dy, dx] = [planesOf(user, "dy"), new Float32Array(h * w * c)];
  for (let o = 0; o < c; o++)
    for (let i = 0; i < outH; i++)
      for (let j = 0; j < outW; j++) {
        const [row, column] = winnerOf(user, i, j, o);
        dx[(o * h + row) * w + column] += dy[(o * outH + i) * outW + j];
      }
  return dx;
};

RULES.avg_pool2d = {
  output(node, i, j, c) {
    const { window, corner } = underWindow(node, i, j, c);
    return meanOf(window, corner, divisorOf(node.settings, inputMap(node), i, j));
  },

  gradient(user, k, i, j, c) {
    const { shape, pairs, dy } = windowsOver(user, i, j, c);
    const shares = pairs.map(([row, column]) => 1 / divisorOf(user.settings, inputMap(user), row, column));
    return addUp("sum(dy * 1 / pixels)", [dy, factor("1 / pixels", shape, shares)]);
  },
};

RULES.global_avg_pool2d = {
  output(node, i, j, c) {
    const x = inputMap(node);
    return meanOf(factor("window", [x.h, x.w], x.plane(c)), [0, 0]);
  },

  gradient(user, k, i, j, c) {
    const [h, w] = nodes[user.inputs[0]].shape;
    return addUp("dy * 1 / pixels", [one("dy", mapOf(user, "dy").at(0, 0, c)), one("1 / pixels", 1 / (h * w))]);
  },
};
