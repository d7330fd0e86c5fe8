// Prints what a visitor loads: every file of the build, as it is and compressed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(9);
let whole = 0;
let compressed = 0;

function walk(folder) {
  for (const entry of readdirSync(join(dist, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) walk(path);
    else add(path);
  }
}

function add(path) {
  const bytes = readFileSync(join(dist, path));
  const gzip = gzipSync(bytes).length;
  whole += bytes.length;
  compressed += gzip;
  console.log(`${kB(bytes.length)} ${kB(gzip)} gzip  ${path}`);
}

walk('');
console.log(`${kB(whole)} ${kB(compressed)} gzip  in all`);
