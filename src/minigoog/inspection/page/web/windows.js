// ---- The windows of convolutions and pooling ----

/** The rows or columns of a map under window `i`, and their positions in the window, without those in the padding. */
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

/** The numbers of channel `c` under a window of pooling. */
function underWindow(node, i, j, c) {
  const x = inputMap(node);
  const { rows, columns } = windowOf(node.settings, x, i, j);
  const data = Float32Array.from(rows.flatMap((row) => columns.map((column) => x.at(row.at, column.at, c))));
  return { window: factor("window", [rows.length, columns.length], data), corner: [rows[0].at, columns[0].at] };
}

/** The mean of a window. */
function meanOf(window, corner) {
  const n = window.data.length;
  return addUp("sum(window * 1 / pixels)", [window, factor("1 / pixels", window.shape, new Float64Array(n).fill(1 / n))], { corner });
}

/** The windows that contain a row (or column) `i`. */
function covering(i, size, stride, padding, n) {
  const first = Math.max(0, Math.ceil((i + padding - size + 1) / stride));
  const last = Math.min(n - 1, Math.floor((i + padding) / stride));
  return range(Math.max(0, last - first + 1)).map((k) => first + k);
}

/** The windows of a pooling that contain pixel (i, j): {shape, pairs: [[row, column], ...], dy of each}. */
function windowsOver(user, i, j, c) {
  const { window, stride, padding } = user.settings;
  const rows = covering(i, window[0], stride[0], padding[0], user.shape[0]);
  const columns = covering(j, window[1], stride[1], padding[1], user.shape[1]);
  const pairs = rows.flatMap((row) => columns.map((column) => [row, column]));
  const shape = [rows.length, columns.length];
  const sent = pairs.map(([row, column]) => mapOf(user, "dy").at(row, column, c));
  return { shape, pairs, dy: factor("dy", shape, sent) };
}
