// eventsource_parser.mjs FILE CHUNK RUNS EVENTS: GB/s of CPU time of npm's eventsource-parser over FILE, decoded as its documentation has it.
import { readFileSync } from "node:fs";
import { createParser } from "../conformance/node_modules/eventsource-parser/dist/index.js";

const [file, chunk, runs, events] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const bytes = readFileSync(file);
const speeds = [];
for (let run = 0; run <= runs; run++) {
  const from = process.cpuUsage();
  const decoder = new TextDecoder();
  let found = 0;
  const parser = createParser({ onEvent: () => found++ });
  for (let at = 0; at < bytes.length; at += chunk) parser.feed(decoder.decode(bytes.subarray(at, at + chunk), { stream: true }));
  const used = process.cpuUsage(from);
  if (found !== events) throw new Error(`found ${found} of ${events} events`);
  if (run > 0) speeds.push(bytes.length / (used.user + used.system) / 1000);
}
speeds.sort((a, b) => a - b);
console.log(speeds[Math.floor(speeds.length / 2)]);
