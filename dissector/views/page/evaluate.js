// From the tree of a display filter to a function of a message, as dissector/filter/evaluate.py has
// it. A message is asked for the values of a field by `values(name)`; octets are texts with a
// character for each.

const MAX_PAIRS = 100000;
const COMPARISONS = {
  "==": (a, b) => a == b, "!=": (a, b) => a != b, "<": (a, b) => a < b, "<=": (a, b) => a <= b,
  ">": (a, b) => a > b, ">=": (a, b) => a >= b, contains: (a, b) => a.includes(b),
};

// The names of all fields that a tree asks for.
function fieldsOf(node, found = new Set()) {
  if (node === null || typeof node !== "object") return found;
  if (node.node === "field") found.add(node.name);
  for (const part of Object.values(node)) fieldsOf(part, found);
  return found;
}

function decideBy(test, language) {
  const operand = (node) => valuesOf(node, language);
  if (test.node === "logic") return logic(test.operator, test.tests.map((one) => decideBy(one, language)));
  if (test.node === "exists") {
    const found = operand(test.operand);
    if (test.operand.node === "arithmetic") return (message) => found(message).some((value) => Number(value) !== 0);
    return (message) => found(message).length > 0;
  }
  if (test.node === "compare") return comparison(test, operand(test.left), operand(test.right));
  if (test.node === "member") return membership(test, operand);
  const found = operand(test.operand);
  const pattern = new Pattern(test.pattern);
  return (message) => quantified(found(message), (value) => pattern.search(value), test.every);
}

function logic(operator, tests) {
  if (operator === "not") return (message) => !tests[0](message);
  if (operator === "and") return (message) => tests.every((test) => test(message));
  if (operator === "or") return (message) => tests.some((test) => test(message));
  return (message) => tests.filter((test) => test(message)).length % 2 === 1;
}

function quantified(values, test, every) {
  return values.length > 0 && (every ? values.every(test) : values.some(test));
}

function comparison(test, left, right) {
  const holds = COMPARISONS[test.operator];
  if (test.right.node === "constant") {
    if (test.right.bits !== null) {
      const fits = inNetwork(test.right);
      return (message) => {
        const values = left(message).filter((value) => value.length === test.right.value.length / 2);
        return quantified(values, (value) => holds(...fits(value)), test.every);
      };
    }
    const [wanted] = right(null);
    return (message) => quantified(left(message), (value) => holds(value, wanted), test.every);
  }
  return (message) => {
    const [ours, theirs] = [left(message), right(message)];
    return ours.length > 0 && theirs.length > 0 && pairsHold(test.operator, test.every, ours, theirs);
  };
}

// Whether any pair of values, or all pairs, compare so, without making the pairs.
function pairsHold(operator, every, ours, theirs) {
  const holds = COMPARISONS[operator];
  if (operator === "==" || operator === "!=") {
    const theirSet = new Set(theirs);
    if (every === (operator === "!=")) return ours.every((one) => !theirSet.has(one)) === every;
    return (new Set([...ours, ...theirs]).size === 1) === every;
  }
  if (operator === "contains") {
    let pairs = 0;
    for (const one of new Set(ours)) {
      for (const other of new Set(theirs)) {
        pairs += 1;
        if (pairs > MAX_PAIRS) return every;
        if (one.includes(other) !== every) return !every;
      }
    }
    return every;
  }
  const low = operator.startsWith("<") !== every;
  return holds(extreme(ours, low), extreme(theirs, !low));
}

function extreme(values, least) {
  return values.reduce((best, value) => ((least ? value < best : value > best) ? value : best));
}

// The bits of an address that count, and those of the network.
function inNetwork({ value, bits }) {
  const number = (digits) => BigInt(`0x${digits}`) >> BigInt(4 * digits.length - bits);
  const wanted = number(value);
  return (octets) => [number(toHex(octets)), wanted];
}

function membership(test, operand) {
  const found = operand(test.operand);
  const singles = test.items.filter(([, high]) => high === null).map(([low]) => low);
  const networks = singles.filter((one) => one.node === "constant" && one.bits !== null)
    .map((one) => ({ size: one.value.length / 2, fits: inNetwork(one) }));
  const known = singles.filter((one) => one.node !== "constant" || one.bits === null).map(operand);
  const ranges = test.items.filter(([, high]) => high !== null).map((pair) => pair.map(operand));
  return (message) => {
    const wanted = new Set(known.flatMap((one) => one(message)));
    const bounds = ranges.map((pair) => pair.map((one) => one(message))).filter(([low, high]) => low.length && high.length)
      .map(([low, high]) => [extreme(low, true), extreme(high, false)]);
    return quantified(found(message), (value) => wanted.has(value)
      || bounds.some(([low, high]) => low <= value && value <= high)
      || networks.some(({ size, fits }) => {
        if (value.length !== size) return false;
        const [one, other] = fits(value);
        return one === other;
      }), test.every);
  };
}

// --- Operands ---

function valuesOf(node, language) {
  if (node.node === "constant") {
    const value = IN_OCTETS.has(node.type.kind) || node.type.kind === "protocol" ? fromHex(node.value)
      : typeof node.value === "boolean" ? Number(node.value) : node.value;
    return () => [value];
  }
  if (node.node === "field") return fieldValues(node);
  if (node.node === "slice") {
    const of = valuesOf(node.of, language);
    const octets = (value) => (node.of.type.kind === "text" ? inUtf8(value) : value);
    return (message) => of(message).map((value) => cutParts(octets(value), node.ranges)).filter((part) => part !== null);
  }
  if (node.node === "call") {
    const given = node.arguments.map((one) => valuesOf(one, language));
    return (message) => called(node, given.map((one) => one(message)), language);
  }
  return arithmetic(node, valuesOf(node.left, language), valuesOf(node.right, language));
}

// A message has the fields of one layer of each protocol.
function fieldValues({ name, layers }) {
  const first = layers === null || layers.some(([offset, length]) => offset === 1 || offset === -1
    || (offset >= 0 && offset <= 1 && (length === null || offset + length > 1)));
  return first ? (message) => message.values(name) : () => [];
}

function cutParts(octets, ranges) {
  let found = "";
  for (const [offset, length] of ranges) {
    const first = offset >= 0 ? offset : octets.length + offset;
    const last = length === null ? octets.length : first + length;
    if (!(first >= 0 && first < last && last <= octets.length)) return null;
    found += octets.slice(first, last);
  }
  return found;
}

function called(node, values, language) {
  const name = node.function;
  const [first] = values;
  const [{ type, name: field }] = node.arguments;
  if (name === "max" || name === "min") {
    const all = values.flat();
    return all.length ? [extreme(all, name === "min")] : [];
  }
  if (name === "count") return first.length ? [first.length] : [];
  if (name === "len") {
    return first.map((value) => (type.kind === "text" ? inUtf8(value).length : typeof value === "string" ? value.length : type.width));
  }
  if (name === "abs") return first.map((value) => (value < 0 ? -value : value));
  if (name === "upper") return first.map((value) => value.toUpperCase());
  if (name === "lower") return first.map((value) => value.toLowerCase());
  if (name === "vals") {
    const names = new Map(Object.entries(language.labels[field]).reverse().map(([word, number]) => [number, word]));
    return first.filter((value) => names.has(value)).map((value) => names.get(value));
  }
  return first.map((value) => shownValue(value, type));
}

// A value as Wireshark writes it.
function shownValue(value, { kind, hex: hexadecimal, width }) {
  if (kind === "address") return [...value].map((one) => one.charCodeAt(0)).join(".");
  if (kind === "ipv6-address") return shownIpv6(value);
  if (kind === "octets" || kind === "ethernet-address") return toHex(value).replace(/..(?=.)/g, "$&:");
  if (kind === "boolean") return Number(value) ? "1" : "0";
  if (kind === "seconds") return Number(value).toFixed(9);
  if (kind === "number" && hexadecimal && value >= 0) return `0x${value.toString(16).padStart(2 * width, "0")}`;
  if (kind !== "time") return `${value}`;
  const nanoseconds = BigInt(value);
  const [, day, month, year, clockTime] = /, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(Number(nanoseconds / 1000000n)).toUTCString());
  return `${month} ${`${Number(day)}`.padStart(2)}, ${year} ${clockTime}.${`${nanoseconds % 1000000000n}`.padStart(9, "0")} UTC`;
}

function shownIpv6(octets) {
  const words = toHex(octets).match(/.{4}/g).map((word) => word.replace(/^0{1,3}/, ""));
  let [best, at] = [0, -1];
  for (let start = 0; start < 8; start += 1) {
    let end = start;
    while (words[end] === "0") end += 1;
    if (end - start > best) [best, at] = [end - start, start];
  }
  if (best < 2) return words.join(":");
  return `${words.slice(0, at).join(":")}::${words.slice(at + best).join(":")}`;
}

function arithmetic({ operator }, left, right) {
  const work = {
    "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "&": (a, b) => a & b,
    "/": (a, b) => (b ? a / b : null), "%": (a, b) => (b ? a % b : null),
  }[operator];
  const one = (a, b) => {
    if ([a, b].every((value) => typeof value === "bigint" || Number.isInteger(value))) {
      const made = work(BigInt(a), BigInt(b));
      return made === null ? null : exact(made);
    }
    return work(Number(a), Number(b));
  };
  return (message) => {
    const found = [];
    const theirs = right(message);
    let pairs = 0;
    for (const a of left(message)) {
      for (const b of theirs) {
        pairs += 1;
        if (pairs > MAX_PAIRS) return found;
        const value = one(a, b);
        if (value !== null) found.push(value);
      }
    }
    return found;
  };
}
