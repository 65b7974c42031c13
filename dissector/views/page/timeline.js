// The capture over time: latency of each RPC, calls in progress and credits, data by RDMA, trouble.

const LANES = [["latency", 0.52], ["queue", 0.24], ["rate", 0.24]];
const GUTTER = 86;
const STRIP = 18;
const AXIS = 18;
const DOT = 2.5;
const BIG_DOT = 4;
const MANY = 2000;
const AXIS_UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];

class Timeline {
  // `onRange(range)` is told of a stretch of time that was chosen, or null; `onPick(row)` of an RPC.
  constructor(canvas, data, { onRange, onPick }) {
    this.canvas = canvas;
    this.data = data;
    this.onRange = onRange;
    this.onPick = onPick;
    this.range = null;
    this.rows = null;
    this.selected = -1;
    this.drag = null;
    this.hover = null;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => this.#leave());
    canvas.addEventListener("dblclick", () => this.zoom(null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.schedule()).observe(canvas);
  }

  show(rows) {
    this.rows = rows;
    this.schedule();
  }

  select(row) {
    this.selected = row;
    this.schedule();
  }

  zoom(range) {
    this.range = range;
    this.onRange(range);
    this.schedule();
  }

  schedule() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.draw();
    });
  }

  get span() {
    return this.range ?? [0, this.data.end];
  }

  x(time) {
    const [from, to] = this.span;
    return GUTTER + ((time - from) / (to - from)) * (this.width - GUTTER - 8);
  }

  timeAt(x) {
    const [from, to] = this.span;
    const part = Math.min(1, Math.max(0, (x - GUTTER) / (this.width - GUTTER - 8)));
    return from + part * (to - from);
  }

  draw() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    this.height = canvas.clientHeight;
    if (!this.width) return;
    canvas.width = this.width * ratio;
    canvas.height = this.height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "11px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace";
    pen.textBaseline = "middle";
    this.#axis(pen);
    let top = STRIP;
    const room = this.height - STRIP - AXIS;
    for (const [name, part] of LANES) {
      const box = { top: top + 3, height: room * part - 6 };
      this[`_${name}`](pen, box);
      top += room * part;
      pen.strokeStyle = colour("line");
      pen.strokeRect(GUTTER, Math.round(top) + 0.5, this.width - GUTTER, 0);
    }
    this.#trouble(pen);
    this.#pointer(pen);
  }

  #axis(pen) {
    const [from, to] = this.span;
    const bottom = this.height - AXIS;
    const wanted = Math.max(2, Math.floor((this.width - GUTTER) / 110));
    pen.textAlign = "center";
    const [unit, name] = AXIS_UNITS.find(([size]) => to - from >= 2 * size) ?? AXIS_UNITS.at(-1);
    for (const at of ticks(from / unit, to / unit, wanted)) {
      const x = Math.round(this.x(at * unit)) + 0.5;
      pen.strokeStyle = colour("line");
      pen.beginPath();
      pen.moveTo(x, STRIP);
      pen.lineTo(x, bottom + 3);
      pen.stroke();
      pen.fillStyle = colour("dim");
      const text = `${Number(at.toPrecision(9))} ${name}`;
      const rightmost = this.width - pen.measureText(text).width / 2 - 1;
      pen.fillText(text, Math.min(x, rightmost), bottom + AXIS / 2 + 2);
    }
  }

  #label(pen, text, y, name = "dim") {
    pen.textAlign = "right";
    pen.fillStyle = colour(name);
    pen.fillText(text, GUTTER - 6, y);
  }

  // The lowest and highest latency, as powers of ten.
  #decades() {
    if (!this.limits) {
      let low = Infinity;
      let high = 1;
      for (const value of this.data.rpc.latency) {
        if (value > 0) {
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
      this.limits = [Math.floor(Math.log10(Math.min(low, high))), Math.ceil(Math.log10(high))];
      if (this.limits[0] === this.limits[1]) this.limits[1] += 1;
    }
    return this.limits;
  }

  latencyY(latency, box) {
    const [low, high] = this.#decades();
    const part = (Math.log10(Math.max(1, latency)) - low) / (high - low);
    return box.top + box.height * (1 - Math.min(1, Math.max(0, part)));
  }

  _latency(pen, box) {
    this.box = box;
    const [low, high] = this.#decades();
    for (let power = low; power <= high; power += 1) {
      const y = this.latencyY(10 ** power, box);
      pen.strokeStyle = colour("line");
      pen.strokeRect(GUTTER, Math.round(y) + 0.5, this.width - GUTTER, 0);
      if (power < high) this.#label(pen, DECADES[power] ?? "", y);
    }
    const colours = Array.from({ length: OPERATION_COLOURS }, (_, rank) => colour(`op${rank}`));
    const taken = new Set();
    const rows = this.rows ?? [];
    for (const row of rows) this.#dot(pen, row, colours, taken);
    if (this.selected >= 0) {
      pen.strokeStyle = colour("ink");
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.arc(this.x(this.data.rpc.time[this.selected]),
        this.latencyY(this.data.rpc.latency[this.selected], box), 5, 0, 7);
      pen.stroke();
      pen.lineWidth = 1;
    }
  }

  // One dot for each pixel is enough, however many RPCs are there.
  #dot(pen, row, colours, taken) {
    const { rpc } = this.data;
    const x = this.x(rpc.time[row]);
    if (x < GUTTER || x > this.width) return;
    const y = this.latencyY(rpc.latency[row], this.box);
    const key = Math.round(x) * 4096 + Math.round(y);
    if (taken.has(key)) return;
    taken.add(key);
    pen.fillStyle = rpc.latency[row] < 0 ? colours.at(-1) : colours[operationClass(this.data, row)];
    const size = this.rows.length > MANY ? DOT : BIG_DOT;
    pen.fillRect(x - size / 2, y - size / 2, size, size);
  }

  _queue(pen, box) {
    const { queues } = this.data.raw;
    let most = 1;
    for (const queue of queues) for (const step of queue.steps) most = Math.max(most, step[1]);
    const granted = Math.max(0, ...queues.map((queue) => queue.credits));
    const top = granted && granted <= 4 * most ? Math.max(granted, most) : most;
    const y = (depth) => box.top + box.height * (1 - Math.min(1.02, depth / top));
    for (const queue of queues.slice(0, 8)) {
      this.#steps(pen, queue.steps, 1, y, colour("accent"), box);
      if (granted <= 4 * most) this.#steps(pen, queue.steps, 2, y, colour("warn"));
    }
    this.#label(pen, many(most, "call"), box.top + 9);
    this.#label(pen, granted ? `${granted} credits` : "", box.top + 22, "warn-ink");
  }

  #steps(pen, steps, column, y, stroke, box) {
    pen.strokeStyle = stroke;
    pen.beginPath();
    let [before, start] = [null, GUTTER];
    for (const step of steps) {
      const x = Math.min(this.width, Math.max(GUTTER, this.x(step[0])));
      if (before === null) start = x;
      const level = y(step[column]);
      if (before !== null) pen.lineTo(x, before);
      else pen.moveTo(x, level);
      pen.lineTo(x, level);
      before = level;
    }
    const end = Math.max(start, Math.min(this.width, this.x(this.data.end)));
    if (before !== null) pen.lineTo(end, before);
    pen.stroke();
    if (box && before !== null) {
      pen.lineTo(end, box.top + box.height);
      pen.lineTo(start, box.top + box.height);
      pen.globalAlpha = 0.12;
      pen.fillStyle = stroke;
      pen.fill();
      pen.globalAlpha = 1;
    }
  }

  _rate(pen, box) {
    const { bulk, again } = this.data.raw;
    const most = Math.max(1e-9, ...bulk.sums.map((sum) => sum / bulk.width));
    this.#bars(pen, box, bulk, most, colour("write"));
    this.#bars(pen, box, again, most, colour("bad"));
    this.#label(pen, `${amount(most * 1e9)}/s`, box.top + 5);
    this.#label(pen, "by RDMA", box.top + 19);
  }

  #bars(pen, box, series, most, fill) {
    pen.fillStyle = fill;
    series.sums.forEach((sum, index) => {
      if (!sum) return;
      const from = this.x(series.start + index * series.width);
      const to = this.x(series.start + (index + 1) * series.width);
      if (to < GUTTER || from > this.width) return;
      const height = Math.min(box.height, Math.max(1, (box.height * sum) / series.width / most));
      const left = Math.max(GUTTER, from);
      pen.fillRect(left, box.top + box.height - height, Math.max(1, to - left), height);
    });
  }

  #trouble(pen) {
    const { data } = this;
    this.#label(pen, "trouble", STRIP / 2);
    pen.fillStyle = colour("warn");
    for (const time of data.events.time) this.#mark(pen, time);
    data.foundOf.forEach((_, row) => {
      const severity = data.severity(row);
      pen.fillStyle = colour(["note", "warn", "bad"][severity]);
      if (severity > 0) this.#mark(pen, data.rpc.time[row]);
    });
  }

  #mark(pen, time) {
    const x = this.x(time);
    if (x >= GUTTER && x <= this.width) pen.fillRect(x - 1, 3, 2, STRIP - 7);
  }

  #pointer(pen) {
    if (this.drag && Math.abs(this.drag.to - this.drag.from) > 2) {
      pen.fillStyle = colour("accent");
      pen.globalAlpha = 0.18;
      const left = Math.max(GUTTER, Math.min(this.drag.from, this.drag.to));
      pen.fillRect(left, 0, Math.abs(this.drag.to - this.drag.from), this.height - AXIS);
      pen.globalAlpha = 1;
    } else if (this.hover) {
      pen.strokeStyle = colour("dim");
      pen.setLineDash([2, 3]);
      pen.strokeRect(Math.round(this.hover.x) + 0.5, 0, 0, this.height - AXIS);
      pen.setLineDash([]);
    }
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #down(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const { x } = this.#at(event);
    this.drag = { from: x, to: x };
  }

  #move(event) {
    this.hover = this.#at(event);
    if (this.drag) this.drag.to = this.hover.x;
    const row = this.drag ? -1 : this.nearest(this.hover);
    this.canvas.title = row < 0
      ? `${clock(this.timeAt(this.hover.x))} s`
      : `${this.data.text("text", row)}, ${duration(this.data.rpc.latency[row])}`;
    this.schedule();
  }

  #up(event) {
    const { drag } = this;
    this.drag = null;
    if (!drag) return;
    if (Math.abs(drag.to - drag.from) > 4) {
      const range = [this.timeAt(drag.from), this.timeAt(drag.to)].sort((a, b) => a - b);
      if (range[1] - range[0] >= 1000) this.zoom(range);
    } else {
      const row = this.nearest(this.#at(event));
      if (row >= 0) this.onPick(row);
    }
    this.schedule();
  }

  #leave() {
    this.hover = null;
    this.schedule();
  }

  // The RPC whose dot is within a few pixels, or -1.
  nearest({ x, y }) {
    const { time, latency } = this.data.rpc;
    let [found, best] = [-1, 64];
    for (const row of this.rows ?? []) {
      const across = this.x(time[row]) - x;
      if (across > 8 || across < -8 || latency[row] < 0) continue;
      const down = this.latencyY(latency[row], this.box) - y;
      const distance = across * across + down * down;
      if (distance < best) [found, best] = [row, distance];
    }
    return found;
  }

  #key(event) {
    const [from, to] = this.span;
    const step = (to - from) / 4;
    const { end } = this.data;
    const moves = {
      "+": [from + step, to - step],
      "=": [from + step, to - step],
      "-": [Math.max(0, from - 2 * step), Math.min(end, to + 2 * step)],
      ArrowLeft: from > 0 ? [Math.max(0, from - step), to - Math.min(step, from)] : null,
      ArrowRight: to < end ? [from + Math.min(step, end - to), Math.min(end, to + step)] : null,
      0: [0, end],
    };
    const range = moves[event.key];
    if (!range || range[1] - range[0] < 1000) return;
    event.preventDefault();
    this.zoom(range[0] <= 0 && range[1] >= end ? null : range);
  }
}

const DECADES = {
  0: "1 ns", 1: "10 ns", 2: "100 ns", 3: "1 µs", 4: "10 µs", 5: "100 µs", 6: "1 ms", 7: "10 ms",
  8: "100 ms", 9: "1 s", 10: "10 s", 11: "100 s",
};

// What the colours and lines of the timeline mean; an operation's name shows it alone.
function legend(host, data, choose) {
  const operations = data.operations.slice(0, OPERATION_COLOURS - 1).map(([name], rank) => h("button", {
    type: "button", class: "link", title: `only ${name}`, on: { click: () => choose(name) } },
  h("i", { class: `dot op${rank}` }), name));
  const others = data.operations.length >= OPERATION_COLOURS ? "others" : "";
  const key = (kind, text) => h("span", {}, h("i", { class: `key ${kind}` }), text);
  host.replaceChildren(
    h("span", { class: "dim" }, "latency of"), ...operations,
    ...(others ? [h("span", {}, h("i", { class: "dot" }), others)] : []),
    key("key-calls", "calls in progress"),
    ...(data.raw.queues.some((queue) => queue.credits) ? [key("key-credits", "credits")] : []),
    key("key-data", "data by RDMA"), ...(data.raw.again.sums.length ? [key("key-again", "sent again")] : []),
    key("key-warn", "trouble"), key("key-bad", "an error"));
}
