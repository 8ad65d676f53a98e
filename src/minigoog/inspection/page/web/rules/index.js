// ---- Numbers taken from other places of a map: a part of it, or its axes in another order ----

/** For each number of the output, in the order of [h, w, c], its place in the input. */
const sourcesOf = (node) => array(node.indices.sources).data;

const flatIndex = ([, w, channels], i, j, c) => (i * w + j) * channels + c;

RULES.index = {
  output(node, ...at) {
    const source = nodes[node.inputs[0]];
    const place = unravelled(sourcesOf(node)[flatIndex(node.shape, ...at)], source.shape);
    return copied(`${source.name} [${place.join(", ")}]`, mapOf(source, "y").at(...place));
  },

  gradient(user, k, ...at) {
    const [here, dy] = [flatIndex(nodes[user.inputs[0]].shape, ...at), mapOf(user, "dy")];
    const places = [...sourcesOf(user).keys()].filter((o) => sourcesOf(user)[o] === here);
    const selected = places.map((o) => dy.at(...unravelled(o, user.shape)));
    return addUp("sum(dy where it was selected)", [factor("dy where it was selected", [selected.length], selected)]);
  },

  back(user, k, { shape }) {
    const [dy, dx] = [mapOf(user, "dy"), new Float32Array(shape[0] * shape[1] * shape[2])];
    sourcesOf(user).forEach((source, o) => {
      const [i, j, c] = unravelled(source, shape);
      dx[(c * shape[0] + i) * shape[1] + j] += dy.at(...unravelled(o, user.shape));
    });
    return dx;
  },
};
