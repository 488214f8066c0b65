"use strict";
// What the page can do besides being read: choose light or dark, sort and filter tables, save plots.
(() => {
  const make = (name, fields, parent) => parent.appendChild(Object.assign(document.createElement(name), fields));

  const theme = document.getElementById("theme");
  const label = make("label", { textContent: "Colours " }, theme);
  const choice = make("select", {}, label);
  for (const [value, name] of [["", "as the system"], ["light", "light"], ["dark", "dark"]]) {
    make("option", { value, textContent: name }, choice);
  }
  choice.addEventListener("change", () => {
    if (choice.value) document.documentElement.dataset.theme = choice.value;
    else delete document.documentElement.dataset.theme;
  });
  theme.hidden = false;

  // Numbers by size, texts as people order them; empty cells always last.
  const order = (a, b, sign) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const [x, y] = [Number(a), Number(b)];
    if (!Number.isNaN(x) && !Number.isNaN(y)) return sign * (x - y);
    return sign * a.localeCompare(b, undefined, { numeric: true });
  };
  const sort = (table, column, head) => {
    const wanted = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", wanted);
    const sign = wanted === "ascending" ? 1 : -1;
    const rows = Array.from(table.tBodies[0].rows, (row) => [row.cells[column].textContent.trim(), row]);
    rows.sort((a, b) => order(a[0], b[0], sign));
    table.tBodies[0].append(...rows.map((row) => row[1]));
  };
  for (const table of document.querySelectorAll("table")) {
    Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
      const name = head.textContent;
      head.textContent = "";
      const button = make("button", { type: "button", textContent: name }, head);
      button.addEventListener("click", () => sort(table, column, head));
    });
  }

  for (const tools of document.querySelectorAll(".tools")) {
    const rows = Array.from(document.getElementById(tools.dataset.table).tBodies[0].rows);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const field = make("label", { textContent: "Filter " }, tools);
    const input = make("input", { type: "search", placeholder: "words that a row must have" }, field);
    const said = make("span", { role: "status" }, tools);
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, place) => {
        row.hidden = !words.every((word) => texts[place].includes(word));
        shown += !row.hidden;
      });
      said.textContent = `${shown} of ${rows.length} rows`;
    };
    input.addEventListener("input", filter);
    filter();
    tools.hidden = false;
  }

  // A plot by itself has no style sheet: what it looks like now is written into its copy.
  const painted = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-family",
    "text-anchor", "paint-order", "stroke-linejoin"];
  const alone = (chart) => {
    const copy = chart.cloneNode(true);
    const copies = copy.querySelectorAll("*");
    chart.querySelectorAll("*").forEach((part, place) => {
      const look = getComputedStyle(part);
      for (const name of painted) copies[place].setAttribute(name, look.getPropertyValue(name));
    });
    const { width, height } = chart.viewBox.baseVal;
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of [["width", width], ["height", height], ["fill", getComputedStyle(chart).backgroundColor]]) {
      paper.setAttribute(name, value);
    }
    copy.prepend(paper);
    return new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
  };
  const hand = (blob, name) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  const asPng = (chart, name) => {
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      const { width, height } = chart.viewBox.baseVal;
      Object.assign(canvas, { width: 3 * width, height: 3 * height });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => hand(blob, name));
      URL.revokeObjectURL(image.src);
    };
    image.src = URL.createObjectURL(alone(chart));
  };
  for (const place of document.querySelectorAll(".save")) {
    const chart = document.getElementById(place.dataset.chart);
    const title = chart.querySelector("title").textContent;
    for (const [kind, save] of [["SVG", (name) => hand(alone(chart), name)], ["PNG", (name) => asPng(chart, name)]]) {
      const button = make("button", { type: "button", textContent: `Save ${kind}` }, place);
      button.setAttribute("aria-label", `Save ${kind} of ${title} (${chart.id})`);
      button.addEventListener("click", () => save(`${chart.id}.${kind.toLowerCase()}`));
    }
    place.hidden = false;
  }
})();
