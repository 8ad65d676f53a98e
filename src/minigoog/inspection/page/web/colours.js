// ---- Colours: dark is 0, orange to white is above, blue to white below ----

const STOPS = {
  above: [
    [18, 18, 28],
    [122, 28, 60],
    [228, 89, 27],
    [252, 178, 62],
    [255, 250, 214],
  ],
  below: [
    [18, 18, 28],
    [24, 54, 122],
    [32, 112, 196],
    [96, 184, 236],
    [226, 248, 255],
  ],
};

/** The colour [red, green, blue] of a number from -1 to 1. */
function colourOf(x) {
  const stops = x < 0 ? STOPS.below : STOPS.above;
  const place = Math.min(Math.abs(x), 1) * (stops.length - 1);
  const k = Math.min(Math.floor(place), stops.length - 2);
  return stops[k].map((from, channel) => from + (stops[k + 1][channel] - from) * (place - k));
}

const TABLE = range(511).map((i) => colourOf((i - 255) / 255).map(Math.round)); // of -1 to 1 in steps of 1/255
const PALETTE = Uint32Array.from(TABLE, ([red, green, blue]) => red | (green << 8) | (blue << 16) | 0xff000000); // as bytes of a picture
const css = (x) => `rgb(${TABLE[Math.round(Math.max(-1, Math.min(1, x)) * 255) + 255].join(" ")})`;

/** Whether white is easier to read than black on the colour of a number: by its relative luminance (WCAG 2). */
function isDark(x) {
  const [red, green, blue] = colourOf(Math.max(-1, Math.min(1, x))).map((k) => (k <= 10 ? k / 3295 : ((k / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179;
}

/** The largest absolute value of numbers; 1 if all are 0, so that division by it is possible. */
function largestOf(data) {
  let largest = 0;
  for (const x of data) largest = Math.max(largest, Math.abs(x));
  return largest || 1;
}

/** Numbers [h, w] as an ImageData, in colours from -largest to largest. */
function pictureOf(data, h, w, largest = largestOf(data)) {
  const picture = new ImageData(w, h);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let i = 0; i < h * w; i++) pixels[i] = PALETTE[Math.round(Math.max(-1, Math.min(1, data[i] / largest)) * 255) + 255];
  return picture;
}

/** A canvas that holds numbers [h, w], a pixel each. */
function canvasOf(data, h, w, largest) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [w, h];
  canvas.getContext("2d").putImageData(pictureOf(data, h, w, largest), 0, 0);
  return canvas;
}

/** An element with attributes, properties (`text`, `html`, `on...`) and children. */
function make(tag, { text, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element[name] = value;
    else if (value !== undefined) element.setAttribute(name, value);
  }
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

const get = (id) => document.getElementById(id);
