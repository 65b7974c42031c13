// The filter: words that all must be there, and "name:value", "name>value", "name<value" terms.

const SCALE = { ns: 1, us: 1e3, "µs": 1e3, ms: 1e6, s: 1e9, k: 1024, ki: 1024, m: 1 << 20, mi: 1 << 20 };

const NUMBERS = {
  latency: (data, row) => data.rpc.latency[row],
  moved: (data, row) => data.rpc.moved[row],
  depth: (data, row) => data.rpc.depth[row],
  call: (data, row) => data.rpc.call[row],
  reply: (data, row) => data.rpc.reply[row],
  time: (data, row) => data.rpc.time[row],
};

const NAMES = {
  op: (data, row, value) => equal(data.text("operation", row), value),
  status: (data, row, value) => equal(data.text("status", row), value),
  path: (data, row, value) => data.text("path", row).toLowerCase().includes(value),
  proto: (data, row, value) => data.text("protocol", row).toLowerCase().startsWith(value),
  conn: (data, row, value) => data.rpc.connection[row] === Number(value),
  xid: (data, row, value) => data.rpc.xid[row] === Number(value),
  host: (data, row, value) => data.sides(row).some((side) => side.toLowerCase().includes(value)),
  frame: (data, row, value) => data.rowOfFrame(Number(value)) === row,
  finding: (data, row, value) => (data.foundOf.get(row) ?? []).some(
    (index) => value === "any" || data.strings[data.found.rule[index]] === value),
  is: (data, row, value) => STATES[value]?.(data, row) ?? false,
};

const STATES = {
  late: (data, row) => data.suffererOf.has(row),
  troubled: (data, row) => data.troubled(row),
  unanswered: (data, row) => data.rpc.reply[row] === 0,
  error: (data, row) => !["OK", "reply"].includes(data.text("status", row)),
  callback: (data, row) => data.text("protocol", row).startsWith("CB"),
};

function equal(text, value) {
  return text.toLowerCase() === value;
}

// A term as a test of a row; what is wrong with it is thrown as a string.
function term(word) {
  const found = /^(-?)([a-z]+)([:<>])(.*)$/i.exec(word);
  const name = found?.[2].toLowerCase();
  if (!found || (!(name in NAMES) && !(name in NUMBERS))) {
    const negated = word.startsWith("-") && word.length > 1;
    const text = (negated ? word.slice(1) : word).toLowerCase();
    return (data, row) => data.words(row).includes(text) !== negated;
  }
  const [, minus, , relation, rest] = found;
  const value = rest.toLowerCase();
  if (!value) throw `${name}${relation} needs a value`;
  const test = name in NAMES ? named(name, relation, value) : compared(name, relation, value);
  return minus ? (data, row) => !test(data, row) : test;
}

function named(name, relation, value) {
  if (relation !== ":") throw `${name} goes with a colon`;
  if (name === "is" && !(value in STATES)) throw `is: ${Object.keys(STATES).join(", ")}`;
  return (data, row) => NAMES[name](data, row, value);
}

function compared(name, relation, value) {
  const [, digits, unit] = /^([\d.]+)\s*([a-zµ]*)$/.exec(value) ?? [];
  if (digits === undefined || (unit && !(unit in SCALE))) throw `${value} is no number`;
  const limit = Number(digits) * (SCALE[unit] ?? (name === "time" ? 1e9 : 1));
  const number = NUMBERS[name];
  if (relation === ">") return (data, row) => number(data, row) > limit;
  if (relation === "<") return (data, row) => number(data, row) >= 0 && number(data, row) < limit;
  return (data, row) => number(data, row) === limit;
}

// The rows that fit a query and lie in a range of time, as they follow each other.
function filtered(data, query, range) {
  const words = query.match(/(?:[^\s"]+|"[^"]*")+/g) ?? [];
  const tests = words.map((word) => term(word.replaceAll('"', "")));
  const rows = [];
  const { time } = data.rpc;
  for (let row = 0; row < data.count; row += 1) {
    if (range && (time[row] < range[0] || time[row] > range[1])) continue;
    if (tests.every((test) => test(data, row))) rows.push(row);
  }
  return Int32Array.from(rows);
}

// A query with one "name:value" term set, or without it where there is no value.
function withTerm(query, name, value) {
  const others = (query.match(/(?:[^\s"]+|"[^"]*")+/g) ?? [])
    .filter((word) => !word.startsWith(`${name}:`));
  if (value) others.push(/\s/.test(value) ? `${name}:"${value}"` : `${name}:${value}`);
  return others.join(" ");
}

function termOf(query, name) {
  const word = (query.match(/(?:[^\s"]+|"[^"]*")+/g) ?? []).find((one) => one.startsWith(`${name}:`));
  return word ? word.slice(name.length + 1).replaceAll('"', "") : "";
}
