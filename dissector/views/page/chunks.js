// Maps of chunks: what was offered, what was used, which packets carried which octets, what is missing.

const CHUNK_NAMES = ["Read chunk", "Write chunk", "Reply chunk"];
const MAX_PARTS = 4000;
const MAX_LINES = 400;

// The stretches of packets that touched a segment, by address within it. What lies before the
// segment, or behind it, is cut off.
function carried(data, row, segment) {
  const { rpc, op, piece } = data;
  const found = [];
  const base = data.segment.high[segment] * 2 ** 32 + data.segment.low[segment];
  for (let at = rpc.ops[row]; at < rpc.ops[row] + rpc.op_count[row]; at += 1) {
    if (op.handle[at] !== data.segment.handle[segment]) continue;
    const start = (op.high[at] - data.segment.high[segment]) * 2 ** 32 + op.low[at]
      - data.segment.low[segment];
    const whole = { start, end: start + op.length[at], frame: op.frame[at], packets: op.packets[at],
      last: op.last_frame[at], size: 0, kind: op.kind[at], base };
    if (!op.piece_count[at]) {
      if (op.packets[at]) found.push(whole);
      continue;
    }
    for (let one = op.pieces[at]; one < op.pieces[at] + op.piece_count[at]; one += 1) {
      const from = start + piece.at[one];
      found.push({ ...whole, start: from, end: from + piece.size[one] * piece.packets[one],
        size: piece.size[one], frame: piece.frame[one], packets: piece.packets[one],
        last: piece.frame[one] + piece.packets[one] - 1 });
    }
  }
  const length = data.segment.length[segment];
  return found.filter((part) => part.start < length && part.end > 0)
    .map((part) => ({ ...part, end: Math.min(part.end, length) }))
    .sort((a, b) => a.start - b.start || a.frame - b.frame);
}

// What of the first `used` octets no packet has carried.
function holes(parts, used) {
  const found = [];
  let at = 0;
  for (const part of parts) {
    if (part.start > at) found.push([at, Math.min(part.start, used)]);
    at = Math.max(at, part.end);
    if (at >= used) break;
  }
  if (at < used) found.push([at, used]);
  return found.filter(([from, to]) => from < to);
}

function chunkMaps(data, row, width) {
  const { rpc } = data;
  const maps = [];
  for (let chunk = rpc.chunks[row]; chunk < rpc.chunks[row] + rpc.chunk_count[row]; chunk += 1) {
    maps.push(chunkMap(data, row, chunk, width));
  }
  return maps;
}

function chunkMap(data, row, chunk, width) {
  const { chunk: chunks, segment } = data;
  const kind = chunks.kind[chunk];
  const where = kind === 0 ? ` at Position ${chunks.position[chunk]}` : ` ${chunks.position[chunk]}`;
  const file = chunks.file[chunk];
  const head = h("h4", {}, `${CHUNK_NAMES[kind]}${where}`,
    h("span", {}, `${count(chunks.used[chunk])} of ${count(chunks.offered[chunk])} octets used`),
    file >= 0 ? h("span", {}, `file ${count(file)}–${count(file + chunks.used[chunk])}`) : null);
  const made = h("section", { class: "chunk" }, head);
  const longest = Math.max(1, ...range(chunks.segments[chunk], chunks.segment_count[chunk])
    .map((at) => segment.length[at]));
  let offset = file;
  range(chunks.segments[chunk], chunks.segment_count[chunk]).forEach((at, index) => {
    if (index < MAX_LINES) made.append(segmentMap(data, row, at, { width, longest, kind, file: offset }));
    if (offset >= 0) offset += segment.used[at];
  });
  return made;
}

function range(start, length) {
  return Array.from({ length }, (_, index) => start + index);
}

function segmentMap(data, row, at, { width, longest, kind, file }) {
  const { segment } = data;
  const [length, used] = [segment.length[at], segment.used[at]];
  const parts = carried(data, row, at);
  const missing = data.rpc.reply[row] ? holes(parts, used) : [];
  const scale = (width - 2) / longest;
  const x = (octet) => 1 + octet * scale;
  const label = `${hex(segment.handle[at])}:${address(segment.high[at], segment.low[at])}`;
  const picture = s("svg", { class: "segment", width, height: 26, role: "img", "aria-label":
    `${label}: ${used} of ${length} octets used, ${many(parts.length, "run")} of packets, ${many(missing.length, "hole")}` });
  picture.append(s("rect", { class: "offered", x: x(0), y: 2, width: Math.max(1, length * scale), height: 22 }));
  if (used) picture.append(s("rect", { class: "used", x: x(0), y: 2, width: Math.max(1, used * scale), height: 22 }));
  const name = kind === 0 ? "read" : "write";
  for (const part of parts.slice(0, MAX_PARTS)) picture.append(partShape(part, x, scale, name));
  for (const [from, to] of missing) {
    picture.append(s("rect", { class: "hole", x: x(from), y: 2, width: Math.max(2, (to - from) * scale), height: 22 },
      s("title", {}, `not in the capture: octets ${count(from)} to ${count(to)}`)));
  }
  return h("div", { class: "segment-box" },
    h("p", {}, h("code", {}, label), ` ${count(used)} of ${count(length)} octets`,
      missing.length ? h("b", { class: "bad-ink" }, ` ${many(missing.length, "hole")}`) : null),
    picture,
    parts.length ? partTable(parts, file) : null);
}

// A stretch of packets, with their borders where these are far enough from each other.
function partShape(part, x, scale, name) {
  const width = Math.max(1, (part.end - part.start) * scale);
  const group = s("g", {}, s("title", {}, partText(part)),
    s("rect", { class: `part ${name}`, x: x(part.start), y: 5, width, height: 16 }));
  if (part.size && part.size * scale >= 3) {
    for (let at = part.start + part.size; at < part.end; at += part.size) {
      group.append(s("line", { class: "border", x1: x(at), x2: x(at), y1: 5, y2: 21 }));
    }
  } else {
    group.append(s("line", { class: "border", x1: x(part.start) + width, x2: x(part.start) + width, y1: 5, y2: 21 }));
  }
  return group;
}

function partText(part) {
  const frames = part.packets > 1 ? `frames ${part.frame}–${part.last}` : `frame ${part.frame}`;
  return `${frames}: octets ${count(part.start)} to ${count(part.end)} of the segment`;
}

function partTable(parts, file) {
  const names = ["frames", "packets", "address", "octets", ...(file >= 0 ? ["file"] : [])];
  const fill = ({ target }) => {
    if (!target.open || target.childElementCount > 1) return;
    const lines = parts.slice(0, MAX_LINES).map((part) => h("tr", {},
      h("td", {}, part.last > part.frame ? `${part.frame}–${part.last}` : `${part.frame}`),
      h("td", {}, count(part.packets)),
      h("td", {}, `+${count(part.start)}`),
      h("td", {}, count(part.end - part.start)),
      file >= 0 ? h("td", {}, count(file + part.start)) : null));
    target.append(h("table", { class: "numbers" },
      h("thead", {}, h("tr", {}, ...names.map((name) => h("th", {}, name)))),
      h("tbody", {}, ...lines)));
    if (parts.length > MAX_LINES) target.append(h("p", {}, `… and ${count(parts.length - MAX_LINES)} more`));
  };
  return h("details", { on: { toggle: fill } }, h("summary", {}, "which packets"));
}
