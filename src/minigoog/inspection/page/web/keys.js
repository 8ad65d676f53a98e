// ---- Keyboard shortcuts ----

const KEYS = [
  // keys, what they do, and how
  [["ArrowRight"], "next step: forward through the operations, then backward through the gradients", () => goTo(state.step + 1)],
  [["ArrowLeft"], "previous step", () => goTo(state.step - 1)],
  [["Home"], "first step: the image", () => goTo(0)],
  [["End"], "last step: the gradient of the image", () => goTo(walk.length - 1)],
  [["f"], "this operation in the forward pass", () => goToNode(nodeNumber(), "forward")],
  [["b"], "this operation in the backward pass", () => goToNode(nodeNumber(), "backward")],
  [["["], "previous channel", () => chooseChannel(grid.order.indexOf(state.channel) - 1)],
  [["]"], "next channel", () => chooseChannel(grid.order.indexOf(state.channel) + 1)],
  [["e"], "the strongest number of this map, which is exact", () => toStrongest()],
  [["s"], "order the channels by strength or by number", () => changeOrder()],
  [["p"], "play all steps, or stop", () => play()],
  [["/"], "search a layer or a class", () => get("search").focus()],
  [["t"], "switch between light and dark", () => changeTheme()],
  [["?"], "this help", () => get("help").showModal()],
];
const NAMES = { ArrowRight: "\u2192", ArrowLeft: "\u2190" };
const ARROWS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || get("help").open || event.target.matches("input")) return;
    if (inPicture(event) || onKey(event.key)) event.preventDefault();
  });
  get("keys").replaceChildren(
    ...KEYS.map(([keys, does]) =>
      make("tr", {}, make("td", {}, ...keys.map((key) => make("kbd", { text: NAMES[key] ?? key }))), make("td", { text: does })),
    ),
  );
}

/** Runs the action of a key; returns whether it has one. */
function onKey(key) {
  const found = KEYS.find(([keys]) => keys.includes(key));
  found?.[2]();
  return Boolean(found);
}

/** Keys while an image has the focus: arrows move its pixel or its channel, Escape goes back to the diagram. */
function inPicture({ key, target }) {
  if (target.id !== "map" && target.id !== "grid") return false;
  if (key === "Escape") return (boxes[nodeNumber()].focus(), true);
  if (key === "Enter" && target.id === "map") return (toStrongest(), true);
  const move = ARROWS[key];
  if (!move) return false;
  if (target.id === "map") lookAt(state.row + move[0], state.column + move[1]);
  else chooseChannel(grid.order.indexOf(state.channel) + move[0] * grid.columns + move[1]);
  return true;
}

/** Light becomes dark and dark light, whatever the system prefers. */
function changeTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}
