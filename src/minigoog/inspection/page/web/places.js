// ---- Places: a link to every number, the search box, and the modules in small ----

/** The module that node `number` is in; undefined if it is in none. */
const frameOf = (number) => facts.frames.find((frame) => frame.nodes.includes(number));

/** The end of the page's address for the number that is shown: #conv1/3,4,5 or #conv1/3,4,5/backward. */
function addressOf() {
  const { shape } = node();
  const place = shape[0] * shape[1] === 1 ? [state.channel] : [state.row, state.column, state.channel];
  return `#${encodeURIComponent(node().name)}/${place}${direction() === "backward" ? "/backward" : ""}`;
}

/** Shows the number in the address without a step in the history. */
function showAddress() {
  try {
    history.replaceState(null, "", addressOf());
  } catch {
    // a browser that does not allow it for files
  }
}

/** Goes to an address such as #inception3a/3,4,5; returns whether there is such a place. */
function goToAddress(address) {
  const [name, place = "", way = "forward"] = decodeURIComponent(address.replace(/^#/, "")).split("/");
  const number = numberOf(name);
  if (number === undefined) return false;
  goToNode(number, way);
  const at = place.split(",").map(Number);
  if (place && at.every(Number.isInteger)) lookAt(...(at.length === 1 ? [0, 0, at[0]] : at));
  return true;
}

/** The node of this name, or the last one of the module of this name. */
function numberOf(name) {
  const found = nodes.findIndex((each) => each.name === name);
  if (found >= 0) return found;
  return facts.frames.find((frame) => frame.name === name)?.nodes.at(-1);
}

/** Goes to what was typed: a layer, a module, or a class, whose logit is shown. */
function search(text) {
  if (goToAddress(text)) return true;
  const wanted = text.toLowerCase();
  const { names, logits } = facts.verdict;
  const found = [names.findIndex((name) => name.toLowerCase() === wanted), names.findIndex((name) => name.toLowerCase().includes(wanted))];
  const number = found.find((each) => each >= 0);
  if (number === undefined) {
    const near = nodes.findIndex((each) => each.name.includes(text));
    return near >= 0 && (goToNode(near), true);
  }
  goToNode(logits, "forward");
  lookAt(0, 0, number);
  return true;
}

function listenToSearch() {
  const places = [...facts.frames.map(({ name }) => name), ...nodes.map(({ name }) => name), ...facts.verdict.names];
  get("findable").replaceChildren(...places.map((name) => make("option", { value: name })));
  get("search").onchange = () => {
    const field = get("search");
    field.setAttribute("aria-invalid", String(!search(field.value.trim())));
  };
  addEventListener("hashchange", () => location.hash !== addressOf() && goToAddress(location.hash));
}

/** A button for each module, which goes to its end. */
function drawMinimap() {
  const short = (name) => name.replace(/^inception_?/, "");
  get("minimap").hidden = facts.frames.length < 2;
  get("minimap").replaceChildren(
    ...facts.frames.map(({ name, nodes: inside }) =>
      make("button", { text: short(name), title: name, onclick: () => goToNode(inside.at(-1)) }),
    ),
  );
}

function showInMinimap() {
  const here = facts.frames.indexOf(frameOf(nodeNumber()));
  [...get("minimap").children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === here)));
}

/** The words for a pointer or a finger. */
const touch = matchMedia("(pointer: coarse)").matches;
const inTouch = (text) => (touch ? text.replace(/^Click/, "Tap").replace(/\bclick\b/g, "tap").replace(/^Hover over/, "Touch").replace(/^Hover$/, "Touch").replace(/^over a map/, "a map") : text);
