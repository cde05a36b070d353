// registry_avsc.js PAIRS: nanoseconds on a CPU that avsc takes for a pair.
//
// PAIRS is a file of lines, each a JSON array of an old and a new schema as
// texts.  Prints two figures: for texts that were never seen, and for types
// that are parsed already.
'use strict';

const fs = require('fs');
const avsc = require(process.env.SPINE_NODE + '/node_modules/avsc');

function onCpu() {
  return Number(fs.readFileSync('/proc/thread-self/schedstat', 'utf8')
    .split(' ')[0]);
}

function parse(text) {
  return avsc.Type.forSchema(JSON.parse(text));
}

const pairs = fs.readFileSync(process.argv[2], 'utf8').trim().split('\n')
  .map((line) => JSON.parse(line));
const half = pairs.length / 2;

function fromTexts(some) {
  for (const [older, newer] of some) {
    parse(newer).createResolver(parse(older));
  }
}

// The first half lets the compiler see what it has to do.
fromTexts(pairs.slice(0, half));
let start = onCpu();
fromTexts(pairs.slice(half));
const unseen = (onCpu() - start) / half;

const types = pairs.slice(0, half).map(([o, n]) => [parse(o), parse(n)]);
start = onCpu();
for (const [older, newer] of types) {
  newer.createResolver(older);
}
const parsed = (onCpu() - start) / half;
console.log(unseen, parsed);
