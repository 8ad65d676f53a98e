// ---- The filter of the channel that is shown, and backward its gradient ----

const FILTERS = 48; // input channels whose part of a filter is drawn

function showFilters() {
  const section = get("filters");
  const rule = RULES[node().rule];
  const filter = rule?.filter?.(node(), state.channel);
  section.hidden = !filter;
  if (!filter) return section.replaceChildren();
  const gradient = direction() === "backward" && !mapsAreMissing() ? rule.filterGradient(node(), state.channel) : null;
  const parts = [filterFigure(filter, `Filter of channel ${state.channel}`)];
  if (gradient) parts.push(filterFigure(gradient, "Its gradient: training subtracts it, times the learning rate"));
  section.replaceChildren(...parts);
}

/** A filter as images: in colour if it reads a colour image, else one for each input channel, the strongest first. */
function filterFigure({ shape: [kh, kw, cin], data }, title) {
  const order = range(cin)
    .sort((a, b) => strengthOf(data, cin, b) - strengthOf(data, cin, a))
    .slice(0, FILTERS);
  const largest = largestOf(data);
  const inColour = cin === 3 && kh > 1;
  const tiles = order.map((k) => tileOf(canvasOf(partOf(data, cin, k), kh, kw, largest), kw, `input channel ${k}`));
  if (inColour) tiles.unshift(tileOf(colourFilter(data, kh, kw, largest), kw, "in colour: grey is 0"));
  const which = cin > FILTERS ? `, the ${FILTERS} strongest of ${cin} input channels` : `, ${cin} input channel${cin > 1 ? "s" : ""}`;
  const caption = `${title}: ${kh}\u00d7${kw}${inColour ? ", in colour and channel by channel" : which} (largest ${digits(largest)}${rounding()})`;
  return make("figure", {}, make("figcaption", { text: caption }), make("div", { class: "tiles" }, ...tiles));
}

const rounding = () => (facts.levels === null ? "" : ", rounded");
const partOf = (data, cin, k) => Float32Array.from({ length: data.length / cin }, (_, p) => data[p * cin + k]);
const strengthOf = (data, cin, k) => partOf(data, cin, k).reduce((sum, x) => sum + x * x, 0);

/** A small image, its pixels enlarged. */
function tileOf(picture, width, title) {
  const size = Math.max(14, 7 * width);
  const tile = make("canvas", { width: size, height: size, title, role: "img", "aria-label": title });
  const context = tile.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, 0, 0, size, size);
  return tile;
}

/** A filter over red, green and blue as an image, grey where it is 0. */
function colourFilter(data, kh, kw, largest) {
  const picture = new ImageData(kw, kh);
  for (let p = 0; p < kh * kw; p++) {
    picture.data.set(
      [0, 1, 2].map((k) => 127.5 * (1 + data[3 * p + k] / largest)),
      4 * p,
    );
    picture.data[4 * p + 3] = 255;
  }
  const canvas = make("canvas", { width: kw, height: kh });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}
