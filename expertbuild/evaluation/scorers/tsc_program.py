"""The program of the process that reads TypeScript for another: one JSON line in, one out, until its input ends.

Its argument is the library of the tsc that was found. {"code": "..."} gives {"failed": "..."} or {"javascript": "..."}.
The only files that a program can reach are its own text and the standard library's types. It stands in a module, not in
a file beside it, so that it is part of the key of a build.
"""

PROGRAM = r"""
"use strict";
const path = require("path");
const ts = require(process.argv[1]);
const FILE = "/answer.ts";
const LIBRARY = path.dirname(process.argv[1]);
const OPTIONS = {
  strict: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, lib: ["lib.es2022.d.ts"], types: [],
  moduleDetection: ts.ModuleDetectionKind.Force, noEmitOnError: true, removeComments: true,
};
const kept = new Map();

function source(name, text) {
  return ts.createSourceFile(name, text, OPTIONS.target, true);
}

function check(code) {
  const file = source(FILE, code);
  let javascript = "";
  const host = {
    getSourceFile(name) {
      if (name === FILE) return file;
      if (path.dirname(path.resolve(name)) !== LIBRARY || !path.basename(name).startsWith("lib.")) return undefined;
      if (!kept.has(name)) {
        const text = ts.sys.readFile(name);
        kept.set(name, text === undefined ? undefined : source(name, text));
      }
      return kept.get(name);
    },
    getDefaultLibFileName: () => path.join(LIBRARY, "lib.es2022.d.ts"),
    getDefaultLibLocation: () => LIBRARY,
    writeFile: (_, text) => { javascript = text; },
    getCurrentDirectory: () => "/",
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => "\n",
    fileExists: (name) => name === FILE || kept.get(name) !== undefined,
    readFile: () => undefined,
    directoryExists: () => false,
  };
  const program = ts.createProgram([FILE], OPTIONS, host);
  const found = ts.getPreEmitDiagnostics(program).filter((each) => each.category === ts.DiagnosticCategory.Error);
  if (found.length) {
    const first = found[0];
    const line = first.file ? first.file.getLineAndCharacterOfPosition(first.start).line + 1 : 0;
    return { failed: `TS${first.code}, line ${line}: ${ts.flattenDiagnosticMessageText(first.messageText, " ")}` };
  }
  program.emit(file);
  return { javascript };
}

process.stdout.write(JSON.stringify({ ready: ts.version }) + "\n");
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    answer = check(JSON.parse(line).code);
  } catch (error) {
    answer = { failed: `the compiler gives up: ${error && error.message}` };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
"""
