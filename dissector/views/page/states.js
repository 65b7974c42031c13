// Opens, locks and delegations over time: who held what from when to when.

function statesPanel(host, data, { openFrame }) {
  const { states, states_total: total } = data.raw;
  const end = Math.max(1, data.end);
  const listed = h("div", { id: "state-list", class: "list", role: "grid", "aria-label": "Opens, locks and delegations" });
  const held = states.filter((one) => one[9] < 0).length;
  const words = states.length
    ? `${many(states.length, "state")}${total > states.length ? ` of ${count(total)} granted` : ""}; ${count(held)} still held at the end. `
    : "No opens, locks or delegations were granted in this capture.";
  const key = (kind) => h("span", {}, h("i", { class: `span-key span-${kind}` }), kind);
  host.replaceChildren(h("p", { class: "dim" }, words), h("div", { class: "legend" }, key("open"), key("lock"), key("delegation"),
    h("span", {}, h("i", { class: "key key-bad" }), "recalled")),
  h("div", { class: "row state-row heads" }, ...["from", "to", "client", "kind", "what", "over the capture"].map((name, at) => h("span", at < 2 ? { class: "num" } : {}, name))),
  listed);
  const list = new VirtualList(listed, {
    rowHeight: 26,
    render: (index) => stateRow(states[index], end),
    onSelect: (index) => openFrame(states[index][6], -1),
  });
  list.setCount(states.length);
}

function stateRow([kind, client, file, mode, octets, from, , recalled, , to, , by], end) {
  const place = (time) => `${(100 * Math.min(end, Math.max(0, time))) / end}%`;
  const width = (100 * ((to < 0 ? end : to) - from)) / end;
  const what = `${mode}${octets ? ` ${octets}` : ""} of ${file}`;
  return h("div", { class: "row state-row", title: `${kind}: ${what}${by ? `; ended by ${by}` : ""}` },
    h("span", { class: "num" }, clock(from)),
    h("span", { class: "num" }, to < 0 ? "held" : clock(to)),
    h("span", {}, client),
    h("span", {}, kind),
    h("span", { class: "grow" }, what),
    h("span", { class: "span-track" }, h("i", { class: `span-${kind}`, style: `left:${place(from)};width:${Math.max(0, width)}%` }),
      recalled >= 0 ? h("i", { class: "recalled", style: `left:${place(recalled)}` }) : null));
}
