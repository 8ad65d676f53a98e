"""The forward pass in the page against ONNX Runtime Web: one thread, WebAssembly with SIMD, in Node and in Chromium.

npm install onnxruntime-web@1.30                              # anywhere
python benchmarks/in_page.py --ort node_modules/onnxruntime-web [--model googlenet] [--rounds 7] [--json FILE]

Both are in one process and take turns; their logits are compared first. The page keeps every map. Of GoogLeNet it has weights of 8 bits,
hence a difference of some percent. Chromium is skipped where selenium, chromium or chromedriver are missing."""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any

import flags as common
import numpy as np

import minigoog as mg
from minigoog.exporting import save_onnx
from minigoog.files import atomic_write
from minigoog.inspection.inputs import Sample
from minigoog.inspection.page import build
from minigoog.models import INPUT_SIZES
from minigoog.models import build as model_of
from minigoog.sparsity.speed.turns import WrongAnswer

HERE = Path(__file__).parent
BOUND = 0.1  # of the relative difference of the logits: weights of 8 bits
STUB = """import fs from "node:fs";
import { createRequire } from "node:module";
const read = (name) => fs.readFileSync(name, "utf8");
globalThis.document = { getElementById: (id) => ({ textContent: read(id), remove() {} }) };
"""
IN_NODE = """await loadNumbers();
await startNetwork();
globalThis.minigoog = { runs, facts };
const found = await contest(createRequire(import.meta.url)("./ort"), undefined, new Uint8Array(fs.readFileSync("model.onnx")), ROUNDS);
console.log(JSON.stringify(found));
"""
IN_BROWSER = """const [rounds, done] = arguments;
fetch("model.onnx").then((answer) => answer.arrayBuffer())
  .then((model) => contest(ort, "/ort/dist/", new Uint8Array(model), rounds)).then(done, (error) => done(String(error)));"""


def write_files(folder: Path, model: str, ort: Path) -> None:
    """The page, its parts for Node, the network as ONNX, and a link to the package ONNX Runtime Web."""
    mg.manual_seed(0)
    network, size = model_of(model).eval(), INPUT_SIZES[model]
    image = np.random.default_rng(0).random(size, np.float32)
    sample = Sample(network, image, (255 * image).astype(np.uint8), 0, tuple(map(str, range(1000))), f"{model}\nnoise")
    page = build.build_page(mg.trace(network, image), sample)
    contest = (HERE / "in_page.js").read_text()
    parts = {id: re.search(rf'id="{id}">(.*?)</script>', page, re.S) for id in ("facts", "numbers")}
    scripts = [path.read_text(encoding="utf-8") for path in build.calculating(files("minigoog.inspection.page") / "web")]
    texts = {name: part[1] for name, part in parts.items() if part}
    texts["page.html"] = page.replace("</head>", f'<script src="/ort/dist/ort.wasm.min.js"></script><script>{contest}</script></head>')
    texts["run.mjs"] = "\n".join([STUB, *scripts, contest, IN_NODE])
    for name, text in texts.items():
        with atomic_write(folder / name) as file:
            file.write(text.encode())
    save_onnx(network, folder / "model.onnx", input_size=size)
    (folder / "ort").symlink_to(ort.resolve())


def in_node(folder: Path, rounds: int) -> Any:
    """The contest in Node."""
    text = (folder / "run.mjs").read_text().replace("ROUNDS", str(rounds))
    done = subprocess.run(["node", "--input-type=module", "-"], input=text.replace("import.meta.url", f'"{(folder / "x").as_uri()}"'),
                          cwd=folder, capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"in_page.py: node failed: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def in_chromium(folder: Path, rounds: int) -> Any:
    """The contest in Chromium, or why there is none."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    try:
        from selenium import webdriver
    except ImportError:
        return "selenium is not installed"
    if not all(programs):
        return "no chromium and chromedriver here"
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in ("--headless=new", "--no-sandbox", f"--user-data-dir={folder}/browser"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    try:
        driver.set_script_timeout(600)
        driver.get(f"http://127.0.0.1:{server.server_port}/page.html")
        return driver.execute_async_script(IN_BROWSER, rounds)
    finally:
        driver.quit()
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def line(where: str, model: str, found: Any) -> str:
    """One contest as a line of the table."""
    if isinstance(found, str):
        return f"{where:<10}{model:<12}skipped: {found}"
    if found["difference"] > BOUND:
        raise WrongAnswer(f"in_page.py: the logits differ by {found['difference']:.2g}, expected at most {BOUND}")
    ours, theirs = median(found["ours"]), median(found["theirs"])
    ratio = median(a / b for a, b in zip(found["ours"], found["theirs"], strict=True))
    return f"{where:<10}{model:<12}{ours:>9.2f} ms {theirs:>9.2f} ms     x{ratio:.2f}   {found['difference']:.1e}"


def main() -> None:
    """The contests that the flags ask for."""
    p = common.parser(__doc__ or "")
    p.add_argument("--ort", type=Path, required=True, metavar="FOLDER", help="node_modules/onnxruntime-web")
    p.add_argument("--model", choices=["tiny", "googlenet"], nargs="+", default=["tiny", "googlenet"])
    flags = p.parse_args()
    print(f"{'':<10}{'network':<12}{'this page':>12} {'ORT Web':>12}     ratio   difference of the logits")
    results = []
    for model in flags.model:
        with tempfile.TemporaryDirectory() as folder:
            write_files(Path(folder), model, flags.ort)
            for where, run in (("Node", in_node), ("Chromium", in_chromium)):
                results.append({"where": where, "model": model, "found": run(Path(folder), flags.rounds)})
                print(line(**results[-1]), flush=True)
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps({"benchmark": "in_page", "cores": os.cpu_count(), "rows": results}, indent=1).encode())


if __name__ == "__main__":
    common.run(main)
