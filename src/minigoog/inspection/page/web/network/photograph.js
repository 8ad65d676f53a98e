// ---- From a photograph to the input of the network, as data/preprocess.py does it ----

const GREY = [0.299, 0.587, 0.114].map(Math.fround); // luma of RGB

/** The part of an image {h, w, c: 3, data} that the network sees, in its size and with its channels, from 0 to 255. */
function middleOf(image) {
  const [h, w, c] = facts.preprocess.input_size;
  const cut = centreOf(sized(image, facts.preprocess), h, w);
  return c === 3 ? cut : grey(cut);
}

/** `resize`: a length for the shorter side, [height, width], or a part of each side, which is cut out first. */
function sized(image, { resize, input_size: [h, w], interpolation, antialias }) {
  if (Array.isArray(resize)) return resized(image, ...resize, interpolation, antialias);
  if (Number.isInteger(resize) && resize > 1) {
    const long = (side) => Math.floor((resize * side) / Math.min(image.h, image.w));
    return resized(image, long(image.h), long(image.w), interpolation, antialias);
  }
  const cut = centreOf(image, ...[image.h, image.w].map((side) => Math.max(1, toEven(side * resize))));
  return resized(cut, h, w, interpolation, antialias);
}

function centreOf(image, height, width) {
  const [top, left] = [toEven((image.h - height) / 2), toEven((image.w - width) / 2)];
  const data = new Uint8ClampedArray(height * width * image.c);
  for (let i = 0; i < height; i++) {
    const start = ((top + i) * image.w + left) * image.c;
    data.set(image.data.subarray(start, start + width * image.c), i * width * image.c);
  }
  return { h: height, w: width, c: image.c, data };
}

/** The nearest integer; of two the even one. */
const toEven = (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

function grey({ h, w, data }) {
  const luma = (p) => GREY.reduce((sum, share, k) => sum + share * data[3 * p + k], 0);
  return { h, w, c: 1, data: Float32Array.from({ length: h * w }, (_, p) => luma(p)) };
}

/** (pixels - mean) / std in float32, in the network's order of channels: [h, w, c]. */
function normalized({ c, data }) {
  const { mean, std, colours } = facts.preprocess;
  const y = new Float32Array(data.length);
  for (let p = 0; p < data.length; p += c)
    for (let k = 0; k < c; k++) {
      const x = data[p + (colours === "BGR" ? c - 1 - k : k)];
      y[p + k] = Math.fround(x - Math.fround(mean[k])) / Math.fround(std[k]);
    }
  return y;
}
