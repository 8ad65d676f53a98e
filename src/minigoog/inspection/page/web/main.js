// ---- The start ----

async function start() {
  await loadNumbers();
  await startNetwork();
  get("missing").textContent = `The page computes this map itself, which needs WebAssembly with SIMD (browsers from 2023 on): ${runs.whyNot}.`;
  get("title").textContent = `Inside ${facts.model}`;
  document.title = `Inside ${facts.model}: minigoog`;
  get("previous").onclick = () => goTo(state.step - 1);
  get("next").onclick = () => goTo(state.step + 1);
  get("forward").onclick = () => goToNode(nodeNumber(), "forward");
  get("backward").onclick = () => goToNode(nodeNumber(), "backward");
  get("play").onclick = play;
  get("theme").onclick = changeTheme;
  get("ask").onclick = () => get("help").showModal();
  if (!nodes[0].dy) get("backward").disabled = true;
  drawDiagram();
  drawImage();
  showClasses();
  showRounding();
  openLab();
  listenToMaps();
  listenToKeys();
  listenToSearch();
  drawMinimap();
  addEventListener("resize", () => (fitDiagram(), showStep()));
  if (!location.hash || !goToAddress(location.hash)) goTo(0);
  document.body.classList.add("ready");
}

start().catch((error) => {
  document.body.prepend(
    make("p", { role: "alert", text: `This page could not be drawn: ${error.message}. It needs a browser from 2024 or later.` }),
  );
  throw error;
});

// for experiments in the console
window.minigoog = { facts, nodes, state, walk, explain, goTo, goToNode, lookAt, mapOf, weightsOf, fieldOf, RULES, runs, changes, change };
