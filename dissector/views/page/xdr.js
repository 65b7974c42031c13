// Octets decoded by the types of the specifications, as lines of a tree that know which octets
// they are. What a line says is never markup.

const MAX_TREE = 20000;
const MAX_NESTING = 64;
const SHOWN_OCTETS = 48;

class Undecoded extends Error {}

function roundUp(size) {
  return (size + 3) & ~3;
}

class XdrTree {
  // `moved(reader, size, bulk)` says what of an opaque lies in a chunk; see `chunkedCall`.
  constructor(octets, spec) {
    this.octets = octets;
    this.view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    this.spec = spec;
    this.at = 0;
    this.depth = 0;
    this.lines = [];
    this.moved = () => "";
  }

  // Add a line, and below it what `inside` adds; its octets are those that were read meanwhile.
  group(name, inside, text = "") {
    const line = this.line(name, text, this.at, this.at);
    this.depth += 1;
    if (this.depth > MAX_NESTING) throw new Undecoded("nested too deeply");
    try {
      return inside(line);
    } finally {
      this.depth -= 1;
      line.end = this.at;
    }
  }

  line(name, text, start, end) {
    if (this.lines.length >= MAX_TREE) throw new Undecoded("there is more than is shown here");
    const line = { depth: this.depth, name, text, start, end };
    this.lines.push(line);
    return line;
  }

  #need(size) {
    if (this.at + size > this.octets.length) {
      throw new Undecoded(`${count(this.octets.length - this.at)} of ${count(size)} octets are here`);
    }
    this.at += size;
    return this.at - size;
  }

  uint32() {
    return this.view.getUint32(this.#need(4));
  }

  #number(code) {
    if (code === "Q") return this.view.getBigUint64(this.#need(8));
    if (code === "q") return this.view.getBigInt64(this.#need(8));
    if (code === "d") return this.view.getFloat64(this.#need(8));
    if (code === "f") return this.view.getFloat32(this.#need(4));
    return code === "i" ? this.view.getInt32(this.#need(4)) : this.uint32();
  }

  // Read a value of a type, adding lines; returns numbers, and lists of them.
  read(module, type, name) {
    const start = this.at;
    const kind = typeof type === "string" ? type : type[0];
    if (kind === "r") return this.#structure(module, type[1], name);
    if (kind === "a" || kind === "f") return this.#array(module, type, name);
    if (kind === "?") return this.#optional(module, type[1], name);
    if (kind === "O" || kind === "o") return this.#opaque(type, name);
    if (kind === "e") {
      const value = this.#number("i");
      this.line(name, this.#member(module, type[1], value), start, this.at);
      return value;
    }
    const value = this.#number(kind === "b" ? "I" : kind);
    const text = kind === "b" ? ["no", "yes"][value] ?? `${value}, which is no boolean` : `${value}`;
    this.line(name, text, start, this.at);
    return value;
  }

  #member(module, name, value) {
    const known = this.spec.modules[module].enums[name]?.[value];
    return known ? `${known} (${value})` : `${value}`;
  }

  #structure(module, type, name) {
    const found = this.spec.modules[module].types[type];
    if (found.switch) return this.#union(module, found, name);
    return this.group(name, (line) => {
      if (type === "fattr4") return this.#attributes(module, found);
      if (type === "opaque_auth") return this.#credential(module);
      if (this.spec.bodies[type]) return this.#content(module, found, this.spec.bodies[type]);
      const values = found.fields.map(([field, inner]) => this.read(module, inner, field));
      if (type === "nfstime4" && values[1] < 1e9) line.text = instant(values[0], values[1]);
      return values;
    });
  }

  // A number and an opaque body, which is looked into where the number says what is in it.
  #content(module, found, bodies) {
    const [[number, numberType], [body, bodyType]] = found.fields;
    const value = this.read(module, numberType, number);
    const [start, lines] = [this.at, this.lines.length];
    const size = this.uint32();
    const end = this.at + size;
    if (bodies[value] && size && end <= this.octets.length) {
      try {
        let inside = null;
        this.within(size, () => {
          inside = this.read(module, ["r", bodies[value]], body);
        });
        if (this.at === end) {
          this.at = Math.min(end + roundUp(size) - size, this.octets.length);
          return [value, inside];
        }
      } catch (error) {
        if (!(error instanceof Undecoded)) throw error;
      }
    }
    this.lines.length = lines;
    this.at = start;
    return [value, this.read(module, bodyType, body)];
  }

  #union(module, found, name) {
    return this.group(name, (line) => {
      const [label, type] = found.switch;
      const value = this.read(module, type, label);
      line.text = this.lines.at(-1).text;
      const arm = found.arms.find(([labels]) => labels.includes(Number(value)));
      const field = arm ? arm[1] : found.default;
      if (field === 0) throw new Undecoded(`there is no ${label} ${value}`);
      const inside = field ? this.read(module, field[1], field[0]) : null;
      return [value, inside];
    });
  }

  #array(module, type, name) {
    return this.group(name, (line) => {
      const number = type[0] === "f" ? type[2] : this.uint32();
      const plain = type[1] === "I";
      const values = [];
      for (let index = 0; index < number; index += 1) {
        values.push(plain ? this.uint32() : this.read(module, type[1], `[${index}]`));
      }
      line.text = this.spec.bitmaps.includes(name) ? this.#bits(values).map((bit) => this.#attribute(bit)[0]).join(", ")
        : plain ? values.slice(0, 64).join(", ") : many(number, "item");
      return values;
    });
  }

  // A pointer; a list of structures that point to the next is shown as items.
  #optional(module, type, name) {
    const target = type[0] === "r" ? this.spec.modules[module].types[type[1]] : null;
    if (!target?.linked) {
      const start = this.at;
      if (this.uint32()) return this.read(module, type, name);
      this.line(name, "none", start, this.at);
      return null;
    }
    return this.group(name, (line) => {
      const items = [];
      while (this.uint32()) {
        items.push(this.group(`[${items.length}]`, () => target.fields.slice(0, -1)
          .map(([field, inner]) => this.read(module, inner, field))));
      }
      line.text = many(items.length, "item");
      return items;
    });
  }

  #opaque(type, name) {
    const start = this.at;
    const size = type[0] === "o" ? type[1] : this.uint32();
    const elsewhere = type[0] === "O" ? this.moved(this, size, Boolean(type[1])) : "";
    if (elsewhere) {
      this.line(name, `${count(size)} octets ${elsewhere}`, start, this.at);
      return null;
    }
    const at = this.#need(size);
    this.at = at;
    this.#need(Math.min(roundUp(size), this.octets.length - at));
    const octets = this.octets.subarray(at, at + size);
    this.line(name, this.spec.text.includes(name) ? JSON.stringify(new TextDecoder().decode(octets)) : shownOctets(octets), start, this.at);
    return octets;
  }

  // Octets of an opaque that was read, decoded as something else below a line.
  within(size, inside) {
    const end = this.at + size;
    const whole = this.octets;
    this.octets = whole.subarray(0, Math.min(end, whole.length));
    try {
      inside();
    } finally {
      this.octets = whole;
    }
  }

  #bits(words) {
    return words.flatMap((word, index) => Array.from({ length: 32 }, (_, bit) => 32 * index + bit)
      .filter((number) => (word >>> (number % 32)) & 1));
  }

  #attribute(number) {
    return this.spec.attributes[number] ?? [`${number}`, null];
  }

  #attributes(module, found) {
    const words = this.read(module, found.fields[0][1], "attrmask");
    return this.group("attr_vals", (line) => {
      const size = this.uint32();
      line.text = `${size} octets`;
      this.within(size, () => {
        for (const number of this.#bits(words)) {
          const [name, type] = this.#attribute(number);
          if (!type) throw new Undecoded(`there is no attribute ${number}`);
          this.read(module, type, name);
        }
      });
      return [];
    });
  }

  // A credential or a verifier, looked into where its flavor is known (RFC 5531, RFC 2203).
  #credential(module) {
    const flavor = this.read(module, ["e", "auth_flavor"], "flavor");
    const start = this.at;
    const size = this.uint32();
    const type = size && { 1: "authsys_parms", 6: "rpc_gss_cred_t" }[flavor];
    if (!type || !this.credentials) {
      this.at = start;
      return [flavor, this.read(module, ["O", 0], "body")];
    }
    let inside = null;
    this.within(size, () => {
      inside = this.read(module, ["r", type], "body");
    });
    this.credentials = false;
    return [flavor, inside];
  }
}

function shownOctets(octets) {
  const digits = [...octets.subarray(0, SHOWN_OCTETS)].map((one) => one.toString(16).padStart(2, "0")).join("");
  return octets.length > SHOWN_OCTETS ? `${digits}… ${count(octets.length)} octets` : digits;
}

function instant(seconds, nanoseconds) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return "";
  return `${date.toISOString().slice(0, 19).replace("T", " ")}.${`${nanoseconds}`.padStart(9, "0")} UTC`;
}
