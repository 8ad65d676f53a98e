// ---- How the number was computed: its products as images, the strongest in a list, and their sum ----

const STRONGEST = 6;

function showProducts() {
  const { row, column, channel } = state;
  const section = get("products");
  section.hidden = !node().inputs.length && direction() === "forward"; // the image itself
  if (section.hidden) return;
  const explanation = explain(node(), direction(), row, column, channel);
  section.replaceChildren(headline(explanation), ...(explanation.breakdowns ?? []).flatMap(breakdownParts), ...result(explanation));
  section.dataset.value = explanation.breakdowns ? total(explanation) : "";
  section.dataset.stored = explanation.stored;
  section.dataset.exact = explanation.exact;
}

function headline({ at, exact, breakdowns }) {
  const what = direction() === "forward" ? "How" : "How the gradient of";
  const badge = exact
    ? make("b", { class: "exact", text: "exact", title: "As the kernels computed it, in float32." })
    : make("b", { class: "rounded", text: "\u2248 rounded", title: "The page stores this map and these weights in 8 bits." });
  const strongest = make("button", {
    text: "strongest number",
    title: "The strongest number of this map, which the page stores exactly (Enter in the map)",
    onclick: toStrongest,
  });
  const isLogit = nodeNumber() === facts.verdict.logits;
  const name = `${what} ${node().name} [${at.join(", ")}]${isLogit ? `, ${facts.verdict.names[at[2]]},` : ""} was computed `;
  return make("h2", {}, name, breakdowns ? badge : "", " ", exact && String(at) === String(chosenPlace()) ? "" : strongest);
}

function toStrongest() {
  const [row, column, channel] = chosenPlace();
  lookAt(row, column, channel);
}

/** The images and lists of one breakdown; for a gradient also the name of the operation that it comes from. */
function breakdownParts(breakdown) {
  const parts = breakdown.user ? [make("h3", { text: `from ${breakdown.user.name}` })] : [];
  parts.push(make("p", { class: "formula", text: breakdown.formula }));
  const products = productsOf(breakdown.factors);
  const shape = breakdown.factors[0]?.shape ?? [];
  if (shape.length >= 2 && shape[0] * shape[1] > 1) parts.push(pictures(breakdown, products, shape));
  if (breakdown.factors.length > 1 && products.length > 1) parts.push(strongestProducts(breakdown, products, shape));
  return [...parts, numbersOf(breakdown)];
}

/** Factors and products of a window as tables of coloured cells; for many channels only the channel with the strongest product. */
function pictures({ factors }, products, [h, w, depth = 1]) {
  const k = depth > 1 ? strongestProduct(products) % depth : 0;
  const of = (data) => range(h * w).map((p) => data[p * depth + k]);
  const tables = factors.map((f) => cells(of(f.data), h, w, depth > 1 ? `${f.name}, channel ${k}` : f.name));
  const sums = range(h * w).map((p) => range(depth).reduce((sum, c) => sum + products[p * depth + c], 0));
  if (factors.length > 1) tables.push(cells(sums, h, w, depth > 1 ? `products, all ${depth} channels` : "products"));
  const signs = ["\u00d7", "="];
  return make(
    "div",
    { class: "pictures" },
    ...tables.flatMap((table, i) => (i ? [make("span", { text: factors.length > 1 ? signs[i - 1] : "" }), table] : [table])),
  );
}

const strongestProduct = (products) => products.reduce((best, x, i) => (Math.abs(x) > Math.abs(products[best]) ? i : best), 0);

function cells(values, h, w, title) {
  const largest = largestOf(values);
  const side = Math.max(2, Math.min(15, Math.floor(480 / Math.max(w, h)) - 1)); // pixels of a cell without its number
  const style = `grid-template-columns: repeat(${w}, auto); --side: ${side}px`;
  const table = make("div", { class: `cells${w > 5 ? " narrow" : ""}`, style });
  for (const x of values) {
    table.append(
      make("span", {
        class: isDark(x / largest) ? "light-text" : "dark-text",
        style: `background: ${css(x / largest)}`,
        title: digits(x),
        text: w > 5 ? "" : short(x),
      }),
    );
  }
  return make("figure", {}, table, make("figcaption", { text: title }));
}

/** A number in a few characters. */
function short(x) {
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1000 && size < 1e5) return x.toFixed(0);
  if (size >= 1e5 || size < 0.001) return x.toExponential(0).replace("+", "");
  return x.toPrecision(size < 1 ? 2 : 3).replace(/^(-?)0\./, "$1.");
}

/** The strongest products, each with its factors and a bar. */
function strongestProducts({ factors, corner }, products, shape) {
  const order = range(products.length)
    .sort((a, b) => Math.abs(products[b]) - Math.abs(products[a]))
    .slice(0, STRONGEST);
  const largest = Math.abs(products[order[0]]) || 1;
  const rows = order.map((p) =>
    make(
      "tr",
      {},
      make("td", { text: placeText(p, shape) }),
      make("td", { text: factors.map((f) => digits(f.data[p])).join(" \u00d7 ") }),
      make("td", { text: `= ${digits(products[p])}` }),
      make(
        "td",
        {},
        make("i", { class: products[p] < 0 ? "below" : "above", style: `width: ${(100 * Math.abs(products[p])) / largest}%` }),
      ),
    ),
  );
  const caption = `The ${order.length} strongest of ${thousands(products.length)} products (${factors.map((f) => f.name).join(" \u00d7 ")})`;
  const relative = corner && shape.length >= 2 ? `; places are within the window, which begins at row ${corner[0]}, column ${corner[1]} of the input` : "";
  return make("table", { class: "strongest" }, make("caption", { text: caption + relative }), ...rows);
}

/** The position of a product in its window: row, column, channel. */
function placeText(place, shape) {
  const parts = [];
  for (const n of [...shape].reverse()) {
    parts.unshift(place % n);
    place = Math.floor(place / n);
  }
  return shape.length === 3 && shape[2] > 1
    ? `window (${parts[0]}, ${parts[1]}), channel ${parts[2]}`
    : shape.length >= 2
      ? `window (${parts[0]}, ${parts[1]})`
      : `number ${parts[0] ?? 0}`;
}

function numbersOf({ factors, parts, value }) {
  const single = factors.filter(({ data, name }) => data.length === 1 && !(name in parts)).map(({ data, name }) => [name, data[0]]);
  const shown = [...single, ...Object.entries({ ...parts, value })];
  return make(
    "p",
    { class: "parts" },
    ...shown.map(([name, x]) => make("span", {}, `${name} `, make("b", { text: Number(x.toPrecision(7)).toString() }))),
  );
}

/** The sum of the parts, next to the stored number. */
function result({ breakdowns, stored, exact, silenced }) {
  if (!breakdowns)
    return [
      make("p", {
        text: `${whyNot(node(), direction())}. Stored is ${digits(stored)}. ${exact ? "" : "The strongest number of the map is explained."}`,
      }),
    ];
  if (!breakdowns.length)
    return [make("p", { text: `The gradient of the loss with respect to itself is ${digits(stored)}.` })];
  const sum = breakdowns.reduce((all, breakdown) => all + breakdown.value, 0);
  const text = breakdowns.length > 1 ? `${breakdowns.length} operations read this number, so their gradients are added: ` : "It adds up to ";
  const off =
    silenced
      ? ", as it is silenced"
      : sum === stored
      ? ", the same number"
      : exact
        ? `, off by ${Math.abs(sum - stored).toExponential(0)}: float32 rounds`
        : ": the page stores 8 bits of each number, so the two differ slightly";
  return [
    make("p", { class: "result" }, text, make("b", { text: digits(sum) }), "; stored is ", make("b", { text: digits(stored) }), off, "."),
  ];
}
