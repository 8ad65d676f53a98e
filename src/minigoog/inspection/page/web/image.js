// ---- The image: the part that a pixel sees, the predicted classes, and the evidence for them ----

const SIDE = 272; // pixels of the screen that the image is drawn in

/** The image that the network sees now, one canvas pixel per pixel; backward the recorded one. */
const pixelsCanvas = () => canvasOfPixels(reading.pass === "forward" ? presentPixels() : recordedPixels());

function canvasOfPixels({ h, w, c, data }) {
  const picture = new ImageData(w, h);
  for (let p = 0; p < h * w; p++) {
    picture.data.set(
      [0, 1, 2].map((k) => data[p * c + (c === 1 ? 0 : k)]),
      4 * p,
    );
    picture.data[4 * p + 3] = 255;
  }
  const canvas = make("canvas", { width: w, height: h });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

function drawImage() {
  const image = pixelsCanvas();
  const canvas = get("pixels");
  [canvas.width, canvas.height] = [SIDE, Math.round((SIDE * image.height) / image.width)];
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = image.width > 64;
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  get("stack").style.width = `${SIDE}px`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", changes.name || facts.about[facts.about.length - 1]);
}

/** The part of the image that the number at (i, j) can depend on: {top, left, bottom, right}, possibly beyond its edges. */
function fieldOf(node, i, j) {
  const { size, stride, offset } = node.sees ?? { size: [1, 1], stride: [1, 1], offset: [0, 0] };
  const [top, left] = [offset[0] + i * stride[0], offset[1] + j * stride[1]];
  return { top, left, bottom: top + size[0], right: left + size[1] };
}

/** Draws the receptive field of the number that is explained. */
function showField() {
  const [h, w] = nodes[0].shape;
  const field = fieldOf(node(), state.row, state.column);
  const [top, bottom] = [field.top, field.bottom].map((y) => Math.max(0, Math.min(h, y)));
  const [left, right] = [field.left, field.right].map((x) => Math.max(0, Math.min(w, x)));
  const hole = `M ${left} ${top} H ${right} V ${bottom} H ${left} Z`;
  const svg = get("field");
  svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
  svg.innerHTML = `<path class="shade" fill-rule="evenodd" d="M 0 0 H ${w} V ${h} H 0 Z ${hole}"/><path class="frame" d="${hole}"/>`;
  svg.classList.toggle("own", nodeNumber() === 0);
  svg.dataset.field = [top, left, bottom, right].join(" ");
  const whole = right - left === w && bottom - top === h;
  if (nodeNumber() === 0) get("sees").textContent = inTouch("Hover over a map to see which part of the image each pixel can depend on.");
  else
    get("sees").textContent =
      `Row ${state.row}, column ${state.column} ${node().sees.known ? "sees" : "may depend on"} ${whole ? "the whole image" : `rows ${top} to ${bottom - 1}, columns ${left} to ${right - 1}`}`;
}

/** The classes with their probabilities; each shows its evidence. */
function showClasses() {
  const { evidence, whyNot } = facts.verdict;
  const classes = verdictOf(runs.now);
  get("classes").replaceChildren(
    ...classes.map((entry, k) => {
      const chance = `${(100 * entry.chance).toFixed(1)}%`;
      const button = make(
        "button",
        {
          "aria-pressed": String(state.evidence === entry.class),
          title: evidence ? "Show where in the image the evidence for it is" : entry.name,
          onclick: () => chooseEvidence(entry.class, k),
        },
        make("i", { style: `width: ${100 * entry.chance}%` }),
        make("span", { text: entry.name + (entry.class === presentLabel() ? " \u25c2" : "") }),
        make("b", { text: chance }),
      );
      if (evidence === undefined) button.disabled = true;
      return make("li", {}, button, ...(canStartElsewhere() ? [startButton(entry)] : []));
    }),
  );
  const start = `\u25c2 marks the class where the gradient starts.`;
  get("because").textContent =
    evidence === undefined
      ? `${start} ${whyNot}`
      : state.evidence === null
        ? `${start} Choose a class to see where in the image the evidence for it is.`
        : because(chosenEntry());
}

const because = ({ name, share, bias, logit }) =>
  `Orange is evidence for ${name}, blue is evidence against it. ` +
  `Exact: the mean of this map, ${digits(share)}, plus the bias, ${digits(bias)}, is the logit, ${digits(logit)}.`;

/** What the shown pass says about the class whose evidence is shown. */
function chosenEntry() {
  const found = verdictOf(runs.now).find((entry) => entry.class === state.evidence);
  return found ?? entryOf(runs.now, state.evidence);
}

/** Shows the evidence for a class, in place `k` of the list, over the image, or hides it. */
function chooseEvidence(c, k) {
  state.evidence = state.evidence === c ? null : c;
  document.body.classList.toggle("with-evidence", state.evidence !== null);
  showClasses();
  get("classes").querySelectorAll("li > button:first-child")[k].focus();
  drawEvidence();
}

function drawEvidence() {
  const canvas = get("evidence");
  [canvas.width, canvas.height] = [get("pixels").width, get("pixels").height];
  if (state.evidence === null) return;
  const { map } = chosenEntry();
  const largest = largestOf([map, ...verdictOf(runs.now).map((entry) => entry.map)].flat(2));
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(canvasOf(map.flat(), map.length, map[0].length, largest), 0, 0, canvas.width, canvas.height);
}

const howItIsStored = (levels) =>
  levels === null
    ? "All numbers are stored as float32, as the kernels computed them."
    : `Maps and gradients are rounded to 8 bits, weights to ${2 * levels + 1} levels, each channel with its own scale; ` +
      "the strongest number of every map is stored exactly, with everything needed to explain it.";

const ROUNDED_GRADIENTS = " Gradients are rounded to 8 bits; the strongest of each map is exact.";

const howItRuns = (levels) =>
  "The network runs in this page: its maps were computed here, in float32, by the same kernels as in Python (csrc as WebAssembly). " +
  (levels === null
    ? "Weights and gradients are stored as float32."
    : `Its weights are rounded to ${2 * levels + 1} levels, each output channel with its own scale (8 bits), and everything on this page is ` +
      `of the network with these weights; with those of the file it says ${asInFile()}.${nodes[0].dy ? ROUNDED_GRADIENTS : ""}`);

const asInFile = () => `${facts.asInFile.name}, ${(100 * facts.asInFile.chance).toFixed(1)}%`;

/** The note about the page's numbers: where they come from, and which of them are rounded. */
function showRounding() {
  const { levels, leftOut, weightSteps } = facts;
  const texts = [...facts.about.map((line) => `${line}.`)];
  texts.push(runs.network ? howItRuns(levels) : `The network does not run in this page: ${runs.whyNot}. ${howItIsStored(levels)}`);
  if (leftOut.length) texts.push(`Left out because they are too large: ${leftOut.join(", ")}.`);
  if (weightSteps) texts.push(`${weightSteps} operations that only compute weights are not drawn.`);
  get("rounding").textContent = texts.join(" ");
}
