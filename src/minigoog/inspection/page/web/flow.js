// ---- Tensors that move along the edges, and playing all steps ----

const FLOW = 550; // ms that a tensor is on its way
const PAUSE = 850; // ms from step to step
let timer = null;

/** Animates the tensors that the step at node `number` reads: its inputs, or backward the gradients from its readers. */
function flowTo(number) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  document.querySelectorAll(".tensor").forEach((tensor) => tensor.remove());
  const sources = direction() === "forward" ? nodes[number].inputs : usersOf(number).map((use) => use.number);
  for (const source of sources) send(boxes[source], boxes[number]);
}

function send(from, to) {
  const tensor = make("canvas", { class: "tensor", width: 34, height: 34, "aria-hidden": "true" });
  tensor.getContext("2d").drawImage(from.querySelector("canvas"), 0, 0);
  tensor.style.left = `${to.offsetLeft + 4}px`;
  tensor.style.top = `${to.offsetTop + 4}px`;
  get("diagram").append(tensor);
  const [x, y] = [from.offsetLeft - to.offsetLeft, from.offsetTop - to.offsetTop];
  const way = [
    { transform: `translate(${x}px, ${y}px)`, opacity: 1 },
    { transform: "none", opacity: 1, offset: 0.8 },
    { transform: "none", opacity: 0 },
  ];
  tensor.animate(way, { duration: FLOW, easing: "ease-in-out" }).onfinish = () => tensor.remove();
}

/** Starts or stops playing; at the end it starts again. */
function play() {
  if (timer) return stop();
  if (state.step === walk.length - 1) goTo(0);
  timer = setInterval(() => (state.step === walk.length - 1 ? stop() : goTo(state.step + 1)), PAUSE);
  showPlaying();
}

function stop() {
  clearInterval(timer);
  timer = null;
  showPlaying();
}

function showPlaying() {
  get("play").textContent = timer ? "Stop" : "Play";
  get("play").setAttribute("aria-pressed", String(Boolean(timer)));
}
