"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const at = id => document.getElementById(id);
const PALETTE = ["#e69f00", "#0072b2", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442"];
const [height, width] = facts.size;
const state = { view: "found", region: 0, labels: null };
const picture = new Image();

function overlap(a, b) {
  const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const common = Math.max(w, 0) * Math.max(h, 0);
  return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common || 1);
}

function outline(context, box, colour, thick) {
  context.strokeStyle = colour;
  context.lineWidth = thick * Math.max(width, height) / 600;
  context.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
}

/* What is drawn over the picture, by the view. */
const draw = {
  found(context) {
    const least = Number(at("least").value), shown = facts.found.filter(each => each.score >= least);
    at("least-value").textContent = least.toFixed(2);
    for (const each of shown) outline(context, each.box, PALETTE[each.label % PALETTE.length], 3);
    const counts = facts.classes.map((name, i) => `${shown.filter(each => each.label === i).length} ${name}`);
    at("found-text").textContent = `${shown.length} objects: ${counts.join(", ")}. Click one.`;
  },
  proposals(context) {
    const n = Number(at("rank").value);
    at("rank-value").textContent = `${n} of ${facts.proposals.length}`;
    for (const each of facts.proposals.slice(0, n)) outline(context, each.box, "rgba(255, 200, 0, .7)", 1);
    outline(context, facts.proposals[n - 1].box, "#d55e00", 4);
  },
  regions(context) {
    const chosen = facts.hierarchies[at("hierarchy").value], n = Number(at("merges").value), labels = state.labels;
    const { region, colours } = merged(chosen, n);
    at("merges-value").textContent = `${n} of ${chosen.merged.length}`;
    at("regions-text").textContent = `${chosen.sizes.length - n} regions.` +
      (n ? ` The last two that merged were ${chosen.similar[n - 1]} similar; what they made is outlined.` : " The first segments.");
    const pixels = context.createImageData(labels.width, labels.height), last = chosen.sizes.length + n - 1;
    const around = [Infinity, Infinity, -1, -1];
    for (let i = 0; i < labels.numbers.length; i++) {
      const own = region[labels.numbers[i]];
      pixels.data.set(colours[own], 4 * i);
      pixels.data[4 * i + 3] = 255;
      if (n && own === last) {
        const x = i % labels.width, y = Math.floor(i / labels.width);
        around[0] = Math.min(around[0], x); around[1] = Math.min(around[1], y);
        around[2] = Math.max(around[2], x + 1); around[3] = Math.max(around[3], y + 1);
      }
    }
    const small = new OffscreenCanvas(labels.width, labels.height);
    small.getContext("2d").putImageData(pixels, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, width, height);
    const scale = width / labels.width;
    if (n) outline(context, around.map(side => side * scale), "#d55e00", 3);
  },
};

/* The region of each first segment after n merges, and the mean colour of each region. */
function merged(chosen, n) {
  const sizes = chosen.sizes.slice(), colours = chosen.colours.map(colour => colour.slice()), parent = [];
  chosen.merged.slice(0, n).forEach(([a, b], i) => {
    const made = chosen.sizes.length + i;
    parent[a] = parent[b] = made;
    sizes[made] = sizes[a] + sizes[b];
    colours[made] = colours[a].map((value, c) => (value * sizes[a] + colours[b][c] * sizes[b]) / sizes[made]);
  });
  const region = [];
  for (let i = chosen.sizes.length + n - 1; i >= 0; i--) region[i] = parent[i] === undefined ? i : region[parent[i]];
  return { region, colours };
}

function redraw() {
  const canvas = at("picture"), context = canvas.getContext("2d");
  canvas.width = width;
  canvas.height = height;
  context.drawImage(picture, 0, 0);
  if (state.view !== "regions" || state.labels) draw[state.view](context);
  if (state.view !== "regions") outline(context, facts.proposals[state.region].box, "#ffffff", 2);
}

/* The crop of the chosen region: its window squeezed to the network's size; hatched where the picture ends. */
function show(number) {
  state.region = (number + facts.proposals.length) % facts.proposals.length;
  const { box, window: [left, top, right, bottom], scores } = facts.proposals[state.region], size = facts.network.size;
  const canvas = at("crop"), context = canvas.getContext("2d");
  canvas.width = canvas.height = size;
  context.drawImage(picture, -left * size / (right - left), -top * size / (bottom - top), width * size / (right - left),
    height * size / (bottom - top));
  at("save").href = canvas.toDataURL();
  at("region-title").textContent = `Region ${state.region + 1} of ${facts.proposals.length}`;
  at("region-text").textContent = `${Math.round(box[2] - box[0])} x ${Math.round(box[3] - box[1])} pixels, squeezed to ${size} x ${size} ` +
    `with ${facts.network.context} pixels of context. Scores: ${facts.network.head} of ${facts.network.members} model(s).`;
  at("scores").replaceChildren(...facts.classes.map((name, i) => {
    const row = document.createElement("tr"), head = document.createElement("th"), cell = document.createElement("td");
    const bar = document.createElement("i");
    head.textContent = name;
    bar.style.width = `${70 * Math.min(Math.max(scores[i], 0), 1)}%`;
    cell.append(bar, scores[i].toFixed(3));
    row.append(head, cell);
    return row;
  }));
  redraw();
}

/* The proposal nearest to a detection, or the smallest one around a point. */
function chosenAt(x, y) {
  const inside = box => box[0] <= x && x <= box[2] && box[1] <= y && y <= box[3];
  const area = box => (box[2] - box[0]) * (box[3] - box[1]);
  const least = Number(at("least").value);
  const found = facts.found.filter(each => each.score >= least && inside(each.box)).sort((a, b) => area(a.box) - area(b.box))[0];
  const boxes = facts.proposals.map(each => each.box);
  if (state.view === "found" && found) {
    const overlaps = boxes.map(box => overlap(box, found.box));
    return overlaps.indexOf(Math.max(...overlaps));
  }
  const near = boxes.map((box, i) => [inside(box) ? area(box) : Infinity, i]).sort((a, b) => a[0] - b[0])[0];
  return near[0] < Infinity ? near[1] : state.region;
}

function view(name) {
  state.view = name;
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
    at(button.dataset.view).hidden = button.dataset.view !== name;
  }
  redraw();
}

/* Reads the numbers of first segments from the colours of a picture. */
async function hierarchy() {
  const chosen = facts.hierarchies[at("hierarchy").value], image = new Image();
  image.src = chosen.labels;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const bytes = context.getImageData(0, 0, image.width, image.height).data;
  const numbers = Array.from({ length: bytes.length / 4 }, (_, i) => bytes[4 * i] + 256 * bytes[4 * i + 1] + 65536 * bytes[4 * i + 2]);
  state.labels = { width: image.width, height: image.height, numbers };
  at("merges").max = chosen.merged.length;
  at("merges").value = Math.min(at("merges").value, chosen.merged.length);
  redraw();
}

async function start() {
  at("title").textContent = `How a detector sees ${facts.name}`;
  at("rank").max = facts.proposals.length;
  at("rank").value = Math.min(50, facts.proposals.length);
  at("hierarchy").append(...facts.hierarchies.map((each, i) => new Option(each.title, i)));
  picture.src = facts.picture;
  await picture.decode();
  for (const id of ["least", "rank", "merges"]) at(id).addEventListener("input", redraw);
  at("rank").addEventListener("input", () => show(Number(at("rank").value) - 1));
  at("hierarchy").addEventListener("change", hierarchy);
  at("next").addEventListener("click", () => show(state.region + 1));
  at("previous").addEventListener("click", () => show(state.region - 1));
  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => view(button.dataset.view));
  at("picture").addEventListener("click", event => {
    const place = at("picture").getBoundingClientRect();
    show(chosenAt((event.clientX - place.left) * width / place.width, (event.clientY - place.top) * height / place.height));
  });
  await hierarchy();
  show(facts.found.length ? chosenAt(...middle(facts.found[0].box)) : 0);
  document.body.dataset.ready = "yes";
}

const middle = box => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
start();
