// What the programs of this folder share; ../../cells/cells.py says how a program of cells works.
import assert from "node:assert/strict";
import path from "node:path";

export const world = JSON.parse(process.env.SLUICE_CELLS);
export const { url, key, said, picture } = world;
export const pictureUrl = world.picture_url;
export const system = "Answer in one sentence.", question = "What is a lighthouse for?", weather = "How warm is it in Paris?";
export const inJson = "The weather in Paris, as JSON.";
export const wrongKey = `sk-sluice-${"0".repeat(40)}`;
export const citySchema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
export const zoneSchema = { type: "object", properties: { zone: { type: "string" } }, required: ["zone"] };
export const reportSchema = {
  type: "object", properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"], additionalProperties: false };
export const functions = [["get_weather", "Weather of a city.", citySchema], ["get_time", "Time in a zone.", zoneSchema]];

// One dialect's simulated provider, seen through the hub.
class Upstream {
  constructor(dialect) { this.dialect = dialect; }
  model(scenario) { return `sim/${scenario}:${world.providers[this.dialect]}`; }
  // A text to ask with that no other request has.
  get mark() { return `${path.basename(process.argv[1], ".mjs")}-${this.dialect}`; }
  // Waits until the hub has given up the provider's answer to the request that holds the mark.
  async wasLeft() { return (await fetch(`${world.control}/left/${this.dialect}/${this.mark}`)).json(); }
}

export async function refused(call) {
  try {
    await call();
  } catch (problem) {
    return problem;
  }
  assert.fail("nothing was thrown");
}

export async function run(cells) {
  const only = process.env.SLUICE_ONLY_CELL;
  for (const dialect of Object.keys(world.providers)) {
    for (const [name, cell] of Object.entries(cells)) {
      if (only && only !== name) continue;
      let problem = "";
      try {
        await cell(new Upstream(dialect));
      } catch (caught) {
        const line = /cells\/(?!cells)\w+\.mjs:(\d+)/.exec(caught?.stack ?? "")?.[1] ?? 0;
        problem = `line ${line}: ${caught?.name}: ${String(caught?.message ?? caught).replace(/\s+/g, " ").slice(0, 600)}`;
      }
      console.log(JSON.stringify([dialect, name, problem]));
    }
  }
  process.exit(0);  // clients that keep sockets open are of no interest here
}
