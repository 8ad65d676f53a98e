// ---- The diagram: a box for each operation, in the shape of the paper's figure 3 ----

const BOX = { width: 112, height: 42, row: 64, margin: 14 };
const SMALLEST = 0.6; // of its size
let [diagramWidth, zoom] = [0, 1];
const boxes = []; // the button of each node
const edges = []; // {from, to, path}

function drawDiagram() {
  const left = Math.min(...nodes.map((n) => n.x));
  const right = Math.max(...nodes.map((n) => n.x));
  const place = (n) => ({ x: BOX.margin + (n.x - left) * BOX.width, y: BOX.margin + n.row * BOX.row });
  const size = {
    width: (right - left + 1) * BOX.width + 2 * BOX.margin,
    height: (Math.max(...nodes.map((n) => n.row)) + 1) * BOX.row + BOX.margin,
  };
  const diagram = get("diagram");
  Object.assign(diagram.style, { width: `${size.width}px`, height: `${size.height}px` });
  document.body.style.setProperty("--diagram", `${size.width + 18}px`);
  diagramWidth = size.width;
  fitDiagram();
  drawModules(diagram, place);
  drawEdges(diagram, place, size);
  nodes.forEach((n, number) => {
    boxes[number] = boxOf(n, number, place(n));
    diagram.append(boxes[number]);
  });
}

/** Makes a wide diagram smaller, so that heads beside the trunk are visible, but not smaller than can be read. */
function fitDiagram() {
  zoom = Math.min(1, Math.max(SMALLEST, get("network").clientWidth / diagramWidth));
  get("diagram").style.zoom = zoom;
}

function boxOf(n, number, { x, y }) {
  return make(
    "button",
    {
      class: `box ${n.kind}`,
      style: `left: ${x}px; top: ${y}px`,
      tabindex: -1,
      title: n.name,
      onclick: () => goToNode(number),
    },
    make("canvas", { width: 34, height: 34, "aria-hidden": "true" }),
    make("span", { class: n.title.length > 10 ? "title long" : "title", text: n.title }),
    " ",
    make("span", { class: "shape", text: shapeText(n.shape) }),
    make("span", { class: "unseen", text: `, ${n.name}` }),
  );
}

/** A frame with a name around the operations of each module that has branches. */
function drawModules(diagram, place) {
  for (const { name, nodes: numbers } of facts.frames) {
    const inside = numbers.map((number) => place(nodes[number]));
    const [x, y] = ["x", "y"].map((axis) => Math.min(...inside.map((spot) => spot[axis])));
    const [endX, endY] = ["x", "y"].map((axis) => Math.max(...inside.map((spot) => spot[axis])));
    const style = `left: ${x - 8}px; top: ${y - 10}px; width: ${endX - x + BOX.width + 16}px; height: ${endY - y + BOX.height + 18}px`;
    diagram.append(make("div", { class: "module", style }, make("span", { text: name })));
  }
}

function drawEdges(diagram, place, size) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", size.width);
  svg.setAttribute("height", size.height);
  svg.setAttribute("aria-hidden", "true");
  nodes.forEach((n, to) =>
    n.inputs.forEach((from) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", curve(place(nodes[from]), place(n), usersOf(from).length > 1));
      path.style.strokeWidth = 1 + Math.log2(1 + nodes[from].shape[2]) / 4;
      svg.append(path);
      edges.push({ from, to, path });
    }),
  );
  diagram.append(svg);
}

/** A path from the lower edge of one box to the upper edge of another: it bends early where branches start, late where it returns. */
function curve(from, to, atOnce) {
  const half = BOX.width / 2;
  const [x1, y1, x2, y2] = [from.x + half, from.y + BOX.height, to.x + half, to.y];
  const bend = Math.min(24, Math.max(10, (y2 - y1) / 2));
  if (atOnce) return `M ${x1} ${y1} C ${x1} ${y1 + bend}, ${x2} ${y1}, ${x2} ${y1 + bend} V ${y2}`;
  return `M ${x1} ${y1} V ${y2 - bend} C ${x1} ${y2}, ${x2} ${y2 - bend}, ${x2} ${y2}`;
}

/** In every box the strongest channel of its map, or of its gradient. */
function drawThumbnails() {
  const which = direction() === "forward" ? "y" : "dy";
  nodes.forEach((n, number) => {
    const context = boxes[number].querySelector("canvas").getContext("2d");
    context.clearRect(0, 0, 34, 34);
    const map = mapOf(n, which);
    if (!map) return;
    const picture = number === 0 && which === "y" ? pixelsCanvas() : thumbnailOf(n, map, which);
    context.imageSmoothingEnabled = map.h > 34;
    context.drawImage(picture, 0, 0, 34, 34);
  });
}

/** The channel with the strongest number, which is stored unless the pass is another than the recorded one. */
function strongestChannel(n, map, which) {
  const changed = which === "y" ? runs.now !== runs.recorded : runs.gradient !== null;
  return changed ? strongestPlace(map)[2] : ((which === "y" ? n.exact : n.exactBack)?.at[2] ?? 0);
}

/** The strongest channel of a map as an image; a vector as a square of its numbers. */
function thumbnailOf(n, map, which) {
  if (map.h > 1) return canvasOf(map.plane(strongestChannel(n, map, which)), map.h, map.w);
  const side = Math.ceil(Math.sqrt(map.c));
  return canvasOf(
    Float32Array.from({ length: side * side }, (_, k) => (k < map.c ? map.at(0, 0, k) : 0)),
    side,
    side,
  );
}

let drawnDirection = null;

/** Marks the current step and the steps before it, and animates the tensors that flow to it. */
function showInDiagram() {
  if (drawnDirection !== direction()) {
    drawnDirection = direction();
    get("diagram").dataset.direction = drawnDirection;
    drawThumbnails();
  }
  const done = new Set(
    walk
      .slice(0, state.step + 1)
      .filter((step) => step.direction === direction())
      .map((step) => step.number),
  );
  const here = nodeNumber();
  const hadFocus = document.activeElement?.classList.contains("box");
  boxes.forEach((box, number) => {
    box.classList.toggle("here", number === here);
    box.tabIndex = number === here ? 0 : -1;
    if (number === here) box.setAttribute("aria-current", "step");
    else box.removeAttribute("aria-current");
  });
  for (const { from, to, path } of edges) {
    const [first, last] = direction() === "forward" ? [from, to] : [to, from];
    path.classList.toggle("done", done.has(first) && done.has(last));
    path.classList.toggle("now", last === here);
  }
  if (hadFocus) boxes[here].focus({ preventScroll: true });
  scrollToBox(boxes[here]);
  flowTo(here);
}

/** Brings a box into the middle of the diagram, without moving the page. */
function scrollToBox(box) {
  const frame = get("network");
  const smooth = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  frame.scrollTo({
    top: zoom * box.offsetTop - frame.clientHeight / 2,
    left: zoom * box.offsetLeft - (frame.clientWidth - zoom * BOX.width) / 2,
    behavior: smooth,
  });
}
