// Reads traffic.json and answers with its own slots and shares, written from docs/reference/traffic.md alone.
// usage: node traffic.mjs traffic.json
import { readFileSync } from "node:fs";

const MASK = (1n << 64n) - 1n;
const START = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];
const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4], [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13], [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11], [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5], [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

function turn(value, bits) {
  return ((value >> bits) | (value << (64n - bits))) & MASK;
}

// BLAKE2b of RFC 7693 with a digest of 8 bytes and no key; returns the digest as a big-endian integer.
function blake2b64(message) {
  const h = [...START];
  h[0] ^= 0x01010000n ^ 8n;
  const blocks = Math.max(1, Math.ceil(message.length / 128));
  for (let block = 0; block < blocks; block++) {
    const last = block === blocks - 1;
    const bytes = new Uint8Array(128);
    bytes.set(message.subarray(block * 128, (block + 1) * 128));
    const view = new DataView(bytes.buffer);
    const m = Array.from({ length: 16 }, (_, i) => view.getBigUint64(i * 8, true));
    const v = [...h, ...START];
    v[12] ^= BigInt(last ? message.length : (block + 1) * 128);
    if (last) v[14] ^= MASK;
    const mix = (a, b, c, d, x, y) => {
      v[a] = (v[a] + v[b] + x) & MASK;
      v[d] = turn(v[d] ^ v[a], 32n);
      v[c] = (v[c] + v[d]) & MASK;
      v[b] = turn(v[b] ^ v[c], 24n);
      v[a] = (v[a] + v[b] + y) & MASK;
      v[d] = turn(v[d] ^ v[a], 16n);
      v[c] = (v[c] + v[d]) & MASK;
      v[b] = turn(v[b] ^ v[c], 63n);
    };
    for (let round = 0; round < 12; round++) {
      const s = SIGMA[round % 10];
      mix(0, 4, 8, 12, m[s[0]], m[s[1]]);
      mix(1, 5, 9, 13, m[s[2]], m[s[3]]);
      mix(2, 6, 10, 14, m[s[4]], m[s[5]]);
      mix(3, 7, 11, 15, m[s[6]], m[s[7]]);
      mix(0, 5, 10, 15, m[s[8]], m[s[9]]);
      mix(1, 6, 11, 12, m[s[10]], m[s[11]]);
      mix(2, 7, 8, 13, m[s[12]], m[s[13]]);
      mix(3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (let i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8];
  }
  const digest = new DataView(new ArrayBuffer(8));
  digest.setBigUint64(0, h[0], true);
  return digest.getBigUint64(0, false);
}

function slotOf(salt, key) {
  const message = new Uint8Array([...new TextEncoder().encode(salt), 0, ...new TextEncoder().encode(key)]);
  return Number((blake2b64(message) * 10000n) >> 64n);
}

function compareBytes(a, b) {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

function allocate(old, weights) {
  const owned = {};
  const keeps = new Map(Object.keys(weights).map((name) => [name, []]));
  for (const share of old) {
    owned[share.environment] = share.slots.flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i));
  }
  const nobodys = new Set(Array.from({ length: 10000 }, (_, i) => i));
  for (const [name, weight] of Object.entries(weights)) {
    keeps.set(name, (owned[name] ?? []).slice(0, weight));
    keeps.get(name).forEach((slot) => nobodys.delete(slot));
  }
  const free = [...nobodys].sort((a, b) => a - b);
  for (const name of Object.keys(weights).sort(compareBytes)) {
    while (keeps.get(name).length < weights[name]) keeps.get(name).push(free.shift());
  }
  return Object.entries(weights).map(([environment, weight]) => {
    const slots = [];
    for (const slot of keeps.get(environment).sort((a, b) => a - b)) {
      if (slots.length && slots.at(-1)[1] === slot - 1) slots.at(-1)[1] = slot;
      else slots.push([slot, slot]);
    }
    return { environment, weight, slots };
  });
}

const golden = JSON.parse(readFileSync(process.argv[2], "utf8"));
const answer = {
  keys: golden.keys.map(({ salt, key }) => slotOf(salt, key)),
  edits: golden.edits.map(({ old, weights }) => allocate(old, weights)),
};
process.stdout.write(JSON.stringify(answer));
