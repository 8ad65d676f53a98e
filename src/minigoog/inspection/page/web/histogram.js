// ---- Histograms: of the map, and of the weights ----

const BINS = 41;

function showHistograms() {
  const map = shownMap();
  const values = new Float32Array(map.h * map.w * map.c);
  range(map.c).forEach((k) => values.set(map.plane(k), k * map.h * map.w));
  const figures = [histogram(values, direction() === "forward" ? "All numbers of this map" : "All gradients of this map")];
  const weights = Object.keys(node().weights ?? {}).includes("weight") ? weightsOf(node(), "weight") : null;
  if (weights) figures.push(histogram(weights.data, "All weights"));
  get("histograms").replaceChildren(...figures);
}

/** How many values are in each of equal intervals from the smallest to the largest; values that are exactly 0 are counted separately. */
function histogram(values, title) {
  let [low, high, zeros] = [Infinity, -Infinity, 0];
  for (const x of values) {
    if (x === 0) zeros++;
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  const counts = new Array(BINS).fill(0);
  const width = (high - low) / BINS || 1;
  for (const x of values) if (x !== 0) counts[Math.min(BINS - 1, Math.floor((x - low) / width))]++;
  const share = zeros ? `; ${((100 * zeros) / values.length).toFixed(0)}% are 0 and not drawn` : "";
  return make(
    "figure",
    {},
    make("figcaption", { text: `${title}: ${thousands(values.length)}${share}` }),
    bars(counts, low, width),
    make("div", { class: "ends" }, make("span", { text: digits(low) }), make("span", { text: digits(high) })),
  );
}

function bars(counts, low, width) {
  const most = Math.max(...counts, 1);
  const zero = low < 0 ? -low / width : -1;
  const columns = counts.map(
    (count, k) => `<rect class="${k + 0.5 < zero ? "below" : "above"}" x="${k}" y="${40 - (40 * Math.sqrt(count)) / Math.sqrt(most)}"
    width="0.9" height="40"><title>${thousands(count)} from ${digits(low + k * width)} to ${digits(low + (k + 1) * width)}</title></rect>`,
  );
  const holder = make("div", { class: "bars" });
  const attributes = `viewBox="0 0 ${BINS} 40" preserveAspectRatio="none" role="img" aria-label="Histogram; heights are square roots of counts"`;
  holder.innerHTML = `<svg ${attributes}>${columns.join("")}</svg>`;
  return holder;
}
