// Everything about the chosen RPC.

const STAGE_NAMES = {
  reply: "call to reply",
  data: "call to first data",
  ack: "call to its ACK",
  wait: "ACK to first data or reply",
  before: "call to first data or reply",
  transfer: "first to last data",
  finish: "last data to reply",
  confirm: "reply to its ACK",
};

// How long each stage of an RPC took; -1 where that is not known.
function stagesOf(data, row) {
  const { ack, data: first, last, latency, confirm } = data.rpc;
  const end = first[row] >= 0 ? first[row] : latency[row];
  return {
    ack: ack[row],
    before: ack[row] < 0 ? end : -1,
    wait: ack[row] >= 0 && end >= 0 ? Math.max(0, end - ack[row]) : -1,
    transfer: first[row] >= 0 ? last[row] - first[row] : -1,
    finish: first[row] >= 0 && latency[row] >= 0 ? Math.max(0, latency[row] - last[row]) : -1,
    confirm: confirm[row] >= 0 && latency[row] >= 0 ? Math.max(0, confirm[row] - latency[row]) : -1,
  };
}

function stageBar(stages) {
  const known = Object.entries(stages).filter(([, time]) => time > 0);
  const total = known.reduce((sum, [, time]) => sum + time, 0);
  const text = known.map(([name, time]) => `${STAGE_NAMES[name]} ${duration(time)}`).join(", ");
  return h("div", { class: "stage-bar", role: "img", "aria-label": text, title: text.replaceAll(", ", "\n") },
    ...known.map(([name, time]) => h("i", { class: `stage-${name}`, style: `flex-grow:${time / total}` })));
}

function stageList(stages) {
  return h("ul", { class: "stages" }, ...Object.entries(stages).filter(([, time]) => time >= 0)
    .map(([name, time]) => h("li", {}, h("i", { class: `stage-${name}` }), `${STAGE_NAMES[name]} `,
      h("b", {}, duration(time)))));
}

function facts(pairs) {
  return h("dl", { class: "facts" }, ...pairs.filter(([, value]) => value !== "" && value !== null)
    .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function showDetail(host, data, row, messages) {
  const { rpc } = data;
  const width = Math.max(380, host.clientWidth - 34);
  const [requester, responder] = data.sides(row);
  const stages = stagesOf(data, row);
  const reply = rpc.reply[row];
  const rate = stages.transfer > 0 ? `${amount((rpc.moved[row] * 1e9) / stages.transfer)}/s` : "";
  host.replaceChildren(
    h("header", {},
      h("h2", {}, h("i", { class: `dot op${operationClass(data, row)}` }), data.text("text", row) || data.text("operation", row)),
      h("p", {}, `${data.text("protocol", row)} over ${data.transport(row)} `,
        statusMark(data, row))),
    stageBar(stages),
    stageList(stages),
    facts([
      ["from call to reply", rpc.latency[row] >= 0 ? duration(rpc.latency[row]) : "no reply seen"],
      ["at", `${clock(rpc.time[row])} s`],
      ["frames", `${rpc.call[row] || "?"} → ${reply || "?"}`],
      ["file", data.text("path", row)],
      ["XID", hex(rpc.xid[row])],
      ["requester", requester],
      ["responder", responder],
      ["call, reply", `${count(rpc.call_size[row])} B, ${reply ? `${count(rpc.reply_size[row])} B` : "–"}`],
      ["by RDMA", rpc.moved[row] ? `${amount(rpc.moved[row])} in ${many(rpc.op_count[row], "operation")}` : ""],
      ["rate", rate],
      ["credits asked, granted", rpc.asked[row] >= 0 ? `${rpc.asked[row]}, ${reply && rpc.granted[row] >= 0 ? rpc.granted[row] : "–"}` : ""],
      ["in progress with it", rpc.depth[row] ? `${rpc.depth[row]}` : ""],
      ["invalidates", rpc.invalidated[row] >= 0 ? hex(rpc.invalidated[row]) : ""],
    ]),
    ...foundOf(data, row),
    ...suffered(data, row),
    messages,
    h("h3", {}, "Ladder"),
    ladder(data, row, width),
    ...(rpc.chunk_count[row] ? [h("h3", {}, "Chunks"), ...chunkMaps(data, row, width)] : []));
  host.scrollTop = 0;
}

function statusMark(data, row) {
  const status = data.text("status", row);
  const fine = status === "OK" || status === "reply";
  return h("span", { class: fine ? "good-ink" : "bad-ink", title: status }, status.replace(/^NFS4?ERR_/, ""));
}

function foundOf(data, row) {
  return (data.foundOf.get(row) ?? []).map((index) => findingBox(data, index));
}

function findingBox(data, index) {
  const { found, strings, raw } = data;
  const rule = strings[found.rule[index]];
  const [, source, sentence] = raw.rules[rule] ?? [0, "", ""];
  const octets = found.start[index] >= 0 ? `, octets ${found.start[index]} to ${found.end[index]} of the message` : "";
  return h("div", { class: `box ${SEVERITIES[found.severity[index]]}` },
    h("b", {}, rule), ` ${strings[found.text[index]]}`,
    h("p", {}, [`frame ${found.frame[index]}${octets}`, source, sentence].filter(Boolean).join(" · ")));
}

const SEVERITIES = ["note", "warn", "bad"];

function suffered(data, row) {
  const at = data.suffererOf.get(row);
  if (at === undefined) return [];
  return [h("div", { class: "box warn" }, h("b", {}, "suffered "), suffering(data, at))];
}

function suffering(data, at) {
  const one = data.sufferers;
  const words = [];
  if (one.late[at] > 0) words.push(`${duration(one.late[at])} later than the median of its kind`);
  if (one.naks[at]) words.push(many(one.naks[at], "NAK"));
  if (one.timeouts[at]) words.push(many(one.timeouts[at], "timeout"));
  if (one.again[at]) words.push(`${many(one.again[at], "packet")} again (${amount(one.octets[at])})`);
  if (one.disorder[at]) words.push(`${many(one.disorder[at], "packet")} late or twice`);
  if (one.ecn[at]) words.push(many(one.ecn[at], "congestion mark"));
  return words.join(", ");
}
