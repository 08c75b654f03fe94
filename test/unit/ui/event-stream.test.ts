import { describe, expect, it } from 'vitest';
import { EventStreamParser } from '../../../ui/src/topic/event-stream.ts';

const stream = ': hello\r\nid: 7\ndata: one\n\nid: 8\nevent: end\ndata: two\ndata:three\n\n\ndata: four\r\n\r\n';
const events = [
  { id: '7', event: 'message', data: 'one' },
  { id: '8', event: 'end', data: 'two\nthree' },
  { id: '8', event: 'message', data: 'four' },
];

describe('the event stream of the page', () => {
  it('gives each event once its empty line has come', () => {
    expect(new EventStreamParser().push(stream)).toEqual(events);
  });

  it('gives the same events wherever the pieces are cut', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const parser = new EventStreamParser();
      expect([...parser.push(stream.slice(0, cut)), ...parser.push(stream.slice(cut))], `cut at ${cut}`).toEqual(events);
    }
    const parser = new EventStreamParser();
    expect(stream.split('').flatMap((character) => parser.push(character))).toEqual(events);
  });

  it('gives nothing for an event that was cut off', () => {
    expect(new EventStreamParser().push('id: 9\ndata: half\n')).toEqual([]);
  });
});
