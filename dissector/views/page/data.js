// What was captured: columns as they come out of the packed JSON, and how to look at a row.

async function inflate(text) {
  const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}

async function unpack(text) {
  return JSON.parse(new TextDecoder().decode(await inflate(text)));
}

// Columns of numbers; those that are stored as differences are summed up.
function table(raw) {
  const columns = {};
  for (const [name, values] of Object.entries(raw)) {
    if (name === "deltas" || !Array.isArray(values)) continue;
    if (raw.deltas.includes(name)) {
      let sum = 0;
      columns[name] = Float64Array.from(values, (step) => (sum += step));
    } else {
      columns[name] = values.every((value) => typeof value === "number")
        ? Float64Array.from(values)
        : values;
    }
  }
  return columns;
}

class Capture {
  constructor(raw) {
    this.raw = raw;
    this.strings = raw.strings;
    for (const name of ["rpc", "op", "piece", "chunk", "segment", "found", "events", "sufferers"]) {
      this[name] = table(raw[name]);
    }
    this.count = this.rpc.time.length;
    this.connections = new Map(raw.connections.map((one) => [one[0], one]));
    this.end = this.#end();
    this.operations = this.#kinds("operation");
    this.statuses = this.#kinds("status");
    this.rules = countBy(this.found.rule, (index) => this.strings[index]);
    this.foundOf = groupBy(this.found.rpc);
    this.suffererOf = new Map([...this.sufferers.rpc].map((row, index) => [row, index]));
    this.eventsOf = new Map();
    raw.events.rpcs.forEach((rows, event) => {
      for (const row of rows) {
        if (!this.eventsOf.has(row)) this.eventsOf.set(row, []);
        this.eventsOf.get(row).push(event);
      }
    });
    this.searchable = new Array(this.count);
    this.language = languageOf(raw);
    this.columns = new Columns(raw.columns, this.language.fields, this.count);
    this.octets = new OctetStore(raw.octets);
  }

  #end() {
    let end = 1;
    const { time, latency } = this.rpc;
    for (let row = 0; row < this.count; row += 1) {
      end = Math.max(end, time[row] + Math.max(0, latency[row]));
    }
    return end;
  }

  // How often there is each value of a column of strings, the commonest first.
  #kinds(column) {
    return countBy(this.rpc[column], (index) => this.strings[index]);
  }

  text(column, row) {
    return this.strings[this.rpc[column][row]];
  }

  // The name of the requester, and of the responder.
  sides(row) {
    const connection = this.connections.get(this.rpc.connection[row]);
    if (!connection) return ["?", "?"];
    return this.rpc.back[row] ? [connection[2], connection[1]] : [connection[1], connection[2]];
  }

  transport(row) {
    return this.connections.get(this.rpc.connection[row])?.[3] ?? "";
  }

  // Worst severity of its findings, -1 without one.
  severity(row) {
    const found = this.foundOf.get(row);
    return found ? Math.max(...found.map((index) => this.found.severity[index])) : -1;
  }

  troubled(row) {
    return this.suffererOf.has(row) || this.severity(row) > 0;
  }

  // The row that a frame belongs to, or -1. Built when it is first asked for.
  rowOfFrame(frame) {
    this.byFrame ??= this.#frames();
    return this.byFrame.get(frame) ?? this.#carrier(frame);
  }

  // The row whose data a frame carried, or -1: a search among the runs of packets.
  #carrier(frame) {
    const { rpc, op, piece } = this;
    if (!this.runs) {
      const owners = new Int32Array(piece.frame.length);
      for (let row = 0; row < this.count; row += 1) {
        for (let at = rpc.ops[row]; at < rpc.ops[row] + rpc.op_count[row]; at += 1) {
          owners.fill(row, op.pieces[at], op.pieces[at] + op.piece_count[at]);
        }
      }
      const order = Uint32Array.from(owners, (_, index) => index);
      order.sort((a, b) => piece.frame[a] - piece.frame[b]);
      this.runs = { owners, order };
    }
    const { owners, order } = this.runs;
    let [low, high] = [0, order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (piece.frame[order[middle]] <= frame) low = middle + 1;
      else high = middle;
    }
    const found = order[low - 1];
    return found !== undefined && frame < piece.frame[found] + piece.packets[found] ? owners[found] : -1;
  }

  #frames() {
    const map = new Map();
    const { rpc, op } = this;
    for (let row = 0; row < this.count; row += 1) {
      for (const column of [rpc.call_ack, rpc.reply_ack, rpc.call_first, rpc.reply_first]) {
        if (column[row] > 0 && !map.has(column[row])) map.set(column[row], row);
      }
      for (let at = rpc.ops[row]; at < rpc.ops[row] + rpc.op_count[row]; at += 1) {
        map.set(op.frame[at], row);
        map.set(op.last_frame[at], row);
      }
    }
    for (let row = 0; row < this.count; row += 1) {
      if (rpc.call[row]) map.set(rpc.call[row], row);
      if (rpc.reply[row]) map.set(rpc.reply[row], row);
    }
    return map;
  }

  // What a search looks through.
  words(row) {
    this.searchable[row] ??= [
      this.text("protocol", row),
      this.text("operation", row),
      this.text("text", row),
      this.text("path", row),
      this.text("status", row),
      ...this.sides(row),
    ].join(" ").toLowerCase();
    return this.searchable[row];
  }
}

function countBy(values, name) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, number]) => [name(value), number, value])
    .sort((a, b) => b[1] - a[1]);
}

function groupBy(values) {
  const groups = new Map();
  values.forEach((value, index) => {
    if (value < 0) return;
    if (!groups.has(value)) groups.set(value, []);
    groups.get(value).push(index);
  });
  return groups;
}
