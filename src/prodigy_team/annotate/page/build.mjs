// Builds the page: source/ to built/, whose files are committed, so that an installation needs no Node.
//   node build.mjs            write built/
//   node build.mjs --verify   fail unless built/ is what the source gives, byte for byte, within the size budget
//   node build.mjs --test     run the tests of the pure parts
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const BUILT = join(HERE, "built");
const ENTRIES = { app: "source/main.tsx", purify: "source/purify.ts", words: "source/languages.ts", style: "source/app.css" };
const NAMES = { "app.js": "app.js", "purify.js": "purify.js", "words.js": "words.js", "style.css": "app.css" };
const APP_BUDGET = 35 * 1024; // bytes of app.js, gzipped
const FIRST_LOAD_BUDGET = 60 * 1024; // bytes of all that a first visit loads, gzipped

const common = {
  absWorkingDir: HERE,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome105", "firefox110", "safari16"],
  charset: "utf8",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "eof",
  logLevel: "warning",
};

async function bundle() {
  const result = await build({ ...common, entryPoints: ENTRIES, outdir: "built", write: false });
  return new Map(result.outputFiles.map((file) => [NAMES[file.path.slice(BUILT.length + 1)], Buffer.from(file.contents)]));
}

function size(content) {
  return gzipSync(content, { level: 9 }).length;
}

function checkSizes(files) {
  const app = size(files.get("app.js"));
  const first = app + size(files.get("app.css")) + size(readFileSync(join(HERE, "index.html")));
  console.log(`app.js ${app} bytes gzipped, first load ${first}, purify.js ${size(files.get("purify.js"))} on demand`);
  if (app > APP_BUDGET) throw new Error(`app.js is ${app} bytes gzipped; the budget is ${APP_BUDGET}`);
  if (first > FIRST_LOAD_BUDGET) throw new Error(`a first load is ${first} bytes; the budget is ${FIRST_LOAD_BUDGET}`);
}

async function runTests() {
  const found = readdirSync(join(HERE, "source"), { recursive: true }).filter((name) => /\.test\.tsx?$/.test(name));
  const folder = join(HERE, "node_modules", ".tests");
  rmSync(folder, { recursive: true, force: true });
  await build({
    ...common,
    minify: false,
    platform: "node",
    target: "node20",
    entryPoints: found.map((name) => join("source", name)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
  });
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".test.mjs"));
  const done = spawnSync(process.execPath, ["--test", ...files.map((name) => join(folder, name))], { stdio: "inherit" });
  process.exit(done.status ?? 1);
}

if (process.argv.includes("--test")) {
  await runTests();
}
const files = await bundle();
if (process.argv.includes("--verify")) {
  for (const [name, content] of files) {
    if (!content.equals(readFileSync(join(BUILT, name)))) {
      console.error(`built/${name} is not what the source gives: run \`make page\` and commit the result`);
      process.exit(1);
    }
  }
} else {
  mkdirSync(BUILT, { recursive: true });
  for (const [name, content] of files) writeFileSync(join(BUILT, name), content);
}
checkSizes(files);
