// The decoder vectors through npm's eventsource-parser, with a TextDecoder before it as its README shows.
//   npm ci && node eventsource_parser.mjs
// What differs from the standard has to be what known-differences.json lists, no more and no less.
import { readFileSync } from "node:fs";
import { createParser } from "eventsource-parser";

const here = new URL(".", import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, here), "utf8"));
const files = ["line-ends", "fields", "comments", "ids", "retry", "bom", "encodings", "incomplete", "large", "others-bugs"]; // limits.json: its one limit is of another kind

function bytes(value) {
  if (Array.isArray(value)) return Buffer.concat(value.map(bytes));
  if (typeof value === "string") return Buffer.from(value);
  if ("hex" in value) return Buffer.from(value.hex.replaceAll(" ", ""), "hex");
  return Buffer.alloc(Buffer.byteLength(value.repeat) * value.times, value.repeat);
}
const text = (value) => bytes(value).toString("utf8");

function expected(vector) {
  const events = vector.events.flatMap((e) => Array(e.times ?? 1).fill([text(e.type), text(e.data), text(e.lastEventId)]));
  return { events, lastEventId: text(vector.lastEventId), comments: vector.comments.map(text) };
}

// A client around the parser keeps the last event id, which the parser hands out at each blank line.
function parse(chunks) {
  const got = { events: [], lastEventId: "", comments: [] };
  const counts = [];
  let retry = null;
  const parser = createParser({
    onId: (id) => (got.lastEventId = id),
    onEvent: (e) => got.events.push([e.event ?? "message", e.data, got.lastEventId]),
    onComment: (comment) => got.comments.push(comment),
    onRetry: (ms) => (retry = ms),
  });
  const decoder = new TextDecoder();
  for (const chunk of chunks) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    counts.push(got.events.length);
  }
  return { got, counts, retry };
}

const retryMatches = (wanted, got) => (wanted !== null && typeof wanted === "object" ? got !== null && got >= wanted.at_least : got === wanted);

function difference(vector, how, chunks) {
  const { got, counts, retry } = parse(chunks);
  const [want, have] = [JSON.stringify(expected(vector)), JSON.stringify(got)];
  if (want !== have) return `${how}: expected ${want.slice(0, 300)}, got ${have.slice(0, 300)}`;
  if (!retryMatches(vector.retry, retry)) return `${how}: retry: expected ${JSON.stringify(vector.retry)}, got ${retry}`;
  const after = vector.dispatched_after_chunk;
  if (how === "in its chunks" && after && JSON.stringify(after) !== JSON.stringify(counts)) return `dispatched after each chunk: expected ${after}, got ${counts}`;
  return null;
}

function run(vector) {
  const chunks = vector.chunks.map(bytes);
  const whole = Buffer.concat(chunks);
  const single = whole.length > 10_000 ? [] : [...whole].map((byte) => Buffer.of(byte));
  return difference(vector, "in its chunks", chunks) ?? difference(vector, "whole", [whole]) ?? (single.length ? difference(vector, "byte by byte", single) : null);
}

const known = { ...read("known-differences.json")["eventsource-parser"] };
let failed = 0;
let count = 0;
for (const vector of files.flatMap((name) => read(`${name}.json`).vectors)) {
  const differs = run(vector);
  const listed = vector.name in known;
  count++;
  delete known[vector.name];
  if ((differs !== null) === listed) continue;
  failed++;
  console.log(`FAIL ${vector.name}: ${differs ?? "is listed in known-differences.json, and does not differ any more"}`);
}
for (const name of Object.keys(known)) {
  failed++;
  console.log(`FAIL ${name}: is listed in known-differences.json, and no vector has that name`);
}
console.log(`eventsource-parser: ${count} vectors, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
