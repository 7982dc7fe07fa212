"use strict";
(() => {
  const { summary, map } = JSON.parse(document.getElementById("data").textContent);
  const hz = Math.max(summary.trace.tick_hz, 1);
  const start = summary.trace.start_ticks;
  const timeline = summary.timeline;
  const slider = document.getElementById("frame");
  const tip = document.getElementById("tip");
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = value => value.toLocaleString("en-US");
  const hex = value => "0x" + value.toString(16).padStart(8, "0");
  const seconds = ticks => {
    const s = Math.max(ticks - start, 0) / hz;
    return s < 1 ? (s * 1000).toFixed(3) + " ms" : s.toFixed(3) + " s";
  };
  const rounded = value => value.toFixed(1).replace(/\.0$/, "");
  const bytes = value =>
    value < 10000 ? number(value) + " B"
    : value < 1048576 ? rounded(value / 1024) + " KiB"
    : rounded(value / 1048576) + " MiB";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // The golden angle keeps the hues of neighbours in the ranking apart.
  const colour = owner =>
    `hsl(${(152 + owner * 137.5) % 360} ${owner % 2 ? 58 : 48}% ${dark.matches ? 62 - owner % 3 * 7 : 42 + owner % 3 * 7}%)`;
  let palette = [];
  let frame = Number(slider.value);
  let axis = "time";

  const element = (name, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const showTip = (event, text) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.min(event.clientX + 14, innerWidth - box.width - 8) + "px";
    tip.style.top = (event.clientY + box.height + 24 > innerHeight
      ? event.clientY - box.height - 12 : event.clientY + 16) + "px";
  };
  const hideTip = () => { tip.hidden = true; };

  // ---- Charts -------------------------------------------------------------------------------
  let WIDTH = 1100;
  const HEIGHT = 190, LEFT = 64, RIGHT = 8, TOP = 16, BOTTOM = 22;
  const moments = () => axis === "time" ? timeline.time_ticks : timeline.event_count;
  const ofMoment = (ticks, events) => axis === "time" ? ticks : events;
  function scaleX() {
    const list = moments();
    const low = axis === "time" ? start : 0;
    const span = Math.max((list[list.length - 1] || 1) - low, 1);
    return value => LEFT + (WIDTH - LEFT - RIGHT) * Math.min(Math.max((value - low) / span, 0), 1);
  }
  const charts = [...document.querySelectorAll(".chart")].map(figure => {
    const index = Number(figure.dataset.region);
    return { index, plot: figure.querySelector(".plot"), region: summary.regions[index],
      series: timeline.regions[index], cursor: null };
  });
  function drawChart(chart) {
    const { region, series, plot } = chart;
    const x = scaleX();
    const y = value => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / Math.max(region.size_bytes, 1);
    const list = moments();
    const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "Use of " + region.name + " over time" });
    for (let part = 0; part <= 4; part++) {
      const value = region.size_bytes * part / 4;
      svg.append(element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value),
        stroke: "var(--line)" }));
      if (part % 2 === 0) svg.append(element("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, bytes(value)));
    }
    const points = values => values.map((value, at) => value === null ? null : `${x(list[at]).toFixed(1)},${y(value).toFixed(1)}`).filter(Boolean);
    const most = points(series.live_max_bytes), least = points(series.live_min_bytes);
    if (most.length) {
      const base = `${x(list[list.length - 1]).toFixed(1)},${y(0)} ${x(list[0]).toFixed(1)},${y(0)}`;
      svg.append(element("polygon", { points: least.join(" ") + " " + base, fill: "var(--band)" }));
      svg.append(element("polygon", { points: most.join(" ") + " " + least.reverse().join(" "), fill: "var(--live)", opacity: .45 }));
      svg.append(element("polyline", { points: most.join(" "), fill: "none", stroke: "var(--live)", "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" }));
      svg.append(element("polyline", { points: points(series.free_bytes).join(" "), fill: "none", stroke: "var(--free)", "stroke-width": 1.2 }));
      svg.append(element("polyline", { points: points(series.largest_gap_bytes).join(" "), fill: "none", stroke: "var(--gap)", "stroke-width": 1.5, "stroke-dasharray": "5 4" }));
    }
    series.failure_count.forEach((failures, at) => {
      if (failures) svg.append(element("line", { x1: x(list[at]), x2: x(list[at]), y1: TOP, y2: TOP + 12, stroke: "var(--bad)", "stroke-width": 2 }));
    });
    let labelledTo = -100;
    for (const mark of summary.marks) {
      const at = x(ofMoment(mark.time_ticks, mark.event_count));
      svg.append(element("line", { x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--mark)", "stroke-width": 1, opacity: .55 }));
      const room = mark.name.length * 6 + 8;
      if (at > labelledTo && at + room < WIDTH) {
        svg.append(element("text", { x: at + 3, y: TOP - 5, class: "mark" }, mark.name));
        labelledTo = at + room;
      }
    }
    const last = list[list.length - 1] || 0;
    const low = axis === "time" ? start : 0;
    for (let part = 0; part <= 4; part++) {
      const value = low + (last - low) * part / 4;
      svg.append(element("text", { x: x(value), y: HEIGHT - 6, "text-anchor": part === 0 ? "start" : part === 4 ? "end" : "middle" },
        axis === "time" ? seconds(value) : number(Math.round(value))));
    }
    chart.cursor = element("line", { y1: TOP, y2: HEIGHT - BOTTOM, stroke: "var(--ink)", "stroke-width": 1 });
    svg.append(chart.cursor);
    svg.addEventListener("pointermove", event => {
      const box = svg.getBoundingClientRect();
      const at = nearest(list, x, (event.clientX - box.left) * WIDTH / box.width);
      if (at < 0) return;
      showTip(event, `${seconds(timeline.time_ticks[at])} · event ${number(timeline.event_count[at])}\n` +
        `live ${bytes(series.live_bytes[at])} (${bytes(series.live_min_bytes[at])} to ${bytes(series.live_max_bytes[at])})\n` +
        `free ${bytes(series.free_bytes[at])}` +
        (series.largest_gap_bytes[at] === null ? "" : `, longest gap ${bytes(series.largest_gap_bytes[at])}, fragmentation ${series.fragmentation_percent[at]} %`) +
        (series.failure_count[at] ? `\n${number(series.failure_count[at])} failed requests` : ""));
    });
    svg.addEventListener("pointerleave", hideTip);
    svg.addEventListener("click", event => {
      const box = svg.getBoundingClientRect();
      const list = map.event_count.map((events, at) => ofMoment(map.time_ticks[at], events));
      const at = nearest(list, x, (event.clientX - box.left) * WIDTH / box.width);
      if (at >= 0) setFrame(at);
    });
    plot.replaceChildren(svg);
  }
  function nearest(list, x, wanted) {
    let best = -1, distance = Infinity;
    list.forEach((value, at) => {
      const away = Math.abs(x(value) - wanted);
      if (away <= distance) { best = at; distance = away; }
    });
    return best;
  }

  // ---- Heap maps ----------------------------------------------------------------------------
  const byRegion = summary.regions.map(() => []);
  for (let block = 0; block < map.first.length; block++) byRegion[map.region[block]].push(block);
  const maps = [...document.querySelectorAll(".map")].map(figure => {
    const index = Number(figure.dataset.region);
    return { index, region: summary.regions[index], blocks: byRegion[index], shown: [],
      canvas: figure.querySelector(".blocks"), strip: figure.querySelector(".strip"),
      now: figure.querySelector(".now"), stripImage: null };
  });
  const ROW = 11;
  function size(canvas, height) {
    const ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    canvas.style.height = height + "px";
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return [context, width, height];
  }
  function layout(one) {
    const width = one.canvas.clientWidth;
    // A pixel is at least 4 bytes; large regions take up to 16 rows.
    const rows = Math.max(1, Math.min(16, Math.ceil(one.region.size_bytes / (width * 4))));
    one.rows = rows;
    one.rowBytes = Math.ceil(one.region.size_bytes / rows);
  }
  function drawMap(one) {
    layout(one);
    const [context, width] = size(one.canvas, one.rows * (ROW + 2) - 2);
    const scale = width / one.rowBytes;
    one.shown = one.blocks.filter(block => map.first[block] <= frame && frame < map.end[block])
      .sort((a, b) => map.offset[a] - map.offset[b]);
    let live = 0, longest = 0, freeFrom = 0;
    for (const block of one.shown) {
      const offset = map.offset[block], end = offset + map.size[block];
      live += map.size[block];
      longest = Math.max(longest, offset - freeFrom);
      freeFrom = Math.max(freeFrom, end);
      context.fillStyle = palette[map.owner[block]];
      for (let row = Math.floor(offset / one.rowBytes); row * one.rowBytes < end; row++) {
        const from = Math.max(offset - row * one.rowBytes, 0) * scale;
        const to = Math.min(end - row * one.rowBytes, one.rowBytes) * scale;
        // A hair of space between neighbours where there is room for it.
        const wide = Math.max(to - from - (to - from > 4 ? 1 : 0), .6);
        context.fillRect(from, row * (ROW + 2), wide, ROW);
      }
    }
    longest = Math.max(longest, one.region.size_bytes - freeFrom);
    one.now.textContent = `${number(one.shown.length)} blocks, ${bytes(live)} live, longest gap ${bytes(longest)}`;
  }
  function drawStrip(one) {
    const [context, width, height] = size(one.strip, 72);
    const frames = map.event_count.length;
    const scaleX = width / frames, scaleY = height / Math.max(one.region.size_bytes, 1);
    if (!one.stripImage) {
      for (const block of one.blocks) {
        context.fillStyle = palette[map.owner[block]];
        context.fillRect(map.first[block] * scaleX, map.offset[block] * scaleY,
          Math.max((map.end[block] - map.first[block]) * scaleX, .5), Math.max(map.size[block] * scaleY, .35));
      }
      one.stripImage = document.createElement("canvas");
      one.stripImage.width = one.strip.width;
      one.stripImage.height = one.strip.height;
      one.stripImage.getContext("2d").drawImage(one.strip, 0, 0);
    } else {
      context.drawImage(one.stripImage, 0, 0, width, height);
    }
    context.fillStyle = css("--ink");
    context.fillRect(Math.min((frame + .5) * scaleX, width - 1.5), 0, 1.5, height);
  }
  function describe(one, offset) {
    let before = -1, after = -1;
    for (const block of one.shown) {
      if (map.offset[block] <= offset && offset < map.offset[block] + map.size[block]) {
        return `${number(map.size[block])} bytes at ${hex(one.region.start_addr + map.offset[block])}\n` +
          `owner ${map.owners[map.owner[block]]}\nsite ${map.sites[map.site[block]]}\n` +
          `allocated at ${seconds(map.born[block])}, age ${seconds(map.time_ticks[frame] - map.born[block] + start)}`;
      }
      if (map.offset[block] <= offset) before = block;
      else if (after < 0) after = block;
    }
    const from = before < 0 ? 0 : map.offset[before] + map.size[before];
    const to = after < 0 ? one.region.size_bytes : map.offset[after];
    const neighbour = block => `${number(map.size[block])} bytes of ${map.owners[map.owner[block]]} from ${map.sites[map.site[block]]}`;
    return `gap of ${number(to - from)} bytes at ${hex(one.region.start_addr + from)}` +
      (before < 0 ? "" : `\nafter ${neighbour(before)}`) + (after < 0 ? "" : `\nbefore ${neighbour(after)}`);
  }
  for (const one of maps) {
    one.canvas.addEventListener("pointermove", event => {
      const box = one.canvas.getBoundingClientRect();
      const row = Math.floor((event.clientY - box.top) / (ROW + 2));
      const offset = Math.floor(row * one.rowBytes + (event.clientX - box.left) / box.width * one.rowBytes);
      if (offset < 0 || offset >= one.region.size_bytes) return hideTip();
      showTip(event, describe(one, offset));
    });
    one.canvas.addEventListener("pointerleave", hideTip);
    one.strip.addEventListener("click", event => {
      const box = one.strip.getBoundingClientRect();
      setFrame(Math.floor((event.clientX - box.left) / box.width * map.event_count.length));
    });
  }

  // ---- The moment ---------------------------------------------------------------------------
  const output = document.getElementById("moment");
  function setFrame(wanted) {
    frame = Math.max(0, Math.min(wanted, map.event_count.length - 1));
    slider.value = frame;
    const events = map.event_count[frame], ticks = events ? map.time_ticks[frame] : start;
    const stage = summary.marks.filter(mark => mark.event_count <= events).pop();
    output.textContent = `${seconds(ticks)} · event ${number(events)}${stage ? " · " + stage.name : ""}`;
    const x = scaleX()(ofMoment(ticks, events));
    for (const chart of charts) if (chart.cursor) {
      chart.cursor.setAttribute("x1", x);
      chart.cursor.setAttribute("x2", x);
    }
    for (const one of maps) { drawMap(one); drawStrip(one); }
  }
  slider.addEventListener("input", () => setFrame(Number(slider.value)));
  const play = document.getElementById("play");
  let playing = false;
  function step() {
    if (!playing) return;
    // A whole trace takes about ten seconds.
    const next = frame + Math.max(1, Math.round(map.event_count.length / 600));
    setFrame(next);
    if (frame >= map.event_count.length - 1) return toggle();
    requestAnimationFrame(step);
  }
  function toggle() {
    playing = !playing;
    play.textContent = playing ? "❚❚" : "▶";
    if (playing) {
      if (frame >= map.event_count.length - 1) setFrame(0);
      requestAnimationFrame(step);
    }
  }
  play.addEventListener("click", toggle);
  for (const radio of document.querySelectorAll("[name=axis]")) {
    radio.addEventListener("change", () => { axis = radio.value; charts.forEach(drawChart); setFrame(frame); });
  }
  function drawAll() {
    palette = map.owners.map((_, owner) => colour(owner));
    document.getElementById("owners").replaceChildren(...map.owners.slice(0, 16).map((name, owner) => {
      const item = document.createElement("li"), swatch = document.createElement("i");
      swatch.style.background = palette[owner];
      item.append(swatch, name);
      return item;
    }));
    for (const one of maps) one.stripImage = null;
    if (charts.length) WIDTH = Math.max(charts[0].plot.clientWidth, 320);
    charts.forEach(drawChart);
    setFrame(frame);
  }
  addEventListener("resize", drawAll);
  dark.addEventListener("change", drawAll);
  drawAll();
})();
