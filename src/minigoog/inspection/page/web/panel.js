// ---- The text about the step: its place in the walk, what the operation does, its row of the table ----

const NEXT = [
  [touch ? "\u2192 above" : "\u2192", "goes to the next operation, \u2190 to the previous one; after the loss the walk continues backward, through the gradients."],
  ["Click", "a box in the diagram to see its maps, filters and numbers; click a channel to enlarge it."],
  ["Hover", "over a map to see, for each pixel, the part of the image that it depends on and the products that were added up."],
  ["/", "finds a layer or a class; the page's address is a link to the number that is shown."],
  ["?", "shows all keyboard shortcuts."],
].slice(0, touch ? 3 : undefined);

const LABORATORY = ["Drop", "a photograph on the page, and it goes through the network here. The laboratory, below the classes and below each map, changes more."];

function showPosition() {
  const steps = walk.filter((step) => step.direction === direction());
  const place = steps.indexOf(walk[state.step]) + 1;
  get("position").textContent = `${direction()} ${place} of ${steps.length}: ${node().name}`;
  for (const way of ["forward", "backward"]) get(way).setAttribute("aria-pressed", String(way === direction()));
  get("previous").disabled = state.step === 0;
  get("next").disabled = state.step === walk.length - 1;
  document.body.dataset.direction = direction();
}

function showPanel() {
  const forward = direction() === "forward";
  const name =
    nodeNumber() === 0 && forward ? `One image through ${facts.model}` : forward ? node().name : `Gradient of ${node().name}`;
  get("heading").replaceChildren(
    make("h2", {}, name, " ", make("small", { text: node().operation })),
    make("p", { text: forward ? node().does : node().doesBack }),
    ...(frameOf(nodeNumber()) ? [make("p", { class: "of-module", text: frameOf(nodeNumber()).does })] : []),
  );
  const first = state.step === 0;
  get("welcome").hidden = !first;
  get("welcome").replaceChildren(...(first ? [...NEXT, ...(runs.network && !touch ? [LABORATORY] : [])].map(([key, text]) => make("p", {}, make("kbd", { text: inTouch(key) }), " ", inTouch(text))) : []));
  get("row").replaceChildren(
    ...rowOf(node()).map(([name, value, title]) => make("div", { title }, make("dt", { text: name }), make("dd", { text: value }))),
  );
}

/** The operation's row of the table. */
function rowOf(node) {
  const ran = node[direction()];
  const inputs = node.inputs.map((source) => nodes[source].shape);
  const from = inputs.length
    ? `${inputs.map(shapeText).slice(0, 1)}${inputs
        .slice(1)
        .map((shape) => `+${shape[2]}`)
        .join("")} ${direction() === "forward" ? "\u2192" : "\u2190"} `
    : "";
  const rows = [["shape", from + shapeText(node.shape), "height x width x channels"]];
  if (!ran) return rows;
  const sees = node.sees;
  return [
    ...rows,
    ["parameters", thousands(node.parameters), "trainable weights and biases"],
    [
      "multiply-adds",
      thousands(ran.multiplyAdds),
      direction() === "forward" ? "of this operation" : "of the gradients of its input and weights",
    ],
    [
      "sees",
      sees.known ? `${sees.size.join("\u00d7")} pixels, stride ${sees.stride[0]}` : "possibly the whole image",
      "its receptive field in the image, and the distance between the fields of neighbouring pixels",
    ],
    ["kernel", ran.kernels.join(", "), "the function that computed it, and its algorithm"],
    ["time", `${ran.ms.toFixed(3)} ms`, "measured once, when the page was built"],
  ];
}
