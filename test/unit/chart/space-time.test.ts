import { describe, expect, test } from 'vitest';
import { renderPicture, renderSpaceTime, type SpaceTime } from '../../../src/chart/index.ts';
import { election, eventOf as event, processes } from '../../support/pictures.ts';
import { findTextFaults, type OpenedSvg, openSvg } from '../../support/svg.ts';

const svgOf = (diagram: SpaceTime): OpenedSvg => {
  const result = renderSpaceTime(diagram);
  if (!result.ok) throw new Error(result.problem);
  return openSvg(result.svg);
};
const problemOf = (diagram: SpaceTime): string => {
  const result = renderSpaceTime(diagram);
  return result.ok ? '' : result.problem;
};

describe('a space-time diagram', () => {
  const opened = svgOf(election);

  test('has its title, its axis with the unit, the names of the processes, and a legend of kinds and marks', () => {
    expect(opened.textsOf('title')).toEqual([election.title]);
    expect(opened.textsOf('x-title')).toEqual(['simulated time (ms)']);
    expect(opened.textsOf('process-name')).toEqual(['broker 1', 'broker 2', 'broker 3']);
    expect(opened.textsOf('legend')).toEqual(['append entries', 'request vote', 'vote', 'event', 'notable event', 'fault']);
  });

  test('shows each event on its process, at its time', () => {
    const svg = renderPicture(election);
    const marks = svg.matchAll(
      /<g class="event [^>]*data-id="([^"]*)"[^>]*><title>[^<]*<\/title><(?:circle cx="([\d.]+)" cy="([\d.]+)"|path d="M([\d.]+) ([\d.]+)l8)/g,
    );
    const lines = [...svg.matchAll(/<g class="process"[^>]*><title>[^<]*<\/title><line [^>]*y1="([\d.]+)"/g)].map(([, y]) => Number(y));
    const rowOf = new Map(processes.map(({ id }, index) => [id, lines[index]]));
    const at = new Map([...marks].map(([, id = '', cx, cy, px, py]) => [id, { x: Number(cx ?? px), y: Number(cy ?? Number(py) + 8) }]));
    expect([...at.keys()].toSorted()).toEqual(election.events.map(({ id }) => id).toSorted());
    for (const { id, at: time, process } of election.events) {
      expect(Math.abs(opened.valueOf.x(at.get(id)?.x ?? Number.NaN) - time)).toBeLessThan(0.05);
      expect(at.get(id)?.y).toBeCloseTo(rowOf.get(process) ?? Number.NaN, 1);
    }
  });

  test('draws an arrow for each message, and says of one end that it is not known', () => {
    const arrows = opened.elements('message');
    expect(arrows.map((each) => [each['data-kind'], each['data-from'], each['data-to']])).toEqual(
      election.messages.map(({ kind, from, to }) => [kind, from ?? '', to ?? '']),
    );
    expect(arrows.filter((each) => each['class'] === 'message unpaired')).toHaveLength(1);
  });

  test('marks faults, and labels what is notable before the rest', () => {
    expect(opened.elements('fault').map((each) => each['data-process'])).toEqual(['broker 1', '']);
    expect(opened.textsOf('fault-label')).toEqual(['crashed', 'slow network']);
    for (const label of ['crash', 'candidate, term 3', 'leader, term 3', 'append 17 again'])
      expect(opened.textsOf('event-label')).toContain(label);
  });

  test('has no text over another, and none that is cut', () => {
    expect(findTextFaults(opened)).toEqual([]);
  });

  test('escapes what it is given', () => {
    const evil = '<script>"&';
    const svg = renderPicture({ ...election, title: evil, processes: processes.map(({ id }) => ({ id, label: evil })), note: evil });
    expect(svg).not.toContain('<script>');
  });
});

describe('a space-time diagram of very much', () => {
  const count = 2_000;
  const many: SpaceTime = {
    ...election,
    events: Array.from({ length: count }, (_, index) =>
      event(`e${index}`, (index % 3) + 1, index * 1.5, `event ${index}`, index % 10 === 0 ? 'notable' : 'plain'),
    ),
    messages: Array.from({ length: count - 1 }, (_, index) => ({ kind: `kind ${index % 9}`, from: `e${index}`, to: `e${index + 1}` })),
    faults: Array.from({ length: 100 }, (_, index) => ({
      process: 'broker 2',
      from: index * 20,
      to: index * 20 + 5,
      label: `fault ${index}`,
      isDown: true,
    })),
    eventsMax: 300,
  };

  test('stops after the stated number of events, and says so', () => {
    const opened = svgOf(many);
    expect(opened.elements('event')).toHaveLength(300);
    expect(renderSpaceTime(many)).toMatchObject({ ok: true, drawn: 300, of: count });
    expect(opened.textsOf('note')[0]).toContain('The first 300 of 2000 events');
    expect(opened.elements('message').length).toBeLessThanOrEqual(300);
  });

  test('leaves labels out rather than writing them over others', () => {
    expect(findTextFaults(svgOf(many))).toEqual([]);
    expect(
      findTextFaults(
        svgOf({ ...many, width: 4_000, processes: processes.map(({ id }) => ({ id, label: `${id} ${'long '.repeat(30)}` })) }),
      ),
    ).toEqual([]);
  });

  test.each([
    // Between two lines with an arrow every few pixels no place is free for those that must be named.
    ['plain events that happened close together', many, [false]],
    ['all of an election', election, [false, true]],
  ] as const)('writes nothing across an arrow that could be elsewhere: %s', (_what, diagram, bold) => {
    const svg = renderPicture(diagram);
    const weights = [...svg.matchAll(/<text class="event-label"([^>]*)>/g)].map(([, rest = '']) => rest.includes('font-weight="bold"'));
    const labels = openSvg(svg).texts.filter((text) => text.class === 'event-label');
    const arrows = [...svg.matchAll(/<g class="message[^>]*><title>[^<]*<\/title><line x1="(\S+)" y1="(\S+)" x2="(\S+)" y2="(\S+)"/g)].map(
      ([, ...ends]) => ends.map(Number),
    );
    const isCrossed = ({ left, right, top, bottom }: (typeof labels)[number]): boolean =>
      arrows.some(([x1 = 0, y1 = 0, x2 = 0, y2 = 0]) =>
        // A point of the arrow in each pixel's row of the label is enough: arrows go from line to line, hardly one lies flat.
        Array.from({ length: Math.floor(bottom - top) - 2 }, (_, row) => top + 1 + row).some((y) => {
          const part = (y - y1) / (y2 - y1);
          const x = x1 + part * (x2 - x1);
          return part >= 0 && part <= 1 && x > left + 1 && x < right - 1;
        }),
      );
    expect(labels.length).toBeGreaterThan(5);
    expect(arrows.length).toBeGreaterThan(3);
    expect(
      labels.filter((label, index) => bold.some((each) => each === weights[index]) && isCrossed(label)).map(({ text }) => text),
    ).toEqual([]);
  });

  test('has a stroke of its own for each kind of message, in the legend too', () => {
    const messages = many.messages.map((message, index) => ({ ...message, kind: `kind ${index % 24}` }));
    const svg = renderPicture({ ...many, messages });
    const strokeIn = (text: string): string =>
      [/stroke="([^"]*)"/, /stroke-dasharray="([^"]*)"/].map((each) => each.exec(text)?.[1] ?? '').join(' ');
    const samples = [...svg.matchAll(/(<line [^>]*>)<path [^>]*><text class="legend"[^>]*>(kind \d+)</g)].map(([, line = '']) =>
      strokeIn(line),
    );
    const arrows = [...svg.matchAll(/<g class="message" [^>]*><title>[^<]*<\/title>(<line [^>]*>)/g)].map(([, line = '']) =>
      strokeIn(line),
    );

    expect(samples).toHaveLength(24);
    expect(new Set(samples).size).toBe(24);
    expect(new Set(arrows)).toEqual(new Set(samples));
  });

  test('can be a stretch of it, with arrows from outside and to outside', () => {
    const opened = svgOf({ ...many, from: 100, to: 130 });
    expect(opened.elements('event').map((each) => Number(each['data-at']))).toEqual([
      100.5, 102, 103.5, 105, 106.5, 108, 109.5, 111, 112.5, 114, 115.5, 117, 118.5, 120, 121.5, 123, 124.5, 126, 127.5, 129,
    ]);
    expect(opened.elements('message').filter((each) => each['class'] === 'message unpaired')).toHaveLength(2);
  });
});

describe('instead of an empty picture there is a sentence', () => {
  test.each([
    ['no process', { processes: [] }, 'there is no process'],
    ['too many processes', { processes: Array.from({ length: 41 }, (_, index) => ({ id: `p${index}`, label: 'x' })) }, 'at most 40'],
    ['no event', { events: [], messages: [] }, 'there is no event'],
    ['nothing in the stretch', { from: 500, to: 600 }, 'no event is between 500 and 600; there are 8, from 0 to 219'],
    ['an event of nobody', { events: [event('x', 9, 1)], messages: [] }, 'event x is of process broker 9'],
    ['an event without time', { events: [event('x', 1, Number.NaN)], messages: [] }, 'event x has no time'],
    ['one id twice', { events: [event('x', 1, 1), event('x', 1, 2)], messages: [] }, 'two events are called x'],
    ['a message of no event', { messages: [{ kind: 'k', from: 'nowhere', to: 'a1' }] }, 'names event nowhere'],
    ['a message of no end', { messages: [{ kind: 'k', from: null, to: null }] }, 'neither end'],
    ['a fault of nobody', { faults: [{ process: 'q', from: 1, to: 2, label: 'f', isDown: true }] }, 'fault "f" is of process q'],
  ] as const)('for %s', (_what, change, sentence) => {
    const diagram: SpaceTime = { ...election, ...change };
    expect(problemOf(diagram)).toContain(sentence);
    const opened = openSvg(renderPicture(diagram));
    expect(opened.textsOf('problem').join(' ')).toContain(sentence);
    expect(findTextFaults(opened)).toEqual([]);
  });
});
