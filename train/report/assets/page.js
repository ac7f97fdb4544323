"use strict";
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const configurations = data.report.configurations;
  const root = document.documentElement;
  const colourOf = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const tone = (i) => colourOf("--c" + (i % 8));
  const faded = (colour, alpha) => colour + Math.round(alpha * 255).toString(16).padStart(2, "0");
  const state = { axis: "epoch", test: true, train: true, smoothing: 0, log: false, hidden: new Set(), cost: null };
  const charts = new Map();

  // ---- Text -------------------------------------------------------------------------------------------------------

  const short = (v) => {
    const size = Math.abs(v);
    for (const [unit, name] of [[1e15, " P"], [1e12, " T"], [1e9, " G"], [1e6, " M"], [1e4, " k"]])
      if (size >= unit) return trimmed(v / (unit === 1e4 ? 1e3 : unit)) + name;
    return trimmed(v);
  };
  const trimmed = (v) => String(Number(v.toPrecision(4)));
  const clock = (s) => {
    if (s < 60) return trimmed(s) + " s";
    const two = (x) => String(Math.floor(x)).padStart(2, "0");
    return s < 3600 ? Math.floor(s / 60) + ":" + two(s % 60) : Math.floor(s / 3600) + ":" + two((s / 60) % 60) + ":" + two(s % 60);
  };
  const axes = {
    epoch: { title: "epochs", text: trimmed },
    step: { title: "steps", text: short },
    seconds: { title: "wall clock", text: clock },
    macs: { title: "multiply-accumulates spent", text: short },
  };

  // ---- Curves -----------------------------------------------------------------------------------------------------

  const position = (run, curve, i) => {
    if (state.axis === "seconds") return curve.seconds[i];
    if (state.axis === "macs") return curve.step[i] * run.macs_per_step;
    return state.axis === "step" ? curve.step[i] : curve.step[i] / run.steps_per_epoch;
  };

  // Exponential moving average, corrected for its start.
  const smoothed = (values, weight) => {
    if (!weight) return values;
    let mean = 0, share = 0;
    return values.map((v) => {
      mean = weight * mean + (1 - weight) * v;
      share = weight * share + (1 - weight);
      return mean / share;
    });
  };
  const points = (run, curve, weight) =>
    smoothed(curve.value, weight).map((y, i) => ({ x: position(run, curve, i), y }));

  const at = (line, x) => {
    let low = 0, high = line.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (line[middle].x <= x) low = middle; else high = middle;
    }
    const a = line[low], b = line[high];
    return b.x > a.x ? a.y + (b.y - a.y) * Math.min(1, Math.max(0, (x - a.x) / (b.x - a.x))) : a.y;
  };

  // Mean and range of several lines: point by point where they have equally many, else wherever they reach.
  const together = (lines) => {
    const range = (x, values) => ({
      x, y: values.reduce((a, b) => a + b) / values.length, low: Math.min(...values), high: Math.max(...values),
    });
    if (lines.every((line) => line.length === lines[0].length))
      return lines[0].map((_, i) =>
        range(lines.reduce((sum, line) => sum + line[i].x, 0) / lines.length, lines.map((line) => line[i].y)));
    const start = Math.min(...lines.map((line) => line[0].x)), end = Math.max(...lines.map((line) => line.at(-1).x));
    const parts = 400;
    return Array.from({ length: parts + 1 }, (_, i) => start + ((end - start) * i) / parts).flatMap((x) => {
      const covering = lines.filter((line) => line[0].x <= x && x <= line.at(-1).x);
      return covering.length ? [range(x, covering.map((line) => at(line, x)))] : [];
    });
  };

  const curveSets = {
    accuracy: { train: "train_accuracy", test: "test_accuracy" },
    loss: { train: "train_loss", test: "test_loss" },
    lr: { train: "lr" },
  };

  const datasetsOf = (chart) => {
    const sets = [];
    const names = curveSets[chart];
    const crowded = configurations.length > 12;
    configurations.forEach((configuration, c) => {
      const runs = data.curves.filter((run) => run.configuration === c && !state.hidden.has(run.run));
      for (const kind of ["train", "test"]) {
        if (!names[kind] || (names.test && !state[kind])) continue;
        const test = kind === "test";
        const weight = test || !names.test ? 0 : state.smoothing;
        const lines = runs.map((run) => points(run, run[names[kind]], weight)).filter((line) => line.length);
        if (!lines.length) continue;
        const line = together(lines);
        const colour = tone(c);
        const thick = test || !names.test;
        if (lines.length > 1) {
          const edge = { borderWidth: 0, pointRadius: 0, pointHitRadius: 0, band: true, order: 3 };
          sets.push({ ...edge, data: line.map((p) => ({ x: p.x, y: p.low })), fill: false });
          sets.push({ ...edge, data: line.map((p) => ({ x: p.x, y: p.high })), fill: "-1",
            backgroundColor: faded(colour, thick ? 0.22 : 0.14) });
        }
        if (weight && lines.length === 1 && !crowded)
          sets.push({ data: points(runs.find((run) => run[names[kind]].value.length), runs.find((run) => run[names[kind]].value.length)[names[kind]], 0),
            borderColor: faded(colour, 0.22), borderWidth: 1, pointRadius: 0, pointHitRadius: 0, band: true, order: 4 });
        sets.push({
          label: configuration.name + (names.test ? (test ? ", test" : ", training") : ""),
          data: line, borderColor: thick ? colour : faded(colour, 0.75), backgroundColor: colour,
          borderDash: c < 8 ? [] : [6, 3],  // the colours begin again
          borderWidth: thick ? 2 : 1.2, pointRadius: test && line.length <= 60 ? 3 : 0, pointHoverRadius: 4,
          order: thick ? 1 : 2,
        });
      }
    });
    return sets;
  };

  // What is under the pointer: of every line the point that is nearest in x.
  Chart.Interaction.modes.nearestOfEach = (chart, event) => {
    const x = Chart.helpers.getRelativePosition(event, chart).x;
    const value = chart.scales.x.getValueForPixel(x);
    return chart.data.datasets.flatMap((set, datasetIndex) => {
      if (set.band || !set.data.length) return [];
      let best = 0;
      set.data.forEach((p, i) => { if (Math.abs(p.x - value) < Math.abs(set.data[best].x - value)) best = i; });
      return [{ element: chart.getDatasetMeta(datasetIndex).data[best], datasetIndex, index: best }];
    });
  };

  // Where curves of this kind leave room: accuracy rises, losses fall.
  const place = (corner) => function (items) {
    if (!items.length) return false;
    const area = this.chart.chartArea;
    return { x: items[0].element.x, y: corner === "below" ? area.bottom : area.top };
  };
  Chart.Tooltip.positioners.below = place("below");
  Chart.Tooltip.positioners.above = place("above");

  const crosshair = {
    id: "crosshair",
    afterDatasetsDraw(chart) {
      const active = chart.tooltip && chart.tooltip.getActiveElements();
      if (!active || !active.length || chart.config.type !== "line") return;
      const { ctx, chartArea } = chart;
      ctx.save();
      ctx.strokeStyle = colourOf("--soft");
      ctx.setLineDash([3, 3]);
      ctx.beginPath();
      ctx.moveTo(active[0].element.x, chartArea.top);
      ctx.lineTo(active[0].element.x, chartArea.bottom);
      ctx.stroke();
      ctx.restore();
    },
  };

  const scale = (title, more = {}) => ({
    grid: { color: colourOf("--line"), drawBorder: false, tickLength: 0 },
    title: { display: Boolean(title), text: title, color: colourOf("--soft") },
    ...more,
    ticks: { color: colourOf("--soft"), padding: 6, maxRotation: 0, ...more.ticks },
  });
  const tooltip = (more) => ({
    backgroundColor: colourOf("--paper"), borderColor: colourOf("--soft"), borderWidth: 1, titleColor: colourOf("--ink"),
    bodyColor: colourOf("--ink"), padding: 10, boxPadding: 5, usePointStyle: true, cornerRadius: 6,
    titleFont: { weight: "600" }, ...more,
  });
  const heading = (text) => ({ display: true, align: "start", text, color: colourOf("--ink"), font: { size: 13, weight: "600" }, padding: { top: 0, bottom: 10 } });
  const common = { responsive: true, maintainAspectRatio: false, animation: false, normalized: true };

  const curveOptions = (chart, title) => {
    const axis = axes[state.axis];
    const number = chart === "accuracy" ? (v) => v.toFixed(2) + " %" : (v) => trimmed(v);
    return {
      ...common, parsing: false,
      interaction: { mode: "nearestOfEach", intersect: false },
      scales: {
        x: scale(axis.title, { type: "linear", min: 0, ticks: { callback: axis.text, maxTicksLimit: 8 } }),
        y: scale("", {
          type: state.log && chart !== "accuracy" ? "logarithmic" : "linear",
          ...(chart === "lr" && !state.log ? { min: 0, grace: "5%" } : {}),
          ticks: { callback: trimmed, maxTicksLimit: chart === "lr" ? 4 : 7 },
        }),
      },
      plugins: {
        legend: { display: false }, title: heading(title),
        tooltip: tooltip({
          position: chart === "accuracy" ? "below" : "above", caretSize: 0,
          itemSort: (a, b) => (chart === "loss" ? a.parsed.y - b.parsed.y : b.parsed.y - a.parsed.y),
          callbacks: {
            title: (items) => (items.length ? axis.title + " " + axis.text(items[0].parsed.x) : ""),
            label: (item) => {
              const p = item.raw, text = item.dataset.label + ": " + number(p.y);
              return p.high > p.low ? text + " (" + number(p.low) + " to " + number(p.high) + ")" : text;
            },
          },
        }),
      },
    };
  };

  // ---- Accuracy against cost --------------------------------------------------------------------------------------

  const mean = (measure) => (measure && typeof measure === "object" ? measure.mean : measure);
  const costs = {
    parameters: ["parameters", (c) => c.parameters],
    macs: ["MACs per image", (c) => c.macs],
    epoch_seconds: ["training seconds per epoch", (c) => mean(c.epoch_seconds)],
    inference_microseconds: ["measured inference, µs per image", (c) => c.timing && 1e6 / c.inference_images_per_second],
    training_microseconds: ["measured training, µs per image", (c) => c.timing && 1e6 / c.training_images_per_second],
  };

  const costPoints = () =>
    configurations.flatMap((c, i) => {
      const x = costs[state.cost][1](c);
      return c.accuracy && x ? [{ x, y: c.accuracy.mean, spread: c.accuracy.deviation, name: c.name, i }] : [];
    });
  const pareto = (all) => {
    const front = [];
    for (const p of [...all].sort((a, b) => a.x - b.x || b.y - a.y))
      if (!front.length || p.y > front.at(-1).y) front.push(p);
    return front;
  };

  // Bars of one deviation, and names beside the points.
  const marks = {
    id: "marks",
    afterDatasetsDraw(chart) {
      if (chart.config.type !== "scatter") return;
      const { ctx, scales, chartArea } = chart;
      const all = chart.data.datasets[0].data;
      ctx.save();
      ctx.font = "12px system-ui, sans-serif";
      ctx.textBaseline = "bottom";
      for (const p of all) {
        const x = scales.x.getPixelForValue(p.x), y = scales.y.getPixelForValue(p.y);
        if (p.spread > 0) {
          ctx.strokeStyle = tone(p.i);
          ctx.lineWidth = 1.5;
          ctx.beginPath();
          ctx.moveTo(x, scales.y.getPixelForValue(p.y - p.spread));
          ctx.lineTo(x, scales.y.getPixelForValue(p.y + p.spread));
          ctx.stroke();
        }
        if (all.length > 24) continue;
        ctx.fillStyle = colourOf("--ink");
        const width = ctx.measureText(p.name).width;
        const left = x + 10 + width > chartArea.right;
        // Of two names that would lie on each other the lower one goes below its point.
        const below = all.some((other, i) => {
          const above = y - scales.y.getPixelForValue(other.y), first = i < all.indexOf(p);
          return other !== p && Math.abs(scales.x.getPixelForValue(other.x) - x) < width + 20 && above < 18 &&
            (above > 0 || (above === 0 && first));
        });
        ctx.textAlign = left ? "right" : "left";
        ctx.fillText(p.name, left ? x - 9 : x + 9, below ? y + 18 : y - 4);
      }
      ctx.restore();
    },
  };

  const costConfig = () => {
    const all = costPoints(), front = pareto(all);
    const lows = all.map((p) => p.y - p.spread), highs = all.map((p) => p.y + p.spread);
    const room = (Math.max(...highs) - Math.min(...lows)) * 0.15 || 1;
    return {
      type: "scatter",
      data: {
        datasets: [
          { data: all, pointRadius: 6, pointHoverRadius: 8, pointBorderWidth: 2, order: 1,
            pointBorderColor: all.map((p) => tone(p.i)),
            pointBackgroundColor: all.map((p) => (front.includes(p) ? tone(p.i) : colourOf("--paper"))) },
          { data: front, showLine: true, pointRadius: 0, pointHitRadius: 0, borderColor: colourOf("--soft"),
            borderDash: [4, 4], borderWidth: 1.3, order: 2 },
        ],
      },
      options: {
        ...common, interaction: { mode: "nearest", intersect: true },
        scales: {
          x: scale(costs[state.cost][0], { min: 0, suggestedMax: Math.max(...all.map((p) => p.x)) * 1.15, ticks: { callback: short, maxTicksLimit: 8 } }),
          y: scale("accuracy, %", { suggestedMin: Math.min(...lows) - room, suggestedMax: Math.max(...highs) + room, ticks: { callback: trimmed, maxTicksLimit: 7 } }),
        },
        plugins: {
          legend: { display: false },
          tooltip: tooltip({
            filter: (item) => item.datasetIndex === 0,
            callbacks: {
              title: (items) => (items.length ? items[0].raw.name : ""),
              label: (item) => [
                item.raw.y.toFixed(2) + (item.raw.spread > 0 ? " ± " + item.raw.spread.toFixed(2) : "") + " %",
                costs[state.cost][0] + ": " + short(item.raw.x),
              ],
            },
          }),
        },
      },
      plugins: [marks],
    };
  };

  // ---- Time -------------------------------------------------------------------------------------------------------

  const timeConfig = () => {
    const timed = configurations.filter((c) => c.timing);
    const perImage = (c, seconds) => (1e6 * seconds) / c.timing.batch;
    const totals = new Map();
    const parts = timed.map((c) => {
      const own = new Map(c.timing.layers.map((layer) =>
        [layer.kind, perImage(c, layer.forward_seconds + layer.backward_seconds)]));
      for (const [kind, time] of own) totals.set(kind, (totals.get(kind) || 0) + time);
      return own.set("update", perImage(c, c.timing.update_seconds));
    });
    const kinds = [...totals.keys()].sort((a, b) => totals.get(b) - totals.get(a)).concat("update");
    return {
      type: "bar",
      data: {
        labels: timed.map((c) => c.name),
        datasets: kinds.map((kind, i) => ({
          label: kind, data: parts.map((p) => p.get(kind) || 0), maxBarThickness: 34,
          backgroundColor: colourOf("--k" + (kind === "update" ? 9 : i % 9)),
        })),
      },
      options: {
        ...common, normalized: false, indexAxis: "y", interaction: { mode: "nearest", intersect: true },
        scales: {
          x: scale("a training step, µs per image", { stacked: true, ticks: { callback: short } }),
          y: { stacked: true, grid: { display: false, drawBorder: false }, ticks: { color: colourOf("--ink"),
            callback(i) { const name = this.getLabelForValue(i); return name.length > 26 ? name.slice(0, 25) + "…" : name; } } },
        },
        plugins: {
          legend: { position: "bottom", align: "start", labels: { color: colourOf("--ink"), boxWidth: 10, boxHeight: 10, padding: 14 } },
          tooltip: tooltip({ callbacks: { label: (item) => item.dataset.label + ": " + item.parsed.x.toFixed(1) + " µs" } }),
        },
      },
    };
  };

  // ---- Drawing ----------------------------------------------------------------------------------------------------

  const configOf = (name, label) => {
    if (name === "cost") return costConfig();
    if (name === "time") return timeConfig();
    return { type: "line", data: { datasets: datasetsOf(name) }, options: curveOptions(name, label), plugins: [crosshair] };
  };

  // The arrow keys walk along the curves.
  const walk = (chart, event) => {
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    const set = chart.data.datasets.findIndex((s) => !s.band);
    if (!(event.key in moves) || set < 0) return;
    event.preventDefault();
    const active = chart.tooltip.getActiveElements();
    const old = active.length ? active.find((a) => a.datasetIndex === set) || active[0] : { index: -moves[event.key] };
    const count = chart.data.datasets[set].data.length;
    const index = Math.min(count - 1, Math.max(0, old.index + moves[event.key] * Math.max(1, Math.round(count / 100))));
    const x = chart.data.datasets[set].data[index].x;
    const elements = chart.config.type !== "line" ? [{ datasetIndex: set, index }] :
      chart.data.datasets.flatMap((s, datasetIndex) => {
        if (s.band || !s.data.length) return [];
        let best = 0;
        s.data.forEach((p, i) => { if (Math.abs(p.x - x) < Math.abs(s.data[best].x - x)) best = i; });
        return [{ datasetIndex, index: best }];
      });
    const point = chart.getDatasetMeta(set).data[index];
    chart.setActiveElements(elements);
    chart.tooltip.setActiveElements(elements, { x: point.x, y: point.y });
    chart.update();
  };

  const draw = (figure) => {
    const name = figure.dataset.chart;
    const old = charts.get(name);
    if (old) old.destroy();
    let canvas = figure.querySelector("canvas");
    if (!canvas) {
      const box = document.createElement("div");
      box.className = "canvas";
      canvas = document.createElement("canvas");
      canvas.tabIndex = 0;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", figure.dataset.label + "; the arrow keys read values");
      canvas.addEventListener("keydown", (event) => walk(charts.get(name), event));
      if (name === "time") {
        const timed = configurations.filter((c) => c.timing);
        const narrow = figure.clientWidth < 560;
        box.style.height = 90 + (narrow ? 90 : 0) + 52 * timed.length + "px";
      }
      box.append(canvas);
      figure.append(box);
    }
    charts.set(name, new Chart(canvas, configOf(name, figure.dataset.label)));
    figure.classList.add("drawn");
  };
  const figures = [...document.querySelectorAll("figure.chart")];
  const drawAll = (which = () => true) => {
    for (const figure of figures) if (which(figure.dataset.chart)) draw(figure);
  };
  const isCurve = (name) => name in curveSets;

  // ---- Controls ---------------------------------------------------------------------------------------------------

  const watch = (selector, f) => {
    const form = document.querySelector(selector);
    if (!form) return;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => f(form.elements));
  };
  watch('form[data-for="curves"]', (e) => {
    state.axis = e.axis.value;
    state.test = e.test.checked;
    state.train = e.train.checked;
    state.log = e.log.checked;
    state.smoothing = Number(e.smoothing.value);
    document.querySelector(".slider output").textContent = e.smoothing.value;
    drawAll(isCurve);
  });
  watch('form[data-for="cost"]', (e) => {
    state.cost = e.cost.value;
    drawAll((name) => name === "cost");
  });
  const chosen = document.querySelector('input[name="cost"]:checked');
  if (chosen) state.cost = chosen.value;

  for (const button of document.querySelectorAll(".run-toggle"))
    button.addEventListener("click", () => {
      const shown = state.hidden.has(button.dataset.run);
      if (shown) state.hidden.delete(button.dataset.run); else state.hidden.add(button.dataset.run);
      button.setAttribute("aria-pressed", String(shown));
      if (["shown", "hidden"].includes(button.textContent)) button.textContent = shown ? "shown" : "hidden";
      drawAll(isCurve);
    });

  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => drawAll());
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    drawAll();
  });

  // ---- A run that is under way --------------------------------------------------------------------------------------

  // What the reader has chosen, from one load of the page to the next.
  const memory = "ghost-report " + location.pathname;
  const forms = [...document.querySelectorAll("form.controls")];
  const folds = [...document.querySelectorAll("details")];
  const remember = () => {
    const view = {
      forms: forms.map((form) => [...form.elements].map((e) => [e.checked, e.value])),
      folds: folds.map((fold) => fold.open),
      hidden: [...state.hidden], theme: root.dataset.theme, top: scrollY,
    };
    try { sessionStorage.setItem(memory, JSON.stringify(view)); } catch { /* then the page begins anew */ }
  };
  const recall = () => {
    let view = null;
    try {
      view = JSON.parse(sessionStorage.getItem(memory));
      sessionStorage.removeItem(memory);
    } catch { /* likewise */ }
    if (!view) return;
    if (view.theme) root.dataset.theme = view.theme;
    for (const button of document.querySelectorAll(".run-toggle"))
      if (view.hidden.includes(button.dataset.run) && !state.hidden.has(button.dataset.run)) button.click();
    // Sections come with the first tests; then the old order says nothing.
    if (view.folds.length === folds.length) folds.forEach((fold, i) => { fold.open = view.folds[i]; });
    forms.forEach((form, f) => {
      const values = view.forms[f] || [];
      if (values.length !== form.elements.length) return;
      [...form.elements].forEach((e, i) => {
        if (e.type === "range") e.value = values[i][1];
        else e.checked = values[i][0];
      });
      form.dispatchEvent(new Event("input"));
    });
    if (view.theme) drawAll();
    scrollTo(0, view.top);
  };
  const reload = document.querySelector('meta[name="reload"]');
  const load = () => {
    if (document.hidden) return document.addEventListener("visibilitychange", load, { once: true });
    remember();
    location.reload();
  };
  if (reload) setTimeout(load, 1000 * Number(reload.content));

  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  try {
    drawAll();
  } catch (error) {
    // The pictures that are there stand for themselves.
    for (const figure of figures) figure.classList.remove("drawn");
    throw error;
  }
  recall();
})();
