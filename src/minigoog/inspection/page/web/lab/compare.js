// ---- Two passes side by side: one that was kept, and the present one ----

/** Keeps the present pass to compare others with it, or forgets it. */
function keep() {
  runs.other = runs.other ? null : { run: runs.now, pixels: presentPixels(), changes: changesInWords() };
  showRun();
}

/** Beside the image the kept one, and what the network said to it. */
function showKept() {
  const { other } = runs;
  get("kept").hidden = !other;
  if (!other) return;
  const best = verdictOf(other.run)[0];
  const words = other.changes.length ? other.changes.join("; ") : "the recorded image and weights";
  const image = canvasOfPixels(other.pixels);
  image.style.imageRendering = other.pixels.w > 64 ? "auto" : "pixelated";
  get("kept").replaceChildren(
    image,
    make("figcaption", { text: `Kept to compare: ${words}. ${best.name}, ${(100 * best.chance).toFixed(1)}%` }),
  );
}

/** Beside the map of a channel that of the kept pass, and the difference, all in the colours of the larger one. */
function showComparison() {
  const section = get("comparison");
  section.hidden = !runs.other || direction() !== "forward" || isVector(shownMap());
  if (section.hidden) return section.replaceChildren();
  const [now, before] = [shownMap(), runs.other.run.map(nodeNumber())].map((map) => map.plane(state.channel));
  const difference = now.map((x, i) => x - before[i]);
  const largest = Math.max(largestOf(now), largestOf(before));
  return section.replaceChildren(comparedMap(before, largest, "Kept"), comparedMap(difference, largest, `Now minus kept, at most ${digits(largestOf(difference))}`));
}

function comparedMap(plane, largest, title) {
  const { h, w } = shownMap();
  const canvas = canvasOf(plane, h, w, largest);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${title}: channel ${state.channel}`);
  return make("figure", {}, make("figcaption", { text: title }), canvas);
}
