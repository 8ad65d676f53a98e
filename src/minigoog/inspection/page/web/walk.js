// ---- The walk: which step the page shows, forward through all operations and backward from the loss to the image ----

const walk = [
  ...nodes.map((node, number) => ({ number, direction: "forward" })),
  ...nodes
    .map((node, number) => ({ number, direction: "backward" }))
    .filter(({ number }) => nodes[number].dy)
    .reverse(),
];

/** The state of the page. `step`: a place in `walk`; `channel`, `row`, `column`: the number that is explained. */
const state = { step: 0, channel: 0, row: 0, column: 0, byStrength: true, evidence: null };

const nodeNumber = () => walk[state.step].number;
const node = () => nodes[nodeNumber()];
const direction = () => walk[state.step].direction;
const shownMap = () => mapOf(node(), direction() === "forward" ? "y" : "dy");

/** The number that is shown first: the strongest of the map; of the logits that of the predicted class. */
function chosenPlace() {
  if (direction() === "backward") return runs.gradient ? strongestPlace(shownMap()) : (node().exactBack?.at ?? [0, 0, 0]);
  return runs.now === runs.recorded ? (node().exact?.at ?? [0, 0, 0]) : strongestPlace(shownMap(), nodeNumber() === facts.verdict.logits);
}

/** The place of the largest absolute value of a map, or of the largest value. */
function strongestPlace(map, signed) {
  let [best, at] = [-Infinity, [0, 0, 0]];
  for (let i = 0; i < map.h; i++)
    for (let j = 0; j < map.w; j++)
      for (let k = 0; k < map.c; k++) {
        const x = map.at(i, j, k);
        const size = signed ? x : Math.abs(x);
        if (size > best) [best, at] = [size, [i, j, k]];
      }
  return at;
}

/** Goes to a place in the walk and to the strongest number there. */
function goTo(step) {
  const last = walk.length - 1;
  state.step = Math.max(0, Math.min(last, step));
  reading.pass = direction();
  [state.row, state.column, state.channel] = chosenPlace();
  showStep();
}

/** Goes to the step of a node in this direction; in the other one if it has none here. */
function goToNode(number, way = direction()) {
  const found = walk.findIndex((step) => step.number === number && step.direction === way);
  goTo(found >= 0 ? found : walk.findIndex((step) => step.number === number));
}

/** Shows another number of the same map. */
function lookAt(row, column, channel = state.channel) {
  if (!shownMap()) return;
  const { h, w, c } = shownMap();
  const within = (x, n) => Math.max(0, Math.min(n - 1, x));
  const sameChannel = channel === state.channel;
  [state.row, state.column, state.channel] = [within(row, h), within(column, w), within(channel, c)];
  if (!sameChannel) showChannel();
  showNumber();
}

/** The strongest pixel of a channel. */
function strongestPixel(map, channel) {
  const plane = map.plane(channel);
  let best = 0;
  for (let i = 1; i < plane.length; i++) if (Math.abs(plane[i]) > Math.abs(plane[best])) best = i;
  return [Math.floor(best / map.w), best % map.w];
}

/** Channels, the strongest first or in their own order. */
function channelOrder(map) {
  const channels = range(map.c);
  if (!state.byStrength) return channels;
  const strength = channels.map((k) => map.plane(k).reduce((most, x) => Math.max(most, Math.abs(x)), 0));
  return channels.sort((a, b) => strength[b] - strength[a] || a - b);
}

/** Draws everything that depends on the step. */
function showStep() {
  const there = Boolean(shownMap());
  showPosition();
  showInDiagram();
  showInMinimap();
  showPanel();
  for (const id of ["looking", "histograms"]) get(id).hidden = !there;
  get("missing").hidden = there;
  if (there) {
    showMap(); // before the grid, which gets the remaining width
    showGrid();
    markChannel();
    showComparison();
    showHistograms();
  }
  showTools();
  showFilters();
  showNumber();
}

/** Draws everything that depends on the channel. */
function showChannel() {
  showMap();
  markChannel();
  showComparison();
  showTools();
  showFilters();
}

/** Draws everything that depends on the number. */
function showNumber() {
  if (shownMap()) markPixel();
  showField();
  showProducts();
  showAddress();
}
