// The page of tools/analysis/report.py. Its data comes from data.js, as the file system serves no JSON; all of it is
// inserted as text, for names of classes and files may hold anything.
'use strict';

(() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const OUTCOMES = {
    classification: 'wrong class', right: 'right', multi_instance: 'multi-instance', part: 'part', more: 'more', other: 'other',
  };
  const MEANINGS = {
    classification: 'the best class is wrong', right: 'class and box are right',
    multi_instance: 'the box covers several true boxes', part: 'the box is part of a true one',
    more: 'the box holds a true one and more', other: 'anything else',
  };
  const CURVES = {
    accuracy_over_iou: { title: 'accuracy over IoU', x: 'iou', xTitle: 'IoU' },
    accuracy_over_threshold: { title: 'accuracy over threshold', x: 'threshold', xTitle: 'threshold' },
    precision_recall: { title: 'precision over recall', x: 'recall', xTitle: 'recall', without: ['threshold'] },
  };
  const DASHES = ['', '7 3', '2 3', '9 3 2 3', '1 2'];
  const FEW_CLASSES = 40;

  const byId = (id) => document.getElementById(id);
  const report = window.MMTSCAM_REPORT;
  if (!report) {
    byId('subtitle').textContent = 'data.js is missing: copy the whole folder, not index.html alone.';
    return;
  }
  const { runs } = report;
  const several = runs.length > 1;
  document.body.classList.toggle('several', several);
  // Tests of one name are seeds of a method: they share a colour.
  const methods = [...new Set(runs.map((run) => run.name))];
  const colourOf = (run) => methods.indexOf(run.name) % 5;
  const gallery = report.gallery || { images: 0, root: '', classes: {}, rows: [], runs: [] };
  const named = (columns, values) => Object.fromEntries(columns.map((column, place) => [column, values[place]]));
  const rows = gallery.rows.map((values, index) => ({
    index, ...named(gallery.columns, values), runs: gallery.runs.map((part) => named(part.columns, part.rows[index])),
  }));
  const compared = gallery.runs.length > 1;
  let part = gallery.runs[0]; // the result that outcomes, filters and maps are of
  const titleOf = (own) => runs[own.run].title;
  // Without class scores in all of them, results are compared by their boxes.
  const byClass = gallery.runs.every((own) => own.outcomes.length);
  const isRight = (row, place) => (byClass ? row.runs[place].outcome === 'right' : row.runs[place].iou >= gallery.runs[place].level);
  for (const row of rows) row.pattern = gallery.runs.map((_, place) => (isRight(row, place) ? '1' : '0')).join('');
  const labels = Object.keys(gallery.classes);
  const doubled = new Set();
  const seen = new Set();
  for (const name of Object.values(gallery.classes)) (seen.has(name) ? doubled : seen).add(name);

  /** An element; children are elements or texts, never markup. */
  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in element) element[name] = value; else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  function draw(tag, attributes = {}, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function className(label) {
    if (label === null) return 'no class';
    const name = gallery.classes[label];
    return doubled.has(name) ? `${name} (${label})` : name;
  }

  const percent = (value) => (value === null ? '–' : `${value.toFixed(2)} %`);
  const decimals = (value, digits) => (value === null ? '–' : value.toFixed(digits));
  const dot = (outcome) => make('span', { className: 'dot', style: `--dot: var(--${outcome})` });

  // ---------------------------------------------------------------- summary

  function showSummary() {
    const origins = runs.map((run) => run.origin);
    const config = origins[0].config || origins[0].maps;
    const name = several ? methods.join(', ') : config ? String(config).split('/').pop() : '';
    const heading = name ? `Localization report: ${name}` : 'Localization report';
    document.title = heading;
    byId('title').textContent = heading;
    const classes = new Set(rows.map((row) => row.true)).size;
    byId('subtitle').textContent = [
      several && `${runs.length} results`,
      !several && origins[0].checkpoint && `checkpoint ${origins[0].checkpoint}`,
      gallery.images && `${gallery.images} images${compared ? ' in common' : ''}, ${compared ? classes : part.table.length} classes`,
      !several && runs[0].mmtscam && `mmtscam ${runs[0].mmtscam}`,
    ].filter(Boolean).join(' · ');
    byId('doubts').append(...report.doubts.map((text) => make('p', { className: 'notice' }, text)));
    if (several) showTogether(); else showAlone();
    showOrigins();
  }

  /** Results to be compared: those that the gallery shows, then those of one name. */
  function groups() {
    const found = new Map();
    runs.forEach((run, place) => run.results.forEach((result, index) => {
      const key = index === run.chosen ? '' : `${result.name}/${result.metric}`;
      if (!found.has(key)) found.set(key, runs.map(() => null));
      found.get(key)[place] ||= result;
    }));
    return [...found].sort(([a], [b]) => (b === '') - (a === '')).map(([, results]) => results);
  }

  const groupName = (results) => [...new Set(results.filter(Boolean).map((result) => result.name))].join(', ');
  const kindName = (result) => (result.map_kind === 'maps' ? 'maps of other code' : `map: ${result.map_kind}`);
  const sourceOf = (number) => (number.source ? make('span', { className: `source ${number.source}` }, number.source) : '');

  function showAlone() {
    const columns = ['result', 'value', 'images', 'threshold', 'chosen'];
    const kindOf = (column) => ({ className: ['value', 'images', 'threshold'].includes(column) ? 'number' : '' });
    const head = make('tr', {}, ...columns.map((column) => make('th', { scope: 'col', ...kindOf(column) }, column)));
    byId('figures').append(make('thead', {}, head));
    for (const result of runs[0].results) {
      const about = `protocol ${result.protocol.name}, ${kindName(result)}, ${result.metric}`;
      const body = make('tbody', {}, make('tr', { className: 'first' },
        make('th', { scope: 'rowgroup', colSpan: columns.length }, result.name, make('span', { className: 'quiet' }, ` ${about}`))));
      for (const number of result.numbers.filter((each) => each.unit === '%')) {
        const cells = [
          number.name, percent(number.value), number.count === null ? '' : `${number.count}/${number.images ?? result.images}`,
          number.threshold === null ? '' : number.threshold.toFixed(3), sourceOf(number),
        ];
        body.append(make('tr', {}, ...cells.map((content, place) => make('td', kindOf(columns[place]), content))));
      }
      byId('figures').append(body);
    }
  }

  function showTogether() {
    // A column a result; a method with several seeds has their mean behind them.
    const columns = methods.flatMap((name) => {
      const own = runs.flatMap((run, place) => (run.name === name ? [place] : []));
      return [...own.map((place) => ({ title: runs[place].title, place })), ...(own.length > 1 ? [{ title: `${name}, mean of ${own.length}`, own }] : [])];
    });
    byId('figures').append(make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, 'result'),
      ...columns.map(({ title }) => make('th', { scope: 'col', className: 'number' }, title)))));
    for (const results of groups()) {
      const some = results.filter(Boolean);
      const body = make('tbody', {}, make('tr', { className: 'first' },
        make('th', { scope: 'rowgroup' }, groupName(results), make('span', { className: 'quiet' }, ` ${[...new Set(some.map((result) => result.metric))].join(', ')}`)),
        ...columns.map(({ place }) => make('td', { className: 'number quiet' }, results[place] ? `${results[place].protocol.name}, ${kindName(results[place])}` : ''))));
      const names = [...new Set(some.flatMap((result) => result.numbers.filter((each) => each.unit === '%').map((each) => each.name)))];
      for (const name of names) {
        const find = (place) => results[place]?.numbers.find((each) => each.name === name && each.unit === '%');
        body.append(make('tr', {}, make('th', { scope: 'row' }, name), ...columns.map(({ place, own }) => {
          if (own) {
            const values = own.map((each) => find(each)?.value ?? null).filter((value) => value !== null);
            const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
            return make('td', { className: 'number' }, values.length ? `${mean.toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})` : '');
          }
          const number = find(place);
          if (!number) return make('td');
          const details = [number.threshold === null ? ' ' : ` at ${number.threshold.toFixed(3)} `, sourceOf(number)];
          return make('td', { className: 'number' }, percent(number.value), make('span', { className: 'quiet' }, ...details));
        })));
      }
      if (names.length) byId('figures').append(body);
    }
  }

  function showOrigins() {
    const facts = (pairs) => make('dl', {}, ...Object.entries(pairs).flatMap(([key, value]) => [
      make('dt', {}, key), make('dd', {}, value === null || typeof value === 'object' ? JSON.stringify(value) : String(value)),
    ]));
    for (const run of runs) {
      const whose = several ? `${run.title}: ` : '';
      byId('origin').append(make('h3', {}, several ? `${whose}origin` : 'Origin'), facts(several ? { mmtscam: run.mmtscam, ...run.origin } : run.origin));
      for (const result of run.results) {
        byId('origin').append(make('h3', {}, `${whose}${result.name}: ${result.metric}, protocol ${result.protocol.name}`), facts(result.protocol));
      }
    }
  }

  // ----------------------------------------------------------------- curves

  const aboutOf = (kind, columns) => CURVES[kind] || { title: kind, x: Object.keys(columns)[0], xTitle: Object.keys(columns)[0] };
  const namesOf = (kind, columns) => {
    const about = aboutOf(kind, columns);
    return Object.keys(columns).filter((name) => name !== about.x && !(about.without || []).includes(name));
  };
  /** The line of a column: its points, and the numbers that lie on it. */
  function lineOf(result, kind, column) {
    const columns = result.curves[kind];
    const suffix = (column.match(/_iou[\d.]+$/) || [''])[0];
    const numbers = kind !== 'accuracy_over_threshold' ? [] : result.numbers.filter((number) => number.threshold !== null && number.count !== null
      && (number.name.match(/_iou[\d.]+$/) || [''])[0] === suffix);
    return { x: columns[aboutOf(kind, columns).x], y: columns[column], numbers };
  }

  function chart(title, about, lines, levels) {
    const { x } = lines[0];
    const [width, height, left, right, top, bottom] = [460, 270, 40, 10, 8, 36];
    const xEnd = lines.reduce((most, line) => line.x.reduce((a, b) => Math.max(a, b), most), 1);
    const highest = lines.reduce((most, line) => line.y.reduce((a, b) => Math.max(a, b === null ? 0 : b), most), 0);
    const yEnd = highest > 1 ? 100 : 1;
    const toX = (value) => left + (value / xEnd) * (width - left - right);
    const toY = (value) => height - bottom - (value / yEnd) * (height - top - bottom);
    const picture = draw('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', tabindex: '0' });

    for (let step = 0; step <= 5; step += 1) {
      const [vx, vy] = [(xEnd * step) / 5, (yEnd * step) / 5];
      picture.append(
        draw('line', { class: 'grid', x1: left, x2: width - right, y1: toY(vy), y2: toY(vy) }),
        draw('line', { class: 'grid', x1: toX(vx), x2: toX(vx), y1: top, y2: height - bottom }),
        draw('text', { x: left - 5, y: toY(vy) + 4, 'text-anchor': 'end' }, yEnd === 1 ? vy.toFixed(1) : `${Math.round(vy)} %`),
        draw('text', { x: toX(vx), y: height - bottom + 15, 'text-anchor': 'middle' }, vx.toFixed(1)),
      );
    }
    picture.append(draw('text', { x: (left + width - right) / 2, y: height - 4, 'text-anchor': 'middle' }, about.xTitle));
    for (const level of levels) {
      picture.append(draw('line', { class: 'level', x1: toX(level), x2: toX(level), y1: top, y2: height - bottom }));
    }
    const legend = make('ul', { className: 'legend' });
    const outputs = lines.map((line) => {
      const colour = `var(--line-${line.colour})`;
      const style = `stroke: ${colour}; stroke-dasharray: ${DASHES[line.dash % 5] || 'none'}`;
      let path = '';
      line.y.forEach((value, index) => {
        if (value !== null) path += `${path ? 'L' : 'M'}${toX(line.x[index]).toFixed(1)} ${toY(value).toFixed(1)}`;
      });
      picture.append(draw('path', { d: path, style }));
      const item = make('li', {}, draw('svg', { viewBox: '0 0 28 10', 'aria-hidden': 'true' },
        draw('line', { x1: 0, x2: 28, y1: 5, y2: 5, 'stroke-width': 2.5, style })), line.name);
      for (const number of line.numbers) {
        picture.append(draw('circle', { cx: toX(number.threshold), cy: toY(number.value), r: 4, style: `fill: ${colour}` }));
        item.append(` ${percent(number.value)} at ${number.threshold.toFixed(3)} (${number.source})`);
      }
      const output = make('output');
      item.append(output);
      legend.append(item);
      return output;
    });
    picture.setAttribute('aria-label', `${title}; lines: ${lines.map((line) => line.name).join(', ')}. Left and right arrow read values.`);

    const cursor = draw('line', { class: 'cursor', y1: top, y2: height - bottom, visibility: 'hidden' });
    picture.append(cursor);
    const where = make('output', { className: 'quiet' });
    let at = -1;
    const nearest = (values, wanted) => values.reduce((best, value, index) => (Math.abs(value - wanted) < Math.abs(values[best] - wanted) ? index : best), 0);
    const point = (index) => {
      at = index;
      cursor.setAttribute('visibility', index < 0 ? 'hidden' : 'visible');
      where.textContent = index < 0 ? '' : ` at ${about.xTitle} ${x[index].toFixed(3)}`;
      outputs.forEach((output, place) => {
        const value = index < 0 ? null : lines[place].y[nearest(lines[place].x, x[index])];
        output.textContent = index < 0 ? '' : yEnd === 1 ? decimals(value, 3) : percent(value);
      });
      if (index >= 0) { cursor.setAttribute('x1', toX(x[index])); cursor.setAttribute('x2', toX(x[index])); }
    };
    picture.addEventListener('pointermove', (event) => {
      const box = picture.getBoundingClientRect();
      const wanted = (((event.clientX - box.left) / box.width) * width - left) / (width - left - right) * xEnd;
      point(nearest(x, wanted));
    });
    for (const leaving of ['pointerleave', 'blur']) picture.addEventListener(leaving, () => point(-1));
    picture.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      point(Math.min(x.length - 1, Math.max(0, at + step * Math.max(1, Math.round(x.length / 50)))));
    });
    return make('figure', { className: 'chart' }, make('figcaption', {}, make('h3', {}, title, where)), picture, legend);
  }

  function showCurves() {
    const levelsOf = (result, kind) => (kind === 'accuracy_over_iou' ? result.protocol.iou_levels : []);
    for (const results of groups()) {
      const some = results.filter(Boolean);
      for (const kind of new Set(some.flatMap((result) => Object.keys(result.curves)))) {
        const having = some.filter((result) => result.curves[kind]);
        const about = aboutOf(kind, having[0].curves[kind]);
        const columns = [...new Set(having.flatMap((result) => namesOf(kind, result.curves[kind])))];
        const title = `${groupName(results)}: ${about.title}`;
        if (!several) {
          const lines = columns.map((name, place) => ({ name, colour: place % 5, dash: place, ...lineOf(having[0], kind, name) }));
          byId('charts').append(chart(title, about, lines, levelsOf(having[0], kind)));
        }
        for (const name of several ? columns : []) {
          const lines = results.flatMap((result, place) => {
            if (!result?.curves[kind]?.[name]) return [];
            const seed = runs.slice(0, place).filter((run) => run.name === runs[place].name).length;
            const dash = methods.length < runs.length ? seed : colourOf(runs[place]);
            return [{ name: runs[place].title, colour: colourOf(runs[place]), dash, ...lineOf(result, kind, name) }];
          });
          byId('charts').append(chart(`${title}, ${name}`, about, lines, levelsOf(having[0], kind)));
        }
      }
    }
    byId('curves').hidden = !byId('charts').childElementCount;
  }

  // -------------------------------------------------------------- agreement

  const patterns = [...rows.reduce((counts, row) => counts.set(row.pattern, (counts.get(row.pattern) || 0) + 1), new Map())]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));

  function patternName(pattern) {
    const whose = (sign) => gallery.runs.filter((_, place) => pattern[place] === sign).map(titleOf).join(', ');
    if (!pattern.includes('0')) return 'right in all';
    if (!pattern.includes('1')) return 'wrong in all';
    return `right in ${whose('1')} alone`;
  }

  function showAgreement(select) {
    byId('agreement').hidden = !compared;
    if (!compared) return;
    byId('agreement-note').textContent = `Images of the gallery by where they are right: ${byClass ? 'class and box (Top-1 Loc)' : 'the box of the true class (GT-known Loc)'}. `
      + 'A number shows them.';
    byId('differences').append(make('thead', {}, make('tr', {}, ...gallery.runs.map((own) => make('th', { scope: 'col' }, titleOf(own))),
      make('th', { scope: 'col', className: 'number' }, 'images'))));
    byId('differences').append(make('tbody', {}, ...patterns.map(([pattern, count]) => {
      const button = make('button', { type: 'button', 'aria-label': `${patternName(pattern)}: show ${count} images` }, String(count));
      button.addEventListener('click', () => select({ agree: pattern }));
      return make('tr', {}, ...[...pattern].map((sign) => make('td', { className: sign === '1' ? 'good' : 'bad' }, sign === '1' ? '✓ right' : '✗ wrong')),
        make('td', { className: 'number' }, button));
    })));
  }

  // ------------------------------------------------------------ class table

  let classOrder = { column: 0, falling: false };
  let allClasses = false;

  function showClasses(select) {
    const { outcomes } = part;
    const ranked = outcomes.length > 0;
    const columns = [
      { title: 'class', value: (line) => className(line.label) },
      { title: 'images', value: (line) => line.images },
      ...outcomes.map((outcome, place) => ({
        title: OUTCOMES[outcome] || outcome, about: MEANINGS[outcome], outcome, value: (line) => line.outcomes[place] / line.images,
      })),
      { title: 'GT-known', about: `IoU of at least ${part.level}`, value: (line) => line.known / line.images },
      { title: 'mean IoU', value: (line) => line.iou },
      ...(ranked ? [{ title: 'most often taken for', value: (line) => (line.taken ? line.taken[1] : 0) }] : []),
    ];
    if (classOrder.column >= columns.length) classOrder = { column: 0, falling: false };

    const cell = (text, filters, about, share) => {
      const inner = filters ? make('button', { type: 'button', 'aria-label': about }, text) : make('span', {}, text);
      if (filters) inner.addEventListener('click', () => select(filters));
      const box = make('td', { className: share === undefined ? 'number' : 'cell' }, inner);
      if (share !== undefined) box.style.setProperty('--share', share.toFixed(3));
      return box;
    };
    const rowOf = (line, whole) => {
      const own = whole ? {} : { true: String(line.label) };
      const name = whole ? 'all classes' : className(line.label);
      const heading = make('button', { type: 'button', title: name }, name);
      heading.addEventListener('click', () => select(own));
      const element = make('tr', { className: whole ? 'all' : '' }, make('th', { scope: 'row' }, heading), make('td', { className: 'number' }, String(line.images)));
      outcomes.forEach((outcome, place) => {
        const count = line.outcomes[place];
        element.append(cell(String(count), count ? { ...own, outcomes: [outcome] } : null, `${name}, ${OUTCOMES[outcome]}: show ${count} images`, count / line.images));
      });
      element.append(
        make('td', { className: 'number' }, `${((100 * line.known) / line.images).toFixed(1)} %`),
        make('td', { className: 'number' }, line.iou.toFixed(3)),
      );
      if (ranked) {
        const taken = make('td');
        if (line.taken) {
          const [label, count] = line.taken;
          const button = make('button', { type: 'button', className: 'taken' }, `${className(label)} (${count})`);
          button.addEventListener('click', () => select({ ...own, predicted: String(label) }));
          taken.append(button);
        }
        element.append(taken);
      }
      return element;
    };
    const { table } = part;
    const total = (get) => table.reduce((sum, line) => sum + get(line), 0);
    const images = total((line) => line.images);
    const whole = {
      images, known: total((line) => line.known), iou: total((line) => line.iou * line.images) / images,
      outcomes: outcomes.map((_, place) => total((line) => line.outcomes[place])), taken: null,
    };

    const head = make('tr');
    const body = make('tbody');
    const fill = () => {
      const { value } = columns[classOrder.column];
      const sign = classOrder.falling ? -1 : 1;
      const sorted = table.map((line, place) => [value(line), place, line]);
      sorted.sort(([a, i], [b, j]) => {
        const compared = typeof a === 'string' ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
        return sign * compared || i - j;
      });
      const most = allClasses ? sorted.length : FEW_CLASSES;
      body.replaceChildren(rowOf(whole, true), ...sorted.slice(0, most).map(([, , line]) => rowOf(line, false)));
      [...head.children].forEach((heading, place) => {
        heading.setAttribute('aria-sort', place !== classOrder.column ? 'none' : classOrder.falling ? 'descending' : 'ascending');
        heading.querySelector('.arrow').textContent = place !== classOrder.column ? '' : classOrder.falling ? ' ↓' : ' ↑';
      });
      byId('all-classes').hidden = allClasses || sorted.length <= FEW_CLASSES;
    };
    columns.forEach((column, place) => {
      const button = make('button', { type: 'button', title: column.about || '' }, column.title, make('span', { className: 'arrow' }));
      if (column.outcome) button.prepend(dot(column.outcome), ' ');
      button.addEventListener('click', () => {
        classOrder = { column: place, falling: classOrder.column === place ? !classOrder.falling : place > 0 };
        fill();
      });
      head.append(make('th', { scope: 'col', className: place && column.title !== 'most often taken for' ? 'number' : '' }, button));
    });
    byId('heat').replaceChildren(make('thead', {}, head), body);
    byId('all-classes').textContent = `Show all ${table.length} classes`;
    byId('all-classes').onclick = () => { allClasses = true; fill(); };
    byId('classes-note').textContent = `${several ? `${titleOf(part)}, ` : ''}${part.name}: images of each true class by what became of them; the colour is the share of `
      + 'the class. A heading sorts; a number sets the filters of the gallery.';
    fill();
  }

  // --------------------------------------------------------------- pictures

  function fileName(index) {
    return `${String(Math.floor(index / 1000)).padStart(3, '0')}/${String(index).padStart(6, '0')}`;
  }

  const everyPlace = gallery.runs.map((_, place) => place);
  const here = () => gallery.runs.indexOf(part);

  /** The boxes of an image, of the results at some places. */
  function boxesOf(row, places) {
    const picture = draw('svg', { viewBox: `0 0 ${row.size[0]} ${row.size[1]}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    const add = ([x1, y1, x2, y2], kind) => {
      for (const layer of ['under', kind]) {
        picture.append(draw('rect', { class: layer, x: x1, y: y1, width: Math.max(0, x2 - x1), height: Math.max(0, y2 - y1) }));
      }
    };
    row.truth.forEach((box) => add(box, 'truth'));
    for (const place of places) add(row.runs[place].box, compared ? `of-${colourOf(runs[gallery.runs[place].run])}` : 'predicted');
    return picture;
  }

  function heatOf(row, kind, ofPredicted, own = part) {
    const ending = ofPredicted ? '-predicted.jpg' : '.jpg';
    return make('img', { className: 'heat', alt: '', src: `maps/${own.run}/${encodeURIComponent(kind)}/${fileName(row.index)}${ending}` });
  }

  function frameOf(row, alt, lazy, places = everyPlace) {
    const frame = make('span', { className: 'frame' });
    if (row.pictured) {
      frame.append(make('img', { alt, loading: lazy ? 'lazy' : 'eager', decoding: 'async', draggable: false, src: `images/${fileName(row.index)}.jpg` }));
    } else {
      frame.classList.add('absent');
      frame.append(make('span', { className: 'absent-text' }, 'image not found'));
    }
    if (row.size) frame.append(boxesOf(row, places));
    return frame;
  }

  function putHeat(frame, heat) {
    frame.querySelector('.heat')?.remove();
    if (heat) frame.insertBefore(heat, frame.querySelector('svg'));
  }

  // ---------------------------------------------------------------- filters

  const INPUTS = ['run', 'agree', 'true', 'predicted', 'min', 'max', 'search', 'sort', 'map'];
  const scoredOf = (own) => own.kinds.find((kind) => kind.scored) || own.kinds[0];
  const defaultOf = (id) => (id === 'run' ? '0' : id === 'map' ? scoredOf(part)?.name || '' : '');
  let image = null; // row in the large view
  let shown = rows;

  /** Take another result for outcomes, filters and maps. */
  function take(place) {
    part = gallery.runs[place] || gallery.runs[0];
    for (const row of rows) Object.assign(row, row.runs[here()]);
    const counted = {};
    for (const row of rows) counted[row.outcome] = (counted[row.outcome] || 0) + 1;
    const kept = new Set([...document.querySelectorAll('#outcomes input:checked')].map((input) => input.value));
    byId('outcomes').replaceChildren(make('legend', {}, 'Outcome'), ...part.outcomes.map((outcome) => make('label', { className: 'chip', title: MEANINGS[outcome] || '' },
      make('input', { type: 'checkbox', name: 'outcome', value: outcome, checked: kept.has(outcome) }), dot(outcome),
      `${OUTCOMES[outcome] || outcome} ${counted[outcome] || 0}`)));
    byId('outcomes').hidden = !part.outcomes.length;
    byId('map').replaceChildren(make('option', { value: '' }, 'none'), ...part.kinds.map((kind) => make('option', { value: kind.name }, kind.title + (kind.scored ? ' (scored)' : ''))));
    for (const id of ['map', 'always']) byId(id).parentElement.hidden = !part.kinds.length;
  }

  function fillFilters() {
    byId('run').append(...gallery.runs.map((own, place) => make('option', { value: String(place) }, titleOf(own))));
    byId('agree').append(make('option', { value: '' }, 'all images'), make('option', { value: 'differ' }, 'where results differ'),
      ...patterns.map(([pattern, count]) => make('option', { value: pattern }, `${patternName(pattern)} (${count})`)));
    for (const id of ['run', 'agree']) byId(id).parentElement.hidden = !compared;
    const known = { true: new Set(), predicted: new Set() };
    for (const row of rows) {
      known.true.add(String(row.true));
      for (const own of row.runs) if (own.predicted !== null) known.predicted.add(String(own.predicted));
    }
    for (const [id, own] of Object.entries(known)) {
      byId(id).append(make('option', { value: '' }, 'any'), ...labels.filter((label) => own.has(label)).map((label) => make('option', { value: label }, className(label))));
      if (!own.size) byId(id).parentElement.hidden = true;
    }
    byId('keys').append(...gallery.runs.map((own) => make('span', { className: 'key' },
      make('i', { className: `swatch ${compared ? `of-${colourOf(runs[own.run])}` : 'predicted'}` }),
      compared ? ` ${titleOf(own)}` : " predicted box, from the true class's map")));
    byId('truth-key').hidden = !rows.some((row) => row.truth.length);

    const notices = [];
    if (!gallery.runs.some((own) => own.kinds.length)) {
      notices.push('Boxes only: there are no maps here, nor true boxes. Maps and true boxes come from a file of tools/test.py --save-maps, given to report.py as --maps.');
    }
    if (rows.length < gallery.images) {
      notices.push(`The gallery shows ${rows.length} of ${gallery.images} images, evenly spread; summary and table of classes count all of them.`);
    }
    const absent = rows.filter((row) => !row.pictured).length;
    if (absent) notices.push(`${absent} of ${rows.length} images could not be read when the report was written.`);
    byId('notices').append(...notices.map((text) => make('p', { className: 'notice' }, text)));
  }

  function readForm() {
    const state = { outcomes: [...document.querySelectorAll('#outcomes input:checked')].map((input) => input.value) };
    for (const id of INPUTS) state[id] = byId(id).value.trim();
    state.always = byId('always').checked;
    state.boxes = byId('boxes').checked;
    return state;
  }

  function writeForm(state) {
    const wanted = new Set(state.outcomes || []);
    for (const id of INPUTS) {
      const input = byId(id);
      const value = state[id] ?? defaultOf(id);
      input.value = value;
      // A select that does not know the value is left empty.
      if (input.value !== value && input.tagName === 'SELECT') input.value = defaultOf(id);
      if (id === 'run' && byId('run').value !== String(here())) changeRun();
    }
    for (const input of document.querySelectorAll('#outcomes input')) input.checked = wanted.has(input.value);
    byId('always').checked = Boolean(state.always);
    byId('boxes').checked = state.boxes !== false;
  }

  function toHash(state) {
    const parts = new URLSearchParams();
    if (state.outcomes.length) parts.set('outcome', state.outcomes.join(','));
    for (const id of INPUTS) if (state[id] !== defaultOf(id)) parts.set(id, state[id]);
    if (state.always) parts.set('always', '1');
    if (!state.boxes) parts.set('boxes', '0');
    if (image) parts.set('image', String(image.index));
    return parts.toString();
  }

  function fromHash(hash) {
    const parts = new URLSearchParams(hash);
    const state = { outcomes: (parts.get('outcome') || '').split(',').filter(Boolean), always: parts.get('always') === '1', boxes: parts.get('boxes') !== '0' };
    for (const id of INPUTS) if (parts.has(id)) state[id] = parts.get(id);
    return { state, image: rows[Number(parts.get('image') ?? NaN)] || null };
  }

  let written = null;
  function keepState() {
    written = toHash(readForm());
    // Not history.replaceState: pages from the file system may not.
    if (written !== location.hash.slice(1)) location.replace(`#${written}`);
  }

  function applyFilters() {
    const state = readForm();
    const wanted = new Set(state.outcomes);
    const least = state.min === '' ? -Infinity : Number(state.min);
    const most = state.max === '' ? Infinity : Number(state.max);
    const search = state.search.toLowerCase();
    shown = rows.filter((row) => (!wanted.size || wanted.has(row.outcome))
      && (!state.agree || row.pattern === state.agree || (state.agree === 'differ' && new Set(row.pattern).size > 1))
      && (!state.true || String(row.true) === state.true)
      && (!state.predicted || String(row.predicted) === state.predicted)
      && row.iou >= least && row.iou <= most
      && (!search || row.path.toLowerCase().includes(search)));
    const key = { low: (row) => row.iou, high: (row) => -row.iou, rank: (row) => -(row.rank ?? 0) }[state.sort];
    if (key) shown.sort((a, b) => key(a) - key(b) || a.index - b.index);
    byId('count').textContent = shown.length === rows.length ? `${rows.length} images` : `${shown.length} of ${rows.length} images`;
    document.body.classList.toggle('no-boxes', !state.boxes);
    cards.layout();
    showPosition();
  }

  function select(filters) {
    const { run, map, always, boxes, sort } = readForm();
    writeForm({ run, map, always, boxes, sort, ...filters });
    applyFilters();
    keepState();
    byId('gallery').scrollIntoView();
    byId('gallery').focus({ preventScroll: true });
  }

  function changeRun() {
    take(Number(byId('run').value));
    byId('map').value = defaultOf('map');
    cards.renew();
    showClasses(select);
  }

  // ------------------------------------------------------------------ cards

  /** A window on the list: only cards near the screen are in the document. */
  const cards = (() => {
    const list = byId('cards');
    const live = new Map(); // index of a row to its element
    const style = getComputedStyle(document.documentElement);
    let columns = 1;
    let cell = [1, 1];

    function create(row) {
      const frame = frameOf(row, `Image ${row.path}`, true);
      if (row.size) {
        const longest = Math.max(...row.size);
        frame.style.width = `${(100 * row.size[0]) / longest}%`;
        frame.style.height = `${(100 * row.size[1]) / longest}%`;
      }
      const outcome = row.outcome ? [dot(row.outcome), ` ${OUTCOMES[row.outcome] || row.outcome}, IoU ${row.iou.toFixed(2)}`] : [`IoU ${row.iou.toFixed(2)}`];
      const taken = row.predicted !== null && row.predicted !== row.true ? `→ ${className(row.predicted)}` : '';
      const last = compared ? make('span', {}, ...gallery.runs.map((own, place) => {
        const right = row.pattern[place] === '1';
        const name = `${titleOf(own)}: ${right ? 'right' : 'wrong'}`;
        return make('span', { className: `mark of-${colourOf(runs[own.run])}`, title: name, role: 'img', 'aria-label': name }, right ? '✓' : '✗');
      })) : make('span', { className: 'quiet' }, taken);
      const button = make('button', { type: 'button', className: 'card' },
        make('span', { className: 'square' }, frame),
        make('span', { className: 'caption' }, make('span', {}, ...outcome), make('span', { title: className(row.true) }, className(row.true)), last));
      const item = make('li', {}, button);
      item.row = row;
      return item;
    }

    function heat(item, on) {
      const kind = byId('map').value;
      putHeat(item.querySelector('.frame'), on && kind && item.row.maps.includes(kind) ? heatOf(item.row, kind, false) : null);
    }

    function refresh() {
      const always = byId('always').checked;
      const top = list.getBoundingClientRect().top;
      const spare = innerHeight;
      const first = Math.max(0, Math.floor((-top - spare) / cell[1])) * columns;
      const last = Math.min(shown.length, Math.ceil((innerHeight - top + spare) / cell[1]) * columns);
      const wanted = new Map();
      for (let place = first; place < last; place += 1) wanted.set(shown[place].index, place);
      for (const [index, item] of live) {
        // What has the focus stays, or the keyboard would lose its place.
        if (!wanted.has(index) && !(item.contains(document.activeElement) && shown.includes(item.row))) { item.remove(); live.delete(index); }
      }
      let after = null;
      for (const [index, place] of [...wanted].reverse()) {
        let item = live.get(index);
        if (!item) {
          item = create(shown[place]);
          live.set(index, item);
          if (always) heat(item, true);
        }
        if (item.place !== place || item.columns !== columns || item.wide !== cell[0]) {
          Object.assign(item, { place, columns, wide: cell[0] });
          item.style.width = `${cell[0]}px`;
          item.style.height = `${cell[1]}px`;
          item.style.transform = `translate(${(place % columns) * cell[0]}px, ${Math.floor(place / columns) * cell[1]}px)`;
        }
        item.setAttribute('aria-posinset', String(place + 1));
        item.setAttribute('aria-setsize', String(shown.length));
        // In the order of the list, for the tab key.
        if (!item.parentNode || item.nextElementSibling !== after) list.insertBefore(item, after);
        after = item;
      }
    }

    function layout() {
      const width = list.clientWidth;
      columns = Math.max(2, Math.floor(width / parseFloat(style.getPropertyValue('--card'))));
      const wide = width / columns;
      cell = [wide, wide - 10 + parseFloat(style.getPropertyValue('--caption')) + 10];
      list.style.height = `${Math.ceil(shown.length / columns) * cell[1]}px`;
      refresh();
    }

    const later = (work) => {
      let waiting = false;
      return () => {
        if (waiting) return;
        waiting = true;
        requestAnimationFrame(() => { waiting = false; work(); });
      };
    };
    addEventListener('scroll', later(refresh), { passive: true });
    new ResizeObserver(later(layout)).observe(list);

    const itemOf = (event) => event.target.closest?.('li');
    for (const [entering, on] of [['pointerover', true], ['pointerout', false], ['focusin', true], ['focusout', false]]) {
      list.addEventListener(entering, (event) => {
        const item = itemOf(event);
        if (item && !byId('always').checked && item !== itemOf({ target: event.relatedTarget || document })) heat(item, on);
      });
    }
    list.addEventListener('click', (event) => { const item = itemOf(event); if (item) large.open(item.row); });
    return {
      layout,
      renew: () => { for (const item of live.values()) item.remove(); live.clear(); },
      heats: () => { for (const item of live.values()) heat(item, byId('always').checked); },
      focus(row) {
        const place = shown.indexOf(row);
        if (place < 0) return;
        const top = list.getBoundingClientRect().top + Math.floor(place / columns) * cell[1];
        if (top < 0 || top + cell[1] > innerHeight) scrollBy(0, top - innerHeight / 3);
        refresh();
        live.get(row.index)?.querySelector('button').focus({ preventScroll: true });
      },
    };
  })();

  // ------------------------------------------------------------- large view

  function showPosition() {
    if (!image) return;
    const place = shown.indexOf(image);
    // Not disabled, which would take the focus away, and the arrow keys with it.
    byId('previous').setAttribute('aria-disabled', place <= 0);
    byId('next').setAttribute('aria-disabled', place >= shown.length - 1);
  }

  const large = (() => {
    const dialog = byId('large');

    function panel(row, caption, heat, places) {
      const frame = frameOf(row, heat ? `${caption}, over the image` : `Image ${row.path}`, false, places);
      frame.style.setProperty('--ratio', row.size ? (row.size[0] / row.size[1]).toFixed(4) : '1');
      if (heat) putHeat(frame, heat);
      return make('figure', {}, frame, make('figcaption', {}, caption));
    }

    const verdict = (own) => [
      own.outcome && (OUTCOMES[own.outcome] || own.outcome), `IoU ${own.iou.toFixed(2)}`,
      own.predicted !== null && own.predicted !== image.true && `→ ${className(own.predicted)}`,
    ].filter(Boolean).join(', ');

    function fill() {
      const row = image;
      const wrong = row.predicted !== null && row.predicted !== row.true;
      byId('large-title').textContent = wrong ? `${className(row.true)} → ${className(row.predicted)}` : className(row.true);
      const panels = [panel(row, row.pictured ? 'image' : 'image not read', null)];
      // Each result beside the others, with the map that its box is from.
      if (compared) {
        gallery.runs.forEach((own, place) => {
          const kind = scoredOf(own);
          const heat = kind && row.runs[place].maps.includes(kind.name) ? heatOf(row, kind.name, false, own) : null;
          panels.push(panel(row, `${titleOf(own)}: ${verdict(row.runs[place])}`, heat, [place]));
        });
      }
      for (const [maps, ofPredicted] of [[row.maps, false], [row.predictedMaps, true]]) {
        for (const kind of part.kinds.filter((each) => maps.includes(each.name) && !(compared && each === scoredOf(part) && !ofPredicted))) {
          const caption = (compared ? `${titleOf(part)}: ` : '') + kind.title + (kind.scored && !ofPredicted ? ' (scored)' : '') + (wrong && !kind.agnostic ? ` of ${className(ofPredicted ? row.predicted : row.true)}` : '');
          panels.push(panel(row, caption, heatOf(row, kind.name, ofPredicted), [here()]));
        }
      }
      byId('panels').replaceChildren(...panels);
      const box = (edges) => edges.map((edge) => edge.toFixed(1)).join(', ');
      const facts = [
        ['result', compared && titleOf(part)],
        ['outcome', row.outcome && `${OUTCOMES[row.outcome] || row.outcome}: ${MEANINGS[row.outcome] || ''}`],
        ['IoU', row.iou.toFixed(3)],
        ['true class', className(row.true)],
        ['predicted class', row.predicted === null ? null : className(row.predicted)],
        ['rank of the true class', row.rank],
        ['threshold', `${row.threshold.toFixed(3)} (${row.source})`],
        ['predicted box', `${box(row.box)} (x1, y1, x2, y2), from the map of the true class`],
        [row.truth.length > 1 ? 'true boxes' : 'true box', row.truth.length ? row.truth.map(box).join('; ') : null],
        ['size', row.size && `${row.size[0]} × ${row.size[1]}`],
        ['path', gallery.root + row.path],
      ];
      byId('facts').replaceChildren(...facts.filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false)
        .flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, String(value))]));
      dialog.scrollTop = 0;
      showPosition();
    }

    function open(row) {
      image = row;
      fill();
      if (!dialog.open) { dialog.showModal(); byId('large-title').focus(); }
      keepState();
    }

    function step(by) {
      const next = shown[shown.indexOf(image) + by];
      if (next) open(next);
    }

    dialog.addEventListener('close', () => {
      const row = image;
      image = null;
      keepState();
      if (row) cards.focus(row);
    });
    dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by && !event.altKey && !event.ctrlKey && !event.metaKey) { event.preventDefault(); step(by); }
    });
    byId('previous').addEventListener('click', () => step(-1));
    byId('next').addEventListener('click', () => step(1));
    byId('close').addEventListener('click', () => dialog.close());
    return { open, close: () => dialog.close() };
  })();

  // ------------------------------------------------------------------ start

  function restore() {
    const found = fromHash(location.hash.slice(1));
    writeForm(found.state);
    applyFilters();
    cards.heats();
    written = location.hash.slice(1);
    if (found.image) large.open(found.image);
    else if (image) large.close();
  }

  showSummary();
  showCurves();
  showAgreement(select);
  for (const id of ['classes', 'gallery']) byId(id).hidden = !part;
  for (const link of document.querySelectorAll('nav a')) link.hidden = byId(link.getAttribute('href').slice(1)).hidden;
  if (!part) return;
  take(0);
  showClasses(select);
  fillFilters();
  restore();
  addEventListener('hashchange', () => { if (location.hash.slice(1) !== written) restore(); });

  let typing;
  byId('filters').addEventListener('input', (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      if (event.target.id === 'run') changeRun();
      if (['map', 'always'].includes(event.target.id)) cards.heats(); else applyFilters();
      keepState();
    }, event.target.id === 'search' ? 120 : 0);
  });
  byId('filters').addEventListener('submit', (event) => event.preventDefault());
  byId('reset').addEventListener('click', () => select({}));
  // The hash is the state of the gallery, so these go without.
  for (const link of document.querySelectorAll('nav a')) {
    link.addEventListener('click', (event) => {
      event.preventDefault();
      const part = byId(link.getAttribute('href').slice(1));
      part.scrollIntoView();
      part.focus({ preventScroll: true });
    });
  }
})();
