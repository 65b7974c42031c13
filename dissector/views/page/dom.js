// Elements without markup: text is only ever text, whatever a capture may say.

const SVG = "http://www.w3.org/2000/svg";

function build(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) made.addEventListener(event, handler);
    } else if (value !== false && value !== undefined && value !== null) {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function h(tag, attributes = {}, ...children) {
  return build(document.createElement(tag), attributes, children);
}

function s(tag, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function byId(id) {
  return document.getElementById(id);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// The colour of a kind of operation: the same everywhere, by how common it is.
const OPERATION_COLOURS = 8;

function operationClass(data, row) {
  return operationRank(data, data.rpc.operation[row]);
}

function operationRank(data, index) {
  data.ranks ??= new Map(data.operations.map(([, , value], rank) => [value, rank]));
  return Math.min(data.ranks.get(index), OPERATION_COLOURS - 1);
}
