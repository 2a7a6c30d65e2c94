/**
 * The YAML that people write in READMEs: names and values, lists, blocks of text.
 *
 * Not all of YAML: whatever this does not know for certain (anchors, tags, flows over
 * several lines, ...) is left to the reader as the text that it is.
 */

/** Longer texts are not looked into. */
const LONGEST = 200_000;
const DEEPEST = 40;

const QUOTED = String.raw`"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'`;
const ENTRY = new RegExp(String.raw`^(${QUOTED}|[^\s"'\[\]{}&*!|>%@#,?\x60-][^]*?|-[^\s][^]*?)\s*:(?:\s+([^]*))?$`);
const WHOLE_QUOTED = new RegExp(String.raw`^(${QUOTED})\s*(?:#.*)?$`);
const BLOCK = /^([|>])([+-]?[1-9]?[+-]?)\s*(?:#.*)?$/;
const FLAT_LIST = /^\[([^[\]{}"'#&*!:]*)\]\s*(?:#.*)?$/;

class Unsure extends Error {}

/** Return what a text says, as Maps, arrays and strings; undefined if that is not sure. */
export function parse(text) {
  if (text.length > LONGEST) return undefined;
  try {
    const value = new Reader(text).document();
    return value instanceof Map ? value : undefined;
  } catch (error) {
    if (error instanceof Unsure) return undefined;
    throw error;
  }
}

class Reader {
  constructor(text) {
    this.raw = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
    this.at = 0;
    this.pending = null; // what stands behind a dash, as a line of its own
  }

  document() {
    if (this.peek()?.text.match(/^---\s*(#.*)?$/)) this.take();
    const first = this.peek();
    if (!first) throw new Unsure();
    const value = this.block(first.indent, 0);
    if (this.peek() && !this.peek().text.match(/^\.\.\.\s*$/)) throw new Unsure();
    return value;
  }

  /** Return the next line that says something: { indent, text }. */
  peek() {
    if (this.pending) return this.pending;
    while (this.at < this.raw.length && /^\s*(#.*)?$/.test(this.raw[this.at])) this.at += 1;
    if (this.at >= this.raw.length) return null;
    const [, blanks, text] = this.raw[this.at].match(/^([ \t]*)([^]*?)\s*$/);
    if (blanks.includes("\t")) throw new Unsure();
    return { indent: blanks.length, text };
  }

  take() {
    const line = this.peek();
    if (this.pending) this.pending = null;
    else this.at += 1;
    return line;
  }

  block(indent, depth) {
    if (depth > DEEPEST) throw new Unsure();
    const { text } = this.peek();
    if (/^-(\s|$)/.test(text)) return this.list(indent, depth);
    if (ENTRY.test(text)) return this.mapping(indent, depth);
    return this.scalar(this.take().text, indent - 1);
  }

  list(indent, depth) {
    const values = [];
    for (let line = this.peek(); line?.indent === indent; line = this.peek()) {
      const match = line.text.match(/^-(\s+|$)([^]*)$/);
      if (!match) break;
      this.take();
      this.pending = match[2] && !match[2].startsWith("#")
        ? { indent: indent + 1 + match[1].length, text: match[2] }
        : null;
      values.push(this.below(indent, depth));
    }
    this.mustEndAbove(indent);
    return values;
  }

  mapping(indent, depth) {
    const values = new Map();
    for (let line = this.peek(); line?.indent === indent; line = this.peek()) {
      const match = line.text.match(ENTRY);
      if (!match) break;
      this.take();
      const rest = (match[2] ?? "").replace(/^#.*$/, "");
      values.set(unquoted(match[1]), rest ? this.scalar(rest, indent) : this.below(indent, depth, true));
    }
    this.mustEndAbove(indent);
    return values;
  }

  /** Return the block below a name or a dash; empty text where there is none. */
  below(indent, depth, underName = false) {
    const next = this.peek();
    if (!next) return "";
    const dash = underName && next.indent === indent && /^-(\s|$)/.test(next.text);
    if (next.indent <= indent && !dash) return "";
    const only = this.pending && !ENTRY.test(next.text) && !/^-(\s|$)/.test(next.text);
    if (only) return this.scalar(this.take().text, indent);
    return this.block(next.indent, depth + 1);
  }

  /** What stands at the same depth is for the block around this one to read. */
  mustEndAbove(indent) {
    if (this.peek()?.indent > indent) throw new Unsure();
  }

  /** Return a value that begins on a line; what goes on below is indented deeper. */
  scalar(text, indent) {
    const block = text.match(BLOCK);
    if (block) return this.textBlock(block[1] === ">", indent);
    if (WHOLE_QUOTED.test(text)) return unquoted(text.match(WHOLE_QUOTED)[1]);
    const flat = text.match(FLAT_LIST);
    if (flat) return flat[1].split(",").map((value) => value.trim()).filter(Boolean);
    if (text === "{}") return new Map();
    if (/^["'&*!|>%@`[{]/.test(text)) throw new Unsure();
    return this.plain(text, indent);
  }

  plain(first, indent) {
    const lines = [uncommented(first)];
    for (let next = this.peek(); next && next.indent > indent; next = this.peek()) {
      if (ENTRY.test(next.text) || /^-(\s|$)/.test(next.text)) throw new Unsure();
      lines.push(uncommented(this.take().text));
    }
    if (lines.some((line) => /:\s/.test(line))) throw new Unsure();
    return lines.join(" ");
  }

  textBlock(folded, indent) {
    const lines = [];
    while (this.at < this.raw.length) {
      const line = this.raw[this.at];
      const blanks = line.match(/^ */)[0].length;
      if (line.trim() && blanks <= indent) break;
      lines.push(line);
      this.at += 1;
    }
    const margins = lines.filter((line) => line.trim()).map((line) => line.match(/^ */)[0].length);
    const margin = Math.min(...margins);
    const text = lines.map((line) => line.slice(margin)).join("\n").trimEnd();
    return folded ? text.replace(/\n(\n*)(?=\S)/g, (_, blank) => blank || " ") : text;
  }
}

function uncommented(text) {
  return text.replace(/\s+#.*$/, "").trim();
}

function unquoted(text) {
  if (text.startsWith("'") && text.endsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  if (!text.startsWith('"')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
