// Which rows are shown: those that fit the display filter, all words, and what was chosen.

const STATES = {
  late: (data, row) => data.suffererOf.has(row),
  troubled: (data, row) => data.troubled(row),
  unanswered: (data, row) => data.rpc.reply[row] === 0,
  error: (data, row) => !["OK", "reply"].includes(data.text("status", row)),
  callback: (data, row) => data.text("protocol", row).startsWith("CB"),
};

// Choices beside the filter, as tests of a row.
const CHOICES = {
  op: (data, row, value) => data.text("operation", row) === value,
  status: (data, row, value) => data.text("status", row) === value,
  finding: (data, row, value) => (data.foundOf.get(row) ?? []).some((index) => data.strings[data.found.rule[index]] === value),
  is: (data, row, value) => STATES[value]?.(data, row) ?? false,
};

// The test that a display filter is, of a row: its call or its reply fits. Throws FilterError.
async function filterTest(data, text) {
  if (!text.trim()) return null;
  const tree = parseFilter(text, data.language);
  const test = decideBy(tree, data.language);
  await data.columns.load([...fieldsOf(tree)]);
  const { place, call, reply } = data.rpc;
  return (row) => (call[row] > 0 && test(data.columns.message(place[row], 0)))
    || (reply[row] > 0 && test(data.columns.message(place[row], 1)));
}

// The rows that fit, in the order of time. `wanted` has filter, words, from, to and the choices.
async function filtered(data, wanted) {
  const tests = [await filterTest(data, wanted.filter)].filter(Boolean);
  for (const [name, test] of Object.entries(CHOICES)) {
    if (wanted[name]) tests.unshift((row) => test(data, row, wanted[name]));
  }
  for (const word of wanted.words.toLowerCase().split(/\s+/).filter(Boolean)) {
    tests.unshift((row) => data.words(row).includes(word));
  }
  const rows = [];
  const { time } = data.rpc;
  for (let row = 0; row < data.count; row += 1) {
    if (wanted.range && (time[row] < wanted.range[0] || time[row] > wanted.range[1])) continue;
    if (tests.every((test) => test(row))) rows.push(row);
  }
  return Int32Array.from(rows);
}

// What the columns of the list can be sorted by.
const SORTS = {
  call: (data) => (row) => data.rpc.call[row],
  reply: (data) => (row) => data.rpc.reply[row],
  time: (data) => (row) => data.rpc.time[row],
  host: (data) => (row) => data.sides(row).join(" "),
  operation: (data) => (row) => data.text("text", row),
  status: (data) => (row) => data.text("status", row),
  moved: (data) => (row) => data.rpc.moved[row],
  latency: (data) => (row) => data.rpc.latency[row],
};

// Rows by a column, those that are alike by time; `by` is a name, with a minus for descending.
function sorted(data, rows, by) {
  const name = by.replace("-", "");
  if (!Object.hasOwn(SORTS, name)) return rows;
  const value = SORTS[name](data);
  const values = new Map();
  for (const row of rows) values.set(row, value(row));
  const way = by.startsWith("-") ? -1 : 1;
  return Int32Array.from(rows).sort((a, b) => {
    const [one, other] = [values.get(a), values.get(b)];
    return one === other ? a - b : one < other ? -way : way;
  });
}
