// From the text of a display filter to its tree, as dissector/filter/parser.py has it: a test
// compares the two. `language` has what can be asked for: fields with their types, the names of
// their values, and the fields of Wireshark's that are not decoded.

const MAX_FILTER = 4096;
const MAX_DEPTH = 50;
const RELATIONS = new Set(["==", "===", "!=", "!==", "<", "<=", ">", ">=", "contains", "~", "in"]);
const GOES_ON = new Set([...RELATIONS, "+", "-", "*", "/", "%", "&"]);
const OWN = {
  number: { kind: "number", hex: false, width: 8 }, text: { kind: "text", width: 4 },
  octets: { kind: "octets", width: 4 },
};
const MAX_SLICES = 64;

const wantsField = (operand) => (operand.node === "field" ? "" : "a field is wanted");
const wantsNumber = (operand) => (COUNTED.has(operand.type.kind) ? "" : "a number is wanted");
const wantsText = (operand) => (operand.type.kind === "text" ? "" : "a text is wanted: try string()");
function wantsOther(operand) {
  if (operand.type.kind === "protocol") return "a protocol has no text";
  return wantsField(operand) || (operand.type.kind === "text" ? "it is a text already" : "");
}
const FUNCTIONS = {
  len: { fault: (operand) => (operand.type.kind === "protocol" ? "how long a protocol's part of a frame is, is not known here" : ""), type: OWN.number },
  count: { fault: wantsField, type: OWN.number },
  string: { fault: wantsOther, type: OWN.text },
  vals: {
    fault: (operand, language) => (operand.node === "field" && language.labels[operand.name] ? "" : "its values have no names"),
    type: OWN.text,
  },
  upper: { fault: wantsText },
  lower: { fault: wantsText },
  abs: { fault: wantsNumber },
  max: { fault: wantsNumber, several: true },
  min: { fault: wantsNumber, several: true },
};

function comparable(left, right) {
  for (const kinds of [COUNTED, IN_OCTETS]) if (kinds.has(left.kind) && kinds.has(right.kind)) return true;
  return left.kind === right.kind && left.kind !== "protocol";
}

// Offsets and lengths of what stands in brackets.
function rangesOf(text) {
  const parts = text.replace(/^[[\]]+|[[\]]+$/g, "").split(",");
  if (parts.length > MAX_SLICES) throw new ValueProblem(`more than ${MAX_SLICES} parts`);
  return parts.map((part) => {
    const match = /^\s*(?:(-?\d*)\s*:\s*(\d*)|(\d+)\s*-\s*(\d+)|(-?\d+))\s*$/.exec(part);
    if (!match || match[1] === "-" || (!match[1] && !match[2] && match[3] === undefined && match[5] === undefined)) {
      throw new ValueProblem(`${quoted(part.trim())} is no part: offset:length, first-last, or one offset`);
    }
    if (match[5] !== undefined) return [Number(match[5]), 1];
    if (match[3] !== undefined) {
      const [first, last] = [Number(match[3]), Number(match[4])];
      if (last < first) throw new ValueProblem(`${last} comes before ${first}`);
      return [first, last - first + 1];
    }
    const length = match[2] ? Number(match[2]) : null;
    if (length === 0) throw new ValueProblem("a part of no octets");
    return [Number(match[1] || 0), length];
  });
}

class Parser {
  constructor(text, language) {
    this.text = text;
    this.language = language;
    this.tokens = tokensOf(text);
    this.at = 0;
    this.depth = 0;
  }

  parse() {
    const test = this.#either();
    if (this.at < this.tokens.length) {
      const token = this.#next();
      const words = [...Object.keys(OPERATOR_WORDS), ...Object.keys(FUNCTIONS)];
      throw this.#error(`not expected: ${quoted(token.text)}`, token.kind === "word" ? nearTo(token.text, words) : "");
    }
    return test;
  }

  // An error, at the token that was taken last if nothing else is said.
  #error(reason, near = "", where = this.tokens[this.at - 1].where) {
    return new FilterError(reason, where, near);
  }

  // What is a problem of a value becomes an error at a place.
  #guarded(work, where, prefix = "") {
    try {
      return work();
    } catch (problem) {
      if (!(problem instanceof ValueProblem)) throw problem;
      throw this.#error(prefix + problem.message, problem.near, where);
    }
  }

  #end() {
    if (this.at < this.tokens.length) return this.tokens[this.at].where;
    const end = this.text.trimEnd().length;
    return [end, end + 1];
  }

  #ahead(more = 0) {
    const token = this.tokens[this.at + more];
    return token?.kind === "operator" ? token.text : "";
  }

  #next() {
    if (this.at === this.tokens.length) throw this.#error("it ends too early", "", this.#end());
    this.at += 1;
    return this.tokens[this.at - 1];
  }

  #take(...operators) {
    const found = operators.includes(this.#ahead());
    if (found) this.at += 1;
    return found;
  }

  #expect(operator) {
    if (!this.#take(operator)) throw this.#error(`a ${operator} is missing`, "", this.#end());
  }

  // --- Tests ---

  #joined(operator, name, part) {
    const tests = [part()];
    while (this.#take(operator)) tests.push(part());
    return tests.length === 1 ? tests[0] : { node: "logic", operator: name, tests };
  }

  #either() {
    return this.#joined("||", "or", () => this.#joined("^^", "xor", () => this.#joined("&&", "and", () => this.#one())));
  }

  #deeper() {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw this.#error("nested too deeply", "", this.#end());
  }

  #one() {
    this.#deeper();
    try {
      if (this.#take("!")) return { node: "logic", operator: "not", tests: [this.#one()] };
      if (!this.#take("(")) return this.#relation();
      const test = this.#either();
      this.#expect(")");
      if (test.node === "exists" && GOES_ON.has(this.#ahead())) return this.#relation(test.operand);
      return test;
    } finally {
      this.depth -= 1;
    }
  }

  #relation(begun = null) {
    let every = null;
    if (!begun && ["any", "all"].includes(this.#ahead())) every = this.#next().text === "all";
    const start = this.#end();
    let left = this.#bits(begun);
    if (this.#ahead() === "in" || (this.#ahead() === "!" && this.#ahead(1) === "in")) return this.#member(left, Boolean(every), start);
    const tests = [];
    while (RELATIONS.has(this.#ahead())) {
      const [test, right] = this.#comparison(left, every, start);
      tests.push(test);
      left = right;
      if (this.#ahead() === "in") throw this.#error("in cannot follow another comparison", "", this.#end());
    }
    if (!tests.length) {
      if (every !== null) throw this.#error("any and all go with a comparison", "", this.#end());
      return this.#there(left, start);
    }
    return tests.length === 1 ? tests[0] : { node: "logic", operator: "and", tests };
  }

  #there(operand, start) {
    if (this.#ahead() === ")" && GOES_ON.has(this.#ahead(1))) return { node: "exists", operand };
    if (operand.node === "literal") throw this.#noField(operand.token);
    if (operand.node === "arithmetic" && operand.operator !== "&") {
      throw this.#error("compare it with something", "", [start[0], this.tokens[this.at - 1].where[1]]);
    }
    return { node: "exists", operand };
  }

  #noField(token) {
    const { fields, unknown } = this.language;
    const name = token.text;
    if (token.kind !== "word") return this.#error(`${quoted(name)} is no field`, "", token.where);
    if (unknown.has(name)) {
      return this.#error(`${name} is a field of Wireshark's that is not decoded here (--fields lists those that are)`, "", token.where);
    }
    return this.#error(`there is no field ${quoted(name)} (--fields lists them)`, nearTo(name, Object.keys(fields)), token.where);
  }

  #comparison(left, every, start) {
    const token = this.#next();
    if (["field", "slice"].includes(left.node) && left.type.kind === "protocol") {
      throw this.#error(`${left.name} is a protocol: it is there or not`);
    }
    if (token.text === "~") return [this.#matches(this.#alone(left), Boolean(every)), left];
    const right = this.#bits();
    if (token.text === "contains") return [this.#contains(this.#alone(left), right, Boolean(every), token.where), right];
    const [one, other] = this.#typed(left, right, token);
    const all = every === null && ["===", "!="].includes(token.text) ? true : Boolean(every);
    const operator = { "===": "==", "!==": "!=" }[token.text] ?? token.text;
    return [{ node: "compare", operator, every: all, left: one, right: other }, other];
  }

  #alone(operand) {
    if (operand.node === "literal") throw this.#noField(operand.token);
    return operand;
  }

  // Two sides, each of a type that the other can be compared with.
  #typed(left, right, token) {
    if (left.node === "literal") {
      if (right.node === "literal") throw this.#noField(left.token);
      left = this.#constant(left, right);
    } else if (right.node === "literal") right = this.#constant(right, left);
    if (!comparable(left.type, right.type)) {
      throw this.#error(`${left.type.kind} and ${right.type.kind} cannot be compared`, "", token.where);
    }
    return [left, right];
  }

  #constant(literal, beside, type = null) {
    const names = this.language.labels[this.#labelled(beside)] ?? {};
    return this.#guarded(() => constantOf(literal.token, type ?? beside.type, names, literal.minus), literal.token.where);
  }

  #labelled(operand) {
    if (operand.node === "field") return operand.name;
    return operand.node === "call" && ["max", "min"].includes(operand.function) ? this.#labelled(operand.arguments[0]) : "";
  }

  #contains(left, right, every, where) {
    const { kind } = left.type;
    if (kind !== "text" && !IN_OCTETS.has(kind)) throw this.#error(`a ${kind} contains nothing: try string()`, "", where);
    if (right.node === "literal") right = this.#constant(right, left, kind === "text" ? OWN.text : OWN.octets);
    if ((right.type.kind === "text") !== (kind === "text")) throw this.#error(`a ${kind} cannot contain a ${right.type.kind}`);
    return { node: "compare", operator: "contains", every, left, right };
  }

  #matches(left, every) {
    const { kind } = left.type;
    if (kind !== "text" && kind !== "octets") throw this.#error(`a ${kind} matches nothing: try string()`);
    const token = this.#next();
    if (!["string", "raw", "word"].includes(token.kind)) throw this.#error("matches needs a regular expression in quotes");
    const pattern = patternText(token);
    this.#guarded(() => new Pattern(pattern), token.where, "matches: ");
    return { node: "matches", operand: left, pattern, every };
  }

  #member(left, every, start) {
    const operand = this.#alone(left);
    if (operand.type.kind === "protocol") throw this.#error("a protocol is there or not", "", start);
    const negated = this.#take("!");
    this.#expect("in");
    if (!this.#take("{")) throw this.#error("in needs a { } set", "", this.#end());
    const items = [];
    while (!this.#take("}")) {
      const low = this.#item(operand);
      items.push([low, this.#take("..") ? this.#item(operand) : null]);
      this.#take(",");
    }
    if (!items.length) throw this.#error("an empty set");
    const test = { node: "member", operand, items, every };
    return negated ? { node: "logic", operator: "not", tests: [test] } : test;
  }

  #item(beside) {
    const start = this.#end();
    const item = this.#bits();
    if (item.node === "literal") return this.#constant(item, beside);
    if (!comparable(item.type, beside.type)) throw this.#error(`no ${beside.type.kind}`, "", start);
    return item;
  }

  // --- Operands ---

  #bits(begun = null) {
    return this.#operation("&", (one) => this.#sum(one), begun);
  }

  #sum(begun) {
    return this.#operation("+-", (one) => this.#operation("*/%", (other) => this.#signed(other), one), begun);
  }

  #operation(operators, part, begun) {
    let left = part(begun);
    while (this.#ahead() && operators.includes(this.#ahead())) {
      const token = this.#next();
      const operator = token.text;
      const right = part(null);
      if (left.node === "literal" && right.node === "literal") left = this.#constant(left, { node: "constant", type: OWN.number });
      const [one, other] = this.#typed(left, right, token);
      const wanted = operator === "&" ? new Set(["number", "boolean"]) : COUNTED;
      if (!wanted.has(one.type.kind) || !wanted.has(other.type.kind)) throw this.#error(`${operator} is of numbers`, "", token.where);
      left = { node: "arithmetic", operator, left: one, right: other, type: one.type };
    }
    return left;
  }

  #signed(begun = null) {
    if (begun) return begun;
    if (!this.#take("-")) return this.#primary();
    this.#deeper();
    const operand = this.#signed();
    this.depth -= 1;
    if (operand.node === "literal") return { ...operand, minus: !operand.minus };
    if (!COUNTED.has(operand.type.kind)) throw this.#error("- is of numbers");
    const zero = { node: "constant", value: 0, type: operand.type, bits: null };
    return { node: "arithmetic", operator: "-", left: zero, right: operand, type: operand.type };
  }

  #primary() {
    for (const [opening, closing] of [["{", "}"], ["(", ")"]]) {
      if (!this.#take(opening)) continue;
      this.#deeper();
      const operand = this.#bits();
      this.#expect(closing);
      this.depth -= 1;
      return operand;
    }
    const token = this.#next();
    if (token.kind === "operator") {
      const word = this.text.slice(...token.where);
      throw this.#error(`${quoted(word)} is no value${/^\p{L}/u.test(word) ? ": put it in quotes" : ""}`);
    }
    if (token.kind === "slice" || token.kind === "layers") throw this.#error(`${quoted(token.text)} of what?`);
    if (token.kind !== "word") return this.#sliced({ node: "literal", token, minus: false });
    if (this.#ahead() === "(") return this.#sliced(this.#call(token));
    const name = token.text.replace(/^\./, "");
    const { fields, unknown } = this.language;
    if (Object.hasOwn(fields, name)) return this.#sliced(this.#layered(name, fields[name]));
    if (token.text !== name || unknown.has(name)) throw this.#noField({ ...token, text: name });
    return this.#sliced({ node: "literal", token, minus: false });
  }

  #layered(name, type) {
    const field = { node: "field", name, type, layers: null };
    if (this.tokens[this.at]?.kind !== "layers") return field;
    const token = this.#next();
    return { ...field, layers: this.#guarded(() => rangesOf(token.text.slice(1))) };
  }

  #sliced(operand) {
    if (this.tokens[this.at]?.kind !== "slice") return operand;
    const token = this.#next();
    if (operand.node === "literal") throw this.#noField(operand.token);
    const { kind } = operand.type;
    if (kind !== "text" && !IN_OCTETS.has(kind)) throw this.#error(`a ${kind} has no parts`);
    return { node: "slice", of: operand, ranges: this.#guarded(() => rangesOf(token.text)), type: OWN.octets };
  }

  #call(token) {
    const made = Object.hasOwn(FUNCTIONS, token.text) ? FUNCTIONS[token.text] : null;
    if (!made) {
      const names = Object.keys(FUNCTIONS);
      throw this.#error(`there is no function ${quoted(token.text)}`, nearTo(token.text, names) || `\nthere are: ${names.join(", ")}`);
    }
    this.#deeper();
    this.#expect("(");
    const given = [this.#bits()];
    while (made.several && this.#take(",")) given.push(this.#bits());
    this.#expect(")");
    this.depth -= 1;
    const first = given.find((one) => one.node !== "literal");
    if (!first) throw this.#error(`${token.text} needs a field`, "", token.where);
    const typed = given.map((one) => (one.node === "literal" ? this.#constant(one, first) : one));
    for (const operand of typed) {
      const fault = made.fault(operand, this.language)
        || (typed.length === 1 || comparable(operand.type, first.type) ? "" : "of one kind");
      if (fault) throw this.#error(`${token.text}: ${fault}`, "", token.where);
    }
    return { node: "call", function: token.text, arguments: typed, type: made.type ?? first.type };
  }
}

function parseFilter(text, language) {
  if (text.length > MAX_FILTER) throw new FilterError(`a filter of ${text.length} characters: ${MAX_FILTER} is the most`);
  return new Parser(text, language).parse();
}
