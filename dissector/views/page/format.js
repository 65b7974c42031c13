// Numbers for people. Times are nanoseconds.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

function duration(ns) {
  if (ns < 0) return "–";
  if (ns < 1e4) return `${(ns / 1e3).toFixed(2)} µs`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(0)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toPrecision(3)} ms`;
  return `${(ns / 1e9).toPrecision(4)} s`;
}

function amount(octets) {
  let unit = 0;
  while (octets >= 1000 && unit < UNITS.length - 1) {
    octets /= 1024;
    unit += 1;
  }
  return unit ? `${octets.toPrecision(3)} ${UNITS[unit]}` : `${octets} B`;
}

function clock(ns) {
  return (ns / 1e9).toFixed(6);
}

function hex(number, digits = 8) {
  return `0x${number.toString(16).padStart(digits, "0")}`;
}

function address(high, low) {
  return `0x${high.toString(16).padStart(8, "0")}${low.toString(16).padStart(8, "0")}`;
}

function count(number) {
  return number.toLocaleString("en");
}

function many(number, what) {
  return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
}

// About `wanted` round numbers between two, for an axis.
function ticks(from, to, wanted) {
  const span = Math.max(to - from, 1e-12);
  const power = 10 ** Math.floor(Math.log10(span / wanted));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => span / n <= wanted) ?? 10 * power;
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
  return found;
}
