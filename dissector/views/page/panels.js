// The tabs beside the list of RPCs: operations, findings, health, connections.

function operationsPanel(host, data, { filter, openFrame }) {
  const { raw } = data;
  const [names] = raw.stages;
  const most = Math.max(1, ...raw.operations.map(([, spreads]) => spreads[0]?.[2] ?? 0));
  const lines = raw.operations.flatMap(([name, spreads, rate]) => {
    const shown = spreads.map((spread, stage) => [names[stage], spread]).filter(([, spread]) => spread);
    return shown.map(([stage, spread], index) => {
      const [median, p99, worst, total, calls, callFrame, replyFrame] = spread;
      return h("tr", { class: index ? "" : "first" },
        h("td", {}, index ? "" : h("button", { class: "link", on: { click: () => filter("op", name) } }, name)),
        h("td", { class: "name" }, h("i", { class: `stage-${stage}` }), STAGE_NAMES[stage]),
        h("td", {}, count(calls)),
        h("td", {}, duration(median)),
        h("td", {}, duration(p99)),
        h("td", {}, h("button", { class: "link", on: { click: () => openFrame(callFrame) } }, duration(worst)),
          h("span", { class: "dim" }, ` ${callFrame}→${replyFrame}`)),
        h("td", {}, duration(total)),
        h("td", { class: "spread-cell" }, spreadBar(median, p99, worst, most)),
        h("td", {}, stage === "transfer" && rate?.[1] ? `${amount(rate[1])}/s` : ""));
    });
  });
  const heads = ["operation", "stage", "calls", "median", "p99", "worst", "total", "median · p99 · worst", "rate"];
  host.replaceChildren(
    h("table", { class: "numbers wide" },
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", head === "stage" ? { class: "name" } : {}, head)))),
      h("tbody", {}, ...lines)),
    queueTable(data, openFrame));
}

// Where median, 99th percentile and worst are, on a scale of powers of ten from 1 µs.
function spreadBar(median, p99, worst, most) {
  const x = (time) => 4 + 152 * Math.max(0, Math.log10(Math.max(time, 1000) / 1000) / Math.log10(Math.max(most, 1e4) / 1000));
  return s("svg", { width: 160, height: 14, "aria-hidden": "true" },
    s("line", { class: "spread", x1: x(median), x2: x(worst), y1: 7, y2: 7 }),
    s("line", { class: "spread strong", x1: x(median), x2: x(p99), y1: 7, y2: 7 }),
    s("circle", { class: "spread-median", cx: x(median), cy: 7, r: 3.5 }),
    s("line", { class: "spread-worst", x1: x(worst), x2: x(worst), y1: 2, y2: 12 }));
}

function queueTable(data, openFrame) {
  const lines = data.raw.queues.map((queue) => h("tr", {},
    h("td", {}, queue.name),
    h("td", {}, `${queue.connection}`),
    h("td", {}, count(queue.calls)),
    h("td", {}, count(queue.steps.reduce((most, step) => Math.max(most, step[1]), 0))),
    h("td", {}, queue.credits ? count(queue.credits) : "?"),
    h("td", {}, queue.stalls ? count(queue.stalls[0]) : "0"),
    h("td", {}, queue.stalls ? duration(queue.stalled) : "–"),
    h("td", {}, queue.stalls
      ? h("button", { class: "link", on: { click: () => openFrame(queue.stalls[4]) } }, duration(queue.stalls[3]))
      : "–")));
  const heads = ["requester", "connection", "calls", "most in progress", "credits", "stalls", "stalled", "longest stall"];
  return h("table", { class: "numbers wide" },
    h("caption", {}, "A stall is a time in which no credit was left"),
    h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", {}, head)))), h("tbody", {}, ...lines));
}

function findingsPanel(host, data, { openFrame, filter }) {
  const { found, strings, raw } = data;
  const listed = h("div", { id: "found-list", class: "list", role: "grid", "aria-label": "Findings" });
  const chosen = new Set(data.rules.map(([name]) => name));
  let shown = [];
  const refresh = () => {
    shown = [...found.rule.keys()].filter((index) => chosen.has(strings[found.rule[index]]));
    list.setCount(shown.length);
  };
  const rules = h("div", { class: "rules" }, ...data.rules.map(([name, number]) => h("label", {
    title: raw.rules[name]?.slice(1).join(": ") ?? "" },
    h("input", { type: "checkbox", checked: true, on: { change: ({ target }) => {
      if (target.checked) chosen.add(name);
      else chosen.delete(name);
      refresh();
    } } }), name, h("b", {}, count(number)),
    h("button", { class: "link", on: { click: () => filter("finding", name) } }, "RPCs"))));
  const about = [];
  if (raw.missing) about.push(`The capture lacks ${many(raw.missing, "packet")}: what needs all of them was not checked.`);
  if (raw.found_total > found.rule.length) about.push(`Of ${count(raw.found_total)} findings the first ${count(found.rule.length)} are here.`);
  host.replaceChildren(h("p", { class: "dim" }, about.join(" ")), rules, listed);
  const list = new VirtualList(listed, {
    rowHeight: 26,
    render: (index) => findingRow(data, shown[index]),
    onSelect: (index) => openFrame(found.frame[shown[index]], found.rpc[shown[index]]),
  });
  refresh();
}

function findingRow(data, index) {
  const { found, strings } = data;
  const severity = SEVERITIES[found.severity[index]];
  return h("div", { class: "row found-row" },
    h("span", { class: "num" }, `${found.frame[index]}`),
    h("span", { class: `${severity}-ink` }, ["note", "warning", "error"][found.severity[index]]),
    h("span", {}, strings[found.rule[index]]),
    h("span", { class: "grow" }, strings[found.text[index]]),
    h("span", { class: "dim" }, data.raw.rules[strings[found.rule[index]]]?.[1] ?? ""));
}

function healthPanel(host, data, { openFrame, openRow }) {
  const { events, sufferers, raw } = data;
  const eventHost = h("div", { id: "event-list", class: "list", role: "grid", "aria-label": "Events" });
  const suffererHost = h("div", { id: "sufferer-list", class: "list", role: "grid", "aria-label": "RPCs that suffered" });
  host.replaceChildren(directionTable(raw.directions),
    h("div", { class: "columns" },
      h("section", {}, h("h3", {}, `What happened (${count(raw.events.total)})`), eventHost),
      h("section", {}, h("h3", {}, `Who suffered (${count(sufferers.rpc.length)})`), suffererHost)));
  new VirtualList(eventHost, {
    rowHeight: 26,
    render: (index) => eventRow(data, index),
    onSelect: (index) => openFrame(events.frame[index], raw.events.rpcs[index][0]),
  }).setCount(events.frame.length);
  new VirtualList(suffererHost, {
    rowHeight: 26,
    render: (index) => {
      const row = sufferers.rpc[index];
      return h("div", { class: "row sufferer-row" },
        h("span", { class: "num" }, `${data.rpc.call[row]}`),
        h("span", {}, data.text("operation", row)),
        h("span", { class: "num" }, sufferers.late[index] > 0 ? `+${duration(sufferers.late[index])}` : "–"),
        h("span", { class: "grow" }, suffering(data, index)));
    },
    onSelect: (index) => openRow(sufferers.rpc[index]),
  }).setCount(sufferers.rpc.length);
}

const FATES = [["filled", "lost before here"], ["lost", "lost behind"], ["dropped", "dropped"],
  ["had", "acknowledged before"], ["unknown", "unknown"]];

const DIRECTION_COLUMNS = [
  ["sent", (one) => `${kept(`${count(one.packets)} ·`)} ${kept(amount(one.octets))}`],
  ["again", (one) => one.again + one.responses_again
    ? `${kept(`${count(one.again + one.responses_again)} ·`)} ${kept(amount(one.again_octets + one.responses_again_octets))}` : "0"],
  ["what had become of the first copies", (one) => FATES.filter(([name]) => one[name])
    .map(([name, text]) => `${count(one[name])} ${text}`).join(", ") || "–"],
  ["in vain", (one) => one.wasted ? kept(amount(one.wasted)) : "0"],
  ["NAKs", (one) => Object.entries(one.naks).map(([name, number]) => `${number} ${name}`).join(", ") || "0"],
  ["late · twice", (one) => kept(`${count(one.late)} · ${count(one.twice)}`)],
  ["RNR · timeouts", (one) => kept(`${count(one.rnr)} · ${count(one.timeouts)}`)],
  ["CE · CNP", (one) => kept(`${count(one.ecn)} · ${count(one.cnp)}`)],
  ["packets per ACK", (one) => one.acks ? `${(one.acked / one.acks).toFixed(2)}, ${kept(`at most ${one.largest_ack}`)}` : "–"],
];

// A cell that is too narrow is broken between its numbers, not between a number and its unit.
function kept(text) {
  return text.replaceAll(" ", "\u00a0");
}

function directionTable(directions) {
  if (!directions.length) return h("p", { class: "dim" }, "Only InfiniBand's transport (RoCE) tells what this is about.");
  return h("table", { class: "numbers wide directions" },
    h("thead", {}, h("tr", {}, h("th", {}, "direction"), ...DIRECTION_COLUMNS.map(([name]) => h("th", {}, name)))),
    h("tbody", {}, ...directions.map((one) => h("tr", {},
      h("td", {}, `${one.source} → ${one.destination}`),
      ...DIRECTION_COLUMNS.map(([, text]) => h("td", {}, text(one)))))));
}

function eventRow(data, index) {
  const { events, strings } = data;
  const kind = strings[events.kind[index]];
  const cause = strings[events.cause[index]];
  const size = `${many(events.packets[index], "packet")}, ${amount(events.octets[index])}`;
  const waited = events.waited[index] > 1e6 ? `, ${duration(events.waited[index])} silent` : "";
  const texts = {
    nak: [cause, strings[events.text[index]]].filter(Boolean).join(", "),
    again: `${size}; ${CAUSES[cause] ?? cause}${waited}`,
    late: `out of order: ${size}`,
    twice: `a copy: ${size}`,
    ecn: `congestion experienced, ${size}`,
    cnp: "is to send more slowly",
  };
  return h("div", { class: "row event-row" },
    h("span", { class: "num" }, `${events.frame[index]}`),
    h("span", { class: kind === "again" ? "warn-ink" : "bad-ink" }, kind),
    h("span", {}, strings[events.sender[index]]),
    h("span", {}, hex(events.psn[index], 6)),
    h("span", { class: "grow" }, texts[kind]));
}

function connectionsPanel(host, data) {
  const lines = data.raw.connections.map(([number, first, second, transport, paired, frame]) => h("tr", {},
    h("td", {}, `${number}`), h("td", {}, first), h("td", {}, second), h("td", {}, transport),
    h("td", {}, paired || "–"), h("td", {}, frame ? `${frame}` : "not in the capture")));
  const heads = ["", "client", "server", "transport", "paired by", "handshake"];
  const events = data.raw.cm.map(([frame, time, source, destination, summary]) => h("tr", {},
    h("td", {}, `${frame}`), h("td", {}, clock(time)), h("td", {}, source), h("td", {}, destination), h("td", {}, summary)));
  host.replaceChildren(
    h("table", { class: "numbers wide talks" }, h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", {}, head)))), h("tbody", {}, ...lines)),
    h("table", { class: "numbers wide events" },
      h("caption", {}, "Connection management"),
      h("thead", {}, h("tr", {}, ...["frame", "time", "from", "to", "message"].map((head) => h("th", {}, head)))), h("tbody", {}, ...events)));
}
