"""The documentation site: python -m sphinx -W -b html docs build/docs, after pip install '.[docs]'.

The pages are the unchanged Markdown files of this folder. Pages that exist only on the site are written to docs/site/, which git ignores:
the reference, from the docstrings; pages of the repository's root; the list of findings.
"""

import re
from pathlib import Path
from types import ModuleType

from sphinx.util.typing import stringify_annotation

import minigoog
import minigoog.detection
import minigoog.evaluate
import minigoog.learn
import minigoog.train
from minigoog import array_types

DOCS = Path(__file__).resolve().parent
SITE = DOCS / "site"

project, author, copyright = "minigoog", "the minigoog authors", "2026, the minigoog authors"
release = version = minigoog.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
root_doc = "README"
exclude_patterns = ["notebooks"]
html_theme, html_title = "furo", f"minigoog {release}"
html_show_sourcelink = html_copy_source = False
default_role = "code"  # docstrings write code between single backticks, as Markdown does
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_typehints_format = "short"



# ---- contents ----


def public_modules(module):
    """A module and those below it whose names it makes public, each once."""
    yield module
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        if isinstance(value, ModuleType):
            yield from public_modules(value)


PROGRAMS = [minigoog.inspection, minigoog.train, minigoog.evaluate, minigoog.detection, minigoog.learn]
MODULES = [*public_modules(minigoog), minigoog.kernels.reference, *PROGRAMS]
GUIDES = ["coming_from_pytorch", "elsewhere", "data", "training", "inspection", "sparsity", "plans", "kernels", "architecture"]
OTHERS = sorted({path.stem for path in DOCS.glob("*.md")} - {*GUIDES, "README", "speed_log"})
CONTENTS = {  # what the site's sidebar shows below README.md
    "Tour": [f"tour/{path.stem}" for path in sorted(DOCS.glob("tour/[0-9]*.md"))],
    "Guides": [*GUIDES, *OTHERS, "site/SECURITY", "site/CONTRIBUTING"],
    "Records": ["speed_log", "site/findings", "site/CHANGELOG"],
    "Reference": [f"site/{module.__name__}" for module in MODULES],
}


# ---- pages that are only on the site ----

ROOT = ("CONTRIBUTING", "CHANGELOG", "SECURITY")


def reference(module):
    """A page of the reference, filled from the docstrings of a module."""
    return f"# {module.__name__}\n\n```{{eval-rst}}\n.. automodule:: {module.__name__}\n```\n"


def findings():
    """The repository's findings: scripts whose first comment says what was found."""
    scripts = sorted((DOCS.parent / "findings").glob("*.sh"))
    lines = [f"- `{path.relative_to(DOCS.parent)}`: {first_comment(path)}" for path in scripts]
    return "# Findings\n\n" + ("\n".join(lines) or "None are recorded in this version.") + "\n"


def first_comment(path):
    return next((line.lstrip("# ") for line in path.read_text().splitlines() if re.match("# *[^!# ]", line)), "")


def of_the_root(name):
    """A page of the repository's root, with its links as seen from docs/site/."""
    return re.sub(r"\]\((?!http|#)(?:docs/)?", lambda m: "](../" if "docs/" in m[0] else "](../../", (DOCS.parent / name).read_text())


def write_pages(app):
    pages = {f"{module.__name__}.md": reference(module) for module in MODULES}
    pages |= {"findings.md": findings(), **{f"{name}.md": of_the_root(f"{name}.md") for name in ROOT}}
    SITE.mkdir(exist_ok=True)
    for name, text in pages.items():
        if not (SITE / name).exists() or (SITE / name).read_text() != text:
            (SITE / name).write_text(text)


# ---- from Markdown on a code host to a site ----


def adapt(app, page, text):
    """Gives the first page its table of contents, and links a place on the site: folders have none, so those become plain text."""
    text[0] = re.sub(r"\[([^\]]+)\]\([^)\s]*/\)", r"\1", text[0])
    text[0] = re.sub(rf"\]\((?:\.\./)+({'|'.join(ROOT)})\.md", r"](/site/\1.md", text[0])
    if page == root_doc:
        for caption, pages in CONTENTS.items():
            there = "\n".join(name for name in pages if (DOCS / f"{name}.md").exists())
            text[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{there}\n```\n"


def to_rst(app, what, name, thing, options, lines):
    """Docstrings are plain text with code between backticks: indented lines are code, and nothing else is markup."""
    before, code = "", False
    for i, line in enumerate(list(lines)):
        indented = line.startswith(" ")
        if indented and not before.strip() and not code and not line.lstrip().startswith(">>>"):
            code = True
            lines[i] = "::\n\n" + line
        elif line.strip() and not indented:
            code = False
            lines[i] = escape(line)
        before = line
    lines[:] = "\n".join(lines).splitlines()


def escape(line):
    """Characters that reStructuredText would read as markup, outside code."""
    pieces = line.split("`")
    pieces[::2] = [re.sub(r"[*|]|_(?!\w)", r"\\\g<0>", piece) for piece in pieces[::2]]
    return "`".join(pieces)


ALIASES = {stringify_annotation(getattr(array_types, name), "smart"): name for name in ("Array", "IntArray", "BoolArray", "Pair")}


def name_types(app, what, name, thing, options, signature, returns):
    """Signatures with the names of types that the source uses."""
    for text, alias in ALIASES.items():
        signature, returns = (part and part.replace(text, alias) for part in (signature, returns))
    return signature, returns


def setup(app):
    app.connect("autodoc-process-signature", name_types)
    app.connect("builder-inited", write_pages)
    app.connect("source-read", adapt)
    app.connect("autodoc-process-docstring", to_rst)
