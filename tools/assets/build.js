// Builds the committed files under clinic/static/vendor and clinic/documents/fonts from the packages pinned in
// package-lock.json.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import rtlcss from "rtlcss";
import * as sass from "sass";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "node_modules");
const vendor = join(here, "../../clinic/static/vendor");
const documents = join(here, "../../clinic/documents/fonts");
const python = join(here, "../../.venv/bin/python"); // with fontTools, which the document printer needs anyway

// Scripts in which applicants' names are shown; the weight 700 only where the interface itself is translated.
const SCRIPTS = {
  arabic: [400, 700], armenian: [400], bengali: [400], devanagari: [400], ethiopic: [400], georgian: [400],
  gurmukhi: [400], khmer: [400], myanmar: [400], sinhala: [400], tamil: [400], thai: [400],
};

// Chinese is one large file, so the machine's own fonts come first by name; most machines have one of them.
const CHINESE = {
  own: ["Noto Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "Source Han Sans SC", "WenQuanYi Micro Hei"],
  range: "U+2E80-2FDF,U+3000-303F,U+31C0-31EF,U+3400-4DBF,U+4E00-9FFF,U+F900-FAFF",
};

// What printed documents need besides: a computer that prints has no font of its own to fall back on.
const LETTERS = ["latin", "latin-ext", "cyrillic", "cyrillic-ext", "greek", "vietnamese"];
const SYMBOLS = {
  math: { subset: "latin", signs: "U+2190-2193,U+221E,U+2248,U+2260-2265,U+25A0,U+25A1,U+25B2,U+25BC" },
  "symbols-2": { subset: "symbols", signs: "U+25CB,U+25CF,U+2610-2612,U+26A0,U+2713-2718" },
};

const withoutSourceMap = (text) => text.replace(/\n?\/[/*]# sourceMappingURL=.*$/gm, "").trimEnd() + "\n";

function write(path, content) {
  const target = join(vendor, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content);
}

function buildFonts() {
  let faces = "";
  for (const [script, weights] of Object.entries(SCRIPTS)) {
    const source = join(packages, "@fontsource", `noto-sans-${script}`);
    const range = JSON.parse(readFileSync(join(source, "unicode.json"), "utf8"))[script];
    const name = `Noto Sans ${script[0].toUpperCase()}${script.slice(1)}`;
    for (const weight of weights) {
      const file = `noto-sans-${script}-${weight}.woff2`;
      mkdirSync(join(vendor, "fonts"), { recursive: true });
      cpSync(join(source, "files", `noto-sans-${script}-${script}-${weight}-normal.woff2`), join(vendor, "fonts", file));
      const local = weight === 400 ? `local("${name}"),` : `local("${name} Bold"),`;
      faces += `@font-face{font-family:"Clearway Scripts";font-style:normal;font-weight:${weight};font-display:swap;` +
        `src:${local}url("../fonts/${file}") format("woff2");unicode-range:${range}}\n`;
    }
    cpSync(join(source, "LICENSE"), join(vendor, "fonts", `LICENSE-noto-sans-${script}.txt`));
  }
  return faces + buildChinese();
}

function buildChinese() {
  const source = join(packages, "@fontsource/noto-sans-sc");
  const file = "noto-sans-sc-screen.woff2"; // the printer has its own, which opens faster
  cpSync(join(source, "files/noto-sans-sc-chinese-simplified-400-normal.woff2"), join(vendor, "fonts", file));
  cpSync(join(source, "LICENSE"), join(vendor, "fonts/LICENSE-noto-sans-sc.txt"));
  const local = CHINESE.own.map((name) => `local("${name}")`).join(",");
  return '@font-face{font-family:"Clearway Scripts";font-style:normal;font-weight:400;font-display:swap;' +
    `src:${local},url("../fonts/${file}") format("woff2");unicode-range:${CHINESE.range}}\n`;
}

function buildStyles(faces) {
  const { css } = sass.compile(join(here, "theme.scss"), {
    loadPaths: [packages], style: "compressed", charset: false, quietDeps: true,
  });
  // In a layer, so that a plain rule of clinic.css always wins over the kit's more specific one.
  const all = '@charset "UTF-8";\n' + faces + "@layer kit{" + withoutSourceMap(css).trim() + "}\n";
  if (/GDS Transport|assets\/(fonts|images)/i.test(all)) throw new Error("a GOV.UK font or image slipped in");
  write("govuk/app.css", all);
  write("govuk/app.rtl.css", rtlcss.process(all));
}

function copyScripts() {
  const kit = join(packages, "govuk-frontend/dist/govuk/govuk-frontend.min.js");
  write("govuk/govuk-frontend.min.js", withoutSourceMap(readFileSync(kit, "utf8")));
  const htmx = join(packages, "htmx.org");
  write("htmx/htmx.min.js", withoutSourceMap(readFileSync(join(htmx, "dist/htmx.min.js"), "utf8")));
  cpSync(join(htmx, "LICENSE"), join(vendor, "htmx/LICENSE.txt"));
  cpSync(join(here, "LICENSE-govuk-frontend.txt"), join(vendor, "govuk/LICENSE.txt"));
}

function writePlain(source, target, signs = "") {
  const script = join(here, "plain_font.py");
  execFileSync(python, [script, join(packages, "@fontsource", source), join(documents, target), signs]);
}

function buildDocumentFonts() {
  mkdirSync(documents, { recursive: true });
  for (const subset of LETTERS) for (const weight of [400, 700]) {
    writePlain(`noto-sans/files/noto-sans-${subset}-${weight}-normal.woff2`, `noto-sans-${subset}-${weight}.woff2`);
  }
  // Noto's Arabic draws the dots of letters as glyphs of their own, and text taken out of a PDF loses them.
  writePlain("amiri/files/amiri-arabic-400-normal.woff2", "amiri-400.woff2");
  writePlain("noto-sans-sc/files/noto-sans-sc-chinese-simplified-400-normal.woff2", "noto-sans-sc-400.woff2");
  for (const [name, { subset, signs }] of Object.entries(SYMBOLS)) {
    writePlain(`noto-sans-${name}/files/noto-sans-${name}-${subset}-400-normal.woff2`, `noto-sans-${name}-400.woff2`,
      signs);
  }
  for (const name of ["noto-sans", "noto-sans-sc", "noto-sans-math", "noto-sans-symbols-2", "amiri"]) {
    cpSync(join(packages, "@fontsource", name, "LICENSE"), join(documents, `LICENSE-${name}.txt`));
  }
}

const listFiles = (folder) => readdirSync(folder).flatMap((name) => {
  const path = join(folder, name);
  return statSync(path).isDirectory() ? listFiles(path) : [path];
});

function writeManifest(folder) {
  const lines = listFiles(folder).map((path) =>
    `${createHash("sha256").update(readFileSync(path)).digest("hex")}  ${relative(folder, path)}`);
  writeFileSync(join(folder, "MANIFEST.sha256"),
    lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join("\n") + "\n");
}

for (const folder of [vendor, documents]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
buildStyles(buildFonts());
copyScripts();
buildDocumentFonts();
writeManifest(vendor);
writeManifest(documents);
