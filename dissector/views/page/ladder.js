// Ladders: what went from one side to the other, and when. Of one RPC, or of all of them.

const FORMS = ["RDMA_MSG", "RDMA_NOMSG", "RDMA_MSGP", "RDMA_DONE", "RDMA_ERROR"];
const STEP_HEIGHT = 34;
const MAX_STEPS = 160;

const CALL = 0;
const CALL_ACK = 1;
const REPLY = 2;
const REPLY_ACK = 3;
const OPERATIONS = 4;

// The steps of an RPC by number: its messages, their ACKs, then two for each operation, of which
// the second is the data of a READ's response.
function stepNumbers(data, row) {
  const { rpc, op } = data;
  const numbers = [];
  if (rpc.call[row]) numbers.push(CALL);
  if (rpc.call_ack[row]) numbers.push(CALL_ACK);
  for (let index = 0; index < rpc.op_count[row]; index += 1) {
    const at = rpc.ops[row] + index;
    numbers.push(OPERATIONS + 2 * index);
    if (op.kind[at] === 1 && op.data[at] >= 0) numbers.push(OPERATIONS + 2 * index + 1);
  }
  if (rpc.reply[row]) numbers.push(REPLY);
  if (rpc.reply_ack[row]) numbers.push(REPLY_ACK);
  return numbers;
}

// When a step was, after the RPC's call.
function stepTime(data, row, number) {
  const { rpc, op } = data;
  if (number === CALL) return 0;
  if (number === CALL_ACK) return rpc.ack[row];
  if (number === REPLY) return Math.max(0, rpc.latency[row]);
  if (number === REPLY_ACK) return rpc.confirm[row];
  const at = rpc.ops[row] + ((number - OPERATIONS) >> 1);
  return number & 1 ? op.data[at] : op.time[at];
}

// All that is to be drawn of a step. `back` goes from the responder to the requester.
function stepOf(data, row, number) {
  const { rpc, op } = data;
  const time = stepTime(data, row, number);
  const step = { time, bulk: false, back: false, name: "", note: "" };
  if (number === CALL || number === REPLY) {
    const [frame, first, size, packets, form, psn] = number === CALL
      ? [rpc.call, rpc.call_first, rpc.call_size, rpc.call_packets, rpc.call_form, rpc.call_psn]
      : [rpc.reply, rpc.reply_first, rpc.reply_size, rpc.reply_packets, rpc.reply_form, rpc.reply_psn];
    const invalidates = number === REPLY && rpc.invalidated[row] >= 0;
    const carrier = rpc[number === CALL ? "call_form" : "reply_form"][row] < 0
      && psn[row] < 0 ? "" : invalidates ? "SEND_INV" : "SEND";
    return {
      ...step,
      kind: "send",
      back: number === REPLY,
      name: number === CALL ? "call" : "reply",
      title: [carrier, FORMS[form[row]], amount(size[row])].filter(Boolean).join(" "),
      note: psn[row] >= 0 ? `PSN ${hex(psn[row], 6)}` : "",
      frames: packets[row] > 1 ? `${first[row]}–${frame[row]}` : `${frame[row]}`,
    };
  }
  if (number === CALL_ACK || number === REPLY_ACK) {
    const frame = number === CALL_ACK ? rpc.call_ack[row] : rpc.reply_ack[row];
    return { ...step, kind: "ack", back: number === CALL_ACK, title: "ACK", frames: `${frame}` };
  }
  const at = rpc.ops[row] + ((number - OPERATIONS) >> 1);
  const packets = many(op.packets[at], "packet");
  const resent = op.resent[at] ? `, ${op.resent[at]} again` : "";
  const memory = `${hex(op.handle[at])}:${address(op.high[at], op.low[at])}`;
  if (op.kind[at] === 0) {
    const title = `RDMA WRITE ${amount(op.length[at])}, ${packets}${resent}`;
    return { ...step, kind: "write", back: true, bulk: true, title, note: memory, frames: frames(op, at) };
  }
  if (number & 1) {
    const title = `READ response ${amount(op.length[at])}, ${packets}${resent}`;
    return { ...step, kind: "read", bulk: true, title, frames: answered(data, at) };
  }
  const asked = op.retries[at] ? `, asked ${op.retries[at] + 1} times` : "";
  return { ...step, kind: "read", back: true, title: `RDMA READ ${amount(op.length[at])}${asked}`, note: memory, frames: `${op.frame[at]}` };
}

// The frames of a READ's response: from the first that is known to have carried data.
function answered({ op, piece }, at) {
  const first = op.piece_count[at] ? piece.frame[op.pieces[at]] : 0;
  const last = op.last_frame[at];
  return first && first < last ? `${first}–${last}` : `${last}`;
}

function frames(op, at) {
  return op.last_frame[at] > op.frame[at] ? `${op.frame[at]}–${op.last_frame[at]}` : `${op.frame[at]}`;
}

// What the transport suffered for an RPC, as steps.
function troubleSteps(data, row) {
  return (data.eventsOf.get(row) ?? []).map((event) => troubleStep(data, row, event));
}

function troubleStep(data, row, event) {
  const { events, strings } = data;
  const kind = strings[events.kind[event]];
  const cause = strings[events.cause[event]];
  const psn = hex(events.psn[event], 6);
  const titles = {
    nak: `NAK: ${cause} at PSN ${psn}`,
    again: `again from PSN ${psn}: ${many(events.packets[event], "packet")}, ${amount(events.octets[event])}`,
    late: `PSN ${psn} came late`,
    twice: `PSN ${psn} came twice`,
    ecn: `congestion experienced, ${many(events.packets[event], "packet")}`,
    cnp: "congestion notification (CNP)",
  };
  const requester = row < 0 ? data.connections.get(events.connection[event])?.[1] ?? "" : data.sides(row)[0];
  const fromResponder = requester.replace(/:\d+$/, "") !== strings[events.sender[event]];
  const last = events.last_frame[event];
  return {
    time: events.time[event] - (row < 0 ? 0 : data.rpc.time[row]),
    kind: "bad",
    // What complains goes against the direction of what it is about.
    back: kind === "nak" || kind === "cnp" ? !fromResponder : fromResponder,
    title: titles[kind],
    note: kind === "again" ? CAUSES[cause] : strings[events.text[event]],
    name: "",
    frames: last > events.frame[event] ? `${events.frame[event]}–${last}` : `${events.frame[event]}`,
  };
}

const CAUSES = {
  nak: "a NAK asked for it",
  rnr: "the receiver had not been ready",
  response: "responses did not arrive",
  timeout: "nothing was heard of it",
};

// The ladder of one RPC as a picture. Steps have the same distance; the time is written beside them.
function ladder(data, row, width) {
  const steps = stepNumbers(data, row).map((number) => stepOf(data, row, number));
  steps.push(...troubleSteps(data, row));
  steps.sort((a, b) => a.time - b.time);
  const left = steps.length - MAX_STEPS;
  const shown = left > 0 ? [...steps.slice(0, MAX_STEPS - 40), null, ...steps.slice(-40)] : steps;
  const height = 30 + shown.length * STEP_HEIGHT + 16;
  const longest = Math.max(...shown.map((step) => step?.frames.length ?? 0), 8);
  const lanes = [92, width - 14 - 6.6 * longest];
  const picture = s("svg", { class: "ladder", width, height, role: "img",
    "aria-label": `Ladder of ${many(steps.length, "step")}` });
  const back = data.rpc.back[row] === 1;
  const names = data.sides(row);
  if (back) names.reverse();
  ["client", "server"].forEach((role, side) => {
    picture.append(
      s("line", { class: "lane", x1: lanes[side], x2: lanes[side], y1: 24, y2: height - 6 }),
      s("text", { class: "lane-name", x: side ? width - 2 : lanes[0] - 30, y: 14, "text-anchor": side ? "end" : "start" },
        `${role} ${names[side]}`.trim()));
  });
  picture.append(s("text", { class: "lane-wire", x: (lanes[0] + lanes[1]) / 2, y: 14, "text-anchor": "middle" }, "wire"));
  shown.forEach((step, index) => {
    const y = 30 + index * STEP_HEIGHT;
    if (step === null) {
      picture.append(s("text", { class: "lane-wire", x: (lanes[0] + lanes[1]) / 2, y: y + 18, "text-anchor": "middle" },
        `… ${many(left + 1, "step")} more …`));
    } else {
      picture.append(rung(step, y, lanes, step.back !== back));
    }
  });
  return picture;
}

// One arrow. Bulk data are a band from its first packet to its last.
function rung(step, y, lanes, leftwards) {
  const [from, to] = leftwards ? [lanes[1], lanes[0]] : lanes;
  const direction = leftwards ? -1 : 1;
  const [high, low] = [y + 14, y + 22];
  const middle = (from + to) / 2;
  const group = s("g", { class: `rung ${step.kind}` },
    s("title", {}, `${step.title}${step.note ? `\n${step.note}` : ""}\nframe ${step.frames}`));
  if (step.bulk) {
    group.append(s("path", { class: "band", d: `M${from} ${high - 4}L${to - 7 * direction} ${low - 4}V${low + 4}L${from} ${high + 4}Z` }));
  } else {
    group.append(s("line", { x1: from, y1: high, x2: to - 6 * direction, y2: low }));
  }
  group.append(
    s("path", { class: "head", d: `M${to} ${low}l${-9 * direction} -4.5v9z` }),
    s("text", { class: "step-time", x: 4, y: high + 3 }, stepClock(step)),
    s("text", { class: "step-title", x: middle, y: y + 10, "text-anchor": "middle" },
      step.name ? `${step.name}: ${step.title}` : step.title),
    s("text", { class: "step-frame", x: lanes[1] + 8, y: high + 3 }, step.frames));
  return group;
}

function stepClock(step) {
  if (step.time < 0) return `−${duration(-step.time)}`;
  return step.time === 0 ? "0" : `+${duration(step.time)}`;
}

// The steps of many RPCs and the trouble of the transport, in the order of time: parallel arrays
// of time, row and step number. The number of trouble is below zero, its row -1 if that is not known.
function allSteps(data, rows) {
  const events = troubleOf(data, rows);
  let total = events.length;
  for (const row of rows) total += 4 + 2 * data.rpc.op_count[row];
  const times = new Float64Array(total);
  const owners = new Int32Array(total);
  const numbers = new Int32Array(total);
  let at = 0;
  for (const row of rows) {
    for (const number of stepNumbers(data, row)) {
      times[at] = data.rpc.time[row] + stepTime(data, row, number);
      owners[at] = row;
      numbers[at] = number;
      at += 1;
    }
  }
  for (const [event, row] of events) {
    times[at] = data.events.time[event];
    owners[at] = row;
    numbers[at] = -1 - event;
    at += 1;
  }
  const order = Uint32Array.from({ length: at }, (_, index) => index);
  order.sort((a, b) => times[a] - times[b]);
  return { order, times, owners, numbers };
}

// The events that hurt one of these RPCs; all events, if these are all RPCs.
function troubleOf(data, rows) {
  const shown = new Set(rows);
  const all = rows.length === data.count;
  return data.raw.events.rpcs.map((owners, event) => [event, owners.find((row) => shown.has(row)) ?? -1])
    .filter(([, row]) => all || row >= 0);
}

// A row of the ladder of all RPCs.
function ladderRow(data, steps, index) {
  const at = steps.order[index];
  const row = steps.owners[at];
  const trouble = steps.numbers[at] < 0;
  const step = trouble ? troubleStep(data, row, -1 - steps.numbers[at]) : stepOf(data, row, steps.numbers[at]);
  const [client, server] = row < 0 ? ["", ""]
    : data.rpc.back[row] ? data.sides(row).reverse() : data.sides(row);
  const leftwards = step.back !== (row >= 0 && data.rpc.back[row] === 1);
  const about = step.kind === "send" ? data.text("text", row) : trouble ? step.note : "";
  return h("div", { class: `step-row ${step.kind}${leftwards ? " left" : ""}${step.bulk ? " bulk" : ""}` },
    h("span", { class: "step-at" }, clock(steps.times[at])),
    h("span", { class: "step-frames" }, step.frames),
    h("span", { class: "step-host" }, client),
    h("span", { class: "step-wire" },
      h("span", { class: "step-label" }, step.title, about ? h("b", {}, about) : null)),
    h("span", { class: "step-host" }, server),
    h("span", { class: "step-xid" }, row < 0 ? "" : hex(data.rpc.xid[row])));
}
