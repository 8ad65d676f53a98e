// ---- The laboratory: what a learner can change, beside the image ----

const SHIFTS = { "\u2190": [0, -1], "\u2191": [-1, 0], "\u2193": [1, 0], "\u2192": [0, 1] };
let busy = null; // a run that will come

/** Shows the laboratory, if this page can run its network. */
function openLab() {
  get("lab").hidden = !runs.network;
  if (!runs.network) return;
  const photographs = facts.preprocess !== null;
  get("choose").hidden = !photographs;
  get("choose").onclick = () => get("file").click();
  get("file").onchange = () => get("file").files[0] && takeFile(get("file").files[0]);
  if (photographs) listenToDrops();
  get("shifts").replaceChildren(...Object.entries(SHIFTS).map(([text, way]) => shiftButton(text, way)));
  get("image-changes").hidden = !photographs;
  get("noise").oninput = () => change(() => (changes.noise = Number(get("noise").value)));
  get("undo").onclick = () => change(undoAll);
  get("keep").onclick = keep;
  get("paint").onclick = () => get("stack").classList.toggle("painting", press(get("paint")));
  listenToBrush();
  showLab();
}

/** Presses a button that stays down, or lifts it; returns whether it is down. */
function press(button) {
  const down = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(down));
  return down;
}

function shiftButton(text, [down, right]) {
  const names = { "\u2190": "left", "\u2191": "up", "\u2193": "down", "\u2192": "right" };
  const step = Math.max(1, Math.round(nodes[0].shape[0] / 56));
  const move = () => change(() => (changes.shift = [changes.shift[0] + down * step, changes.shift[1] + right * step]));
  return make("button", { text, "aria-label": `Shift the image ${names[text]}`, title: `Shift the image ${names[text]}`, onclick: move });
}

/** Makes a change, and then, when the browser has shown it, runs the network and shows everything. */
function change(make) {
  make();
  drawImage();
  if (busy) return;
  busy = setTimeout(() => {
    busy = null;
    runAgain();
    showRun();
  });
}

/** Shows what depends on the forward pass. */
function showRun() {
  drawnDirection = null; // all thumbnails are new
  drawImage();
  showClasses();
  drawEvidence();
  showStep();
  showLab();
}

function showLab() {
  get("changed").replaceChildren(...changesInWords().map((text) => make("li", { text })));
  get("undo").disabled = !isChanged();
  get("noise").value = changes.noise;
  get("noise-value").textContent = changes.noise;
  get("ran").textContent = `The forward pass took ${runs.ms.toFixed(runs.ms < 10 ? 1 : 0)} ms here. ${aboutGradients()}`;
  get("keep").textContent = runs.other ? "Stop comparing" : "Compare with this";
  showKept();
}

function aboutGradients() {
  if (!nodes[0].dy) return "";
  const from = runs.gradient ? `, from ${facts.verdict.names[runs.gradient.label]}, computed here` : "";
  return `Gradients stay those of the recorded image and weights${from}.`;
}

// ---- a photograph: chosen, dropped, painted on ----

async function takeFile(file) {
  try {
    const photograph = middleOf(await decoded(file));
    change(() => Object.assign(changes, { photograph, name: file.name, shift: [0, 0], noise: 0 }));
  } catch {
    get("ran").textContent = `${file.name} cannot be read as an image.`;
  }
}

/** The pixels of a file: {h, w, c: 3, data}. */
async function decoded(file) {
  const picture = await createImageBitmap(file);
  const canvas = make("canvas", { width: picture.width, height: picture.height });
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, picture.width, picture.height);
  return { h: picture.height, w: picture.width, c: 3, data: data.filter((_, i) => i % 4 < 3) };
}

function listenToDrops() {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) takeFile(file);
  });
}

/** While Paint is pressed, the pointer paints on the image in the chosen colour. */
function listenToBrush() {
  const canvas = get("stack");
  canvas.onpointerdown = canvas.onpointermove = (event) => {
    if (!canvas.classList.contains("painting") || !(event.buttons & 1)) return;
    event.preventDefault();
    const { left, top, width } = canvas.getBoundingClientRect();
    const pixel = nodes[0].shape[1] / width;
    change(() => paintAt((event.clientY - top) * pixel, (event.clientX - left) * pixel));
  };
}

/** Paints a disc into the photograph, before its shift and its noise. */
function paintAt(row, column) {
  const { h, w, c, data } = changes.photograph ?? recordedPixels();
  const radius = Math.max(0.8, h / 28);
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(get("brush").value.slice(at, at + 2), 16));
  const colour = c === 3 ? [red, green, blue] : [0.299 * red + 0.587 * green + 0.114 * blue];
  const painted = data.slice();
  const [y, x] = [row - changes.shift[0], column - changes.shift[1]];
  for (let i = 0; i < h; i++)
    for (let j = 0; j < w; j++) if ((i + 0.5 - y) ** 2 + (j + 0.5 - x) ** 2 < radius ** 2) painted.set(colour, (i * w + j) * c);
  Object.assign(changes, { photograph: { h, w, c, data: painted }, name: changes.name || "painted on" });
}
