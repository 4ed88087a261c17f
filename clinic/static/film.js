// The film beside the report: draws 12-bit pixels on a canvas. The preview comes first, then half the size, all pixels
// when zoomed in. Pixels travel as differences to the left neighbour (clinic/dicom/transport.py).
const root = document.querySelector("[data-viewer]");
const films = root ? JSON.parse(root.dataset.films) : [];
const words = root ? JSON.parse(root.dataset.words) : {};
const find = (name) => root.querySelector(`[data-${name}]`);
const view = { zoom: 1, x: 0, y: 0, turn: 0, invert: false }; // shared: films side by side move together
let tool = "window";
let points = [];
let isReady = false;

class Pane {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.buffer = document.createElement("canvas");
    this.film = null;
  }

  show(film) {
    Object.assign(this, { film, level: "", pixels: null, still: null, centre: film.centre, width: film.width });
    if (this === main) points = [];
    const still = new Image();
    still.onload = () => {
      if (this.film !== film) return;
      this.still = still;
      if (!this.pixels) this.use("preview", still.naturalWidth);
    };
    still.onerror = () => this.fail(film);
    still.src = film.urls.preview;
    this.load(film.urls.half ? "half" : "full");
    draw();
  }

  use(level, columns) {
    this.level = level;
    this.share = columns / this.film.columns; // pixels here for one of the film's
    draw();
    if (this === main && !isReady) {
      isReady = true;
      root.dataset.ready = "yes";
      document.dispatchEvent(new CustomEvent("film-ready"));
    }
  }

  async load(level) {
    const film = this.film;
    if (this.level === level || this.loading === level + film.id) return;
    this.loading = level + film.id;
    try {
      const pixels = await fetchPixels(film, level);
      if (this.film !== film || (level === "half" && this.level === "full")) return;
      Object.assign(this, pixels);
      this.stale = true;
      this.use(level, pixels.columns);
    } catch {
      this.fail(film);
    }
  }

  fail(film) {
    if (this.film !== film || this.pixels) return;
    say(words.failed, true);
    root.dataset.failed = "yes";
    document.dispatchEvent(new CustomEvent("film-ready"));
  }

  paint() { // the window over the pixels, once for each change
    const { pixels, columns, rows, film } = this;
    const table = new Uint32Array(film.highest + 1);
    for (let value = 0; value < table.length; value += 1) {
      const share = Math.min(1, Math.max(0, (value - this.centre + this.width / 2) / this.width));
      const grey = Math.round(255 * (view.invert ? 1 - share : share));
      table[value] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    if (this.buffer.width !== columns || this.buffer.height !== rows) Object.assign(this.buffer, { width: columns, height: rows });
    const image = new ImageData(columns, rows);
    const target = new Uint32Array(image.data.buffer);
    for (let place = 0; place < target.length; place += 1) target[place] = table[pixels[place]];
    this.buffer.getContext("2d").putImageData(image, 0, 0);
    this.stale = false;
  }

  place() { // from the film's pixels to the canvas
    const { width, height } = this.canvas;
    const isSide = view.turn % 180 !== 0;
    const fit = Math.min(width / (isSide ? this.film.rows : this.film.columns), height / (isSide ? this.film.columns : this.film.rows));
    return new DOMMatrix().translate(width / 2 + view.x * width, height / 2 + view.y * height)
      .rotate(view.turn).scale(fit * view.zoom).translate(-this.film.columns / 2, -this.film.rows / 2);
  }

  draw() {
    if (!this.film || this.canvas.hidden) return;
    const { canvas, context, film } = this;
    const ratio = window.devicePixelRatio || 1;
    const size = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    context.resetTransform();
    context.fillStyle = "#000";
    context.fillRect(0, 0, ...size);
    const placed = this.place();
    if (this.pixels && placed.a ** 2 + placed.b ** 2 > this.share ** 2 && this.level === "half") this.load("full");
    const picture = this.pixels ? this.buffer : this.still;
    if (picture) {
      if (this.pixels && this.stale) this.paint();
      context.setTransform(placed);
      context.imageSmoothingEnabled = placed.a ** 2 + placed.b ** 2 < 9;
      context.imageSmoothingQuality = "high";
      context.drawImage(picture, 0, 0, film.columns, film.rows);
    }
    context.resetTransform();
    if (this === main && points.length) this.drawMeasure(placed, ratio);
    this.drawCorner(ratio);
  }

  drawCorner(ratio) {
    const { context, film, canvas } = this;
    context.font = `600 ${13 * ratio}px "Noto Sans", system-ui, sans-serif`;
    context.textBaseline = "top";
    let top = 8 * ratio;
    if (film.alarm) {
      context.fillStyle = "#a81e17";
      context.fillRect(0, 0, canvas.width, 28 * ratio);
      context.fillStyle = "#fff";
      context.fillText(film.alarm, 10 * ratio, 7 * ratio, canvas.width - 20 * ratio);
      top += 28 * ratio;
    }
    for (const line of film.corner) {
      const wide = Math.min(context.measureText(line).width, canvas.width - 16 * ratio);
      context.fillStyle = "rgb(0 0 0 / 65%)";
      context.fillRect(6 * ratio, top - 2 * ratio, wide + 8 * ratio, 18 * ratio);
      context.fillStyle = film.alarm ? "#ffb4ad" : "#ffe9b8";
      context.fillText(line, 10 * ratio, top, canvas.width - 16 * ratio);
      top += 18 * ratio;
    }
  }

  drawMeasure(placed, ratio) {
    const { context } = this;
    const spots = points.map(([x, y]) => placed.transformPoint(new DOMPoint(x, y)));
    context.strokeStyle = context.fillStyle = "#ffd24d";
    context.lineWidth = 2 * ratio;
    context.beginPath();
    for (const spot of spots) {
      context.moveTo(spot.x + 5 * ratio, spot.y);
      context.arc(spot.x, spot.y, 5 * ratio, 0, 7);
    }
    if (spots[1]) {
      context.moveTo(spots[0].x, spots[0].y);
      context.lineTo(spots[1].x, spots[1].y);
    }
    context.stroke();
  }
}

async function fetchPixels(film, level) {
  const answer = await fetch(film.urls[level]);
  if (!answer.ok) throw new Error(answer.status);
  const plain = await new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  const bytes = new Uint8Array(plain);
  const columns = level === "half" ? film.columns >> 1 : film.columns;
  const rows = level === "half" ? film.rows >> 1 : film.rows;
  const count = columns * rows;
  const pixels = new Uint16Array(count);
  for (let row = 0, place = 0; row < rows; row += 1) {
    for (let column = 0, value = 0; column < columns; column += 1, place += 1) {
      const folded = (bytes[place] << 8) | bytes[count + place];
      value += (folded >> 1) ^ -(folded & 1);
      pixels[place] = value;
    }
  }
  return { pixels, columns, rows };
}

let main, beside, waiting = false;
function draw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    main.draw();
    beside.draw();
    describe();
  });
}

function say(text, isBad = false) {
  const said = find("said");
  if (said.textContent !== text) said.textContent = text;
  said.classList.toggle("viewer__said--bad", isBad);
}

function describe() {
  const { film, level } = main;
  if (root.dataset.failed && !main.pixels) return;
  const parts = [`${words.shown}: ${film.label}`, ...film.corner.slice(0, 1), words[level] || words.loading,
    `${words.window} ${Math.round(main.centre)} / ${Math.round(main.width)}`, `${words.zoom} ${Math.round(view.zoom * 100)} %`];
  if (view.invert) parts.push(words.inverted);
  if (view.turn) parts.push(`${words.turned} ${view.turn}°`);
  if (film.lossy) parts.push(words.lossy);
  if (tool === "measure") parts.push(measured());
  say((film.alarm ? `${film.alarm}. ` : "") + parts.filter(Boolean).join(" · "), Boolean(film.alarm));
}

function measured() {
  if (points.length < 2) return points.length ? words.second : words.first;
  const [[x, y], [u, v]] = points;
  const length = Math.hypot(u - x, v - y) * main.film.spacing;
  return `${length.toFixed(1)} ${words.mm}${main.film.calibrated ? "" : ` (${words.atDetector})`}`;
}

function change(centre, width) {
  const pane = main;
  pane.centre = Math.min(pane.film.highest, Math.max(0, pane.centre + centre));
  pane.width = Math.min(2 * pane.film.highest, Math.max(8, pane.width + width));
  pane.stale = true;
  draw();
}

function zoom(factor) {
  const before = view.zoom;
  view.zoom = Math.min(20, Math.max(0.2, view.zoom * factor));
  view.x *= view.zoom / before;
  view.y *= view.zoom / before;
  draw();
}

function move(x, y) {
  view.x = Math.min(4, Math.max(-4, view.x + x));
  view.y = Math.min(4, Math.max(-4, view.y + y));
  draw();
}

function setPreset(name) {
  const { centre, width, highest } = main.film;
  const presets = { sent: [centre, width], lung: [centre - 0.22 * width, 0.6 * width], bone: [centre + 0.2 * width, 0.5 * width],
    all: [highest / 2, highest] }; // shares of the window as sent, our own choice
  [main.centre, main.width] = presets[name];
  main.stale = true;
  find("preset").value = name;
  draw();
}

function setTool(name) {
  tool = tool === name ? "window" : name;
  points = [];
  for (const button of root.querySelectorAll("[data-do=measure], [data-do=pan]")) button.setAttribute("aria-pressed", button.dataset.do === tool);
  draw();
}

const actions = {
  darker: () => change(0.04 * main.film.highest, 0), lighter: () => change(-0.04 * main.film.highest, 0),
  softer: () => change(0, 0.08 * main.film.highest), harder: () => change(0, -0.08 * main.film.highest),
  in: () => zoom(1.25), out: () => zoom(0.8),
  fit: () => { Object.assign(view, { zoom: 1, x: 0, y: 0 }); draw(); },
  whole: () => { const placed = main.place(); zoom(1 / Math.hypot(placed.a, placed.b)); },
  left: () => move(-0.08, 0), right: () => move(0.08, 0), up: () => move(0, -0.08), down: () => move(0, 0.08),
  invert: () => {
    view.invert = !view.invert;
    root.querySelector("[data-do=invert]").setAttribute("aria-pressed", view.invert);
    main.stale = beside.stale = true;
    draw();
  },
  turn: () => { view.turn = (view.turn + 90) % 360; draw(); },
  measure: () => { if (main.film.spacing) setTool("measure"); },
  pan: () => setTool("pan"),
  preset: () => { const select = find("preset"); setPreset(select.options[(select.selectedIndex + 1) % select.length].value); },
  reset: () => { Object.assign(view, { turn: 0 }); if (view.invert) actions.invert(); points = []; actions.fit(); setPreset("sent"); },
};
const always = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
const single = { "+": "in", "=": "in", "-": "out", 0: "fit", 1: "whole", "[": "darker", "]": "lighter", ",": "softer", ".": "harder",
  i: "invert", r: "turn", p: "preset", m: "measure", Backspace: "reset" };

function listen(pane) {
  const { canvas } = pane;
  let held = null;
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = always[event.key] || (find("keys").checked && single[event.key.length === 1 ? event.key.toLowerCase() : event.key]);
    if (!action) return;
    event.preventDefault();
    actions[action]();
  });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.focus({ preventScroll: true });
    if (tool === "measure" && pane === main) {
      const ratio = canvas.width / canvas.clientWidth;
      const spot = main.place().inverse().transformPoint(new DOMPoint(event.offsetX * ratio, event.offsetY * ratio));
      points = points.length > 1 ? [[spot.x, spot.y]] : [...points, [spot.x, spot.y]];
      draw();
      return;
    }
    held = event.shiftKey || event.button === 1 || tool === "pan" ? "pan" : "window";
    canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held === "pan") move(event.movementX / canvas.clientWidth, event.movementY / canvas.clientHeight);
    if (held === "window") change(event.movementY * main.film.highest / 900, event.movementX * main.film.highest / 600);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { held = null; });
  canvas.addEventListener("wheel", (event) => { // only with the focus: otherwise the page scrolls
    if (document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.12 : 0.89);
  }, { passive: false });
}

function start() {
  main = new Pane(root.querySelector("[data-pane=main]"));
  beside = new Pane(root.querySelector("[data-pane=beside]"));
  const get = (id) => films.find((film) => film.id === id);
  root.addEventListener("click", ({ target }) => actions[target.closest("[data-do]")?.dataset.do]?.());
  find("preset").addEventListener("change", ({ target }) => setPreset(target.value));
  find("film-pick")?.addEventListener("change", ({ target }) => main.show(get(target.value)));
  find("film-beside")?.addEventListener("change", ({ target }) => {
    beside.canvas.hidden = !target.value;
    if (target.value) beside.show(get(target.value));
    draw();
  });
  document.addEventListener("film-chosen", ({ detail }) => {
    if (!get(detail)) return;
    if (find("film-pick")) find("film-pick").value = detail;
    main.show(get(detail));
  });
  [main, beside].forEach(listen);
  new ResizeObserver(draw).observe(main.canvas);
  if (!films.some((film) => film.spacing)) root.querySelector("[data-do=measure]").hidden = true;
  const read = document.getElementById("film_id")?.value;
  if (find("film-pick") && get(read)) find("film-pick").value = read;
  main.show(get(read) || films[0]);
}
if (root) start();
