// ---- The map of one channel, large, and all channels side by side ----

const LARGE = 300; // pixels of the screen that a map is drawn in
const grid = { tile: 0, columns: 0, order: [], gap: 4 };

/** A map that is one pixel wide is a vector: its numbers are drawn in a square. */
const isVector = (map) => map.h * map.w === 1;

function showMap() {
  const map = shownMap();
  const canvas = get("map");
  const scale = Math.max(1, Math.floor(LARGE / Math.max(map.h, map.w)));
  [canvas.width, canvas.height] = [map.w * scale, map.h * scale];
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(canvasOf(map.plane(state.channel), map.h, map.w), 0, 0, canvas.width, canvas.height);
  canvas.dataset.scale = scale;
  const what = direction() === "forward" ? "Channel" : "Gradient of channel";
  get("large-title").textContent = `${what} ${state.channel}${colourName()} of ${map.c}, ${map.h}\u00d7${map.w}`;
  get("large").hidden = isVector(map);
  showScale(map.plane(state.channel));
}

/** The colour that a channel of the image is, in words. */
function colourName() {
  const names = { R: "red", G: "green", B: "blue" };
  return nodeNumber() === 0 && facts.colours ? ` (${names[facts.colours[state.channel]]})` : "";
}

/** The colours from the smallest to the largest value. */
function showScale(plane) {
  const largest = largestOf(plane);
  const low = plane.some((x) => x < 0) ? -largest : 0;
  const colours = range(11).map((k) => css((low + ((largest - low) * k) / 10) / largest));
  get("scale").replaceChildren(
    make("span", { text: digits(low) }),
    make("i", { style: `background: linear-gradient(90deg, ${colours})` }),
    make("span", { text: digits(largest) }),
  );
}

/** The frame around the pixel that is explained. */
function markPixel() {
  const canvas = get("map");
  const scale = Number(canvas.dataset.scale);
  frame(get("pixel-mark"), state.column * scale, state.row * scale, scale);
  const value = digits(shownMap().at(state.row, state.column, state.channel));
  const place = `Row ${state.row}, column ${state.column}: ${value}`;
  canvas.setAttribute("aria-label", `Map of channel ${state.channel}. Arrow keys move the pixel. ${place}`);
}

function frame(mark, x, y, size) {
  Object.assign(mark.style, { left: `${x}px`, top: `${y}px`, width: `${size}px`, height: `${size}px` });
}

/** All channels as small images, each with its own colour scale. */
function showGrid() {
  const map = shownMap();
  const canvas = get("grid");
  const width = get("grid-frame").clientWidth - 22;
  grid.tile = tileSize(map, width);
  grid.columns = Math.max(1, Math.floor(width / (grid.tile + grid.gap)));
  grid.order = channelOrder(map);
  [canvas.width, canvas.height] = [grid.columns * (grid.tile + grid.gap), Math.ceil(map.c / grid.columns) * (grid.tile + grid.gap)];
  get("grid-frame").scrollTop = 0;
  drawTiles(canvas.getContext("2d"), map);
  const each = isVector(map) ? `${map.c} number${map.c > 1 ? "s" : ""}` : `${map.c} channel${map.c > 1 ? "s" : ""}`;
  get("channels-title").textContent = `${direction() === "forward" ? "All" : "Gradients of all"} ${each}`;
  get("order").hidden = map.c === 1;
  get("order").textContent = state.byStrength ? "strongest first" : "in order";
}

/** A size at which all channels are visible, unless they would be too small to recognise. */
function tileSize(map, width) {
  if (isVector(map)) return 14;
  const fits = Math.floor(Math.sqrt((0.8 * width * LARGE) / map.c)) - grid.gap;
  return Math.min(104, Math.max(map.h >= 28 ? 48 : 28, fits));
}

function drawTiles(context, map) {
  const largest = isVector(map) ? largestOf(grid.order.map((k) => map.at(0, 0, k))) : undefined;
  grid.order.forEach((channel, i) => {
    const { x, y } = tileAt(i);
    const tile = canvasOf(map.plane(channel), map.h, map.w, largest);
    context.imageSmoothingEnabled = map.h > grid.tile;
    context.drawImage(tile, x, y, grid.tile, grid.tile);
  });
}

const tileAt = (i) => ({ x: (i % grid.columns) * (grid.tile + grid.gap), y: Math.floor(i / grid.columns) * (grid.tile + grid.gap) });

/** The frame around the channel that is shown large. */
function markChannel() {
  const place = grid.order.indexOf(state.channel);
  const { x, y } = tileAt(place);
  frame(get("channel-mark"), x, y, grid.tile);
  const where = `Channel ${state.channel}, place ${place + 1} of ${grid.order.length}`;
  get("grid").setAttribute("aria-label", `All channels. Arrow keys choose one. ${where}`);
}

/** Shows a channel, by its place in the grid, at its strongest pixel. */
function chooseChannel(place) {
  const channel = grid.order[Math.max(0, Math.min(grid.order.length - 1, place))];
  const [row, column] = strongestPixel(shownMap(), channel);
  lookAt(row, column, channel);
  get("channel-mark").scrollIntoView({ block: "nearest" });
}

function listenToMaps() {
  get("map").onpointermove = get("map").onpointerdown = (event) => {
    const scale = Number(get("map").dataset.scale);
    lookAt(Math.floor(event.offsetY / scale), Math.floor(event.offsetX / scale));
  };
  get("grid").onclick = (event) => {
    const [row, column] = [event.offsetY, event.offsetX].map((x) => Math.floor(x / (grid.tile + grid.gap)));
    if (column < grid.columns && row * grid.columns + column < grid.order.length) chooseChannel(row * grid.columns + column);
  };
  get("order").onclick = changeOrder;
}

function changeOrder() {
  state.byStrength = !state.byStrength;
  showGrid();
  markChannel();
}
