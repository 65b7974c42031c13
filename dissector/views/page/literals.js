// Values in a display filter, as dissector/filter/literals.py has them. Whole numbers are numbers
// up to 2^53 and BigInts beyond, octets are hexadecimal digits.

const COUNTED = new Set(["number", "boolean", "seconds"]);
const IN_OCTETS = new Set(["octets", "address", "ipv6-address", "ethernet-address"]);
const WHOLE = /^-?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)$/;

class ValueProblem extends Error {
  constructor(reason, near = "") {
    super(reason);
    this.near = near;
  }
}

function exact(big) {
  return big >= -Number.MAX_SAFE_INTEGER && big <= Number.MAX_SAFE_INTEGER ? Number(big) : big;
}

function constantOf(token, type, names, minus) {
  const { kind } = type;
  const text = unquoted(token);
  if (minus && kind !== "number" && kind !== "seconds") throw new ValueProblem(`${quoted(text)} cannot be negative here`);
  if (IN_OCTETS.has(kind) || kind === "protocol") return octetsOf(token, text, type);
  let value = text;
  if (kind === "number") {
    value = numberOf(token, text, names);
    if (value >= 1n << 64n) throw new ValueProblem(`${quoted(text)} is too large for a number`);
  } else if (kind === "seconds") {
    if (!/^-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?$/.test(text)) throw new ValueProblem(`${quoted(text)} is no number of seconds`);
    value = Number(text);
  } else if (kind === "boolean") value = booleanOf(text);
  else if (kind === "time") value = momentOf(text);
  return { node: "constant", value: minus ? -value : value, type, bits: null };
}

function numberOf(token, text, names) {
  if (token.kind === "char") return text.codePointAt(0);
  if (token.kind === "word" && WHOLE.test(text)) return wholeOf(text);
  const lowered = text.toLowerCase();
  for (const [name, number] of Object.entries(names)) if (name.toLowerCase() === lowered) return number;
  if (WHOLE.test(text)) return wholeOf(text);
  throw new ValueProblem(`${quoted(text)} is no number, nor the name of one`, nearTo(text, Object.keys(names)));
}

function wholeOf(text) {
  const digits = text.toLowerCase().replace(/^-+/, "");
  const octal = digits.length > 1 && digits[0] === "0" && !/^0[xb]/.test(digits);
  if (octal && /[89]/.test(digits)) throw new ValueProblem(`${quoted(text)} is no number: what begins with 0 is octal`);
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  return exact(text.startsWith("-") ? -value : value);
}

function booleanOf(text) {
  const lowered = text.toLowerCase();
  if (["true", "1", "set", "yes"].includes(lowered)) return true;
  if (["false", "0", "not set", "no"].includes(lowered)) return false;
  if (WHOLE.test(text)) return Boolean(wholeOf(text));
  throw new ValueProblem(`${quoted(text)} is neither True nor False`);
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

// A date and time of UTC, in nanoseconds since 1970.
function momentOf(text) {
  const bare = text.trim().replace(/ UTC$/, "").replace(/Z$/, "");
  const [, words, fraction = ""] = /^([^.]*)(?:\.(.*))?$/s.exec(bare) ?? [null, bare, "x"];
  const found = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:\s+|T)(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?)?$/.exec(words);
  const named = /^([A-Za-z]{3})\s+(\d{1,2}),\s+(\d{4})(?:\s+(\d{1,2}):(\d{1,2}):(\d{1,2}))?$/.exec(words);
  const short = found && /T/.test(words) && found[6] === undefined;
  const parts = found && !short ? found.slice(1)
    : named && [named[3], MONTHS.indexOf(named[1].toLowerCase()) + 1, named[2], ...named.slice(4)];
  if (parts && /^\d*$/.test(fraction)) {
    const [year, month, day, hour, minute, second] = parts.map((part) => Number(part ?? 0));
    const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
    const same = at.getUTCMonth() === month - 1 && at.getUTCDate() === day && at.getUTCHours() === hour
      && at.getUTCMinutes() === minute && at.getUTCSeconds() === second && year > 0;
    if (same) return exact(BigInt(at.getTime()) * 1000000n + BigInt(fraction.padEnd(9, "0").slice(0, 9)));
  }
  throw new ValueProblem(`${quoted(text)} is no time: it is written "2026-11-30 13:00:00.5", of UTC`);
}

function octetsOf(token, text, type) {
  const { kind } = type;
  const made = (value, bits = null) => ({ node: "constant", value, type, bits });
  if (kind === "address" || kind === "ipv6-address") return made(...addressOf(text, kind === "address" ? 4 : 6));
  if ((token.kind === "string" || token.kind === "raw") && kind !== "ethernet-address") return made(toHex(inUtf8(text)));
  const parts = text.toLowerCase().replace(/^0x/, "").replace(/^:/, "").split(/[:.-]/);
  let digits = parts.map((part) => (parts.length > 1 ? part.padStart(2, "0") : part)).join("");
  if (digits.length === 1) digits = `0${digits}`;
  if (!digits || digits.length % 2 || /[^0-9a-f]/.test(digits)) {
    throw new ValueProblem(`${quoted(text)} is no octets: pairs of hexadecimal digits are wanted`);
  }
  if (kind === "ethernet-address" && digits.length !== 12) {
    throw new ValueProblem(`${quoted(text)} is no address of Ethernet: it has six octets`);
  }
  return made(digits);
}

// The octets of an address or a network, and of a network how many bits count.
function addressOf(text, version) {
  const [address, length, ...more] = text.split("/");
  const octets = ipv4Octets(address) ?? ipv6Octets(address);
  const most = octets && octets.length * 4;
  let bits = length === undefined ? null : Number(length);
  if (octets?.length === 8 && length !== undefined && ipv4Octets(length)) bits = maskBits(length);
  else if (length !== undefined && !/^\d+$/.test(length)) bits = NaN;
  if (!octets || more.length || (bits !== null && !(bits <= most))) throw new ValueProblem(`${quoted(text)} is no address`);
  if ((most === 32 ? 4 : 6) !== version) {
    throw new ValueProblem(`${quoted(text)} is no address of IPv${version} (the field begins with ${version === 4 ? "ipv6" : "ip"}.)`);
  }
  if (bits === null) return [octets, null];
  const kept = (BigInt(`0x${octets}`) >> BigInt(most - bits)) << BigInt(most - bits);
  return [kept.toString(16).padStart(octets.length, "0"), bits];
}

function ipv4Octets(text) {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return null;
  return parts.map((part) => Number(part).toString(16).padStart(2, "0")).join("");
}

function maskBits(text) {
  const digits = BigInt(`0x${ipv4Octets(text)}`).toString(2).padStart(32, "0");
  if (/^1*0*$/.test(digits)) return digits.replaceAll("0", "").length;
  return /^0*1*$/.test(digits) ? digits.replaceAll("1", "").length : NaN;
}

function ipv6Octets(text) {
  let words = text;
  const last = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(words);
  if (last) {
    const octets = ipv4Octets(last[2]);
    if (!octets) return null;
    words = `${last[1]}${octets.slice(0, 4)}:${octets.slice(4)}`;
  }
  const halves = words.split("::");
  if (halves.length > 2) return null;
  const [before, after = []] = halves.map((half) => (half ? half.split(":") : []));
  const missing = 8 - before.length - after.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const all = [...before, ...Array(halves.length === 2 ? missing : 0).fill("0"), ...after];
  return all.every((word) => /^[0-9a-fA-F]{1,4}$/.test(word)) ? all.map((word) => word.toLowerCase().padStart(4, "0")).join("") : null;
}

// Texts as octets: a text with a character for each. Lone halves that stand for octets become them.
function inUtf8(text) {
  let found = "";
  for (const letter of text) {
    const code = letter.codePointAt(0);
    if (code >= 0xdc80 && code <= 0xdcff) found += String.fromCharCode(code - 0xdc00);
    else found += String.fromCharCode(...new TextEncoder().encode(letter));
  }
  return found;
}

function toHex(octets) {
  return [...octets].map((one) => one.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

function fromHex(digits) {
  let found = "";
  for (let at = 0; at < digits.length; at += 2) found += String.fromCharCode(parseInt(digits.slice(at, at + 2), 16));
  return found;
}
