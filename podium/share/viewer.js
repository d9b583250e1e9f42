"use strict";
// The viewer. data/index.js calls podium.index with what the list needs, data/images/<stem>.js podium.image with an
// image's objects. All text goes into the page as text, never as markup: names may hold anything.

const podium = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const KEPT = 30; // Images whose objects are kept.
  const LARGEST = 32; // Pixels of the screen for one of the image.
  const MOST_ENLARGED = 8; // Where a whole small image is fitted.
  const LAYERS = ["predictions", "truth", "masks", "boxes", "labels"];
  const at = (id) => document.getElementById(id);
  const make = (tag, more = {}, ...inside) => {
    const node = Object.assign(document.createElement(tag), more);
    node.append(...inside);
    return node;
  };
  const draw = (tag, attributes) => {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const number = (count) => count.toLocaleString("en");
  const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

  let data, listed, current, zoom = null, chosen;
  const loaded = new Map(), waiting = new Set(), rows = [];

  // The list.

  function index(content) {
    data = content;
    data.byStem = new Map(data.images.map((image, place) => [image.stem, place]));
    chosen = new Set(data.categories.keys());
    at("threshold").max = data.steps.length - 1;
    at("threshold").value = data.steps.indexOf(data.threshold);
    const parts = Object.entries(data.parts).map(([name, [shown, total]]) =>
      shown === total ? `${name}: ${plural(total, "image")}` : `${name}: ${shown} of ${plural(total, "image")}`);
    at("about").textContent = [data.experiment, ...parts].join(" · ");
    for (const name of Object.keys(data.parts)) at("part").append(make("option", { value: name, textContent: name }));
    at("part-label").hidden = Object.keys(data.parts).length < 2;
    at("show-truth").parentNode.hidden = !data.images.some((image) => image.truth);
    at("categories").hidden = data.categories.length < 2;
    data.categories.forEach((name, place) => {
      const swatch = make("span", { className: "swatch" });
      swatch.style.background = data.colours[place % data.colours.length];
      const box = make("input", { type: "checkbox", checked: true, value: place });
      at("categories").querySelector("ul").append(make("li", {}, make("label", {}, box, swatch, name)));
    });
    for (const image of data.images) {
      const thumbnail = make("img", { loading: "lazy", alt: "", width: 53, height: 53, src: image.files[2] });
      const key = make("b", { textContent: image.key, title: image.key }), counts = make("small");
      const button = make("button", { type: "button" }, thumbnail, make("span", {}, key, counts));
      button.addEventListener("click", () => {
        at("list").classList.remove("open");
        at("show-list").setAttribute("aria-expanded", "false");
        show(data.byStem.get(image.stem));
      });
      rows.push({ item: make("li", {}, button), button, counts });
    }
    at("images").append(...rows.map((row) => row.item));
    wire();
    settings();
    filter();
    fromAddress();
    if (current === undefined) {
      if (listed.length) show(listed[0]);
      else problem("There are no images to show.");
    }
  }

  function filter() {
    const words = at("search").value.trim().toLowerCase(), part = at("part").value;
    listed = [];
    data.images.forEach((image, place) => {
      const fits = (!part || image.part === part) && image.key.toLowerCase().includes(words);
      rows[place].item.hidden = !fits;
      if (fits) listed.push(place);
    });
    at("listed").textContent = plural(listed.length, "image");
    way();
  }

  // The slider goes in steps: whole percents, and thresholds that are none. Of each score the list has the step it reaches.
  const step = () => Number(at("threshold").value);

  function counted(image) {
    const least = step();
    let found = 0, truth = 0;
    for (const [place, steps] of image.scores) {
      if (chosen.has(place)) for (const reached of steps) found += reached >= least;
    }
    for (const [place, count] of image.truth ?? []) if (chosen.has(place)) truth += count;
    return [found, image.truth ? truth : null];
  }

  // What is shown of an image.

  function settings() {
    const threshold = data.steps[step()], words = threshold.toFixed(2);
    at("threshold-text").textContent = Number(words) === threshold ? words : threshold;
    at("threshold").setAttribute("aria-valuetext", at("threshold-text").textContent);
    for (const name of LAYERS) {
      at("overlay").classList.toggle(`no-${name}`, !at(`show-${name}`).checked);
    }
    at("categories").querySelector("summary").textContent = `Categories (${chosen.size} of ${data.categories.length})`;
    data.images.forEach((image, place) => {
      const [found, truth] = counted(image);
      rows[place].counts.textContent = `${number(found)} found` + (truth === null ? "" : `, ${number(truth)} true`);
    });
    pick();
  }

  function pick() {
    if (current === undefined || !loaded.has(data.images[current].stem)) return;
    const least = data.steps[step()];
    for (const node of at("overlay").children) {
      const out = !chosen.has(node.object.category) || node.object.score < least;
      node.classList.toggle("out", out);
      if (node.row) node.row.hidden = out;
    }
    const image = data.images[current], [found, truth] = counted(image);
    const all = image.scores.reduce((sum, [, scores]) => sum + scores.length, 0);
    const words = `${number(found)} of ${plural(all, "prediction")} shown` + (truth === null ? "" : `, ${plural(truth, "true object")}`);
    at("counts").textContent = words;
    at("overlay").setAttribute("aria-label", `${image.key}: ${words}`);
    reachable();
  }

  // One row of the table is reached by Tab, the others from it by arrows: thousands of rows would be as many stops.

  const shownRows = () => [...at("objects").querySelectorAll("tbody tr:not([hidden])")];

  function reachable(row = at("objects").querySelector("tbody tr:not([hidden])[tabindex='0']") ?? shownRows()[0]) {
    for (const old of at("objects").querySelectorAll("tbody [tabindex='0']")) old.tabIndex = -1;
    if (row) row.tabIndex = 0;
  }

  function fromRow(event) {
    const shown = shownRows(), place = shown.indexOf(event.target);
    const to = { ArrowUp: place - 1, ArrowDown: place + 1, Home: 0, End: shown.length - 1 }[event.key];
    if (place < 0 || to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    shown[to]?.focus();
  }

  function show(place) {
    if (place === undefined || place === current) return;
    current = place;
    zoom = null;
    const image = data.images[place];
    at("problem").hidden = true;
    for (const node of [at("overlay"), at("objects").querySelector("tbody")]) node.replaceChildren();
    at("counts").textContent = "";
    const about = `${image.size[0]} × ${image.size[1]}, ${image.part}`;
    at("name").replaceChildren(image.key, make("span", { textContent: about }));
    at("key").replaceChildren(...(image.truth ? [make("span", { className: "dash" }), " truth"] : []));
    at("picture").removeAttribute("src");
    at("picture").src = image.files[0];
    at("picture").alt = `Image ${image.key}`;
    at("plain").href = image.files[0];
    at("annotated").href = image.files[1];
    at("stage").style.setProperty("--shape", image.size[0] / image.size[1]);
    at("overlay").setAttribute("viewBox", `0 0 ${image.size[0]} ${image.size[1]}`);
    resize();
    if (loaded.has(image.stem)) objects(image);
    else load(image.stem);
    const next = data.images[beside(1)];
    if (next) load(next.stem);
    way();
    const address = `#${image.stem}`;
    if (location.hash !== address) location.replace(address);
  }

  function load(stem) {
    if (loaded.has(stem) || waiting.has(stem)) return;
    waiting.add(stem);
    const script = make("script", { src: `data/images/${stem}.js` });
    script.addEventListener("load", () => script.remove());
    script.addEventListener("error", () => {
      script.remove();
      waiting.delete(stem);
      if (data.images[current]?.stem === stem) missing(`data/images/${stem}.js`);
    });
    document.head.append(script);
  }

  function image(stem, content) {
    waiting.delete(stem);
    loaded.set(stem, content);
    const now = data.images[current]?.stem;
    if (loaded.size > KEPT) loaded.delete([...loaded.keys()].find((old) => old !== stem && old !== now));
    if (now === stem) objects(data.images[current]);
  }

  function objects(image) {
    const { predictions, truth } = loaded.get(image.stem);
    const several = data.categories.length > 1;
    const shapes = predictions.map((each, place) =>
      shape(each, "found", data.colours[(several ? each.category : place) % data.colours.length]));
    shapes.push(...(truth ?? []).map((each) => shape(each, "true", null)));
    at("objects").querySelector("tbody").replaceChildren(...shapes.map((each) => each.row));
    // Small ones lie above large ones, so that each can be pointed at.
    shapes.sort((one, other) => other.object.box[2] * other.object.box[3] - one.object.box[2] * one.object.box[3]);
    at("overlay").replaceChildren(...shapes, ...shapes.flatMap((each) => each.label ?? []));
    resize();
    pick();
  }

  function shape(each, kind, colour) {
    const [x, y, width, height] = each.box;
    const name = data.categories[each.category];
    const label = kind === "found" ? `${name} ${each.score.toFixed(2)}` : each.crowd ? `${name} (crowd)` : name;
    const group = draw("g", { class: kind });
    const title = draw("title", {});
    title.textContent = kind === "found" ? label : `true: ${label}`;
    group.append(title);
    if (colour) group.style.setProperty("--colour", colour);
    const outlines = [["rect", "box", { x, y, width, height }]];
    if (each.path) outlines.unshift(["path", "mask", { d: each.path, transform: "scale(.5)" }]);
    for (const [tag, what, attributes] of outlines) {
      if (kind === "true") group.append(draw(tag, { class: `outline under ${what}`, ...attributes }));
      group.append(draw(tag, { class: `outline ${what}`, ...attributes }));
    }
    if (kind === "found") {
      group.label = draw("text", { class: "found" });
      // Where all are of one category, its name would only hide small objects.
      group.label.textContent = data.categories.length > 1 ? label : each.score.toFixed(2);
      group.label.object = each;
    }
    group.object = each;
    const numbers = each.box.map((value) => make("td", { textContent: String(Math.round(value)) }));
    const score = make("td", { textContent: each.score === undefined ? "" : each.score.toFixed(3) });
    group.row = make("tr", { tabIndex: -1 }, make("th", { scope: "row", textContent: kind }),
      make("td", { textContent: name + (each.crowd ? " (crowd)" : "") }), score, ...numbers);
    const mark = (on) => () => group.classList.toggle("marked", on);
    for (const [event, on] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false]]) {
      group.row.addEventListener(event, mark(on));
    }
    return group;
  }

  function problem(words) {
    at("problem").textContent = words;
    at("problem").hidden = false;
  }

  const missing = (file) => problem(`The file ${file} is missing: keep the folder together.`);

  // By then data/index.js has run, if it is there.
  document.addEventListener("DOMContentLoaded", () => { if (!data) missing("data/index.js"); });

  // From image to image.

  function way() {
    at("previous").disabled = beside(-1) === undefined;
    at("next").disabled = beside(1) === undefined;
    at("images").querySelector("[aria-current]")?.removeAttribute("aria-current");
    rows[current]?.button.setAttribute("aria-current", "true");
    rows[current]?.item.scrollIntoView({ block: "nearest" });
  }

  function beside(by) {
    const place = listed.indexOf(current);
    if (place >= 0) return listed[place + by];
    // Of one that is not in the list: the nearest that is.
    if (by > 0) return listed.find((other) => other > current) ?? listed[0];
    return listed.findLast((other) => other < current);
  }

  const go = (by) => show(beside(by));

  // Stems are of characters that addresses have as they are.
  const fromAddress = () => show(data.byStem.get(location.hash.slice(1)));

  // Size.

  function fitting() {
    const [width, height] = data.images[current].size, stage = at("stage");
    return Math.min((stage.clientWidth - 2) / width, (stage.clientHeight - 2) / height, MOST_ENLARGED);
  }

  function resize() {
    if (current === undefined) return;
    const [width, height] = data.images[current].size, scale = zoom ?? fitting();
    Object.assign(at("sheet").style, { width: `${width * scale}px`, height: `${height * scale}px` });
    at("overlay").style.setProperty("--unit", 1 / scale);
    for (const text of at("overlay").querySelectorAll("text")) {
      // Above its box, or inside where that would be outside of the picture.
      const [x, y] = text.object.box, room = width - 6.8 * text.textContent.length / scale;
      text.setAttribute("x", Math.max(0, Math.min(x, room)));
      text.setAttribute("y", y * scale < 14 ? y + 12 / scale : y - 3 / scale);
    }
    at("scale").textContent = `${Math.round(100 * scale)} %`;
    at("stage").classList.toggle("large", zoom !== null && zoom > fitting());
    at("smaller").disabled = zoom === null;
  }

  function enlarge(factor, x, y) {
    const stage = at("stage"), before = zoom ?? fitting(), least = fitting();
    const sheet = at("sheet").getBoundingClientRect(), frame = stage.getBoundingClientRect();
    x ??= frame.left + frame.width / 2;
    y ??= frame.top + frame.height / 2;
    const here = [(x - sheet.left) / before, (y - sheet.top) / before];
    zoom = Math.min(before * factor, Math.max(LARGEST, least));
    if (zoom <= least * 1.001) zoom = null;
    resize();
    const scale = zoom ?? fitting(), after = at("sheet").getBoundingClientRect();
    stage.scrollLeft += after.left + here[0] * scale - x;
    stage.scrollTop += after.top + here[1] * scale - y;
  }

  // What the reader does.

  function wire() {
    at("previous").addEventListener("click", () => go(-1));
    at("next").addEventListener("click", () => go(1));
    at("search").addEventListener("input", filter);
    at("part").addEventListener("change", filter);
    for (const name of LAYERS) at(`show-${name}`).addEventListener("change", settings);
    let asked = false;
    at("threshold").addEventListener("input", () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; settings(); });
    });
    const boxes = [...at("categories").querySelectorAll("input")];
    const choose = () => {
      chosen = new Set(boxes.filter((box) => box.checked).map((box) => Number(box.value)));
      settings();
    };
    for (const box of boxes) box.addEventListener("change", choose);
    for (const [id, on] of [["all-categories", true], ["no-categories", false]]) {
      at(id).addEventListener("click", () => { for (const box of boxes) box.checked = on; choose(); });
    }
    at("show-list").addEventListener("click", () => {
      at("show-list").setAttribute("aria-expanded", String(at("list").classList.toggle("open")));
      rows[current]?.item.scrollIntoView({ block: "nearest" });
    });
    at("smaller").addEventListener("click", () => enlarge(1 / 1.5));
    at("larger").addEventListener("click", () => enlarge(1.5));
    at("fit").addEventListener("click", () => { zoom = null; resize(); });
    at("picture").addEventListener("error", () => missing(data.images[current].files[0]));
    at("stage").addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      enlarge(Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
    }, { passive: false });
    at("objects").addEventListener("focusin", (event) => { if (event.target.matches("tbody tr")) reachable(event.target); });
    at("objects").addEventListener("keydown", fromRow);
    drag(at("stage"));
    new ResizeObserver(resize).observe(at("stage"));
    window.addEventListener("hashchange", fromAddress);
    document.addEventListener("keydown", key);
    document.addEventListener("click", (event) => {
      if (!at("categories").contains(event.target)) at("categories").open = false;
    });
  }

  function drag(stage) {
    let from = null;
    stage.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0 || !stage.classList.contains("large")) return;
      from = [event.clientX + stage.scrollLeft, event.clientY + stage.scrollTop];
      stage.setPointerCapture(event.pointerId);
      stage.classList.add("dragged");
    });
    stage.addEventListener("pointermove", (event) => {
      if (from) stage.scrollTo(from[0] - event.clientX, from[1] - event.clientY);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, () => { from = null; stage.classList.remove("dragged"); });
    }
  }

  const steps = { "[": -5, "]": 5, d: -5, u: 5 }; // Many keyboards have no brackets without a second key.
  const toggles = { f: "predictions", t: "truth", m: "masks", b: "boxes", l: "labels" };

  function key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || !at("single-keys").checked) return;
    if (event.target.matches("input:not([type=checkbox]), select, textarea")) return;
    const letter = event.key.toLowerCase(), arrow = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") at("categories").open = false;
    else if (arrow && event.shiftKey) at("stage").scrollLeft += arrow * 80;
    else if (arrow) go(arrow);
    else if (toggles[letter]) at(`show-${toggles[letter]}`).click();
    else if (steps[letter]) {
      at("threshold").value = step() + steps[letter];
      settings();
    } else if (event.key === "+" || event.key === "=") enlarge(1.5);
    else if (event.key === "-") enlarge(1 / 1.5);
    else if (event.key === "0") at("fit").click();
    else return;
    event.preventDefault();
  }

  return { index, image };
})();
