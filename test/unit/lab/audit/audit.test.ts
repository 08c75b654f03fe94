// The audit of system calls, on the beginning of a real trace (broker.trace: one broker of three from its first start on, cut to its log files, its
// votes and what it sent to its peers; `node scripts/record-audit-trace.ts` records it anew), as it was recorded and with a sync taken out.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { AuditJudge, type AuditFigures, TraceReader } from '../../../../src/lab/audit/index.ts';

const [head = '', ...lines] = readFileSync(path.join(import.meta.dirname, 'broker.trace'), 'latin1')
  .trim()
  .split('\n');
const broker = Number(/^broker (\d);/.exec(head)?.[1]);
const peer = broker === 1 ? 2 : 1;
const ports = new Map(Array.from(head.matchAll(/(\d+)=(\d)/g), ([, port, id]) => [Number(port), Number(id)]));
const port = [...ports].find(([, id]) => id === broker)?.[0];

function audit(trace: readonly string[], more: readonly string[] = []): AuditFigures {
  const judge = new AuditJudge(new Map([['log', 2]]), ports);
  const reader = new TraceReader();
  const take = judge.life(broker);
  for (const line of [...trace, ...more]) for (const event of reader.read(line)) take(event);
  return judge.figures();
}

const hex = (text: string): string => Buffer.from(text).toString('hex').replaceAll(/../g, '\\x$&');
const isSyncOf =
  (name: string) =>
  (line: string): boolean =>
    /f(data)?sync\(/.test(line) && line.includes(hex(name));

/** The broker tells a client that this record is acknowledged, as strace shows it. */
function answerLine(offset: number, ackedBy: readonly number[]): string {
  const body = JSON.stringify({ topic: 'log', offset, count: 1, level: 'quorum', ackedBy });
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  return `10673 1895237824.000000 write(40<TCP:[127.0.0.1:${port}->127.0.0.1:50000]>, "${hex(answer)}", ${answer.length}) = ${answer.length} <0.000010>`;
}

/** The trace as if the syncs of this file had never been made: neither begun nor ended. */
function without(name: string): readonly string[] {
  const threads = new Set<string>();
  return lines.filter((line) => {
    const thread = line.split(' ', 1)[0] ?? '';
    if (isSyncOf(name)(line)) {
      if (line.endsWith('<unfinished ...>')) threads.add(thread);
      return false;
    }
    return !(/<\.\.\. f(data)?sync resumed>/.test(line) && threads.delete(thread));
  });
}

describe('the audit of a trace', () => {
  test('finds nothing where every acknowledgement and vote came after its sync', () => {
    const figures = audit(lines);

    expect(figures).toMatchObject({ violationCount: 0, violations: [] });
    expect(figures.acknowledgements).toBeGreaterThan(5);
    expect(figures.votes).toBeGreaterThan(0);
    expect(figures.syncs).toBeGreaterThan(5);
  });

  test('finds acknowledgements that came without the sync of the log', () => {
    const { violations } = audit(without('/groups/log/'));

    expect(violations[0]).toMatch(new RegExp(String.raw`^broker ${broker} acknowledged group 2 up to \d+ to broker \d, with 0 synced$`));
  });

  test('finds votes that were sent without the sync of the votes', () => {
    const { violations } = audit(without('/votes'));

    expect(violations.some((what) => /vote in term 1|stood for term 1/.test(what))).toBe(true);
  });

  test('finds an answer to a client that names a broker which had not synced', () => {
    const { answers, violations } = audit(lines, [answerLine(1_000_000, [peer, broker])]);

    expect(answers).toBe(1);
    expect(violations.map((what) => what.replace(/\d+$/, 'N'))).toEqual([
      `broker ${broker} acknowledged offset 1000000 of "log" when broker ${peer}, which it named, had synced up to N`,
      `broker ${broker} acknowledged offset 1000000 of "log" when broker ${broker}, which it named, had synced up to N`,
    ]);
  });

  test('takes what a start writes again as it was for as durable as it was, unless it was erased meanwhile', () => {
    const writes = lines.filter((line) => line.includes('pwritev(') && line.includes(hex('/groups/log/'))).slice(-2);
    const laterBy = (seconds: number, line: string): string =>
      line.replace(/ (\d+\.\d+) /, (_all, at: string) => ` ${(Number(at) + seconds).toFixed(6)} `);
    const answerAbout = (offset: number): string => {
      const body = JSON.stringify({ topic: 'log', offset, count: 1, level: 'quorum', ackedBy: [broker, broker] });
      const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const call = `write(40<TCP:[127.0.0.1:${port}->127.0.0.1:50000]>, "${hex(answer)}", ${answer.length}) = ${answer.length} <0.000010>`;
      return laterBy(1, lines.at(-1) as string).replace(/^(\d+ \d+\.\d+) .*$/, `$1 ${call}`);
    };
    const durable = Array.from({ length: 100 }, (_, offset) => offset).findLast(
      (offset) => audit(lines, [answerAbout(offset)]).violationCount === 0,
    ) as number;
    const again = writes.map((line) => laterBy(10, line));
    const [, position = ''] = /, (\d+)\) = \d+ <[\d.]+>$/.exec(writes[0] as string) ?? [];
    const zeros = (again[0] as string).replace(
      /pwritev\((\d+<[^>]*>).*$/,
      `pwrite64($1, "${'\\x00'.repeat(4096)}", 4096, ${position}) = 4096 <0.000010>`,
    );

    expect(audit(lines, [answerAbout(durable), ...again]).violations).toEqual([]);
    expect(audit(lines, [answerAbout(durable), zeros, ...again]).violationCount).toBeGreaterThan(0);
  });

  test('finds an answer to a client that names no majority', () => {
    expect(audit(lines, [answerLine(1, [broker])]).violations).toEqual([
      `broker ${broker} acknowledged offset 1 of "log" and named ${broker} only`,
    ]);
  });

  test('shows each kind of what is wrong, however often another kind came first', () => {
    const { violationCount, violations } = audit(lines, [
      ...Array<string>(30).fill(answerLine(1, [broker])),
      answerLine(1_000_000, [peer, broker]),
    ]);

    expect(violationCount).toBe(32);
    expect(violations).toContain(`broker ${broker} acknowledged offset 1 of "log" and named ${broker} only`);
    expect(violations.filter((what) => what.includes('when broker'))).toHaveLength(2);
  });
});

describe('a line of strace', () => {
  const read = (...text: readonly string[]): ReturnType<TraceReader['read']> => {
    const reader = new TraceReader();
    return text.flatMap((line) => reader.read(line));
  };

  test('is a call with its bytes and place', () => {
    const [, ended] = read(
      `7 10.5 pwritev(21<${hex('/a b')}>, [{iov_base="\\x61", iov_len=1}, {iov_base="\\x62\\x63", iov_len=2}], 2, 4096) = 3 <0.25>`,
    );

    expect(ended).toMatchObject({
      type: 'ended',
      result: 3,
      at: 10.75,
      call: { name: 'pwritev', target: '/a b', position: 4096, beganAt: 10.5 },
    });
    expect(ended?.call.data.toString()).toBe('abc');
  });

  test('that is resumed ends the call that its own thread began', () => {
    const events = read(
      `7 1.0 fdatasync(21<${hex('/a')}> <unfinished ...>`,
      `8 2.0 fdatasync(22<${hex('/b')}> <unfinished ...>`,
      '7 3.0 <... fdatasync resumed>) = 0 <2.0>',
      '8 4.0 <... fdatasync resumed>) = -1 EIO (Input/output error) <2.0>',
    );

    expect(events.map((event) => [event.type, event.call.target])).toEqual([
      ['began', '/a'],
      ['began', '/b'],
      ['ended', '/a'],
      ['ended', '/b'],
    ]);
    expect(events.at(-1)).toMatchObject({ result: -1, at: 4 });
  });

  test('that is no call on a file is nothing', () => {
    expect(read('7 1.0 +++ exited with 0 +++', '7 1.0 --- SIGTERM {si_signo=SIGTERM} ---', 'nonsense')).toEqual([]);
  });
});
