// ---- Resizing as Pillow does it: each pixel is a mean over all that it covers, in integers, columns first ----

const FILTERS_OF_SIZE = {
  // how far each looks, and the share of a pixel at a distance
  box: [0.5, (x) => (x > -0.5 && x <= 0.5 ? 1 : 0)],
  bilinear: [1, (x) => Math.max(0, 1 - Math.abs(x))],
  bicubic: [2, (x) => cubic(Math.abs(x), -0.5)],
};
const UNIT = 2 ** 22; // 1 as an integer

const cubic = (x, a) => (x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0);

/** An image {h, w, c, data} of bytes at another size. */
function resized(image, h, w, interpolation, antialias = true) {
  if (h === image.h && w === image.w) return image;
  if (!antialias) return plainBilinear(image, h, w);
  if (interpolation === "nearest") return nearest(image, h, w);
  const narrow = w === image.w ? image : alongRows(image, w, interpolation);
  return h === image.h ? narrow : transposed(alongRows(transposed(narrow), h, interpolation));
}

function nearest({ h, w, c, data }, height, width) {
  const y = { h: height, w: width, c, data: new Uint8ClampedArray(height * width * c) };
  const at = (i, old, size) => Math.floor(((i + 0.5) * old) / size);
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++)
      for (let k = 0; k < c; k++) y.data[(i * width + j) * c + k] = data[(at(i, h, height) * w + at(j, w, width)) * c + k];
  return y;
}

/** Every row at another length. */
function alongRows({ h, w, c, data }, width, interpolation) {
  const y = { h, w: width, c, data: new Uint8ClampedArray(h * width * c) };
  sharesOf(w, width, ...FILTERS_OF_SIZE[interpolation]).forEach(({ first, shares }, j) => {
    for (let i = 0; i < h; i++)
      for (let k = 0; k < c; k++) {
        let sum = UNIT / 2;
        for (let s = 0; s < shares.length; s++) sum += data[(i * w + first + s) * c + k] * shares[s];
        y.data[(i * width + j) * c + k] = Math.floor(sum / UNIT); // clamped to a byte
      }
  });
  return y;
}

/** For each of `size` pixels the first of `old` that it covers, and the shares of those from it on, in units. */
function sharesOf(old, size, reach, share) {
  const scale = old / size;
  const wide = Math.max(scale, 1);
  return range(size).map((j) => {
    const centre = (j + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach * wide + 0.5));
    const end = Math.min(old, Math.trunc(centre + reach * wide + 0.5));
    const shares = range(end - first).map((k) => share((k + first - centre + 0.5) / wide));
    const sum = shares.reduce((a, b) => a + b, 0);
    return { first, shares: shares.map((x) => Math.trunc((x / sum) * UNIT + (x < 0 ? -0.5 : 0.5))) };
  });
}

/** An image at another size, each pixel from the four nearest only, also where it shrinks: without antialias, as TensorFlow does it. */
function plainBilinear({ h, w, c, data }, height, width) {
  const f = Math.fround;
  const y = { h: height, w: width, c, data: new Uint8ClampedArray(height * width * c) };
  const [rows, columns] = [neighbours(h, height), neighbours(w, width)];
  const between = (a, b, share) => f(f(a * f(1 - share)) + f(b * share));
  rows.forEach(([top, bottom, down], i) =>
    columns.forEach(([left, right, along], j) => {
      for (let k = 0; k < c; k++) {
        const inRow = (row) => between(data[(row * w + left) * c + k], data[(row * w + right) * c + k], along);
        y.data[(i * width + j) * c + k] = toEven(between(inRow(top), inRow(bottom), down));
      }
    }),
  );
  return y;
}

/** [index before, index after, share of the latter] of each of `size` pixels along an axis of `old`. */
function neighbours(old, size) {
  return range(size).map((i) => {
    const at = Math.min(Math.max((i + 0.5) * (old / size) - 0.5, 0), old - 1);
    const first = Math.trunc(at);
    return [first, Math.min(first + 1, old - 1), Math.fround(at - first)];
  });
}

/** Rows become columns. */
function transposed({ h, w, c, data }) {
  const y = { h: w, w: h, c, data: new Uint8ClampedArray(data.length) };
  for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) for (let k = 0; k < c; k++) y.data[(j * h + i) * c + k] = data[(i * w + j) * c + k];
  return y;
}
