"""The page's scripts that compute, in Node: what the page would compute, without a browser."""

import base64
import json
import re
import shutil
import subprocess
from importlib.resources import files

import numpy as np
import pytest

from minigoog.inspection.page import build

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node here: the network of the page was not run (Debian: apt install nodejs)")
PAGE = """import fs from "node:fs";
const [facts_, numbers_] = ["facts.json", "numbers.txt"].map((name) => fs.readFileSync(name, "utf8"));
globalThis.document = { getElementById: (id) => ({ textContent: id === "facts" ? facts_ : numbers_, remove() {} }) };
"""
TOOLS = """
await loadNumbers();
const bytes = (floats) => Buffer.from(Float32Array.from(floats).buffer).toString("base64");
const say = (answer) => fs.writeFileSync("answer.json", JSON.stringify(answer));
const everyMap = (run) => nodes.map((node) => bytes(valuesOf(run.map(node.number))));
function valuesOf({ h, w, c, at }) {
  const values = [];
  for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) for (let k = 0; k < c; k++) values.push(at(i, j, k));
  return values;
}
"""


def in_node(folder, page, script):
    """What `script` says with say(...), on the facts and numbers of a page."""
    for name, file in (("facts", "facts.json"), ("numbers", "numbers.txt")):
        (folder / file).write_text(re.search(rf'id="{name}">(.*?)</script>', page, re.S)[1])
    scripts = build.calculating(files("minigoog.inspection.page") / "web")
    (folder / "run.mjs").write_text("\n".join([PAGE, *(path.read_text() for path in scripts), TOOLS, script]))
    done = subprocess.run([NODE, "run.mjs"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "answer.json").read_text())


def floats(text):
    """The float32 numbers that bytes() has written."""
    return np.frombuffer(base64.b64decode(text), np.float32)
