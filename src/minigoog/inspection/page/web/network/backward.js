// ---- The gradient of a convolution's input by the C kernels: a convolution of dz with the weights flipped ----

/** dx, planes, of a convolution `user` without groups. */
function convolvedBack(user, source) {
  const { kernels, places, machine } = runs.network;
  const before = places.end; // what is taken here is given back
  const { shape: [kh, kw, cin, cout], data } = weightsOf(user, "weight"); // prettier-ignore
  const [h, w] = source.shape;
  const [plain, flipped] = [0, 0].map(() => places.take(4 * data.length));
  const panels = places.take(4 * kernels.mg_panels_size(kh * kw * cout, cin, machine));
  const canvas = canvasSize(user, source);
  const x = places.take(4 * canvas[0] * canvas[1] * cout);
  const y = places.take(4 * h * w * cin);
  const { dilation } = user.settings;
  const settings = places.put([1, ...canvas, cout, kh, kw, 1, 1, ...dilation, h, w, cin, cout, cin, 0, 0, 0, 0, 0, 1]); // struct mg_conv
  places.floats(plain, data.length).set(data);
  kernels.mg_flip_weights(kh, kw, cin, cout, plain, flipped, machine);
  kernels.mg_pack_weights(kh * kw * cout, cin, flipped, 0, panels, machine);
  placeDz(user, planesBeforeRelu(user), canvas, places.floats(x, canvas[0] * canvas[1] * cout));
  kernels.mg_conv2d_direct(settings, x, panels, 0, y, machine);
  const dx = viewOf(places.floats(y, h * w * cin), cin, h, w, cin);
  places.end = before;
  return joined(range(cin).map((c) => dx.plane(c)));
}

/** The size of the canvas under the flipped windows of all pixels of the input. */
const canvasSize = ({ settings: { window, dilation } }, { shape }) => [0, 1].map((axis) => shape[axis] + (window[axis] - 1) * dilation[axis]);

/** Writes planes of dz onto a canvas [h, w, c], its pixels a stride apart, zeros between and around them. */
function placeDz(user, dz, [h, w], canvas) {
  const { window, stride, padding, dilation } = user.settings;
  const [outH, outW, c] = user.shape;
  const [top, left] = [0, 1].map((axis) => (window[axis] - 1) * dilation[axis] - padding[axis]);
  canvas.fill(0);
  for (let i = 0; i < outH; i++)
    for (let j = 0; j < outW; j++) {
      const [row, column] = [i * stride[0] + top, j * stride[1] + left];
      if (row < 0 || row >= h || column < 0 || column >= w) continue;
      for (let o = 0; o < c; o++) canvas[(row * w + column) * c + o] = dz[(o * outH + i) * outW + j];
    }
}
