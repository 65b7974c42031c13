// Regular expressions in linear time, as dissector/filter/patterns.py has them: what a link or a
// capture says can make a search neither slow nor endless.

const MAX_PROGRAM = 1000;
const MAX_REPEAT = 255;
const MAX_GROUPS = 50;
const MAX_STATES = 4096;
const CONTROL = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v", a: "\x07", 0: "\0" };
const WORD_LETTER = /[\p{L}\p{N}_]/u;
const LETTER_KINDS = {
  d: (c) => /\p{Nd}/u.test(c), w: (c) => WORD_LETTER.test(c), s: (c) => /\s/.test(c),
};

function letterKind(letter) {
  const found = LETTER_KINDS[letter.toLowerCase()];
  if (!found || !/[a-zA-Z]/.test(letter)) return null;
  return letter === letter.toLowerCase() ? found : (c) => !found(c);
}

function oneLetter(wanted) {
  const both = new Set([wanted, wanted.toLowerCase(), wanted.toUpperCase()]);
  return (c) => both.has(c);
}

function lettersWithin(low, high) {
  const fits = (c) => low <= c && c <= high;
  return (c) => fits(c) || fits(c.toLowerCase()) || fits(c.toUpperCase());
}

class PatternCompiler {
  constructor(pattern) {
    this.letters = [...pattern];
    this.at = 0;
    this.groups = 0;
    this.steps = [];
  }

  program() {
    this.#either(this.#parse());
    if (this.at < this.letters.length) throw new ValueProblem("a ( is missing");
    this.#put({ next: [] });
    return this.steps;
  }

  #peek(more = 0) {
    return this.letters[this.at + more] ?? "";
  }

  #take() {
    if (this.at === this.letters.length) throw new ValueProblem("it ends too early");
    this.at += 1;
    return this.letters[this.at - 1];
  }

  #parse() {
    const branches = [[]];
    for (let c = this.#peek(); c && c !== ")"; c = this.#peek()) {
      this.at += 1;
      if (c === "|") branches.push([]);
      else branches.at(-1).push(this.#repeated(this.#atom(c)));
    }
    return branches;
  }

  #atom(c) {
    if (c === "(") return this.#group();
    if (c === "[") return { fits: this.#set() };
    if (c === ".") return { fits: (one) => one !== "\n" };
    if (c === "^" || c === "$") return { condition: c };
    if ("*+?".includes(c)) throw new ValueProblem(`nothing to repeat before ${c}`);
    if (c !== "\\") return { fits: oneLetter(c) };
    const letter = this.#take();
    if (letter === "b" || letter === "B") return { condition: letter };
    return { fits: letterKind(letter) ?? oneLetter(this.#literal(letter)) };
  }

  #literal(letter) {
    if (letter === "x") {
      const digits = this.#take() + this.#take();
      if (!/^[0-9a-fA-F]{2}$/.test(digits)) throw new ValueProblem(`invalid literal for int() with base 16: ${quoted(digits)}`);
      return String.fromCharCode(parseInt(digits, 16));
    }
    if ("123456789".includes(letter)) throw new ValueProblem("back references are not supported, as their time has no bound");
    if (/[\p{L}\p{N}]/u.test(letter) && !Object.hasOwn(CONTROL, letter)) throw new ValueProblem(`\\${letter} is not supported`);
    return CONTROL[letter] ?? letter;
  }

  #group() {
    this.groups += 1;
    if (this.groups > MAX_GROUPS) throw new ValueProblem("too many groups");
    if (this.#peek() === "?") {
      this.at += 1;
      if (this.#take() !== ":") throw new ValueProblem("of groups with (? only (?: is supported");
    }
    const branches = this.#parse();
    if (this.#peek() !== ")") throw new ValueProblem("a ) is missing");
    this.at += 1;
    return { branches };
  }

  #set() {
    const negated = this.#peek() === "^";
    if (negated) this.at += 1;
    const tests = [];
    let first = true;
    for (let c = this.#take(); c !== "]" || first; c = this.#take()) {
      first = false;
      if (c === "\\") {
        const letter = this.#take();
        const kind = letterKind(letter);
        if (kind) {
          tests.push(kind);
          continue;
        }
        c = this.#literal(letter);
      }
      if (this.#peek() === "-" && !["]", ""].includes(this.#peek(1))) {
        this.at += 1;
        let last = this.#take();
        if (last === "\\") last = this.#literal(this.#take());
        if (last < c) throw new ValueProblem(`a bad range ${c}-${last}`);
        tests.push(lettersWithin(c, last));
      } else tests.push(oneLetter(c));
    }
    return (c) => tests.some((test) => test(c)) !== negated;
  }

  #repeated(piece) {
    let bounds = { "*": [0, -1], "+": [1, -1], "?": [0, 1] }[this.#peek()];
    if (bounds) this.at += 1;
    else bounds = this.#peek() === "{" ? this.#bounds() : null;
    if (!bounds) return piece;
    if (piece.condition) throw new ValueProblem(`${piece.condition} cannot be repeated`);
    const c = this.#peek();
    if (c && "?+*".includes(c)) {
      if (c !== "?") throw new ValueProblem(`${c} after a repetition is not supported`);
      this.at += 1;
    }
    return { branches: [[piece]], low: bounds[0], high: bounds[1] };
  }

  #bounds() {
    const end = this.letters.indexOf("}", this.at);
    const words = end > 0 ? this.letters.slice(this.at + 1, end).join("").split(",") : [];
    if (!words.length || words.length > 2 || !/^\d+$/.test(words[0] + words.at(-1))) return null;
    const low = Number(words[0] || 0);
    const high = words.length === 2 ? (words[1] ? Number(words[1]) : -1) : low;
    if (Math.max(low, high) > MAX_REPEAT || (high >= 0 && high < low)) {
      throw new ValueProblem(`repetitions go from 0 to ${MAX_REPEAT}`);
    }
    this.at = end + 1;
    return [low, high];
  }

  #put(step) {
    if (this.steps.length === MAX_PROGRAM) throw new ValueProblem("the pattern is too large");
    this.steps.push(step);
    return this.steps.length - 1;
  }

  #either(branches) {
    const ends = [];
    for (const branch of branches.slice(0, -1)) {
      const split = this.#put({ next: [] });
      this.#sequence(branch);
      ends.push(this.#put({ next: [] }));
      this.steps[split] = { next: [split + 1, this.steps.length] };
    }
    this.#sequence(branches.at(-1));
    for (const end of ends) this.steps[end] = { next: [this.steps.length] };
  }

  #sequence(pieces) {
    if (!pieces.length) this.#put({ next: [this.steps.length + 1] });
    for (const piece of pieces) this.#piece(piece);
  }

  #piece({ fits, condition = "", branches = [[]], low = 1, high = 1 }) {
    if (fits || condition) {
      this.#put({ fits, condition, next: [this.steps.length + 1] });
      return;
    }
    for (let times = 0; times < low; times += 1) this.#either(branches);
    if (high < 0) {
      const split = this.#put({ next: [] });
      this.#either(branches);
      this.#put({ next: [split] });
      this.steps[split] = { next: [split + 1, this.steps.length] };
      return;
    }
    const splits = [];
    for (let times = low; times < high; times += 1) {
      splits.push(this.#put({ next: [] }));
      this.#either(branches);
    }
    for (const split of splits) this.steps[split] = { next: [split + 1, this.steps.length] };
  }
}

class Pattern {
  constructor(pattern) {
    this.steps = new PatternCompiler(pattern).program();
    this.conditional = this.steps.some((step) => step.condition);
    this.known = new Map();
  }

  search(text) {
    let states = { key: "0", all: [0] };
    let before = "";
    for (const c of text) {
      states = this.#next(states, before, c);
      if (!states) return true;
      before = c;
    }
    return !this.#next(states, before, "");
  }

  // The states behind a character; null if the pattern has fitted.
  #next(states, before, c) {
    const key = `${states.key}\0${this.conditional ? before : ""}\0${c}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const reached = this.#reached(states.all, before, c);
    let found = null;
    if (!reached.has(this.steps.length - 1)) {
      const after = new Set([0]);
      for (const at of reached) {
        const step = this.steps[at];
        if (step.fits && c && step.fits(c)) step.next.forEach((one) => after.add(one));
      }
      const all = [...after].sort((a, b) => a - b);
      found = { key: all.join(), all };
    }
    if (this.known.size >= MAX_STATES) this.known.clear();
    this.known.set(key, found);
    return found;
  }

  #reached(states, before, c) {
    const isWord = (one) => one !== "" && WORD_LETTER.test(one);
    const boundary = isWord(before) !== isWord(c);
    const holds = { "^": !before, $: !c, b: boundary, B: !boundary, "": true };
    const reached = new Set();
    const waiting = [...states];
    while (waiting.length) {
      const at = waiting.pop();
      if (reached.has(at)) continue;
      reached.add(at);
      const step = this.steps[at];
      if (!step.fits && holds[step.condition ?? ""]) waiting.push(...step.next);
    }
    return reached;
  }
}
