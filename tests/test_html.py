"""Tables and pictures for notebooks: well-formed, escaped, small, and the pictures show the values."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog import html

VOID = {"img"}


class Page(HTMLParser):
    """The elements of some HTML: (tag, attributes), and the text in it; unbalanced tags are an error."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def pixels(source):
    """The RGB pixels of a picture's data URL, as Pillow decodes it."""
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): pictures were not decoded")
    kind, data = source.split(",")
    assert kind == "data:image/png;base64"
    image = image_module.open(io.BytesIO(base64.b64decode(data, validate=True)))
    image.verify()
    return np.asarray(image_module.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def drawn(values, **arguments):
    (image,) = Page(html.picture(np.asarray(values, np.float32), **arguments)).all("img")
    return pixels(image["src"]), image


# ---- tables ----


def test_a_table_has_its_cells_in_order_and_aligned():
    page = Page(html.table(("a", "b"), [("1", "2"), ("3", "4")], right=(1,)))
    assert page.text == "ab1234" and [tag for tag, _ in page.elements] == ["table", *["tr", "th", "th"], *["tr", "td", "td"] * 2]
    assert [cell["style"] for cell in page.all("td")] == ["text-align:left", "text-align:right"] * 2


@given(st.lists(st.text(), min_size=3, max_size=3))
def test_text_comes_out_as_it_went_in(texts):
    cell, line, block = texts
    page = Page(html.block(block, html.table(("head",), [(cell,)]), html.preformatted(line)))
    assert page.text.replace("\r", "\n") == f"{block}head{cell}{line}".replace("\r", "\n")
    assert [tag for tag, _ in page.elements] == ["div", "div", "table", "tr", "th", "tr", "td", "pre"]


def test_markup_in_text_is_escaped_and_html_is_not():
    evil = '<script>alert("1")</script>&amp;'
    page = Page(html.table((evil,), [(html.Html("<b>bold</b>"),)]))
    assert page.text == f"{evil}bold" and page.all("script") == [] and len(page.all("b")) == 1
    (image,) = Page(html.picture(np.zeros((2, 2)), name='" onload="x')).all("img")
    assert image.keys() == {"src", "width", "height", "title", "alt", "style"}


@pytest.mark.parametrize("n", [99, 100, 101, 5000])
def test_of_a_long_table_the_first_and_last_rows_are_shown(n):
    text = Page(html.table(("",), [(f"[{i}]",) for i in range(n)])).text
    shown = [int(i) for i in re.findall(r"\[(\d+)\]", text)]
    assert shown == list(range(n)) if n <= 100 else shown == [*range(50), *range(n - 50, n)]
    assert (f"... {n - 100} more rows ..." in text) == (n > 100)


# ---- pictures ----


def test_values_of_one_sign_are_grey_from_black_to_white():
    rgb, image = drawn([[0, 1, 2], [4, 3, 2]])
    expected = np.rint(255 * np.rint(np.array([[0, 1, 2], [4, 3, 2]]) / 4 * 62) / 62)
    assert (rgb == expected[..., None]).all()
    assert (image["width"], image["height"]) == ("48", "32") and image["title"] == "2x3: 0 to 4" == image["alt"]


def test_values_on_both_sides_of_zero_are_blue_white_and_red():
    rgb, _ = drawn([[-2, -1, 0, 1, 2, 4]])
    assert rgb[0, 2].tolist() == [255, 255, 255] and rgb[0, 5].tolist() == [180, 120, 50]
    blue, red = rgb[..., 2], rgb[..., 0]
    assert (blue[0, :2] > red[0, :2]).all() and (red[0, 3:] > blue[0, 3:]).all()
    assert rgb[0, 0].sum() < rgb[0, 1].sum() < 765 > rgb[0, 3].sum() > rgb[0, 4].sum() > rgb[0, 5].sum()
    assert (drawn([[-2, 4]])[0] == drawn([[-2, 0, 4]])[0][:, ::2]).all()  # one scale for both signs


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_magenta_and_counted(value):
    rgb, image = drawn([[value, 0], [1, 2]])
    assert rgb[0, 0].tolist() == [255, 0, 255] and rgb[0, 1].tolist() == [0, 0, 0] and rgb[1, 1].tolist() == [255, 255, 255]
    assert image["title"] == "2x2: 0 to 2 (1 not finite: magenta)"
    assert (drawn([[value]])[0] == [255, 0, 255]).all() and drawn([[value]])[1]["title"] == "1x1: no finite value (1 not finite: magenta)"


def test_a_large_map_is_averaged_and_keeps_what_is_not_finite():
    values = np.random.default_rng(0).random((100, 75)).astype(np.float32)
    values[50, 60] = np.nan
    rgb, image = drawn(values, size=20, limits=(0.0, 1.0))
    means = np.array([[values[y : y + 5, x : x + 5].mean(dtype=np.float64) for x in range(0, 75, 5)] for y in range(0, 100, 5)])
    wrong = np.isnan(means)
    assert (rgb[wrong] == [255, 0, 255]).all() and wrong.sum() == 1
    assert (rgb[~wrong] == np.rint(255 * np.rint(means[~wrong] * 62) / 62)[:, None]).all()
    assert (image["width"], image["height"]) == ("15", "20")


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 5000))
def test_any_size_gives_a_small_picture(h, w, size):
    text = html.picture(np.random.default_rng(0).standard_normal((h, w)), size)
    (image,) = Page(text).all("img")
    assert max(int(image["width"]), int(image["height"])) == min(size, 256) and len(text) < 100_000


# ---- maps and arrays ----


def test_maps_of_the_first_channels_share_a_scale():
    values = np.zeros((2, 3, 3, 11), np.float32)
    values[0, 0, 0] = np.arange(11)
    values[1] = 99
    page = Page(html.maps(values, most=4))  # the colours of 0, 1/3, 2/3 and 1: 62 steps of grey
    assert [pixels(image["src"])[0, 0, 0] for image in page.all("img")] == [0, 86, 169, 255] and page.text == "+7"
    assert page.all("img")[2]["title"] == "channel 2, 3x3: 0 to 2"


@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 1, 1, 5), (1, 1, 9, 1), (0, 3, 3, 1), (1, 0, 3, 1), (1, 3, 3, 0)])
def test_what_has_no_maps_has_no_pictures(shape):
    assert html.maps(np.zeros(shape)) == ""


@pytest.mark.parametrize("shape, pictures", [
    ((), 0), ((20,), 0), ((21,), 0), ((5, 5), 1), ((4, 4, 3), 3), ((2, 4, 4, 20), 8), ((0, 5), 0), ((2, 2, 3, 3, 2), 0),
])  # fmt: skip
def test_an_array_shows_its_facts_and_maps(shape, pictures):
    values = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    page = Page(html.array("Tensor", values))
    assert len(page.all("img")) == pictures
    assert f"Tensor {'x'.join(map(str, shape)) or '()'} float32" in page.text
    assert ("max" in page.text) == (values.size > 20)


def test_statistics_are_of_the_finite_values():
    values = np.r_[np.zeros(25), 3, 4, np.nan, np.inf, -np.inf]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", html.array("x", values))
    finite = np.r_[np.zeros(25), 3, 4]
    assert cells == ["0", "4", f"{finite.mean():.4g}", f"{finite.std():.4g}", "83.3%", "3"]
    assert re.findall(r"<td[^>]*>([^<]*)</td>", html.array("x", np.full(30, np.nan)))[0] == "nan"


def test_large_arrays_make_small_pages():
    values = np.random.default_rng(0).standard_normal((4, 300, 300, 64)).astype(np.float32)
    assert len(html.array("Tensor", values)) < 50_000
