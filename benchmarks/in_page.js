// The contest of in_page.py: the network of a page against ONNX Runtime Web. Both in turns, each turn warmed up.

const TURN = 150; // ms, about

async function contest(ort, wasmPaths, model, rounds) {
  const { runs, facts } = minigoog;
  const [h, w, c] = facts.nodes[0].shape;
  const image = runs.network.floatsAt(4, 0, h * w * c).slice(); // the recorded input
  const planes = Float32Array.from({ length: h * w * c }, (_, i) => image[(i % (h * w)) * c + Math.floor(i / (h * w))]);
  ort.env.wasm.numThreads = 1;
  if (wasmPaths) ort.env.wasm.wasmPaths = wasmPaths;
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const x = new ort.Tensor("float32", planes, [1, c, h, w]);
  const contestants = {
    ours: async () => runs.network.run(image),
    theirs: () => session.run({ [session.inputNames[0]]: x }),
  };
  await contestants.ours();
  const logits = runs.network.map(facts.verdict.logits);
  const expected = (await contestants.theirs())[session.outputNames[0]].data;
  const norm = (values) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  const difference = norm(expected.map((v, k) => v - logits.at(0, 0, k))) / norm(expected);
  const times = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round++) for (const name in contestants) times[name].push(await turn(contestants[name]));
  return { ...times, difference };
}

/** ms of one call: calls for about half a TURN to warm up, then so many that are timed. */
async function turn(run) {
  let [calls, start] = [0, performance.now()];
  for (; performance.now() - start < TURN / 2 || calls < 2; calls++) await run();
  start = performance.now();
  for (let i = 0; i < calls; i++) await run();
  return (performance.now() - start) / calls;
}
