// Draws what load_charts.py says with uPlot; colours come from the style sheet, so that they follow light and dark.
"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("charts").textContent);
  const number = (v) => (v == null ? "-" : Math.abs(v) >= 100 ? v.toFixed(0) : String(+v.toPrecision(3)));
  const share = (v) => (v == null ? "-" : `${+(100 * (1 - 1 / v)).toPrecision(6)} %`);

  const options = (spec, width, color) => {
    const scale = (axis) => ({
      time: false,
      distr: axis.log ? 3 : 1,
      range: axis.range ? () => axis.range : undefined,
    });
    const ink = color("soft"), line = color("line");
    const grid = { stroke: line, width: 1 }, ticks = { stroke: line, width: 1, size: 4 };
    const font = "12px system-ui, sans-serif";
    const axis = (more) => ({ stroke: ink, grid, ticks, font, labelFont: font, labelSize: 20, ...more });
    const decades = (low, high) => {
      const steps = high / low > 3000 ? [1] : high / low > 30 ? [1, 3] : [1, 2, 5], found = [];
      for (let at = 10 ** Math.floor(Math.log10(low)); at <= high; at *= 10)
        for (const step of steps) if (at * step >= low && at * step <= high) found.push(at * step);
      return found;
    };
    const shares = [...(width < 500 ? [1, 10] : [1, 2, 4, 10, 20]), 100, 1000, 1e4, 1e5, 1e6, 1e7];
    const top = spec.x.range ? spec.x.range[1] : 0;
    const made = {
      width,
      height: spec.wide ? 300 : 230,
      scales: { x: scale(spec.x), y: scale(spec.y) },
      axes: [
        axis({
          label: spec.x.label,
          size: 34,
          ...(spec.x.share
            ? { splits: () => shares.filter((v) => v <= top * 1.01), values: (_, all) => all.map(share), filter: (_, all) => all }
            : { values: (_, all) => all.map((v) => (spec.x.whole && v % 1 ? "" : number(v))) }),
        }),
        axis({
          label: spec.y.label,
          size: 56,
          values: (_, all) => all.map(number),
          ...(spec.y.log ? { splits: (u, i, low, high) => decades(low, high), filter: (_, all) => all } : {}),
        }),
      ],
      series: [{ label: spec.x.share ? "share" : "at", value: (_, v) => (spec.x.share ? share(v) : v == null ? "-" : `${number(v)} s`) }],
      cursor: { drag: { x: true, y: false }, points: { size: 7 } },
      legend: { live: true, markers: { width: 2, stroke: (u, i) => edges[i], fill: (u, i) => strokes[i] } },
      hooks: { drawClear: [(u) => under(u, spec, color)], draw: [(u) => over(u, spec, color)] },
    };
    if (spec.sync) made.cursor.sync = { key: spec.sync, setSeries: false };
    const strokes = ["transparent"], edges = ["transparent"];
    for (const one of spec.lines) {
      const stroke = color(one.color) + (one.faint ? "66" : "");
      const dots = { show: true, size: one.size || 5, stroke, fill: one.hollow ? color("ground") : stroke, width: one.hollow ? 1.5 : 0 };
      strokes.push(one.hollow ? "transparent" : color(one.color));
      edges.push(color(one.color));
      made.series.push({
        label: one.label,
        stroke,
        width: one.dots ? 0 : one.width || 1.5,
        dash: one.dash ? [6, 4] : undefined,
        paths: one.dots ? () => null : undefined,
        points: one.dots ? dots : { show: false },
        value: (_, v) => number(v),
      });
    }
    return made;
  };

  // Windows of a limiter lie under the points, its limit over them.
  const under = (u, spec, color) => {
    const { ctx } = u, { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    (spec.bands || []).forEach((band, i) => {
      const from = u.valToPos(band.from, "x", true), to = u.valToPos(band.to, "x", true);
      ctx.fillStyle = color(i % 2 ? "bandb" : "banda");
      ctx.fillRect(from, top, to - from, height);
      ctx.strokeStyle = color("edge");
      ctx.lineWidth = devicePixelRatio;
      for (const x of [from, to]) {
        ctx.beginPath();
        ctx.moveTo(x, top);
        ctx.lineTo(x, top + height);
        ctx.stroke();
      }
    });
    ctx.restore();
  };
  const over = (u, spec, color) => {
    const { ctx } = u, { left, top, width, height } = u.bbox;
    ctx.save();
    for (const post of spec.posts || []) {
      const x = u.valToPos(post.at, "x", true);
      ctx.strokeStyle = ctx.fillStyle = color("mark");
      ctx.lineWidth = 2 * devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
      const right = x > left + width / 2;
      ctx.textAlign = right ? "right" : "left";
      ctx.fillText(post.label, x + (right ? -6 : 6) * devicePixelRatio, top + 14 * devicePixelRatio);
    }
    for (const mark of spec.marks || []) {
      const y = u.valToPos(mark.at, "y", true);
      ctx.strokeStyle = ctx.fillStyle = color("mark");
      ctx.lineWidth = 1.5 * devicePixelRatio;
      ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(left, y);
      ctx.lineTo(left + width, y);
      ctx.stroke();
      ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
      ctx.textAlign = "right";
      ctx.fillText(mark.label, left + width - 6 * devicePixelRatio, y - 9 * devicePixelRatio);
    }
    ctx.restore();
  };

  const drawn = [];
  const draw = () => {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(`--${name}`).trim() || "#888";
    for (const old of drawn.splice(0)) old.destroy();
    specs.forEach((spec, i) => {
      const place = document.getElementById(`chart-${i}`);
      if (!place || !spec.tables.length) return;
      const data = spec.tables.length > 1 ? uPlot.join(spec.tables, spec.tables.map((t) => t.slice(1).map(() => 1))) : spec.tables[0];
      drawn.push(new uPlot(options(spec, place.clientWidth, color), data, place));
    });
  };
  let width = 0;
  const fit = () => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    draw();
  };
  document.documentElement.classList.add("drawn");
  addEventListener("resize", fit);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  fit();
})();
