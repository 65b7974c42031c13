// Puts it together: state, the list, tabs, keys.

const ROW_HEIGHT = 26;
const STEP_ROW_HEIGHT = 26;

class App {
  constructor(data) {
    this.data = data;
    this.rows = new Int32Array();
    this.selected = -1;
    this.tab = "rpcs";
    this.drawn = new Set();
    this.list = new VirtualList(byId("rpcs"), {
      rowHeight: ROW_HEIGHT,
      render: (index) => this.#row(this.rows[index]),
      onSelect: (index) => this.#choose(this.rows[index]),
    });
    this.steps = new VirtualList(byId("steps"), {
      rowHeight: STEP_ROW_HEIGHT,
      render: (index) => ladderRow(data, this.order, index),
      onSelect: (index) => {
        const row = this.order.owners[this.order.order[index]];
        if (row >= 0) this.#choose(row);
      },
    });
    this.timeline = new Timeline(byId("timeline"), data, {
      onRange: () => this.filter(),
      onPick: (row) => this.openRow(row),
    });
    this.#summary();
    this.#choices();
    this.#events();
    this.filter();
    if (this.rows.length) this.list.select(0);
  }

  #summary() {
    const { raw } = this.data;
    const start = new Date(raw.start[0] * 1000);
    const parts = [
      raw.start[0] ? start.toISOString().replace("T", " ").slice(0, 19) + " UTC" : "",
      many(raw.packets, "packet"),
      many(raw.total, "RPC"),
      `${clock(this.data.end)} s`,
      many(raw.connections.length, "connection"),
    ];
    if (raw.total > this.data.count) parts.push(`the first ${count(this.data.count)} RPCs are here`);
    if (raw.shortened) parts.push("packets of some operations are not told apart");
    document.body.classList.toggle("single", raw.connections.length < 2);
    byId("summary").textContent = parts.filter(Boolean).join(" · ");
    byId("tab-findings").append(h("b", {}, count(raw.found_total)));
    byId("tab-health").append(h("b", {}, count(raw.events.total)));
  }

  #choices() {
    const fill = (id, name, kinds) => {
      const choice = byId(id);
      choice.append(...kinds.map(([text, number]) => h("option", { value: text }, `${text} (${count(number)})`)));
      choice.addEventListener("change", () => this.setTerm(name, choice.value));
    };
    fill("by-op", "op", this.data.operations);
    fill("by-status", "status", this.data.statuses);
    fill("by-finding", "finding", this.data.rules);
  }

  #events() {
    let waiting = 0;
    byId("query").addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.filter(), 120);
    });
    byId("query").addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "ArrowDown") byId(this.tab === "ladder" ? "steps" : "rpcs").focus();
    });
    byId("clear").addEventListener("click", () => this.reset());
    byId("theme").addEventListener("click", () => this.#theme());
    byId("help").addEventListener("click", () => byId("keys").showModal());
    for (const tab of document.querySelectorAll("[role=tab]")) {
      tab.addEventListener("click", () => this.show(tab.dataset.tab));
    }
    document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const tabs = [...document.querySelectorAll("[role=tab]")];
      const next = step && tabs.at((tabs.indexOf(event.target) + step) % tabs.length);
      if (!next) return;
      this.show(next.dataset.tab);
      next.focus();
    });
    document.addEventListener("keydown", (event) => this.#key(event));
    let resizing = 0;
    new ResizeObserver(() => {
      clearTimeout(resizing);
      resizing = setTimeout(() => this.#redraw(), 150);
    }).observe(byId("detail"));
  }

  #redraw() {
    const width = byId("detail").clientWidth;
    if (this.selected < 0 || width === this.width) return;
    this.width = width;
    showDetail(byId("detail"), this.data, this.selected, () => {});
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") {
      if (!byId("keys").open) this.reset();
      return;
    }
    if (typing) return;
    const tabs = [...document.querySelectorAll("[role=tab]")];
    const actions = {
      "/": () => byId("query").focus(),
      "?": () => byId("keys").showModal(),
      t: () => this.#theme(),
      n: () => this.#trouble(1),
      p: () => this.#trouble(-1),
    };
    const action = actions[event.key] ?? (tabs[Number(event.key) - 1] && document.activeElement !== byId("timeline")
      ? () => this.show(tabs[Number(event.key) - 1].dataset.tab) : null);
    if (!action) return;
    event.preventDefault();
    action();
  }

  // The next or the previous RPC of the list that has trouble.
  #trouble(step) {
    const at = this.rows.indexOf(this.selected);
    for (let index = at + step; index >= 0 && index < this.rows.length; index += step) {
      if (this.data.troubled(this.rows[index])) {
        this.show("rpcs");
        this.list.select(index, { centred: true });
        return;
      }
    }
  }

  #theme() {
    const { dataset } = document.documentElement;
    dataset.theme = dataset.theme === "dark" ? "light" : "dark";
    this.timeline.schedule();
  }

  reset() {
    byId("query").value = "";
    this.timeline.range = null;
    this.filter();
  }

  setTerm(name, value) {
    byId("query").value = withTerm(byId("query").value, name, value);
    this.filter();
    this.show("rpcs");
  }

  // Choose rows anew, and keep the selected one if it still fits.
  filter() {
    const query = byId("query").value;
    const message = byId("query-error");
    try {
      this.rows = filtered(this.data, query, this.timeline.range);
      message.textContent = "";
    } catch (error) {
      if (typeof error !== "string") throw error;
      message.textContent = error;
      return;
    }
    for (const [id, name] of [["by-op", "op"], ["by-status", "status"], ["by-finding", "finding"]]) {
      byId(id).value = termOf(query, name);
    }
    byId("count").textContent = `${count(this.rows.length)} of ${count(this.data.count)}`;
    byId("clear").hidden = !query && !this.timeline.range;
    const kept = this.rows.indexOf(this.selected);
    this.list.setCount(this.rows.length);
    if (kept >= 0) this.list.select(kept, { tell: false, centred: true });
    this.timeline.show(this.rows);
    this.drawn.delete("ladder");
    if (this.tab === "ladder") this.#draw("ladder");
  }

  show(tab) {
    this.tab = tab;
    for (const one of document.querySelectorAll("[role=tab]")) {
      one.setAttribute("aria-selected", one.dataset.tab === tab);
      one.tabIndex = one.dataset.tab === tab ? 0 : -1;
      byId(`panel-${one.dataset.tab}`).hidden = one.dataset.tab !== tab;
    }
    byId("main").classList.toggle("with-detail", tab === "rpcs" || tab === "ladder");
    this.#draw(tab);
  }

  #draw(tab) {
    if (this.drawn.has(tab)) return;
    this.drawn.add(tab);
    const actions = {
      filter: (name, value) => this.setTerm(name, value),
      openFrame: (frame, row) => this.openRow(row >= 0 ? row : this.data.rowOfFrame(frame)),
      openRow: (row) => this.openRow(row),
    };
    if (tab === "ladder") {
      this.order = allSteps(this.data, this.rows);
      this.steps.setCount(this.order.order.length);
    } else if (tab === "operations") operationsPanel(byId("panel-operations"), this.data, actions);
    else if (tab === "findings") findingsPanel(byId("panel-findings"), this.data, actions);
    else if (tab === "health") healthPanel(byId("panel-health"), this.data, actions);
    else if (tab === "connections") connectionsPanel(byId("panel-connections"), this.data);
    else this.list.draw();
  }

  // Show an RPC in the list, which is made to have it.
  openRow(row) {
    if (row === undefined || row < 0) {
      byId("status").textContent = "This frame belongs to no RPC of this page.";
      return;
    }
    if (this.rows.indexOf(row) < 0) this.reset();
    this.show("rpcs");
    this.list.select(this.rows.indexOf(row), { centred: true });
    byId("rpcs").focus({ preventScroll: true });
  }

  #choose(row) {
    this.selected = row;
    this.timeline.select(row);
    showDetail(byId("detail"), this.data, row, () => {
      byId("status").textContent = `${this.data.text("text", row)}, ${this.data.text("status", row)}, ${duration(this.data.rpc.latency[row])}`;
    });
    this.width = byId("detail").clientWidth;
  }

  #row(row) {
    const { data } = this;
    const { rpc } = data;
    const [requester, responder] = data.sides(row);
    const severity = data.severity(row);
    const late = data.suffererOf.has(row);
    return h("div", { class: "row rpc-row" },
      h("span", { class: "num dim" }, `${rpc.call[row] || "?"}`),
      h("span", { class: "num dim" }, `${rpc.reply[row] || "?"}`),
      h("span", { class: "num" }, clock(rpc.time[row])),
      h("span", { class: "host" }, `${requester} → ${responder}`),
      h("span", { class: "grow", role: "gridcell" }, h("i", { class: `dot op${operationClass(data, row)}` }), data.text("text", row) || data.text("operation", row),
        data.text("path", row) ? h("span", { class: "dim" }, ` ${data.text("path", row)}`) : null),
      h("span", { class: "status" }, statusMark(data, row)),
      h("span", { class: "num" }, rpc.moved[row] ? amount(rpc.moved[row]) : ""),
      h("span", { class: "num" }, rpc.latency[row] >= 0 ? duration(rpc.latency[row]) : "–"),
      h("span", {}, rpc.latency[row] >= 0 ? stageBar(stagesOf(data, row)) : ""),
      h("span", { class: "flags" },
        severity >= 0 ? h("i", { class: `flag ${SEVERITIES[severity]}`, title: "findings" }, severity === 2 ? "✕" : severity === 1 ? "!" : "i") : null,
        late ? h("i", { class: "flag warn", title: "packets of it were sent again or complained about" }, "↻") : null));
  }
}

// As the system is, until somebody chooses.
function followSystem() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
    window.app?.timeline.schedule();
  };
  dark.addEventListener("change", follow);
  follow();
}

async function start() {
  followSystem();
  const status = byId("status");
  try {
    const data = new Capture(await unpack(byId("data").textContent));
    byId("data").remove();
    window.app = new App(data);
    document.body.classList.add("ready");
    status.textContent = `${count(data.count)} RPCs`;
  } catch (error) {
    document.body.classList.add("failed");
    byId("summary").textContent = typeof DecompressionStream === "undefined"
      ? "This browser is too old for this page: it needs DecompressionStream (2023 and later)."
      : `This page cannot be shown: ${error.message ?? error}`;
    throw error;
  }
}

start();
