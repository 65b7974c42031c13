// A message as a tree: the RPC-over-RDMA header, the RPC header, and what the procedure has.

const CALLBACKS = [0x40000000, 0x60000000];
const GSS = 6;

// `octets` are those of the SEND, and behind them (from `send` on) what traveled in a chunk
// instead. Returns the lines, and of a call what its reply needs.
function decodeMessage(spec, octets, send, overRdma, isCall, call, version4) {
  const tree = new XdrTree(octets, spec);
  const about = { program: "", procedure: 0, wrapped: 0 };
  try {
    let lists = null;
    if (overRdma) {
      if (octets.length >= 8 && tree.view.getUint32(4) !== 1) throw new Undecoded(`RPC-over-RDMA version ${tree.view.getUint32(4)}`);
      lists = transportLists(tree.read("rpcrdma1.py", ["r", "rdma_msg"], "RPC-over-RDMA"));
      if (!lists) return { lines: tree.lines, about };
      if (lists.long) tree.at = send;
    }
    const start = tree.at;
    if (start >= octets.length) throw new Undecoded("the RPC message is not in the capture");
    tree.moved = isCall ? movedOfCall(lists?.reads ?? [], start) : movedOfReply(lists?.writes ?? []);
    if (isCall) callOf(tree, spec, about);
    else replyOf(tree, spec, call ?? (version4 ? { program: version4, procedure: 1, wrapped: 0 } : about));
    if (tree.at < octets.length) tree.line("not decoded", `${octets.length - tree.at} octets`, tree.at, octets.length);
  } catch (error) {
    if (!(error instanceof Undecoded)) throw error;
    tree.line("not decoded", error.message, tree.at, octets.length);
  }
  return { lines: tree.lines, about };
}

// The chunk lists of a header, or null if no RPC message follows.
function transportLists([, , , [procedure, body]]) {
  if (procedure > 2) return null;
  const [reads, writes] = body.slice(-3);
  const chunks = new Map();
  for (const [[position, [, length]]] of reads ?? []) {
    chunks.set(position, (chunks.get(position) ?? 0) + length);
  }
  return {
    long: procedure === 1,
    reads: [...chunks].sort((a, b) => a[0] - b[0]).filter(([position]) => position > 0),
    writes: (writes ?? []).map(([[segments]]) => segments.reduce((sum, [, length]) => sum + length, 0)),
  };
}

// An item of a call lies in a Read chunk where the stream reaches its Position (RFC 8166, 3.4.5).
function movedOfCall(chunks, start) {
  let [index, leftOut] = [0, 0];
  return (tree, size) => {
    if (!size || index >= chunks.length || tree.at - start + leftOut !== chunks[index][0]) return "";
    leftOut += roundUp(size);
    index += 1;
    return `in the Read chunk at Position ${chunks[index - 1][0]}`;
  };
}

// The n-th item of a reply that may be in a chunk has the n-th Write chunk (RFC 8166, 4.3.2.1).
function movedOfReply(lengths) {
  let index = 0;
  return (tree, size, bulk) => {
    if (!bulk || !size || index >= lengths.length) return "";
    index += 1;
    return lengths[index - 1] ? `in Write chunk ${index - 1}` : "";
  };
}

function callOf(tree, spec, about) {
  tree.credentials = true;
  const [, [, [, program, version, procedure, credential]]] = tree.read("rpc.py", ["r", "rpc_msg"], "RPC call");
  const callback = program >= CALLBACKS[0] && program < CALLBACKS[1];
  about.program = callback ? "callback" : `${program}.${version}`;
  about.procedure = procedure;
  if (credential[0] === GSS && credential[1]) {
    const [, [kind, , service]] = credential[1];
    if (kind !== 0) throw new Undecoded("a GSS context is being made");
    about.wrapped = service;
  }
  procedureBody(tree, spec, about, 2, "arguments");
}

function replyOf(tree, spec, about) {
  const [, [, [status, reply]]] = tree.read("rpc.py", ["r", "rpc_msg"], "RPC reply");
  if (status === 0 && reply[1][0] === 0) procedureBody(tree, spec, about, 3, "results");
}

// The arguments (column 2 of a procedure) or results (3).
function procedureBody(tree, spec, about, column, what) {
  const row = spec.programs[about.program]?.[about.procedure];
  if (!row || !row[column]) return;
  if (about.wrapped === 3) throw new Undecoded("encrypted (RPCSEC_GSS, privacy)");
  if (about.wrapped === 2) {
    tree.group("integrity", () => {
      tree.read("rpc.py", "I", "length");
      tree.read("rpc.py", "I", "sequence");
    });
  }
  tree.read(row[1], ["r", row[column]], `${row[0]} ${what}`);
}
