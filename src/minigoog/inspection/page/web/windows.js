// ---- The windows of convolutions and pooling ----

/** The rows or columns of a map under window `i`, and their positions in the window, without those in the padding. */
function span(i, size, stride, padding, dilation, n) {
  const start = i * stride - padding;
  return range(size)
    .map((k) => ({ at: start + k * dilation, k }))
    .filter(({ at }) => at >= 0 && at < n);
}

function windowOf(settings, map, i, j) {
  const { window, stride, padding, dilation } = settings;
  return {
    rows: span(i, window[0], stride[0], padding[0], dilation[0], map.h),
    columns: span(j, window[1], stride[1], padding[1], dilation[1], map.w),
    corner: [i * stride[0] - padding[0], j * stride[1] - padding[1]],
  };
}

/** The numbers of channel `c` under a window of pooling. */
function underWindow(node, i, j, c) {
  const x = inputMap(node);
  const { rows, columns } = windowOf(node.settings, x, i, j);
  const data = Float32Array.from(rows.flatMap((row) => columns.map((column) => x.at(row.at, column.at, c))));
  return { window: factor("window", [rows.length, columns.length], data), corner: [rows[0].at, columns[0].at] };
}

/** The mean of a window; `pixels`: by how many it divides, if not by those of the window. */
function meanOf(window, corner, pixels = window.data.length) {
  const share = new Float64Array(window.data.length).fill(1 / pixels);
  return addUp("sum(window * 1 / pixels)", [window, factor("1 / pixels", window.shape, share)], { corner });
}

/** By how many pixels the mean of window (i, j) divides: those inside the map, or also those of its padding. */
function divisorOf(settings, map, i, j) {
  const { window, stride, padding, dilation } = settings;
  if (!settings.countPadding) {
    const { rows, columns } = windowOf(settings, map, i, j);
    return rows.length * columns.length;
  }
  const rows = span(i, window[0], stride[0], 0, dilation[0], padding[0] + map.h + padding[2]);
  const columns = span(j, window[1], stride[1], 0, dilation[1], padding[1] + map.w + padding[3]);
  return rows.length * columns.length;
}

/** The windows that contain a row (or column) `i`. */
function covering(i, size, stride, padding, dilation, n) {
  return range(n).filter((k) => {
    const distance = i + padding - k * stride;
    return distance >= 0 && distance < size * dilation && distance % dilation === 0;
  });
}

/** The windows of a pooling that contain pixel (i, j): {shape, pairs: [[row, column], ...], dy of each}. */
function windowsOver(user, i, j, c) {
  const { window, stride, padding, dilation } = user.settings;
  const rows = covering(i, window[0], stride[0], padding[0], dilation[0], user.shape[0]);
  const columns = covering(j, window[1], stride[1], padding[1], dilation[1], user.shape[1]);
  const pairs = rows.flatMap((row) => columns.map((column) => [row, column]));
  const shape = [rows.length, columns.length];
  const sent = pairs.map(([row, column]) => mapOf(user, "dy").at(row, column, c));
  return { shape, pairs, dy: factor("dy", shape, sent) };
}
