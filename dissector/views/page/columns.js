// The fields of messages, by column. Columns are unpacked when a filter first names them, and only
// the latest are kept.

const MAX_COLUMNS = 48;
const NO_VALUES = [];

class Columns {
  // `raw` is, for calls and for replies, field -> packed blocks of runs; `types` field -> type.
  constructor(raw, types, count) {
    this.raw = raw;
    this.types = types;
    this.count = count;
    this.unpacked = new Map();
  }

  // Make the values of some fields known.
  async load(names) {
    for (const name of names) {
      const known = this.unpacked.get(name);
      this.unpacked.delete(name);
      this.unpacked.set(name, known ?? await Promise.all(this.raw.map((one) => this.#column(one[name] ?? [], name))));
    }
    for (const name of this.unpacked.keys()) {
      if (this.unpacked.size <= Math.max(MAX_COLUMNS, names.length)) break;
      this.unpacked.delete(name);
    }
  }

  async #column(blocks, name) {
    const values = new Array(this.count);
    const value = converter(this.types[name]?.kind);
    for (const block of blocks) {
      const [starts, lengths, runs] = await unpack(block);
      runs.forEach((run, index) => {
        if (run === null) return;
        const made = Array.isArray(run) ? run.map(value) : [value(run)];
        values.fill(made, starts[index], starts[index] + lengths[index]);
      });
    }
    return values;
  }

  // A message as filters ask it: a row's call (0) or reply (1).
  message(place, direction) {
    return { values: (name) => this.unpacked.get(name)[direction][place] ?? NO_VALUES };
  }
}

// What makes of a value in JSON one that filters compare.
function converter(kind) {
  if (IN_OCTETS.has(kind)) return fromHex;
  if (kind === "text") return (value) => value;
  return (value) => (typeof value === "string" ? BigInt(value) : Number(value));
}

// What the filter's language can ask of a capture.
function languageOf(raw) {
  const fields = {};
  for (const [name, [kind, hexadecimal, width]] of Object.entries(raw.fields)) {
    fields[name] = { kind, hex: Boolean(hexadecimal), width };
  }
  return { fields, labels: raw.labels, unknown: new Set(raw.unknown_fields) };
}
