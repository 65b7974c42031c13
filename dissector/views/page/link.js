// The page's state in its address: `#frame=183&filter=rpc.time+>+0.1` shows the same to others.

const STATE_NAMES = ["filter", "words", "op", "status", "finding", "is", "from", "to", "sort", "tab", "frame"];

function readLink() {
  const given = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(STATE_NAMES.map((name) => [name, given.get(name) ?? ""]));
}

function writeLink(state) {
  const given = new URLSearchParams();
  for (const name of STATE_NAMES) if (state[name]) given.set(name, state[name]);
  const link = `#${given}`;
  if (link !== (location.hash || "#")) history.replaceState(null, "", link);
}
