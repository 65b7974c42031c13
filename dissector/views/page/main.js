// Puts it together: state, the list, tabs, keys.

const ROW_HEIGHT = 26;
const STEP_ROW_HEIGHT = 26;

const CHOOSERS = { op: "by-op", status: "by-status", finding: "by-finding", is: "by-state" };
const NO_CHOICES = { op: "", status: "", finding: "", is: "" };

class App {
  constructor(data) {
    this.data = data;
    this.rows = new Int32Array();
    this.selected = -1;
    this.tab = "rpcs";
    this.sort = "";
    this.drawn = new Set();
    this.asked = 0;
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
    this.pane = new MessagePane(data);
    this.#summary();
    this.#choices();
    legend(byId("legend"), data, (name) => this.choose("op", name));
    this.#events();
  }

  // Show what the address says, else the first RPC.
  async begin() {
    await this.follow(readLink());
    addEventListener("hashchange", () => this.follow(readLink()));
  }

  async follow(link) {
    byId("query").value = link.filter;
    byId("words").value = link.words;
    for (const [name, id] of Object.entries(CHOOSERS)) this.#setChooser(id, link[name]);
    const range = [Number(link.from), Number(link.to)];
    this.timeline.range = link.to && range[1] > range[0] && range[0] >= 0 ? range : null;
    this.sort = Object.hasOwn(SORTS, link.sort.replace("-", "")) ? link.sort : "";
    const row = link.frame ? this.data.rowOfFrame(Number(link.frame)) : -1;
    if (row >= 0) this.selected = row;
    await this.filter();
    if (document.querySelector(`[role=tab][data-tab="${CSS.escape(link.tab || "rpcs")}"]`)) this.show(link.tab || "rpcs");
    if (link.frame && row < 0) this.#say(`Frame ${link.frame} belongs to no RPC of this page.`);
  }

  // A choice that a link names is there, whatever it is.
  #setChooser(id, value) {
    const chooser = byId(id);
    if (![...chooser.options].some((option) => option.value === value)) chooser.append(h("option", { value }, value));
    chooser.value = value;
  }

  #say(text) {
    byId("status").textContent = text;
    byId("notice").textContent = text;
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
    byId("tab-state").append(h("b", {}, count(raw.states_total)));
  }

  #choices() {
    const kinds = { op: this.data.operations, status: this.data.statuses, finding: this.data.rules };
    for (const [name, id] of Object.entries(CHOOSERS)) {
      byId(id).append(...(kinds[name] ?? []).map(([text, number]) => h("option", { value: text }, `${text} (${count(number)})`)));
      byId(id).addEventListener("change", () => this.filter());
    }
  }

  #events() {
    let waiting = 0;
    for (const id of ["query", "words"]) {
      byId(id).addEventListener("input", () => {
        clearTimeout(waiting);
        waiting = setTimeout(() => this.filter(), 120);
      });
      byId(id).addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== "ArrowDown") return;
        event.preventDefault();
        if (this.tab !== "ladder") this.show("rpcs");
        byId(this.tab === "ladder" ? "steps" : "rpcs").focus();
      });
    }
    byId("clear").addEventListener("click", () => this.reset());
    byId("theme").addEventListener("click", () => this.#theme());
    byId("help").addEventListener("click", () => byId("keys").showModal());
    for (const head of document.querySelectorAll("[data-sort]")) {
      head.addEventListener("click", () => this.sortBy(head.dataset.sort));
    }
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
    this.#detail(this.selected);
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
    if (action) {
      event.preventDefault();
      action();
    } else if (event.target === document.body || event.target.closest(".top, .filter")) {
      if (this.tab === "rpcs") this.list.key(event);
      else if (this.tab === "ladder") this.steps.key(event);
    }
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

  #clear() {
    byId("query").value = byId("words").value = "";
    for (const id of Object.values(CHOOSERS)) byId(id).value = "";
    this.timeline.range = null;
  }

  async reset() {
    this.#clear();
    await this.filter();
  }

  // Show the RPCs of a kind only: what a row of a panel, or the legend, stands for.
  async choose(name, value) {
    this.#setChooser(CHOOSERS[name], value);
    await this.filter();
    this.show("rpcs");
  }

  // Ascending first, then descending, then by time again.
  sortBy(name) {
    this.sort = this.sort === name ? `-${name}` : this.sort === `-${name}` ? "" : name;
    return this.filter();
  }

  #wanted() {
    const chosen = Object.fromEntries(Object.entries(CHOOSERS).map(([name, id]) => [name, byId(id).value]));
    return { filter: byId("query").value, words: byId("words").value, range: this.timeline.range, ...NO_CHOICES, ...chosen };
  }

  // The tree of a display filter, and the rows that fit one. Both throw FilterError.
  parse(text) {
    return parseFilter(text, this.data.language);
  }

  async fitting(text) {
    return [...await filtered(this.data, { filter: text, words: "", range: null, ...NO_CHOICES })];
  }

  // The lines of a row's call or reply.
  async decoded(row, side) {
    return (await decodedOf(this.data, row, side)).lines;
  }

  // Choose rows anew; the selected one stays if it fits, else the first one is selected.
  async filter() {
    const turn = (this.asked += 1);
    const wanted = this.#wanted();
    let rows = null;
    try {
      rows = await filtered(this.data, wanted);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      if (turn === this.asked) showFilterError(wanted.filter, error);
      return;
    }
    if (turn !== this.asked) return;
    byId("query-error").replaceChildren();
    byId("notice").textContent = "";
    this.wanted = wanted;
    this.rows = sorted(this.data, rows, this.sort);
    for (const head of document.querySelectorAll("[data-sort]")) {
      const by = this.sort || "time";
      head.setAttribute("aria-sort", by === head.dataset.sort ? "ascending" : by === `-${head.dataset.sort}` ? "descending" : "none");
    }
    byId("count").textContent = `${count(this.rows.length)} of ${count(this.data.count)}`;
    byId("clear").hidden = !Object.values(wanted).some(Boolean);
    const kept = Math.max(0, this.rows.indexOf(this.selected));
    const changed = this.rows[kept] !== this.selected || !this.wasShown;
    this.list.setCount(this.rows.length);
    this.list.select(kept, { tell: changed, centred: true });
    if (!this.rows.length) this.#nothing();
    this.timeline.show(rows);
    this.drawn.delete("ladder");
    if (this.tab === "ladder") this.#draw("ladder");
    this.#link();
  }

  #nothing() {
    this.selected = -1;
    this.wasShown = false;
    this.timeline.select(-1);
    byId("detail").replaceChildren(h("p", { class: "list-empty" }, "No RPC fits."));
  }

  #link() {
    const { range, ...wanted } = this.wanted ?? this.#wanted();
    const row = this.selected;
    writeLink({
      ...wanted, sort: this.sort, tab: this.tab === "rpcs" ? "" : this.tab,
      from: range ? `${Math.round(range[0])}` : "", to: range ? `${Math.round(range[1])}` : "",
      frame: row > 0 ? `${this.data.rpc.call[row] || this.data.rpc.reply[row]}` : "",
    });
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
    this.#link();
  }

  #draw(tab) {
    if (this.drawn.has(tab)) return;
    this.drawn.add(tab);
    const actions = {
      filter: (name, value) => this.choose(name, value),
      openFrame: (frame, row) => this.openRow(row >= 0 ? row : this.data.rowOfFrame(frame)),
      openRow: (row) => this.openRow(row),
    };
    if (tab === "ladder") {
      this.order = allSteps(this.data, this.rows);
      this.steps.setCount(this.order.order.length);
    } else if (tab === "operations") operationsPanel(byId("panel-operations"), this.data, actions);
    else if (tab === "findings") findingsPanel(byId("panel-findings"), this.data, actions);
    else if (tab === "health") healthPanel(byId("panel-health"), this.data, actions);
    else if (tab === "state") statesPanel(byId("panel-state"), this.data, actions);
    else if (tab === "connections") connectionsPanel(byId("panel-connections"), this.data);
    else this.list.draw();
  }

  // Show an RPC in the list, which is made to have it.
  async openRow(row) {
    if (row === undefined || row < 0) {
      this.#say("This frame belongs to no RPC of this page.");
      return;
    }
    if (this.rows.indexOf(row) < 0) await this.reset();
    this.show("rpcs");
    this.list.select(this.rows.indexOf(row), { centred: true });
    byId("rpcs").focus({ preventScroll: true });
  }

  #choose(row) {
    this.selected = row;
    this.wasShown = true;
    this.timeline.select(row);
    this.#detail(row);
    byId("status").textContent = `${this.data.text("text", row)}, ${this.data.text("status", row)}, ${duration(this.data.rpc.latency[row])}`;
    this.width = byId("detail").clientWidth;
    if (this.wanted) this.#link();
  }

  #detail(row) {
    showDetail(byId("detail"), this.data, row, this.pane.element);
    this.shown = this.pane.show(row);
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

// What is wrong with a filter, and where in it.
function showFilterError(text, error) {
  const [from, to] = error.where;
  byId("query-error").replaceChildren(
    text.length > MAX_FILTER ? "" : h("code", {}, text.slice(0, from), h("mark", {}, text.slice(from, Math.max(to, from + 1)) || " "), text.slice(Math.max(to, from + 1))),
    h("span", {}, `${error.message}${error.near.replaceAll("\n", "; ")}`));
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
    await window.app.begin();
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
