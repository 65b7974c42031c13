// The chosen RPC's messages: what their octets mean, and the octets, each showing the other.

const OCTETS_IN_A_ROW = 16;
const LINE_HEIGHT = 19;
const MAX_UNPACKED = 6;

// Octets of messages, of blocks that are unpacked when one is looked at.
class OctetStore {
  constructor(blocks) {
    this.blocks = blocks;
    this.unpacked = new Map();
  }

  async of(block, at, length) {
    if (block < 0) return new Uint8Array();
    if (!this.unpacked.has(block)) {
      this.unpacked.set(block, new Uint8Array(await inflate(this.blocks[block])));
      if (this.unpacked.size > MAX_UNPACKED) this.unpacked.delete(this.unpacked.keys().next().value);
    }
    return this.unpacked.get(block).subarray(at, at + length);
  }
}

// What is known of a row's call or reply.
async function messageOf(data, row, side) {
  const { rpc } = data;
  const place = (name) => rpc[`${side}_${name}`][row];
  const octets = await data.octets.of(place("block"), place("at"), place("have"));
  return { octets, send: place("send"), size: rpc[`${side}_size`][row], form: place("form") };
}

async function decodedOf(data, row, side) {
  const protocol = data.text("protocol", row);
  const unseen = protocol.startsWith("CB") ? "callback" : protocol === "NFS3" ? "" : protocol.startsWith("NFS4") ? "100003.4" : "";
  const call = data.rpc.call[row] ? await messageOf(data, row, "call") : null;
  const decode = (message, isCall, about) => decodeMessage(
    data.raw.types, message.octets, message.send, message.form >= 0, isCall, about, unseen);
  const asked = call && call.octets.length ? decode(call, true, null) : null;
  if (side === "call") return { ...call, lines: asked?.lines ?? [] };
  const reply = await messageOf(data, row, "reply");
  const about = asked?.about.program ? asked.about : null;
  return { ...reply, lines: reply.octets.length ? decode(reply, false, about).lines : [] };
}

// A pane with the two messages of an RPC; `row` is shown by `show`.
class MessagePane {
  constructor(data) {
    this.data = data;
    this.side = "call";
    this.tabs = ["call", "reply"].map((side) => h("button", {
      type: "button", "aria-pressed": "false", on: { click: () => this.show(this.row, side) } }, side));
    this.note = h("span", { class: "dim" });
    this.tree = h("div", { id: "tree", class: "list", role: "tree", "aria-label": "What the message says" });
    this.dump = h("div", { id: "dump", class: "list", role: "grid", "aria-label": "Octets of the message" });
    this.element = h("section", { class: "message" },
      h("h3", {}, "Message ", ...this.tabs, this.note), this.tree, this.dump);
    this.lines = new VirtualList(this.tree, {
      rowHeight: LINE_HEIGHT, role: "treeitem", render: (index) => this.#line(index), onSelect: (index) => this.#select(index),
    });
    this.rows = new VirtualList(this.dump, { rowHeight: LINE_HEIGHT, render: (index) => this.#octets(index) });
    this.dump.addEventListener("click", (event) => {
      const at = event.target.closest("[data-at]");
      if (at) this.#pick(Number(at.dataset.at));
    });
    this.tree.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.#fold(event, event.key === "ArrowLeft");
    });
    this.#empty();
  }

  #empty() {
    this.message = { octets: new Uint8Array(), lines: [], size: 0 };
    this.shown = [];
    this.folded = new Set();
    this.chosen = [0, 0];
  }

  // Show a row's call or reply; the newest request wins.
  async show(row, side = this.side) {
    this.row = row;
    if (!this.data.rpc[side][row]) side = side === "call" ? "reply" : "call";
    this.side = side;
    this.tabs.forEach((tab, index) => {
      const one = ["call", "reply"][index];
      tab.setAttribute("aria-pressed", one === side);
      tab.disabled = !this.data.rpc[one][row];
    });
    const message = await decodedOf(this.data, row, side);
    if (this.row !== row || this.side !== side) return;
    this.#empty();
    this.message = message;
    const missing = message.size - Math.min(message.size, message.send ?? 0);
    this.note.textContent = message.octets.length
      ? `${count(message.octets.length)} octets${missing ? `; ${count(missing)} are not here` : ""}` : "its octets are not here";
    this.#fill();
    this.rows.setCount(Math.ceil(message.octets.length / OCTETS_IN_A_ROW));
  }

  #fill() {
    this.shown = [];
    let hidden = Infinity;
    this.message.lines.forEach((line, index) => {
      if (line.depth > hidden) return;
      hidden = this.folded.has(index) ? line.depth : Infinity;
      this.shown.push(index);
    });
    this.lines.setCount(this.shown.length);
  }

  #hasInside(index) {
    const { lines } = this.message;
    return (lines[index + 1]?.depth ?? -1) > lines[index].depth;
  }

  #line(at) {
    const index = this.shown[at];
    const line = this.message.lines[index];
    const inside = this.#hasInside(index);
    const mark = inside ? (this.folded.has(index) ? "▸" : "▾") : "";
    const bad = line.name === "not decoded";
    return h("div", {
      class: `tree-line${bad ? " bad-ink" : ""}`, style: `padding-left:${6 + 14 * line.depth}px`,
      "aria-level": line.depth + 1, "aria-expanded": inside ? !this.folded.has(index) : null,
    }, h("i", { class: "fold" }, mark), h("b", {}, line.name), line.text ? `: ${line.text}` : "");
  }

  #fold(event, closed) {
    const index = this.shown[this.lines.selected];
    if (index === undefined || !this.#hasInside(index)) return;
    event.preventDefault();
    this.#setFolded(index, closed);
  }

  #setFolded(index, closed) {
    if (closed) this.folded.add(index);
    else this.folded.delete(index);
    const top = this.tree.scrollTop;
    this.#fill();
    this.tree.scrollTop = top;
    this.lines.select(this.shown.indexOf(index), { tell: false });
  }

  #select(at) {
    const index = this.shown[at];
    const line = this.message.lines[index];
    this.chosen = [line.start, line.end];
    this.rows.reveal(Math.floor(Math.max(line.start, line.end - 1) / OCTETS_IN_A_ROW));
    this.rows.reveal(Math.floor(line.start / OCTETS_IN_A_ROW));
    this.rows.draw();
  }

  // The deepest line that an octet belongs to.
  #pick(octet) {
    const found = this.message.lines.findLastIndex((line) => line.start <= octet && octet < line.end);
    if (found < 0) return;
    if (!this.shown.includes(found)) {
      this.folded.clear();
      this.#fill();
    }
    this.lines.select(this.shown.indexOf(found), { centred: true });
  }

  #octets(row) {
    const start = row * OCTETS_IN_A_ROW;
    const octets = this.message.octets.subarray(start, start + OCTETS_IN_A_ROW);
    const cells = (text) => Array.from(octets, (octet, index) => h("span", {
      "data-at": start + index,
      class: start + index >= this.chosen[0] && start + index < this.chosen[1] ? "lit" : null,
    }, text(octet)));
    return h("div", { class: "dump-row" }, h("span", { class: "dim" }, start.toString(16).padStart(4, "0")),
      h("span", { class: "hex" }, ...cells((octet) => octet.toString(16).padStart(2, "0"))),
      h("span", { class: "letters" }, ...cells((octet) => (octet > 31 && octet < 127 ? String.fromCharCode(octet) : "·"))));
  }
}
