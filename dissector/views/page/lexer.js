// The words of a display filter, as dissector/filter/lexer.py has them, and errors that say where.

class FilterError extends Error {
  constructor(reason, where = [0, 0], near = "") {
    super(reason);
    this.where = where;
    this.near = near;
  }
}

const TOKEN = new RegExp([
  String.raw`\s*(?:(?<raw>[rR]"(?:[^"\\]|\\.)*")`,
  String.raw`(?<string>"(?:[^"\\]|\\.)*")`,
  String.raw`(?<char>'(?:\\[^']+|[^'\\])')`,
  String.raw`(?<slice>\[[-\d:,\s]*\])`,
  String.raw`(?<layers>#(?:\d+|\[[-\d:,\s]*\]))`,
  String.raw`(?<operator>===|!==|==|!=|~=|<=|>=|&&|\|\||\^\^|\.\.|[-+*\/%&<>!~(){},])`,
  String.raw`(?<word>[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){2,}`,
  String.raw`[0-9a-fA-F]{2}(?:\.[0-9a-fA-F]{2}){3,}(?:\/\d+)?(?![\p{L}\p{N}_.])`,
  String.raw`\d+\.\d+\.\d+\.\d+(?:\/\d+)?`,
  String.raw`[0-9a-fA-F]*:[0-9a-fA-F:]*(?:\d+\.\d+\.\d+\.\d+)?(?:\/\d+)?`,
  String.raw`\d+(?:\.\d+)?[eE]-?\d+`,
  String.raw`\.?[\p{L}\p{N}_]+(?:\.[\p{L}\p{N}_]+)*))`,
].join("|"), "uy");

const OPERATOR_WORDS = {
  eq: "==", any_eq: "==", all_eq: "===", ne: "!=", all_ne: "!=", any_ne: "!==", "~=": "!==", gt: ">",
  lt: "<", ge: ">=", le: "<=", and: "&&", or: "||", xor: "^^", not: "!", matches: "~", bitand: "&",
  bitwise_and: "&", in: "in", contains: "contains", any: "any", all: "all",
};

function tokensOf(text) {
  const found = [];
  const end = text.trimEnd().length;
  let at = 0;
  while (at < end) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match || at + match[0].length > end) {
      const start = at + text.slice(at).length - text.slice(at).trimStart().length;
      throw new FilterError(`not understood: ${quoted([...text.slice(start, end)].slice(0, 20).join(""))}`, [start, end]);
    }
    let [kind, value] = Object.entries(match.groups).find(([, one]) => one !== undefined);
    at += match[0].length;
    const where = [at - value.length, at];
    if ((kind === "word" || kind === "operator") && Object.hasOwn(OPERATOR_WORDS, value)) {
      [kind, value] = ["operator", OPERATOR_WORDS[value]];
    }
    found.push({ kind, text: value, where });
  }
  return found;
}

// As Python writes a text in an error.
function quoted(text) {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
  return mark + (mark === "'" ? inside.replaceAll("'", "\\'") : inside) + mark;
}

// The names that are most like a word, as a sentence of an error.
function nearTo(word, names) {
  const lowered = new Map([...names].map((name) => [name.toLowerCase(), name]));
  const wanted = word.toLowerCase();
  const scored = [];
  for (const name of lowered.keys()) {
    const most = (2 * Math.min(name.length, wanted.length)) / (name.length + wanted.length || 1);
    const score = most >= 0.6 ? (2 * matching(name, wanted)) / (name.length + wanted.length || 1) : 0;
    if (score >= 0.6) scored.push([score, name]);
  }
  scored.sort((a, b) => b[0] - a[0] || (a[1] < b[1] ? 1 : -1));
  const found = scored.slice(0, 3).map(([, name]) => lowered.get(name));
  return found.length ? `\nnear to it: ${found.join(", ")}` : "";
}

// How many characters two texts share: in their longest common part, and on both sides of it.
function matching(one, other) {
  let [best, oneAt, otherAt] = [0, 0, 0];
  let before = new Uint16Array(other.length + 1);
  for (let i = 0; i < one.length; i += 1) {
    const row = new Uint16Array(other.length + 1);
    for (let j = 0; j < other.length; j += 1) {
      if (one[i] !== other[j]) continue;
      row[j + 1] = before[j] + 1;
      if (row[j + 1] > best) [best, oneAt, otherAt] = [row[j + 1], i + 1 - row[j + 1], j + 1 - row[j + 1]];
    }
    before = row;
  }
  if (!best) return 0;
  return best + matching(one.slice(0, oneAt), other.slice(0, otherAt))
    + matching(one.slice(oneAt + best), other.slice(otherAt + best));
}

const ESCAPES = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", 0: "\0" };

function unquoted(token) {
  if (token.kind === "raw") return token.text.slice(2, -1);
  if (token.kind !== "string" && token.kind !== "char") return token.text;
  return token.text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)/gsu, (_, what) => {
    if (what[0] === "x" && what.length > 1) return String.fromCodePoint(parseInt(what.slice(1), 16));
    if (/^[0-7]/.test(what)) return String.fromCodePoint(parseInt(what, 8));
    return ESCAPES[what] ?? what;
  });
}

// A regular expression: of escapes only \\ and \" are resolved.
function patternText(token) {
  return token.kind === "string" ? token.text.slice(1, -1).replace(/\\([\\"])/g, "$1") : unquoted(token);
}
