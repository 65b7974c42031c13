// A list of any length of which only the rows in sight exist.

const MAX_HEIGHT = 12e6;
const OVERSCAN = 6;

class VirtualList {
  // `render(index)` makes the element of a row; `onSelect(index)` is told of the chosen one.
  constructor(host, { rowHeight, render, onSelect = () => {}, role = "row" }) {
    this.host = host;
    this.rowHeight = rowHeight;
    this.render = render;
    this.onSelect = onSelect;
    this.role = role;
    this.count = 0;
    this.most = 0;
    this.selected = -1;
    this.space = h("div", { class: "list-space" });
    this.window = h("div", { class: "list-window", role: "rowgroup" });
    this.empty = h("p", { class: "list-empty", hidden: true });
    this.space.append(this.window);
    host.replaceChildren(this.space, this.empty);
    host.tabIndex = 0;
    host.addEventListener("scroll", () => this.schedule());
    host.addEventListener("keydown", (event) => this.key(event));
    host.addEventListener("click", (event) => {
      const row = event.target.closest("[data-index]");
      if (row) this.select(Number(row.dataset.index));
    });
    new ResizeObserver(() => this.schedule()).observe(host);
  }

  setCount(count) {
    this.count = count;
    this.selected = -1;
    this.host.setAttribute("aria-rowcount", count);
    this.space.style.height = `${Math.min(count * this.rowHeight, MAX_HEIGHT)}px`;
    this.most = Math.max(this.most, count);
    this.empty.textContent = this.most || location.hash.includes("filter=") ? "Nothing fits." : "There are none.";
    this.empty.hidden = count > 0;
    this.host.scrollTop = 0;
    this.draw();
  }

  schedule() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.draw();
    });
  }

  // How many pixels of the list one pixel of the scroll bar is.
  #scale() {
    const room = this.host.clientHeight;
    const height = Math.min(this.count * this.rowHeight, MAX_HEIGHT);
    return height > room ? (this.count * this.rowHeight - room) / (height - room) : 1;
  }

  draw() {
    const top = this.host.scrollTop;
    const virtual = top * this.#scale();
    const visible = Math.ceil(this.host.clientHeight / this.rowHeight) + 1;
    const first = Math.max(0, Math.floor(virtual / this.rowHeight) - OVERSCAN);
    const last = Math.min(this.count, first + visible + 2 * OVERSCAN);
    const rows = [];
    for (let index = first; index < last; index += 1) rows.push(this.#row(index));
    this.window.style.transform = `translateY(${first * this.rowHeight - virtual + top}px)`;
    this.window.replaceChildren(...rows);
  }

  #row(index) {
    const row = this.render(index);
    row.dataset.index = index;
    row.id = `${this.host.id}-${index}`;
    row.setAttribute("role", this.role);
    row.setAttribute("aria-rowindex", index + 1);
    row.setAttribute("aria-selected", index === this.selected);
    return row;
  }

  // `centred` brings it to the middle, unless it is in sight.
  select(index, { tell = true, centred = false } = {}) {
    if (index < 0 || index >= this.count) return;
    this.selected = index;
    if (centred) this.centre(index);
    this.host.setAttribute("aria-activedescendant", `${this.host.id}-${index}`);
    this.reveal(index);
    this.draw();
    if (tell) this.onSelect(index);
  }

  centre(index) {
    const scale = this.#scale();
    const seen = this.host.scrollTop * scale;
    const room = this.host.clientHeight;
    const top = index * this.rowHeight;
    if (top < seen || top + this.rowHeight > seen + room) {
      this.host.scrollTop = Math.max(0, top - room / 2) / scale;
    }
  }

  reveal(index) {
    const scale = this.#scale();
    const top = index * this.rowHeight;
    const room = this.host.clientHeight;
    const seen = this.host.scrollTop * scale;
    if (top < seen) this.host.scrollTop = top / scale;
    else if (top + this.rowHeight > seen + room) {
      this.host.scrollTop = (top + this.rowHeight - room) / scale;
    }
  }

  // Move as a key says; also of keys that were pressed elsewhere.
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.host.clientHeight / this.rowHeight) - 1);
    const steps = {
      ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page,
      Home: -this.count, End: this.count,
    };
    if (!Object.hasOwn(steps, event.key) || !this.count) return;
    event.preventDefault();
    event.stopPropagation();
    const next = this.selected < 0 && steps[event.key] === 1 ? 0 : this.selected + steps[event.key];
    this.select(Math.max(0, Math.min(this.count - 1, next)));
  }
}
