// ---- What a learner has changed: the image, silenced channels, weights; the network then runs again ----

/** photograph: {h, w, c, data} in the network's size, dropped or painted on; null: the recorded image. */
const changes = { photograph: null, name: "", shift: [0, 0], noise: 0, silenced: new Map(), weights: [] };

/** The recorded image as the page shows it. */
const recordedPixels = () => {
  const { shape: [h, w, c], data } = array(facts.pixels); // prettier-ignore
  return { h, w, c, data };
};

const imageIsChanged = () => Boolean(changes.photograph || changes.noise || changes.shift.some(Boolean));
const isChanged = () => imageIsChanged() || changes.silenced.size > 0 || changes.weights.length > 0;

/** The image that the network sees now, from 0 to 255. */
function presentPixels() {
  const image = changes.photograph ?? recordedPixels();
  return imageIsChanged() ? withNoise(shifted(image, ...changes.shift), changes.noise) : image;
}

/** The image moved down and to the right; what comes in is black. */
function shifted({ h, w, c, data }, down, right) {
  const moved = new Float32Array(data.length);
  for (let i = 0; i < h; i++)
    for (let j = 0; j < w; j++) {
      const [y, x] = [i - down, j - right];
      if (y >= 0 && y < h && x >= 0 && x < w) for (let k = 0; k < c; k++) moved[(i * w + j) * c + k] = data[(y * w + x) * c + k];
    }
  return { h, w, c, data: moved };
}

/** Normal noise of this standard deviation on every number, the same each time; the result stays from 0 to 255. */
function withNoise({ h, w, c, data }, deviation) {
  if (!deviation) return { h, w, c, data };
  const random = randomNumbers(1);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return { h, w, c, data: data.map((x) => Math.min(255, Math.max(0, x + deviation * normal()))) };
}

/** Numbers from 0 to 1 from a seed: mulberry32. */
function randomNumbers(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Runs the network as it is now. */
function runAgain() {
  if (!isChanged()) return (runs.now = runs.recorded);
  const image = imageIsChanged() ? normalized(presentPixels()) : recordedImage();
  return (runs.now = pass(image, changes.silenced));
}

/** Sets channels of a node's map to 0, or no longer. */
function silence(number, channels) {
  const before = changes.silenced.get(number) ?? [];
  const all = channels.every((c) => before.includes(c));
  const after = all ? before.filter((c) => !channels.includes(c)) : [...new Set([...before, ...channels])];
  if (after.length) changes.silenced.set(number, after);
  else changes.silenced.delete(number);
}

const isSilenced = (number, c) => Boolean(changes.silenced.get(number)?.includes(c));

/** Gives one weight of a node another value: `place` is its number in the array. */
function editWeight(number, place, value) {
  const { shape, data } = weightsOf(nodes[number], "weight");
  if (!runs.originals.has(number)) runs.originals.set(number, { shape, data: data.slice() });
  const known = changes.weights.find((edit) => edit.number === number && edit.place === place);
  if (!known) changes.weights.push({ number, place, before: data[place] });
  data[place] = value;
  runs.network.packAgain(number);
}

/** Everything as it was recorded. */
function undoAll() {
  for (const { number, place, before } of changes.weights.reverse()) {
    inPass("forward", () => (weightsOf(nodes[number], "weight").data[place] = before));
    runs.network.packAgain(number);
  }
  runs.originals.clear();
  changes.silenced.clear();
  Object.assign(changes, { photograph: null, name: "", shift: [0, 0], noise: 0, weights: [] });
}

/** The changes in words. */
function changesInWords() {
  const silenced = [...changes.silenced].map(([number, channels]) => {
    const all = channels.length === nodes[number].shape[2];
    return `${nodes[number].name}: ${all ? "silenced" : `channel${channels.length > 1 ? "s" : ""} ${channels.join(", ")} silenced`}`;
  });
  const edits = changes.weights.map(({ number, place, before }) => {
    const { shape, data } = inPass("forward", () => weightsOf(nodes[number], "weight"));
    return `${nodes[number].name}: weight [${unravelled(place, shape)}] is ${digits(data[place])}, was ${digits(before)}`;
  });
  const image = [changes.name, changes.shift.some(Boolean) && `shifted by ${changes.shift.join(", ")} pixels`, changes.noise && `noise of ${changes.noise}`];
  return [...image.filter(Boolean), ...silenced, ...edits];
}
