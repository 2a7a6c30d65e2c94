"""READMEs are read as YAML says, or not at all."""

import pytest
import yaml

READ = """async (text) => {
    const { parse } = await import("/static/page/yaml.js");
    const plain = (value) =>
        value instanceof Map
            ? Object.fromEntries([...value].map(([k, v]) => [k, plain(v)]))
            : Array.isArray(value) ? value.map(plain) : value;
    const value = parse(text);
    return value === undefined ? null : plain(value);
}"""

SURE = [
    "a: b",
    "---\ndescription: Apples\nproject: Fairest\n...\n",
    "a:\n  b:\n    c: d\n  e: f\ng: h",
    "list:\n  - a\n  - b",
    "list:\n- a\n- b\nnext: c",
    "people:\n  - name: Ann\n    role: PI\n  - name: Bob\n",
    "nested:\n  -\n    a: b\n  - - x\n    - y\n",
    "text: |\n  one\n  two\n\n  three\nnext: b",
    "text: >\n  one\n  two\n\n  three\nnext: b",
    "text: |-\n  # no comment\n  a: b\nnext: c",
    "long: this goes\n  on and on\nnext: b",
    "quoted: \"a: 'b' \\u00e9\"\nsingle: 'it''s'\n'key: 1': v",
    "# comment\na: b # comment\n\n# another\nc: d#e",
    "url: https://example.org/a:b?c=d#e\ntime: at 12:30:00h",
    "flat: [a, b, c d]\nempty: []\nnothing: {}",
    "unicode: Größe 🌱\nключ: значение",
    "a:\r\n  b: c\r\n",
    "key with blanks: value",
    "-a: -b",
    "question?: yes!",
]

UNSURE = [
    "",
    "plain prose",
    "- a\n- b",
    "a: &x b\nc: *x",
    "a: !!python/object:os.system b",
    "<<: x\na: {b: c}",
    "a: [b,\n  c]",
    'a: "two\n  lines"',
    "a: b: c",
    "a:\n  b: c\n d: e",
    "a: b\n  c: d",
    "a:\n\tb: c",
    "%YAML 1.2\n---\na: b",
    "a: b\n---\nc: d",
    "a: " + "x" * 300_000,
    "\n".join(" " * depth + "a:" for depth in range(200)),
]


def normal(value):
    """Return what YAML says, with its scalars as the text that a reader sees."""
    if isinstance(value, dict):
        return {str(key): normal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [normal(each) for each in value]
    return str(value).rstrip("\n")


@pytest.fixture(scope="module")
def read(chromium, site):
    """Read a text as the page does."""
    page = chromium.new_page()
    page.goto(site)
    yield lambda text: page.evaluate(READ, text)
    page.close()


@pytest.mark.parametrize("text", SURE)
def test_it_is_what_yaml_says(read, text):
    assert read(text) == normal(yaml.load(text, yaml.BaseLoader))


@pytest.mark.parametrize("text", UNSURE, ids=lambda text: text[:20])
def test_what_is_not_sure_is_left_as_text(read, text):
    assert read(text) is None
