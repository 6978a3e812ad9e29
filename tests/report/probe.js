// Runs beside the frame, not in the page, whose own policy forbids scripts.
"use strict";

// What plotters draws around the data: grid, axes, and the white inside of rings.
const AROUND = new Set(["#E4E7EC", "#AAB0BA", "#FFFFFF"]);

function box(element) {
  const { left, top, right, bottom } = element.getBoundingClientRect();
  return { left, top, right, bottom };
}

function colour(element) {
  const [stroke, fill] = ["stroke", "fill"].map((name) => element.getAttribute(name) || "none");
  return stroke === "none" ? fill : stroke;
}

// Data and what leads to it: everything drawn in a colour of its own.
function marks(svg) {
  const drawn = [...svg.querySelectorAll("path,polyline,polygon,circle,rect,line")];
  return drawn.filter((element) => !AROUND.has(colour(element).toUpperCase())).map((element) => ({
    colour: colour(element),
    opacity: element.getAttribute("opacity"),
    box: box(element),
  }));
}

function figure(element) {
  const svg = element.querySelector("svg");
  return {
    id: element.id,
    title: element.querySelector("h3").textContent,
    caption: element.querySelector("figcaption").textContent,
    role: svg && svg.getAttribute("role"),
    label: svg && svg.getAttribute("aria-label"),
    svg: svg && box(svg),
    marks: svg ? marks(svg) : [],
    texts: svg ? [...svg.querySelectorAll("text")].map((text) => ({ text: text.textContent, box: box(text) })) : [],
  };
}

// Whatever the page points at that is not in it.
function references(page) {
  const names = ["src", "href", "srcset", "xlink:href", "poster", "action"];
  const all = [...page.querySelectorAll("*")].flatMap((element) => names.map((name) => element.getAttribute(name)));
  return all.filter((value) => value && !value.startsWith("#") && !value.startsWith("data:"));
}

function look(frame) {
  const page = frame.contentDocument;
  const root = page.documentElement;
  const link = page.querySelector("a[download]");
  const embedded = page.querySelector("script#results");
  return {
    title: page.title,
    width: root.clientWidth,
    contents: root.scrollWidth,
    text: page.body.innerText,
    figures: [...page.querySelectorAll("figure")].map(figure),
    tables: [...page.querySelectorAll("table")].map((table) => table.rows.length),
    headline: page.querySelector(".headline") && page.querySelector(".headline").textContent,
    scripts: page.querySelectorAll("script:not([type='application/json'])").length,
    download: link && link.getAttribute("href"),
    embedded: embedded && embedded.textContent,
    links: [...page.querySelectorAll("nav a")].map((a) => Boolean(page.querySelector(a.getAttribute("href")))),
    outside: references(page),
    // Of files the browser keeps no list; what leads to them is among the references.
    loaded: frame.contentWindow.performance.getEntriesByType("resource").map((entry) => entry.name),
  };
}

const frame = document.getElementById("page");
frame.addEventListener("load", () => {
  let facts;
  try {
    facts = look(frame);
  } catch (error) {
    facts = { failed: String(error) };
  }
  document.getElementById("facts").textContent = JSON.stringify(facts);
});
