// ---- The laboratory beside a map: silence its channels, change one weight ----

const WEIGHTED = ["conv2d", "linear"]; // rules of operations whose weights can be edited

function showTools() {
  const section = get("tools");
  section.hidden = !runs.network || direction() !== "forward" || nodeNumber() === 0 || nodeNumber() === nodes.length - 1;
  if (section.hidden) return;
  const number = nodeNumber();
  const all = range(node().shape[2]);
  const silenced = changes.silenced.get(number) ?? [];
  const toggle = (text, channels) => {
    const pressed = channels.every((c) => silenced.includes(c));
    return make("button", { text, "aria-pressed": String(pressed), onclick: () => change(() => silence(number, channels)) });
  };
  section.replaceChildren(
    make("span", { text: "Try: " }),
    toggle(`Silence channel ${state.channel}`, [state.channel]),
    toggle(readers(number) ? "Silence this branch" : "Silence this map", all),
    ...weightTool(),
  );
}

/** Whether the map is a branch: a concatenation reads it. */
const readers = (number) => usersOf(number).some(({ user }) => user.rule === "concat");

/** A field for one weight of the filter of the shown channel: the strongest, until another is chosen. */
function weightTool() {
  const weights = WEIGHTED.includes(node().rule) && weightsOf(node(), "weight");
  if (!weights) return [];
  const { shape, data } = weights;
  const width = shape.at(-1);
  const places = range(data.length / width).map((row) => row * width + state.channel);
  const strongest = places.reduce((best, place) => (Math.abs(data[place]) > Math.abs(data[best]) ? place : best));
  const place = make("input", { id: "weight-place", size: 9, value: unravelled(strongest, shape).slice(0, -1).join(", "), "aria-label": "Place of the weight" });
  const value = make("input", { id: "weight-value", size: 9, value: inDigits(data[strongest]), "aria-label": "Its value" });
  const chosen = () => placeOf(place.value, shape);
  place.onchange = () => chosen() !== null && (value.value = inDigits(data[chosen()]));
  const typed = () => (value.value.trim() ? Math.fround(Number(value.value)) : NaN); // an empty field is no 0
  const set = () => Number.isFinite(typed()) && chosen() !== null && change(() => editWeight(nodeNumber(), chosen(), typed()));
  const label = shape.length === 4 ? "weight [row, column, input channel]" : "weight [input]";
  return [make("span", { class: "weight" }, `${label} `, place, " = ", value, " ", make("button", { text: "Set", onclick: set }))];
}

/** A float32 in as many digits as it has. */
const inDigits = (x) => Number(x.toPrecision(9));

/** The number in the array of the weight at a place such as "1, 2, 3" of the filter of the shown channel; null if there is none. */
function placeOf(text, shape) {
  const at = [...text.split(",").map(Number), state.channel];
  const valid = at.length === shape.length && at.every((i, axis) => Number.isInteger(i) && i >= 0 && i < shape[axis]);
  return valid ? at.reduce((place, i, axis) => place * shape[axis] + i, 0) : null;
}
